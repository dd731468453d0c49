// An open checkpoint: its table of values, the files they lie in, and the graph of the objects they belonged to.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/formats/tensor_bundle/bundle_reader.h"
#include "core/saving/checkpoint/object_graph.h"
#include "core/saving/file_set.h"
#include "core/saving/read_list.h"

namespace keras {

/// One object of the saved graph. Numbers of other nodes are valid.
struct SavedNode {
  struct Attribute {
    std::string name, full_name, key;  // "VARIABLE_VALUE", "dense/kernel", the name in the table
  };
  std::vector<std::pair<std::string, int>> children;
  std::vector<Attribute> attributes;
  std::vector<SlotReference> slots;  // of legacy optimizers

  /// The child of that name, or -1.
  int child(std::string_view name) const;
  /// The key of a variable's value, or null.
  const std::string* value_key() const;
};

class SavedCheckpoint {
 public:
  /// `shards` in order. Throws NeedBytes until the object graph is in memory; DataLossError, ResourceExhaustedError.
  SavedCheckpoint(std::shared_ptr<const BundleReader> bundle, std::vector<SourcePtr> shards, const Limits& limits);

  /// Empty for name-based checkpoints, as TensorFlow 1 wrote them.
  const std::vector<SavedNode>& nodes() const { return nodes_; }
  const BundleReader& bundle() const { return *bundle_; }
  /// "(root).layer.kernel", as Python prints a node; empty for one that nothing leads to.
  std::string node_name(int node) const;

  /// Plans the reading of a value into a variable. Throws NotFoundError, ValueError (another shape), InvalidArgumentError
  /// (another dtype).
  void plan(const std::string& key, const VariablePtr& variable, ReadList& reads) const;
  /// Plans the reading of a value into a tensor of its own. Not valid() where its dtype is none that tensors have.
  Tensor plan_tensor(const std::string& key, ReadList& reads) const;
  /// Throws as plan() does if the variable cannot take the value.
  void check_fits(const std::string& key, const Variable& variable) const;

 private:
  using Place = std::function<Tensor&()>;
  /// The bytes of an entry, without a place.
  ReadItem item(const std::string& key, const BundleEntry& entry) const;
  void plan_slices(const std::string& key, const BundleEntry& entry, Place place, ReadList& reads) const;
  Tensor plan_strings(const std::string& key, const BundleEntry& entry, ReadList& reads) const;

  std::shared_ptr<const BundleReader> bundle_;
  std::vector<SourcePtr> shards_;
  Limits limits_;
  std::vector<SavedNode> nodes_;
};

}  // namespace keras
