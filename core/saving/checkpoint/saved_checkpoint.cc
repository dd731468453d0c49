// The object graph, checked; values planned into memory with their checksums.
#include "core/saving/checkpoint/saved_checkpoint.h"

#include <deque>

#include "core/base/format.h"
#include "core/formats/parse_proto.h"
#include "proto/trackable_object_graph.pb.h"

namespace keras {
namespace {

constexpr std::string_view kVariableValue = "VARIABLE_VALUE";

void check_size(const std::string& key, const BundleEntry& entry, const Tensor& value) {
  if (value.size_bytes() == entry.bytes) return;
  throw DataLossError("'{}' has {} bytes in the checkpoint instead of {}", key, entry.bytes, value.size_bytes()).at(key);
}

std::vector<SavedNode> nodes_of(const tensorflow::TrackableObjectGraph& proto, const std::string& file) {
  const int count = proto.nodes_size();
  const auto number = [&](int id) {
    if (id < 0 || id >= count)
      throw DataLossError("{}: the object graph names a node {} that it does not have", file, id).at(file);
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
  const SourcePtr& shard = shards_[static_cast<size_t>(entry.shard)];
  if (entry.bytes > limits.metadata_bytes)
    throw ResourceExhaustedError("{}: the object graph is larger than limits.metadataBytes ({})", shard->name(),
                                 limits.metadata_bytes)
        .at(shard->name(), entry.offset);
  const std::vector<std::string> texts = bundle_->decode_strings(kObjectGraphKey, shard->read(entry.offset, entry.bytes), limits);
  tensorflow::TrackableObjectGraph proto;
  if (texts.empty() || !parse_proto(std::as_bytes(std::span(texts[0])), proto) || proto.nodes_size() == 0)
    throw DataLossError("{}: the object graph of the checkpoint is broken", shard->name()).at(shard->name(), entry.offset);
  if (proto.nodes_size() > limits.file_objects)
    throw ResourceExhaustedError("{}: the object graph has {} nodes, more than limits.fileObjects ({})", shard->name(),
                                 proto.nodes_size(), limits.file_objects)
        .at(shard->name(), entry.offset);
  nodes_ = nodes_of(proto, shard->name());
}

std::string SavedCheckpoint::node_name(int node) const {
  std::vector<std::pair<int, const std::string*>> parents(nodes_.size(), {-1, nullptr});
  std::deque<int> open = {0};
  for (; !open.empty(); open.pop_front()) {
    for (const auto& [name, child] : nodes_[static_cast<size_t>(open.front())].children) {
      auto& parent = parents[static_cast<size_t>(child)];
      if (child == 0 || parent.second != nullptr) continue;
      parent = {open.front(), &name};
      open.push_back(child);
    }
  }
  const auto path_to = [&](int id) {
    std::vector<const std::string*> names;
    for (; parents[static_cast<size_t>(id)].second != nullptr; id = parents[static_cast<size_t>(id)].first)
      names.push_back(parents[static_cast<size_t>(id)].second);
    if (id != 0) return std::string();
    std::string path = "(root)";
    for (auto name = names.rbegin(); name != names.rend(); ++name) path += "." + **name;
    return path;
  };
  for (size_t id = 0; id < nodes_.size(); ++id) {
    for (const SlotReference& slot : nodes_[id].slots) {
      if (slot.slot == node)
        return keras::format("{}'s state '{}' for {}", path_to(static_cast<int>(id)), slot.name, path_to(slot.original));
    }
  }
  return path_to(node);
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

ReadItem SavedCheckpoint::item(const std::string& key, const BundleEntry& entry) const {
  ReadItem item{shards_[static_cast<size_t>(entry.shard)].get(), entry.offset};
  item.verify = [bundle = bundle_, key](uint32_t crc) { bundle->verify_crc(key, crc); };
  return item;
}

/// Slices are read beside the whole, and put in their places when all of them are verified.
void SavedCheckpoint::plan_slices(const std::string& key, const BundleEntry& entry, Place place, ReadList& reads) const {
  for (size_t i = 0; i < entry.slices.size(); ++i) {
    const BundleEntry& part = bundle_->entry(entry.slices[i].key);
    const auto values = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(part.bytes));
    reads.items.push_back({shards_[static_cast<size_t>(part.shard)].get(), part.offset, *values, nullptr,
                           [bundle = bundle_, key, i](uint32_t crc) { bundle->verify_slice_crc(key, i, crc); }});
    reads.assignments.push_back(
        [bundle = bundle_, key, i, values, place] { bundle->place_slice(key, i, *values, place().bytes()); });
  }
}

void SavedCheckpoint::plan(const std::string& key, const VariablePtr& variable, ReadList& reads) const {
  check_fits(key, *variable);
  const BundleEntry& entry = bundle_->entry(key);
  if (variable->dtype() == DType::kString) {
    const Tensor value = plan_tensor(key, reads);
    reads.assignments.push_back([value, variable] { variable->assign(value); });
  } else if (!entry.slices.empty()) {
    plan_slices(key, entry, [variable]() -> Tensor& { return variable->mutable_value(); }, reads);
  } else {
    check_size(key, entry, variable->value());
    ReadItem read = item(key, entry);
    read.variable = variable;
    reads.items.push_back(std::move(read));
  }
}

Tensor SavedCheckpoint::plan_tensor(const std::string& key, ReadList& reads) const {
  const BundleEntry& entry = bundle_->entry(key);
  if (!is_known_dtype(entry.dtype)) return {};
  const auto dtype = static_cast<DType>(entry.dtype);
  if (dtype == DType::kString) return plan_strings(key, entry, reads);
  Tensor value = Tensor::allocate(dtype, Shape(entry.shape));
  if (!entry.slices.empty()) {
    const auto whole = std::make_shared<Tensor>(value);
    plan_slices(key, entry, [whole]() -> Tensor& { return *whole; }, reads);
    return value;
  }
  check_size(key, entry, value);
  ReadItem read = item(key, entry);
  read.target = value.bytes();
  reads.items.push_back(std::move(read));
  return value;
}

/// Strings are decoded, and so verified, when their bytes are there.
Tensor SavedCheckpoint::plan_strings(const std::string& key, const BundleEntry& entry, ReadList& reads) const {
  // Every string takes a byte at least.
  if (!(Shape(entry.shape).elements() <= entry.bytes))
    throw DataLossError("'{}' has {} bytes, which is too few for its shape", key, entry.bytes).at(key);
  Tensor value = Tensor::allocate(DType::kString, Shape(entry.shape));
  const auto stored = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(entry.bytes));
  reads.items.push_back({shards_[static_cast<size_t>(entry.shard)].get(), entry.offset, *stored});
  reads.checks.push_back([bundle = bundle_, limits = limits_, key, stored, value]() mutable {
    std::vector<std::string> strings = bundle->decode_strings(key, *stored, limits);
    std::move(strings.begin(), strings.end(), value.data<std::string>());
  });
  return value;
}

}  // namespace keras
