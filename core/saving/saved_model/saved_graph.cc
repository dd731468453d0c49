// saved_model.pb as objects: variables are made at once, functions when they are asked for. Formats: docs/formats/saved_model.md.
#include "core/saving/saved_model/saved_graph.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/formats/parse_proto.h"
#include "core/graph/executor.h"
#include "core/graph/function_reader.h"
#include "core/graph/gpu_ops.h"
#include "core/graph/graph_def.h"
#include "core/ops/lookup_table.h"
#include "core/saving/checkpoint/saved_checkpoint.h"
#include "core/saving/model_files.h"
#include "core/saving/saved_model/saved_model_reader.h"
#include "core/saving/saved_model/structured_value.h"

namespace keras {

using tensorflow::SavedObject;

namespace {

/// Ops of a program around the engine: its files, its Python, its input pipeline. Functions for saving and training have them.
constexpr std::string_view kHostOps[] = {"EagerPyFunc",        "IteratorGetNext", "IteratorV2",      "MakeIterator",
                                         "MergeV2Checkpoints", "PyFunc",          "PyFuncStateless", "ReadFile",
                                         "RestoreV2",          "SaveV2",          "ShardedFilename", "WriteFile"};

bool is_host_op(const MissingOp& missing) {
  return std::find(std::begin(kHostOps), std::end(kHostOps), missing.op) != std::end(kHostOps);
}

}  // namespace

class SavedGraph::Contents {
 public:
  Contents(std::span<const std::byte> model, const SavedGraphOptions& options, const Limits& limits)
      : limits_(limits), runtime_(kernels::make_serial(), 0, limits) {
    if (!parse_proto(model, model_)) throw DataLossError("{}: not a valid SavedModel", kSavedModelFile).at(kSavedModelFile);
    meta_graph_ = &choose(options.tags);
    if (!meta_graph_->has_object_graph_def() || objects().nodes_size() == 0) {
      throw UnimplementedError("{}: a SavedModel of TensorFlow 1, without objects, is not supported by this version",
                               kSavedModelFile)
          .at(kSavedModelFile);
    }
    reader_.emplace(meta_graph_->graph_def().library(), limits);
    for (const auto& node : meta_graph_->graph_def().node()) main_nodes_.emplace(node.name(), &node);
    make_variables();
    describe();
    if (!options.allow_missing_ops) refuse_missing_ops();
  }

  const tensorflow::SavedObjectGraph& objects() const { return meta_graph_->object_graph_def(); }
  const Json& description() const { return description_; }
  const std::vector<VariablePtr>& variables() const { return variables_; }

  FunctionPtr function(size_t number) {
    if (number >= names_.size()) throw NotFoundError("The SavedModel has no function {}", number);
    const std::string name = names_[number];  // a copy: making it may name others
    const auto made = functions_.find(name);
    if (made != functions_.end()) return made->second;
    try {
      return functions_[name] = make_function(name);
    } catch (Error& error) {
      error.set_path(name);
      throw;
    }
  }

  std::vector<std::string> assets() const {
    std::vector<std::string> paths;
    for (int i = 0; i < objects().nodes_size(); ++i) {
      if (objects().nodes(i).kind_case() == SavedObject::kAsset) paths.push_back(asset(objects().nodes(i).asset()));
    }
    return paths;
  }
  void add_asset(std::string path, std::string content) { runtime_.resources().add_file(std::move(path), std::move(content)); }
  bool is_resource(size_t node) const { return objects().nodes(static_cast<int>(node)).kind_case() == SavedObject::kResource; }
  void add_entries(size_t node, Tensor keys, Tensor values) {
    entries_[static_cast<int>(node)] = {std::move(keys), std::move(values)};
  }

 private:
  const tensorflow::MetaGraphDef& choose(const std::vector<std::string>& tags) const {
    std::set<std::string> wanted(tags.begin(), tags.end());
    if (tags.empty() && model_.meta_graphs_size() == 1) return model_.meta_graphs(0);
    if (tags.empty()) wanted.insert("serve");
    std::string found;
    for (const auto& graph : model_.meta_graphs()) {
      const auto& has = graph.meta_info_def().tags();
      if (std::set<std::string>(has.begin(), has.end()) == wanted) return graph;
      found += found.empty() ? "[" : ", [";
      for (int i = 0; i < has.size(); ++i) found += (i > 0 ? ", " : "") + has.Get(i);
      found += "]";
    }
    throw NotFoundError("The SavedModel has no graph with these tags; it has {}", found.empty() ? "none" : found)
        .at(kSavedModelFile);
  }

  const SavedObject& object(int node) const {
    if (node < 0 || node >= objects().nodes_size())
      throw DataLossError("The object graph names a node {} that it does not have", node).at(kSavedModelFile);
    return objects().nodes(node);
  }

  void make_variables() {
    variables_.resize(static_cast<size_t>(objects().nodes_size()));
    int64_t bytes_left = limits_.total_bytes;
    for (int i = 0; i < objects().nodes_size(); ++i) {
      if (objects().nodes(i).kind_case() != SavedObject::kVariable) continue;
      const auto& saved = objects().nodes(i).variable();
      const Shape shape = from_shape_proto(saved.shape());
      const bool storable = is_known_dtype(saved.dtype()) && static_cast<DType>(saved.dtype()) != DType::kResource &&
                            static_cast<DType>(saved.dtype()) != DType::kVariant;
      if (!storable || !shape.fully_known()) {
        throw UnimplementedError("Variable '{}' of dtype number {} and shape {} is not supported", saved.name(),
                                 static_cast<int>(saved.dtype()), shape)
            .at(saved.name());
      }
      const auto dtype = static_cast<DType>(saved.dtype());
      const int64_t bytes = tensor_bytes(dtype, shape);
      bytes_left -= bytes;
      if (bytes > limits_.tensor_bytes || bytes_left < 0) {
        throw ResourceExhaustedError(
            "Variable '{}' of {} bytes: more than limits.tensorBytes ({}) or than the files can hold ({})", saved.name(), bytes,
            limits_.tensor_bytes, limits_.total_bytes)
            .at(saved.name());
      }
      variables_[static_cast<size_t>(i)] =
          std::make_shared<Variable>(saved.name(), Tensor::zeros(dtype, shape), saved.trainable());
    }
  }

  void describe() {
    Json nodes = Json::array();
    for (int i = 0; i < objects().nodes_size(); ++i) {
      const SavedObject& saved = objects().nodes(i);
      Json node = {{"kind", "object"}};
      if (saved.kind_case() == SavedObject::kVariable) node["kind"] = "variable";
      if (saved.kind_case() == SavedObject::kFunction) describe_function(saved.function(), node);
      if (saved.kind_case() == SavedObject::kBareConcreteFunction) describe_concrete(saved.bare_concrete_function(), node);
      if (saved.kind_case() == SavedObject::kUserObject) node["identifier"] = saved.user_object().identifier();
      Json children = Json::object();
      for (const auto& child : saved.children()) {
        object(child.node_id());
        children[child.local_name()] = child.node_id();
      }
      node["children"] = std::move(children);
      nodes.push_back(std::move(node));
    }
    Json functions = Json::array();
    for (const std::string& name : names_) {
      const auto& concrete = concrete_function(name);
      functions.push_back({{"name", name},
                           {"inputs", structured_to_json(concrete.canonicalized_input_signature())},
                           {"outputs", structured_to_json(concrete.output_signature())}});
    }
    description_ = {{"nodes", std::move(nodes)}, {"functions", std::move(functions)}};
  }

  void describe_function(const tensorflow::SavedFunction& saved, Json& node) {
    node["kind"] = "function";
    Json traces = Json::array();
    for (const std::string& name : saved.concrete_functions()) traces.push_back(number_of(name));
    node["traces"] = std::move(traces);
    node["spec"] = structured_to_json(saved.function_spec().fullargspec());
  }

  void describe_concrete(const tensorflow::SavedBareConcreteFunction& saved, Json& node) {
    node["kind"] = "concrete";
    node["traces"] = Json::array({number_of(saved.concrete_function_name())});
    Json keywords = Json::array();
    for (const std::string& keyword : saved.argument_keywords()) keywords.push_back(keyword);
    node["keywords"] = std::move(keywords);
    node["positional"] = saved.allowed_positional_arguments();
  }

  const tensorflow::SavedConcreteFunction& concrete_function(const std::string& name) const {
    const auto found = objects().concrete_functions().find(name);
    if (found == objects().concrete_functions().end())
      throw DataLossError("The object graph says nothing of function '{}'", name).at(kSavedModelFile);
    return found->second;
  }

  size_t number_of(const std::string& name) {
    const auto [number, added] = numbers_.try_emplace(name, names_.size());
    if (added) names_.push_back(name);
    return number->second;
  }

  /// The functions behind the signatures.
  std::vector<std::string> served_functions() const {
    std::vector<std::string> names;
    for (const auto& child : objects().nodes(0).children()) {
      if (child.local_name() != "signatures") continue;
      for (const auto& signature : object(child.node_id()).children()) {
        const SavedObject& saved = object(signature.node_id());
        if (saved.has_bare_concrete_function()) names.push_back(saved.bare_concrete_function().concrete_function_name());
        for (const std::string& name : saved.function().concrete_functions()) names.push_back(name);
      }
    }
    return names;
  }

  /// What only a host can do is refused where a signature needs it, else when such a function is asked for.
  std::vector<MissingOp> needed_missing_ops() {
    std::vector<MissingOp> missing = reader_->missing_ops(names_);
    std::erase_if(missing, is_host_op);
    for (const MissingOp& op : reader_->missing_ops(served_functions())) {
      if (is_host_op(op)) missing.push_back(op);
    }
    return missing;
  }

  void refuse_missing_ops() {
    std::map<std::string, std::pair<MissingOp, int>> missing;
    for (const MissingOp& op : needed_missing_ops()) {
      auto& [first, count] = missing.try_emplace(op.op, op, 0).first->second;
      ++count;
    }
    if (missing.empty()) return;
    std::string list;
    for (const auto& [name, found] : missing) {
      const auto& [first, count] = found;
      const std::string reason = is_host_op(first)     ? "; it needs Python or files, which are not here"
                                 : is_gpu_op(first.op) ? keras::format("; {}", kWhyNoGpuOp)
                                                       : "";
      list += keras::format("\n  {} (function '{}', node '{}'{}{})", name, first.function, first.node,
                            count > 1 ? keras::format(", and {} more", count - 1) : "", reason);
    }
    throw UnimplementedError("This SavedModel needs ops that are not implemented:{}", list)
        .at(missing.begin()->second.first.node);
  }

  FunctionPtr make_function(const std::string& name) {
    const auto& concrete = concrete_function(name);
    const tensorflow::FunctionDef& def = reader_->definition(name);
    const std::vector<TensorSpec> specs = flat_specs(concrete.canonicalized_input_signature());
    const int count = def.signature().input_arg_size(), captured = concrete.bound_inputs_size();
    if (static_cast<int>(specs.size()) + captured != count) {
      throw DataLossError("Function '{}' takes {} arguments, but {} and {} captures are described", name, count, specs.size(),
                          captured);
    }
    GraphBuilder builder(name, limits_);
    Values args;
    for (int i = 0; i < count; ++i) {
      const auto own = static_cast<int>(specs.size());
      args.push_back(i < own ? builder.arg(def.signature().input_arg(i).name(), reader_->arg_dtype(def, i),
                                           specs[static_cast<size_t>(i)].shape)
                             : captured_value(builder, concrete.bound_inputs(i - own)));
    }
    const Values results = reader_->inline_call(builder, name, args);
    if (results.size() != flat_specs(concrete.output_signature()).size()) {
      throw DataLossError("Function '{}' returns {} values, but others are described", name, results.size());
    }
    std::vector<std::string> names;
    for (const auto& output : def.signature().output_arg()) names.push_back(output.name());
    return builder.finish(results, std::move(names));
  }

  Value captured_value(GraphBuilder& builder, int node) {
    const SavedObject& saved = object(node);
    switch (saved.kind_case()) {
      case SavedObject::kVariable: return builder.handle(variables_[static_cast<size_t>(node)]);
      case SavedObject::kConstant: return builder.constant(constant(saved.constant().operation()));
      case SavedObject::kAsset:
        if (!fills_)
          throw UnimplementedError("a captured asset of a function that fills no table is not supported by this version");
        return builder.constant(Tensor::scalar(asset(saved.asset())));
      case SavedObject::kResource: return builder.constant(table(node));
      default: throw UnimplementedError("a captured object of this kind is not supported by this version");
    }
  }

  std::string asset(const tensorflow::SavedAsset& saved) const {
    const int i = saved.asset_file_def_index();
    if (i < 0 || i >= meta_graph_->asset_file_def_size()) {
      throw DataLossError("The object graph names an asset {} that there is not", i).at(kSavedModelFile);
    }
    return kAssetsFolder + meta_graph_->asset_file_def(i).filename();
  }

  /// The handle of a lookup table, which is made and filled when a function captures it first.
  const Tensor& table(int node) {
    const auto known = tables_.find(node);
    if (known != tables_.end()) return known->second;
    const std::vector<Tensor> made = run_once(node, "_create_resource");
    if (made.size() != 1 || made[0].dtype() != DType::kResource) {
      throw DataLossError("Object {} is made by a function that returns no table", node).at(kSavedModelFile);
    }
    LookupTable& found = table_of(made[0]);
    const Tensor& handle = tables_.emplace(node, made[0]).first->second;  // which the next one captures
    try {
      run_once(node, "_initialize");
      if (const auto saved = entries_.extract(node)) found.import_from(saved.mapped().first, saved.mapped().second);
    } catch (...) {
      tables_.erase(node);
      throw;
    }
    return handle;
  }

  /// Runs a function of an object's own, without arguments.
  std::vector<Tensor> run_once(int node, std::string_view name) {
    if (fills_) throw UnimplementedError("a lookup table that is filled from another is not supported by this version");
    fills_ = true;
    try {
      std::vector<Tensor> results = Executor(function(only_trace(node, name))).run({}, runtime_);
      fills_ = false;
      return results;
    } catch (...) {
      fills_ = false;
      throw;
    }
  }

  size_t only_trace(int node, std::string_view name) {
    for (const auto& child : object(node).children()) {
      const SavedObject& saved = object(child.node_id());
      if (child.local_name() == name && saved.function().concrete_functions_size() == 1) {
        return number_of(saved.function().concrete_functions(0));
      }
    }
    throw DataLossError("Object {} has no function '{}'", node, name).at(kSavedModelFile);
  }

  /// The value of a Const in the main graph. Read once.
  const Tensor& constant(const std::string& name) {
    const auto known = constants_.find(name);
    if (known != constants_.end()) return known->second;
    const auto found = main_nodes_.find(name);
    if (found == main_nodes_.end() || found->second->op() != "Const" || !found->second->attr().contains("value"))
      throw DataLossError("There is no constant '{}' in the graph", name).at(name);
    return constants_.emplace(name, from_tensor_proto(found->second->attr().at("value").tensor(), name, limits_)).first->second;
  }

  Limits limits_;
  Runtime runtime_;  // of what fills tables
  bool fills_ = false;
  tensorflow::SavedModel model_;
  const tensorflow::MetaGraphDef* meta_graph_ = nullptr;
  std::optional<FunctionReader> reader_;
  std::map<std::string, const tensorflow::NodeDef*> main_nodes_;
  std::map<std::string, Tensor> constants_;
  std::map<int, Tensor> tables_;                      // handles, by node
  std::map<int, std::pair<Tensor, Tensor>> entries_;  // keys and values from the checkpoint, of tables that are not made yet
  std::vector<VariablePtr> variables_;
  std::vector<std::string> names_;         // of functions, by number
  std::map<std::string, size_t> numbers_;  // and back
  std::map<std::string, FunctionPtr> functions_;
  Json description_;
};

SavedGraph::SavedGraph(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
SavedGraph::~SavedGraph() = default;

std::shared_ptr<SavedGraph> SavedGraph::parse(std::span<const std::byte> model, const SavedGraphOptions& options,
                                              const Limits& limits) {
  return std::shared_ptr<SavedGraph>(new SavedGraph(std::make_unique<Contents>(model, options, limits)));
}

const Json& SavedGraph::description() const { return contents_->description(); }
const std::vector<VariablePtr>& SavedGraph::variables() const { return contents_->variables(); }
FunctionPtr SavedGraph::function(size_t number) { return contents_->function(number); }
std::vector<std::string> SavedGraph::assets() const { return contents_->assets(); }
void SavedGraph::add_asset(std::string path, std::string content) { contents_->add_asset(std::move(path), std::move(content)); }
bool SavedGraph::is_resource(size_t node) const { return contents_->is_resource(node); }
void SavedGraph::add_entries(size_t node, Tensor keys, Tensor values) {
  contents_->add_entries(node, std::move(keys), std::move(values));
}

struct GraphLoader::State {
  Limits limits;
  SavedGraphOptions options;
  FileSet files;
  SavedModelMembers members;
  bool told = false, has_assets = false;
  std::optional<VariablesBundle> bundle;
  std::shared_ptr<SavedGraph> graph;
  ReadBatches reads;

  void find_members() {
    ModelFiles found = tell_model_files(files, limits);
    if (found.format != FileFormat::kSavedModel)
      throw ValueError("{}: not a SavedModel, which is a folder or a zip of one", files.path(0)).at(files.path(0));
    members = std::move(found.members);
    told = true;
  }

  void parse_graph() {
    const ByteSource& source = *member_of(members, kSavedModelFile);
    if (source.size_bytes() > limits.metadata_bytes)
      throw ResourceExhaustedError("{}: larger than limits.metadataBytes ({})", source.name(), limits.metadata_bytes);
    Limits held = limits;  // variables are made before their values are read: no more of them than the files can hold
    held.total_bytes = files.most_weight_bytes(limits);
    graph = SavedGraph::parse(source.read(0, source.size_bytes()), options, held);
  }

  /// One that is not there is missed by the table that wants it.
  void read_assets() {
    for (const std::string& path : graph->assets()) {
      const auto found = members.find(path);
      if (found == members.end()) continue;
      const ByteSource& source = *found->second;
      if (source.size_bytes() > limits.metadata_bytes)
        throw ResourceExhaustedError("{}: larger than limits.metadataBytes ({})", source.name(), limits.metadata_bytes);
      const std::vector<std::byte> bytes = source.read(0, source.size_bytes());
      graph->add_asset(path, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
    has_assets = true;
  }

  /// Of a table that can be changed: TensorFlow saves it as two tensors.
  void plan_entries(const SavedCheckpoint& saved, size_t node, const SavedNode& in_checkpoint, ReadList& planned) const {
    for (const SavedNode::Attribute& attribute : in_checkpoint.attributes) {
      const std::string keys = attribute.key + "-keys", values = attribute.key + "-values";
      if (!saved.bundle().entries().contains(keys)) continue;
      graph->add_entries(node, saved.plan_tensor(keys, planned), saved.plan_tensor(values, planned));
    }
  }

  /// Finds the values of variables: walks the checkpoint's object graph beside that of the SavedModel, by names.
  void plan_reads() {
    ReadList planned;
    const SavedCheckpoint saved(bundle->reader, bundle->shards, limits);
    if (saved.nodes().empty()) throw DataLossError("The checkpoint has no object graph").at(kVariablesPrefix);
    const Json& nodes = graph->description()["nodes"];
    std::vector<char> seen(nodes.size(), 0);
    std::vector<std::pair<size_t, size_t>> open = {{0, 0}};
    seen[0] = 1;
    while (!open.empty()) {
      const auto [node, in_checkpoint] = open.back();
      open.pop_back();
      const SavedNode& saved_node = saved.nodes()[in_checkpoint];
      const VariablePtr& variable = graph->variables()[node];
      // As in TensorFlow, a variable that the checkpoint does not have keeps its initial value.
      const std::string* key = variable != nullptr ? saved_node.value_key() : nullptr;
      if (key != nullptr) saved.plan(*key, variable, planned);
      if (graph->is_resource(node)) plan_entries(saved, node, saved_node, planned);
      const std::map<std::string_view, int> others(saved_node.children.begin(), saved_node.children.end());
      for (const auto& [name, child] : nodes[node]["children"].items()) {
        const auto next = child.get<size_t>();
        const auto other = others.find(name);
        if (seen[next] || other == others.end()) continue;
        seen[next] = 1;
        open.emplace_back(next, static_cast<size_t>(other->second));
      }
    }
    reads = ReadBatches(files, std::move(planned));
  }
};

GraphLoader::GraphLoader(const Limits& limits, SavedGraphOptions options) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  state_->options = std::move(options);
}
GraphLoader::~GraphLoader() = default;
int GraphLoader::add_file(std::string path, int64_t size_bytes) { return state_->files.add(std::move(path), size_bytes); }
void GraphLoader::add_bytes(int file, int64_t offset, std::span<const std::byte> bytes) {
  state_->files.add_bytes(file, offset, bytes);
}
ReadBatches& GraphLoader::reads() { return state_->reads; }

std::vector<BytesWanted> GraphLoader::prepare() {
  State& s = *state_;
  try {
    if (!s.told) s.find_members();
    if (!s.graph) s.parse_graph();
    if (!s.has_assets) s.read_assets();
    if (!s.bundle) s.bundle = open_variables(s.members, s.limits);
    s.plan_reads();
    s.files.forget_bytes();  // of metadata
    return {};
  } catch (const NeedBytes& need) {
    return s.files.wanted(need);
  }
}

std::shared_ptr<SavedGraph> GraphLoader::finish() { return std::move(state_->graph); }

}  // namespace keras
