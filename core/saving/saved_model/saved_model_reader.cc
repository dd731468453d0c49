// Variables are found by walking the file's object graph beside the model.
#include "core/saving/saved_model/saved_model_reader.h"

#include <map>

#include "core/formats/parse_proto.h"
#include "core/saving/checkpoint/object_graph.h"
#include "proto/keras_metadata.pb.h"
#include "proto/trackable_object_graph.pb.h"

namespace keras {
namespace {

constexpr const char* kObjectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH";

class BundlePlanner {
 public:
  BundlePlanner(const std::shared_ptr<const BundleReader>& bundle, const std::vector<std::shared_ptr<const ByteSource>>& shards,
                const Limits& limits, ReadList& reads)
      : bundle_(bundle), shards_(shards), reads_(reads) {
    const BundleEntry& entry = bundle->entry(kObjectGraphKey);
    if (entry.bytes > limits.metadata_bytes)
      throw ResourceExhaustedError("The object graph is larger than limits.metadataBytes ({})", limits.metadata_bytes);
    const std::vector<std::byte> stored = shards[static_cast<size_t>(entry.shard)]->read(entry.offset, entry.bytes);
    const std::vector<std::string> texts = bundle->decode_strings(kObjectGraphKey, stored, limits);
    if (texts.empty() || !parse_proto(std::as_bytes(std::span(texts[0])), graph_))
      throw DataLossError("The object graph of the checkpoint is broken");
  }

  void plan_layer(const Layer& layer, int node, const std::string& path, int64_t depth) {
    if (depth > layer.session().limits.nesting_depth)
      throw ResourceExhaustedError("Layers are nested more than {} deep (limits.nestingDepth)", depth);
    for (const Weight& weight : layer.own_weights()) plan_child(node, weight.attribute, weight.variable, path);
    const auto* model = dynamic_cast<const Functional*>(&layer);
    const std::vector<LayerPtr> network = model != nullptr ? model->layers() : std::vector<LayerPtr>{};
    for (size_t i = 0; i < network.size(); ++i) plan_sublayer(*network[i], node, "layer-" + std::to_string(i), path, depth);
    if (model != nullptr) return;
    for (const auto& [name, sublayer] : layer.sublayers()) plan_sublayer(*sublayer, node, name, path, depth);
  }

  void plan_optimizer(Optimizer& optimizer, const std::vector<VariablePtr>& trainable) {
    const int node = child_of(0, "optimizer");
    if (node < 0) return;
    const int list = child_of(node, "_variables");
    const int count = list < 0 ? 0 : static_cast<int>(graph_.nodes(list).children_size());
    if (count > 1) optimizer.build(trainable);
    const std::vector<VariablePtr> variables = optimizer.variables();
    if (count > 0 && count != static_cast<int>(variables.size())) {
      throw ValueError("The optimizer's state in the file has {} values, but {} of this model has {}", count,
                       optimizer.class_name(), variables.size())
          .at("optimizer");
    }
    if (child_of(node, "_iterations") >= 0) plan_child(node, "_iterations", optimizer.iterations(), "optimizer");
    if (child_of(node, "_learning_rate") >= 0) plan_child(node, "_learning_rate", optimizer.learning_rate(), "optimizer");
    for (int i = 1; i < count; ++i)
      plan_child(list, std::to_string(i), variables[static_cast<size_t>(i)], "optimizer/_variables");
  }

 private:
  void plan_sublayer(const Layer& sublayer, int node, const std::string& name, const std::string& path, int64_t depth) {
    if (sublayer.weights().empty()) return;
    const int child = child_of(node, name);
    const std::string child_path = path.empty() ? name : path + "/" + name;
    if (child < 0)
      throw NotFoundError("The checkpoint has no values for layer '{}' ({})", sublayer.name(), child_path).at(sublayer.name());
    plan_layer(sublayer, child, child_path, depth + 1);
  }

  int child_of(int node, std::string_view name) const {
    for (const auto& reference : graph_.nodes(node).children()) {
      if (reference.local_name() != name) continue;
      if (reference.node_id() < 0 || reference.node_id() >= graph_.nodes_size())
        throw DataLossError("The object graph names a node {} that it does not have", reference.node_id());
      return reference.node_id();
    }
    return -1;
  }

  void plan_child(int node, const std::string& name, const VariablePtr& variable, const std::string& path) {
    const int child = child_of(node, name);
    const std::string where = path.empty() ? name : path + "/" + name;
    const std::string* key = nullptr;
    if (child >= 0) {
      for (const auto& attribute : graph_.nodes(child).attributes()) {
        if (attribute.name() == "VARIABLE_VALUE" || attribute.name().empty()) key = &attribute.checkpoint_key();
      }
    }
    if (key == nullptr)
      throw NotFoundError("The checkpoint has no value for variable '{}' ({})", variable->name(), where).at(variable->name());
    plan_variable(*key, variable);
  }

  void plan_variable(const std::string& key, const VariablePtr& variable) {
    const BundleEntry& entry = bundle_->entry(key);
    const Shape saved(entry.shape);
    if (saved != variable->shape()) {
      throw ValueError(
          "Received incompatible tensor with shape {} when attempting to restore variable with shape {} and name {}:0.", saved,
          variable->shape(), variable->name())
          .at(variable->name());
    }
    if (entry.dtype != static_cast<int32_t>(variable->dtype())) {
      throw InvalidArgumentError("'{}' has dtype {} in the checkpoint, but variable '{}' has {}", key,
                                 is_known_dtype(entry.dtype) ? static_cast<DType>(entry.dtype) : DType::kInvalid,
                                 variable->name(), variable->dtype())
          .at(variable->name());
    }
    const std::span<std::byte> target = variable_bytes(*variable);
    if (static_cast<int64_t>(target.size()) != entry.bytes)
      throw DataLossError("'{}' has {} bytes in the checkpoint instead of {}", key, entry.bytes, target.size());
    reads_.items.push_back({shards_[static_cast<size_t>(entry.shard)].get(), entry.offset, target});
    reads_.checks.push_back([bundle = bundle_, key, target] { bundle->verify(key, target); });
  }

  std::shared_ptr<const BundleReader> bundle_;
  const std::vector<std::shared_ptr<const ByteSource>>& shards_;
  ReadList& reads_;
  tensorflow::TrackableObjectGraph graph_;
};

/// Makes tuples lists, as they are in the config of an H5 file: metadata has {"class_name": "__tuple__", "items": […]}.
void plain_tuples(Json& json) {
  for (Json& item : json) {
    if (item.is_structured()) plain_tuples(item);
  }
  if (!json.is_object() || json.value("class_name", Json()) != "__tuple__") return;
  const auto items = json.find("items");
  if (items == json.end() || !items->is_array()) return;
  Json list = std::move(*items);
  json = std::move(list);
}

}  // namespace

Json read_root_metadata(const ByteSource& metadata, const Limits& limits) {
  if (metadata.size_bytes() > limits.metadata_bytes)
    throw ResourceExhaustedError("{}: larger than limits.metadataBytes ({})", metadata.name(), limits.metadata_bytes);
  const std::vector<std::byte> bytes = metadata.read(0, metadata.size_bytes());
  keras_proto::SavedMetadata proto;
  if (!parse_proto(bytes, proto)) throw DataLossError("{}: not valid Keras metadata", metadata.name()).at(metadata.name());
  for (const auto& object : proto.nodes()) {
    if (object.node_id() != 0) continue;
    Json root = parse_json(object.metadata(), metadata.name(), limits);
    plain_tuples(root);
    return root;
  }
  throw ValueError("{}: there is no Keras model in this SavedModel", metadata.name()).at(metadata.name());
}

void plan_bundle(const std::shared_ptr<const BundleReader>& bundle, const std::vector<std::shared_ptr<const ByteSource>>& shards,
                 const Functional& model, Optimizer* optimizer, const Limits& limits, ReadList& reads) {
  BundlePlanner planner(bundle, shards, limits, reads);
  planner.plan_layer(model, 0, "", 0);
  if (optimizer != nullptr) planner.plan_optimizer(*optimizer, model.trainable_weights());
}

}  // namespace keras
