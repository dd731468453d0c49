// The object graph, checked; values planned into memory with their checksums.
#include "core/saving/checkpoint/saved_checkpoint.h"

#include <deque>

#include "core/base/format.h"
#include "core/formats/parse_proto.h"
#include "core/saving/checkpoint/object_graph.h"
#include "proto/trackable_object_graph.pb.h"

namespace keras {
namespace {

constexpr std::string_view kVariableValue = "VARIABLE_VALUE";

std::vector<SavedNode> nodes_of(const tensorflow::TrackableObjectGraph& proto) {
  const int count = proto.nodes_size();
  const auto number = [&](int id) {
    if (id < 0 || id >= count) throw DataLossError("The object graph names a node {} that it does not have", id);
    return id;
  };
  std::vector<SavedNode> nodes(static_cast<size_t>(count));
  for (int id = 0; id < count; ++id) {
    SavedNode& node = nodes[static_cast<size_t>(id)];
    const auto& object = proto.nodes(id);
    for (const auto& child : object.children()) node.children.emplace_back(child.local_name(), number(child.node_id()));
    for (const auto& attribute : object.attributes())
      node.attributes.push_back({attribute.name(), attribute.full_name(), attribute.checkpoint_key()});
    for (const auto& slot : object.slot_variables())
      node.slots.push_back({number(slot.original_variable_node_id()), number(slot.slot_variable_node_id()), slot.slot_name()});
  }
  return nodes;
}

}  // namespace

int SavedNode::child(std::string_view name) const {
  for (const auto& [local_name, id] : children) {
    if (local_name == name) return id;
  }
  return -1;
}

const std::string* SavedNode::value_key() const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name == kVariableValue || attribute.name.empty()) return &attribute.key;
  }
  return nullptr;
}

SavedCheckpoint::SavedCheckpoint(std::shared_ptr<const BundleReader> bundle, std::vector<SourcePtr> shards, const Limits& limits)
    : bundle_(std::move(bundle)), shards_(std::move(shards)), limits_(limits) {
  if (!bundle_->entries().contains(kObjectGraphKey)) return;
  const BundleEntry& entry = bundle_->entry(kObjectGraphKey);
  if (entry.bytes > limits.metadata_bytes)
    throw ResourceExhaustedError("The object graph is larger than limits.metadataBytes ({})", limits.metadata_bytes);
  const SourcePtr& shard = shards_[static_cast<size_t>(entry.shard)];
  const std::vector<std::string> texts = bundle_->decode_strings(kObjectGraphKey, shard->read(entry.offset, entry.bytes), limits);
  tensorflow::TrackableObjectGraph proto;
  if (texts.empty() || !parse_proto(std::as_bytes(std::span(texts[0])), proto) || proto.nodes_size() == 0)
    throw DataLossError("{}: the object graph of the checkpoint is broken", shard->name()).at(shard->name(), entry.offset);
  if (proto.nodes_size() > limits.file_objects)
    throw ResourceExhaustedError("The object graph has {} nodes, more than limits.fileObjects ({})", proto.nodes_size(),
                                 limits.file_objects);
  nodes_ = nodes_of(proto);
}

std::vector<std::string> SavedCheckpoint::node_names() const {
  std::vector<std::string> names(nodes_.size());
  if (nodes_.empty()) return names;
  names[0] = "(root)";
  std::deque<int> open = {0};
  for (; !open.empty(); open.pop_front()) {
    const auto id = static_cast<size_t>(open.front());
    for (const auto& [name, child] : nodes_[id].children) {
      std::string& path = names[static_cast<size_t>(child)];
      if (!path.empty()) continue;
      path = names[id] + "." + name;
      open.push_back(child);
    }
  }
  for (size_t id = 0; id < nodes_.size(); ++id) {
    for (const SavedNode::Slot& slot : nodes_[id].slots) {
      names[static_cast<size_t>(slot.slot)] =
          keras::format("{}'s state '{}' for {}", names[id], slot.name, names[static_cast<size_t>(slot.original)]);
    }
  }
  return names;
}

void SavedCheckpoint::check_fits(const std::string& key, const Variable& variable) const {
  const BundleEntry& entry = bundle_->entry(key);
  const Shape saved(entry.shape);
  if (saved != variable.shape()) {
    throw ValueError(
        "Received incompatible tensor with shape {} when attempting to restore variable with shape {} and name {}:0.", saved,
        variable.shape(), variable.name())
        .at(variable.name());
  }
  if (entry.dtype != static_cast<int32_t>(variable.dtype())) {
    throw InvalidArgumentError("'{}' has dtype {} in the checkpoint, but variable '{}' has {}", key,
                               is_known_dtype(entry.dtype) ? static_cast<DType>(entry.dtype) : DType::kInvalid, variable.name(),
                               variable.dtype())
        .at(variable.name());
  }
}

void SavedCheckpoint::plan_bytes(const std::string& key, std::span<std::byte> target, ReadList& reads) const {
  const BundleEntry& entry = bundle_->entry(key);
  if (!entry.slices.empty()) return plan_slices(key, entry, target, reads);
  if (static_cast<int64_t>(target.size()) != entry.bytes)
    throw DataLossError("'{}' has {} bytes in the checkpoint instead of {}", key, entry.bytes, target.size());
  reads.items.push_back({shards_[static_cast<size_t>(entry.shard)].get(), entry.offset, target});
  reads.checks.push_back([bundle = bundle_, key, target] { bundle->verify(key, target); });
}

/// Slices are read beside the variable, and put in their places when they are there.
void SavedCheckpoint::plan_slices(const std::string& key, const BundleEntry& entry, std::span<std::byte> target,
                                  ReadList& reads) const {
  for (size_t i = 0; i < entry.slices.size(); ++i) {
    const BundleEntry& part = bundle_->entry(entry.slices[i].key);
    const auto values = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(part.bytes));
    reads.items.push_back({shards_[static_cast<size_t>(part.shard)].get(), part.offset, *values});
    reads.checks.push_back([bundle = bundle_, key, i, values, target] { bundle->place_slice(key, i, *values, target); });
  }
}

void SavedCheckpoint::plan(const std::string& key, const VariablePtr& variable, ReadList& reads) const {
  check_fits(key, *variable);
  if (variable->dtype() != DType::kString) return plan_bytes(key, variable_bytes(*variable), reads);
  // Strings are decoded when their bytes are there.
  const Tensor value = plan_tensor(key, reads);
  reads.checks.push_back([value, variable] { variable->assign(value); });
}

Tensor SavedCheckpoint::plan_tensor(const std::string& key, ReadList& reads) const {
  const BundleEntry& entry = bundle_->entry(key);
  if (!is_known_dtype(entry.dtype)) return {};
  const auto dtype = static_cast<DType>(entry.dtype);
  // Every string takes a byte at least; other dtypes were held against their shapes when the index was read.
  if (dtype == DType::kString && !(Shape(entry.shape).elements() <= entry.bytes))
    throw DataLossError("'{}' has {} bytes, which is too few for its shape", key, entry.bytes);
  Tensor value = Tensor::allocate(dtype, Shape(entry.shape));
  if (dtype != DType::kString) {
    plan_bytes(key, value.bytes(), reads);
    return value;
  }
  const auto stored = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(entry.bytes));
  reads.items.push_back({shards_[static_cast<size_t>(entry.shard)].get(), entry.offset, *stored});
  reads.checks.push_back([bundle = bundle_, limits = limits_, key, stored, value]() mutable {
    std::vector<std::string> strings = bundle->decode_strings(key, *stored, limits);
    std::move(strings.begin(), strings.end(), value.data<std::string>());
  });
  return value;
}

}  // namespace keras
