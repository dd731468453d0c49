// Config from the metadata; variables as any checkpoint restores them, but all of them must be there.
#include "core/saving/saved_model/saved_model_reader.h"

#include "core/formats/parse_proto.h"
#include "core/saving/checkpoint/restoration.h"
#include "proto/keras_metadata.pb.h"

namespace keras {
namespace {

/// Slots are made where the file has them. Throws ValueError where their number is another. (Those of legacy optimizers are made
/// as they are found; here all others of the model join them.)
void build_slots(Optimizer& optimizer, const SavedCheckpoint& saved, const std::vector<VariablePtr>& trainable) {
  const auto child = [&](int node, std::string_view name) {
    return node < 0 ? -1 : saved.nodes()[static_cast<size_t>(node)].child(name);
  };
  const int node = child(0, "optimizer");
  if (optimizer.is_legacy()) {
    if (node >= 0 && !saved.nodes()[static_cast<size_t>(node)].slots.empty()) optimizer.build(trainable);
    return;
  }
  const int list = child(node, "_variables");
  const size_t count = list < 0 ? 0 : saved.nodes()[static_cast<size_t>(list)].children.size();
  if (count > 1) optimizer.build(trainable);
  if (count > 0 && count != optimizer.variables().size()) {
    throw ValueError("The optimizer's state in the file has {} values, but {} of this model has {}", count,
                     optimizer.class_name(), optimizer.variables().size())
        .at("optimizer");
  }
}

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

const SourcePtr& member_of(const SavedModelMembers& members, const std::string& path) {
  const auto found = members.find(path);
  if (found == members.end()) throw NotFoundError("The SavedModel has no file '{}'", path).at(path);
  return found->second;
}

VariablesBundle open_variables(const SavedModelMembers& members, const Limits& limits) {
  auto reader = BundleReader::open(*member_of(members, std::string(kVariablesPrefix) + ".index"), limits);
  VariablesBundle bundle;
  std::vector<int64_t> sizes;
  for (int i = 0; i < reader.shard_count(); ++i) {
    bundle.shards.push_back(member_of(members, shard_name(kVariablesPrefix, i, reader.shard_count())));
    sizes.push_back(bundle.shards.back()->size_bytes());
  }
  reader.check_shards(sizes);
  bundle.reader = std::make_shared<const BundleReader>(std::move(reader));
  return bundle;
}

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

void plan_bundle(const std::shared_ptr<const BundleReader>& bundle, const std::vector<SourcePtr>& shards,
                 const FunctionalPtr& model, const OptimizerPtr& optimizer, const Limits& limits, ReadList& reads) {
  SavedCheckpoint saved(bundle, shards, limits);
  if (saved.nodes().empty()) throw NotFoundError("Key {} not found in the checkpoint", kObjectGraphKey);
  if (optimizer) build_slots(*optimizer, saved, model->trainable_weights());
  Restoration restoration(std::move(saved));
  const TrackedRoot root = {{.layer = model}};
  restoration.plan(root, false, reads);
  for (const VariablePtr& variable : restoration.unmatched_variables(root))
    throw NotFoundError("The checkpoint has no value for variable '{}'", variable->name()).at(variable->name());
  if (optimizer) restoration.plan_child("optimizer", {.optimizer = optimizer}, reads);
}

}  // namespace keras
