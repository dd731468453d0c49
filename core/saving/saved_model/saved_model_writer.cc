// The object graph in its two forms (of the SavedModel, of the checkpoint) and the files around it.
#include "core/saving/saved_model/saved_model_writer.h"

#include "core/graph/graph_def.h"
#include "core/saving/checkpoint/checkpoint_writer.h"
#include "core/saving/saved_model/keras_metadata.h"
#include "core/saving/saved_model/saved_model_reader.h"
#include "core/saving/saved_model/serving_graph.h"

namespace keras {
namespace {

constexpr const char* kServingDefault = "serving_default";

void set_user_object(tensorflow::SavedObject& object, const std::string& identifier, int producer) {
  auto& user = *object.mutable_user_object();
  user.set_identifier(identifier);
  user.mutable_version()->set_producer(producer);
  user.mutable_version()->set_min_consumer(1);
}

void set_variable(tensorflow::SavedObject& object, const Variable& variable) {
  auto& saved = *object.mutable_variable();
  saved.set_dtype(static_cast<tensorflow::DataType>(variable.dtype()));
  *saved.mutable_shape() = to_shape_proto(variable.shape());
  saved.set_trainable(variable.trainable);
  saved.set_synchronization(static_cast<tensorflow::VariableSynchronization>(variable.synchronization));
  saved.set_aggregation(static_cast<tensorflow::VariableAggregation>(variable.aggregation));
  saved.set_name(variable.name());
}

void set_spec(tensorflow::StructuredValue& value, const std::string& name, const Shape& shape, DType dtype) {
  auto& spec = *value.mutable_tensor_spec_value();
  spec.set_name(name);
  *spec.mutable_shape() = to_shape_proto(shape);
  spec.set_dtype(static_cast<tensorflow::DataType>(dtype));
}

/// The signature as a bare function below the signature map, and its bound inputs: the nodes of the captured variables.
void add_signature(const ServingFunction& serving, const ObjectGraph& graph, int signatures,
                   tensorflow::SavedObjectGraph& proto) {
  const Function& f = *serving.function;
  auto& reference = *proto.mutable_nodes(signatures)->add_children();
  reference.set_local_name(kServingDefault);
  reference.set_node_id(proto.nodes_size());
  auto& bare = *proto.add_nodes()->mutable_bare_concrete_function();
  bare.set_concrete_function_name(serving.name);
  for (const std::string& name : serving.input_names) bare.add_argument_keywords(name);
  auto& concrete = (*proto.mutable_concrete_functions())[serving.name];
  for (const Capture& capture : f.captures) {
    const auto variable = capture.value.object<Variable>();
    for (size_t id = 0; id < graph.nodes.size(); ++id) {
      if (graph.nodes[id].object.variable == variable) concrete.add_bound_inputs(static_cast<int>(id));
    }
  }
  auto& input = *concrete.mutable_canonicalized_input_signature()->mutable_tuple_value();
  input.add_values()->mutable_tuple_value();
  auto& arguments = *input.add_values()->mutable_dict_value()->mutable_fields();
  for (size_t i = 0; i < f.args.size(); ++i) {
    const Edge edge{f.args[i], 0};
    set_spec(arguments[serving.input_names[i]], serving.input_names[i], f.shape(edge), f.dtype(edge));
  }
  auto& outputs = *concrete.mutable_output_signature()->mutable_dict_value()->mutable_fields();
  for (size_t i = 0; i < f.outputs.size(); ++i) {
    set_spec(outputs[serving.output_names[i]], serving.output_names[i], f.shape(f.outputs[i]), f.dtype(f.outputs[i]));
  }
}

void write_object_graph(const ObjectGraph& graph, tensorflow::SavedObjectGraph& proto) {
  for (const ObjectNode& node : graph.nodes) {
    auto& object = *proto.add_nodes();
    write_references(node, object);
    if (node.object.variable)
      set_variable(object, *node.object.variable);
    else if (node.object.layer)
      set_user_object(object, keras_identifier(*node.object.layer), 1);
    else if (node.object.optimizer)
      set_user_object(object, node.object.optimizer->is_legacy() ? "optimizer" : "experimentalOptimizer", 2);
    else
      set_user_object(object, node.object.container->kind, 1);
  }
}

OutputFile text_file(std::string path, const std::string& text) {
  OutputFile file;
  file.path = std::move(path);
  const auto bytes = std::as_bytes(std::span(text));
  file.add(std::vector<std::byte>(bytes.begin(), bytes.end()));
  return file;
}

}  // namespace

std::vector<OutputFile> write_saved_model(const Trainer& trainer, bool include_optimizer) {
  const auto model = std::dynamic_pointer_cast<Functional>(trainer.model());
  if (model == nullptr) {
    throw UnimplementedError(
        "Model '{}' ({}) is a subclass of Model, which this version does not save as a SavedModel. Consider using `saveWeights`.",
        trainer.model()->name(), trainer.model()->class_name())
        .at(trainer.model()->name());
  }
  if (!model->is_graph_network()) {
    throw ValueError("Model '{}' cannot be saved because it has no input shape: call it on data, or build it, first.",
                     model->name());
  }
  const bool compiled = trainer.compiled() && include_optimizer;
  int signatures = -1;
  const ObjectGraph graph = saved_model_graph(model, compiled ? trainer.optimizer() : nullptr, signatures);
  BundleWriter bundle;
  std::vector<std::pair<VariablePtr, std::string>> keys;
  for (const ObjectNode& node : graph.nodes) {
    if (node.object.variable) keys.emplace_back(node.object.variable, variable_key(node.path));
  }
  add_checkpoint(graph, bundle);

  tensorflow::SavedModel saved;
  saved.set_saved_model_schema_version(1);
  auto& meta_graph = *saved.add_meta_graphs();
  meta_graph.mutable_meta_info_def()->add_tags("serve");
  meta_graph.mutable_meta_info_def()->set_tensorflow_version("2.15.1");
  const ServingFunction serving = trace_serving(*model);
  write_serving_graph(serving, keys, meta_graph);
  write_object_graph(graph, *meta_graph.mutable_object_graph_def());
  add_signature(serving, graph, signatures, *meta_graph.mutable_object_graph_def());

  std::vector<OutputFile> files;
  files.push_back(text_file(kSavedModelFile, saved.SerializeAsString()));
  files.push_back(text_file(kMetadataFile, write_keras_metadata(graph, compiled ? trainer.training_config() : Json())));
  for (OutputFile& file : bundle.finish(kVariablesPrefix)) files.push_back(std::move(file));
  return files;
}

}  // namespace keras
