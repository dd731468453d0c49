// The main graph in TF1's terms: handles, placeholders, one call, and a restore of every variable by its key.
#include "core/saving/saved_model/serving_graph.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/graph/graph_def.h"

namespace keras {
namespace {

constexpr int kProducer = 1645, kMinConsumer = 12;  // of TensorFlow 2.15

std::vector<size_t> sorted_order(const std::vector<std::string>& names) {
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return names[a] < names[b]; });
  return order;
}

tensorflow::DataType type_of(DType dtype) { return static_cast<tensorflow::DataType>(dtype); }

class MainGraph {
 public:
  MainGraph(const ServingFunction& serving, const std::vector<std::pair<VariablePtr, std::string>>& keys,
            tensorflow::MetaGraphDef& meta_graph)
      : serving_(serving), keys_(keys), meta_graph_(meta_graph), graph_(*meta_graph.mutable_graph_def()) {}

  void write() {
    graph_.mutable_versions()->set_producer(kProducer);
    graph_.mutable_versions()->set_min_consumer(kMinConsumer);
    *graph_.mutable_library()->add_function() = to_function_def(*serving_.function, serving_.name);
    add_handles();
    add_call();
    add_init();
    add_saver();
  }

 private:
  tensorflow::NodeDef& node(const std::string& name, const std::string& op) {
    auto& made = *graph_.add_node();
    made.set_name(name);
    made.set_op(op);
    return made;
  }
  static void set_type(tensorflow::NodeDef& n, const std::string& attr, DType dtype) {
    (*n.mutable_attr())[attr].set_type(type_of(dtype));
  }

  void add_constant(const std::string& name, const std::vector<std::string>& strings) {
    auto& n = node(name, "Const");
    set_type(n, "dtype", DType::kString);
    *(*n.mutable_attr())["value"].mutable_tensor() = to_tensor_proto(Tensor::vector(strings));
  }

  void add_handles() {
    std::set<std::string> used;
    for (const auto& [variable, key] : keys_) {
      std::string name = variable->name();
      for (int i = 1; !used.insert(name).second; ++i) name = variable->name() + "_" + std::to_string(i);
      handles_[variable.get()] = name;
      auto& n = node(name, "VarHandleOp");
      set_type(n, "dtype", variable->dtype());
      *(*n.mutable_attr())["shape"].mutable_shape() = to_shape_proto(variable->shape());
      (*n.mutable_attr())["shared_name"].set_s(name);
    }
  }

  tensorflow::TensorInfo tensor_info(const std::string& name, const Edge& edge) const {
    tensorflow::TensorInfo info;
    info.set_name(name);
    info.set_dtype(type_of(serving_.function->dtype(edge)));
    *info.mutable_tensor_shape() = to_shape_proto(serving_.function->shape(edge));
    return info;
  }

  void add_call() {
    const Function& f = *serving_.function;
    auto& signature = (*meta_graph_.mutable_signature_def())["serving_default"];
    signature.set_method_name("tensorflow/serving/predict");
    tensorflow::NodeDef call;
    call.set_name("StatefulPartitionedCall");
    call.set_op("StatefulPartitionedCall");
    auto& inputs = *(*call.mutable_attr())["Tin"].mutable_list();
    auto& outputs = *(*call.mutable_attr())["Tout"].mutable_list();
    (*call.mutable_attr())["f"].mutable_func()->set_name(serving_.name);
    for (size_t i = 0; i < f.args.size(); ++i) {
      const Edge edge{f.args[i], 0};
      const std::string name = "serving_default_" + serving_.input_names[i];
      auto& placeholder = node(name, "Placeholder");
      set_type(placeholder, "dtype", f.dtype(edge));
      *(*placeholder.mutable_attr())["shape"].mutable_shape() = to_shape_proto(f.shape(edge));
      call.add_input(name);
      inputs.add_type(type_of(f.dtype(edge)));
      (*signature.mutable_inputs())[serving_.input_names[i]] = tensor_info(name + ":0", edge);
    }
    for (const Capture& capture : f.captures) {
      call.add_input(handles_.at(capture.value.object<Variable>().get()));
      inputs.add_type(tensorflow::DT_RESOURCE);
    }
    for (size_t i = 0; i < f.outputs.size(); ++i) {
      outputs.add_type(type_of(f.dtype(f.outputs[i])));
      (*signature.mutable_outputs())[serving_.output_names[i]] =
          tensor_info(format("StatefulPartitionedCall:{}", i), f.outputs[i]);
    }
    *graph_.add_node() = std::move(call);
  }

  void add_init() {
    node("NoOp", "NoOp");
    auto& init = (*(*meta_graph_.mutable_signature_def())["__saved_model_init_op"].mutable_outputs())["__saved_model_init_op"];
    init.set_name("NoOp");
    init.mutable_tensor_shape()->set_unknown_rank(true);
    (*meta_graph_.mutable_collection_def())["saved_model_main_op"].mutable_node_list()->add_value("NoOp");
  }

  void add_saver() {
    auto& filename = node("saver_filename", "Placeholder");
    set_type(filename, "dtype", DType::kString);
    *(*filename.mutable_attr())["shape"].mutable_shape() = to_shape_proto(Shape());
    std::vector<std::string> names;
    for (const auto& [variable, key] : keys_) names.push_back(key);
    add_constant("save/tensor_names", names);
    add_constant("save/shape_and_slices", std::vector<std::string>(names.size()));
    tensorflow::NodeDef save, restore;
    save.set_name("save/SaveV2");
    save.set_op("SaveV2");
    restore.set_name("save/RestoreV2");
    restore.set_op("RestoreV2");
    for (auto* n : {&save, &restore}) {
      for (const char* input : {"saver_filename", "save/tensor_names", "save/shape_and_slices"}) n->add_input(input);
    }
    auto& all = *(*save.mutable_attr())["dtypes"].mutable_list();
    for (size_t i = 0; i < keys_.size(); ++i) {
      const VariablePtr& variable = keys_[i].first;
      const std::string& handle = handles_.at(variable.get());
      auto& read = node("save/Read_" + std::to_string(i), "ReadVariableOp");
      read.add_input(handle);
      set_type(read, "dtype", variable->dtype());
      save.add_input(read.name());
      all.add_type(type_of(variable->dtype()));
    }
    (*restore.mutable_attr())["dtypes"] = (*save.mutable_attr())["dtypes"];
    *graph_.add_node() = std::move(save);
    *graph_.add_node() = std::move(restore);
    tensorflow::NodeDef done;
    done.set_name("save/restore_all");
    done.set_op("NoOp");
    for (size_t i = 0; i < keys_.size(); ++i) {
      const VariablePtr& variable = keys_[i].first;
      auto& assign = node("save/Assign_" + std::to_string(i), "AssignVariableOp");
      assign.add_input(handles_.at(variable.get()));
      assign.add_input(i == 0 ? "save/RestoreV2" : "save/RestoreV2:" + std::to_string(i));
      set_type(assign, "dtype", variable->dtype());
      done.add_input("^" + assign.name());
    }
    *graph_.add_node() = std::move(done);
    auto& saved = node("save/control_dependency", "Identity");
    saved.add_input("saver_filename");
    saved.add_input("^save/SaveV2");
    set_type(saved, "T", DType::kString);
    auto& saver = *meta_graph_.mutable_saver_def();
    saver.set_filename_tensor_name("saver_filename:0");
    saver.set_save_tensor_name("save/control_dependency:0");
    saver.set_restore_op_name("save/restore_all");
    saver.set_version(tensorflow::SaverDef::V2);
  }

  const ServingFunction& serving_;
  const std::vector<std::pair<VariablePtr, std::string>>& keys_;
  tensorflow::MetaGraphDef& meta_graph_;
  tensorflow::GraphDef& graph_;
  std::map<const Variable*, std::string> handles_;
};

}  // namespace

ServingFunction trace_serving(const Functional& model) {
  ServingFunction serving;
  const std::vector<std::string> inputs = model.input_names(), outputs = model.output_names();
  GraphBuilder builder(serving.name, model.session().limits);
  Values arguments(inputs.size());
  for (const size_t i : sorted_order(inputs)) {
    arguments[i] = builder.arg(inputs[i], model.inputs()[i].dtype(), model.inputs()[i].shape());
    serving.input_names.push_back(inputs[i]);
  }
  CallContext context{builder, false, {}};
  // Tracing changes no state of the model: it is built already.
  const Values results = const_cast<Functional&>(model).call_in_graph(context, arguments);
  Values sorted;
  std::vector<std::string> names;
  for (const size_t i : sorted_order(outputs)) {
    sorted.push_back(emit1("Identity", {results[i]}));
    names.push_back(names.empty() ? "identity" : "identity_" + std::to_string(names.size()));
    serving.output_names.push_back(outputs[i]);
  }
  serving.function = builder.finish(sorted, std::move(names));
  return serving;
}

void write_serving_graph(const ServingFunction& serving, const std::vector<std::pair<VariablePtr, std::string>>& keys,
                         tensorflow::MetaGraphDef& meta_graph) {
  MainGraph(serving, keys, meta_graph).write();
}

}  // namespace keras
