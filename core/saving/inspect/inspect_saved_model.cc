// Checkpoints and SavedModels: tables of keys, and what the meta graph says of itself.
#include <map>

#include "core/base/error.h"
#include "core/formats/parse_proto.h"
#include "core/saving/inspect/inspection.h"
#include "core/tensor/dtype.h"
#include "proto/saved_model.pb.h"

namespace keras {
namespace {

class EntryValues final : public ArrayValues {
 public:
  EntryValues(std::shared_ptr<const BundleReader> bundle, SourcePtr shard, std::string key)
      : bundle_(std::move(bundle)), shard_(std::move(shard)), key_(std::move(key)), entry_(bundle_->entry(key_)) {}
  int64_t size_bytes() const override { return entry_.bytes; }
  std::vector<std::byte> read(int64_t offset, int64_t count) const override {
    return shard_->read(entry_.offset + offset, count);
  }
  void check(uint32_t crc) const override { bundle_->verify_crc(key_, crc); }

 private:
  std::shared_ptr<const BundleReader> bundle_;
  SourcePtr shard_;
  std::string key_;
  const BundleEntry& entry_;
};

std::string dtype_text(int32_t dtype) {
  return is_known_dtype(dtype) ? std::string(dtype_name(static_cast<DType>(dtype))) : std::string("unknown");
}

Json shape_json(const tensorflow::TensorShapeProto& shape) {
  if (shape.unknown_rank()) return nullptr;
  Json dims = Json::array();
  for (const auto& dim : shape.dim()) dims.push_back(dim.size() < 0 ? Json() : Json(dim.size()));
  return dims;
}

template <class Infos>
Json tensors_json(const Infos& infos) {
  std::map<std::string, Json> by_name;
  for (const auto& [name, info] : infos) {
    by_name[name] = {{"dtype", dtype_text(info.dtype())}, {"shape", shape_json(info.tensor_shape())}};
  }
  Json result = Json::object();
  for (auto& [name, json] : by_name) result[name] = std::move(json);
  return result;
}

Json signatures_json(const tensorflow::MetaGraphDef& graph) {
  std::map<std::string, Json> by_key;  // protobuf's maps have no order
  for (const auto& [key, signature] : graph.signature_def()) {
    by_key[key] = {{"inputs", tensors_json(signature.inputs())},
                   {"outputs", tensors_json(signature.outputs())},
                   {"methodName", signature.method_name()}};
  }
  Json result = Json::object();
  for (auto& [key, json] : by_key) result[key] = std::move(json);
  return result;
}

}  // namespace

void inspect_bundle(const std::shared_ptr<const BundleReader>& bundle, const std::vector<SourcePtr>& shards,
                    Inspection& inspection) {
  for (const auto& [key, entry] : bundle->entries()) {
    if (key.starts_with('\0')) continue;  // a slice of a partitioned variable, which has a row of its own
    InspectedArray row;
    row.name = key;
    row.dtype = dtype_text(entry.dtype);
    row.shape = entry.shape;
    row.bytes = entry.bytes;
    for (const TensorSlice& slice : entry.slices) row.bytes += bundle->entry(slice.key).bytes;
    const SourcePtr& shard = shards[static_cast<size_t>(entry.shard)];
    if (shard == nullptr)
      row.problem = "The file with its values is missing.";
    else if (entry.slices.empty() && is_known_dtype(entry.dtype) && dtype_bytes(static_cast<DType>(entry.dtype)) > 0)
      row.values = std::make_shared<EntryValues>(bundle, shard, key);
    inspection.weights.push_back(std::move(row));
  }
}

void inspect_graphs(const ByteSource& saved_model, const Limits& limits, Json& about) {
  if (saved_model.size_bytes() > limits.metadata_bytes)
    throw ResourceExhaustedError("{}: larger than limits.metadataBytes ({})", saved_model.name(), limits.metadata_bytes);
  const std::vector<std::byte> bytes = saved_model.read(0, saved_model.size_bytes());
  tensorflow::SavedModel proto;
  if (!parse_proto(bytes, proto) || proto.meta_graphs().empty())
    throw DataLossError("{}: not a SavedModel", saved_model.name()).at(saved_model.name());
  const tensorflow::MetaGraphDef& graph = proto.meta_graphs(0);
  about["versions"]["tensorflow"] = graph.meta_info_def().tensorflow_version();
  Json tags = Json::array(), functions = Json::array();
  for (const std::string& tag : graph.meta_info_def().tags()) tags.push_back(tag);
  for (const auto& function : graph.graph_def().library().function()) functions.push_back(function.signature().name());
  about["tags"] = std::move(tags);
  about["signatures"] = signatures_json(graph);
  about["functions"] = std::move(functions);
  about["ops"] = graph.meta_info_def().stripped_op_list().op_size();
}

}  // namespace keras
