// Python Keras's view of a model as a graph of objects: children by name, variables at the leaves. Checkpoints and
// SavedModels are matched and written along it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/keras/models/functional.h"
#include "core/keras/optimizers/optimizer.h"

namespace keras {

/// A slot of a legacy optimizer, which hangs below no object: nodes of the variable it is of and of its own.
struct SlotReference {
  int original = 0, slot = 0;
  std::string name;
};

struct ObjectNode {
  Trackable object;
  std::string path;  // names from the root to it, the shortest, escaped as in keys; of a slot as TensorFlow makes it up
  std::vector<std::pair<std::string, int>> children = {};  // local name → node
  std::vector<SlotReference> slots = {};                   // of a legacy optimizer
};

/// Nodes in breadth-first order from the root (node 0), each once; then slots of legacy optimizers.
struct ObjectGraph {
  std::vector<ObjectNode> nodes;
};

/// Where a graph begins: an object, and what hangs below it beside its own children.
struct TrackedRoot {
  Trackable object;
  TrackedChildren attached = {};
};

/// The children of an object in Keras's order.
TrackedChildren children_of(const Trackable& object);
/// What tells one object from another. Lists that are made for the graph alone are told apart by their owner's.
const void* identity_of(const Trackable& object);
/// Everything that can be reached, each object once, breadth first.
std::vector<Trackable> reachable_objects(const TrackedRoot& root);

/// The graph that Keras writes to a checkpoint.
ObjectGraph checkpoint_graph(const TrackedRoot& root);
/// The graph that Keras writes to a SavedModel: layers, weights, lists of variables, the optimizer (or null), and a node for
/// the signatures, whose number is returned in `signatures`.
ObjectGraph saved_model_graph(const FunctionalPtr& model, const OptimizerPtr& optimizer, int& signatures);

/// Children and slots, which the messages of checkpoints and SavedModels have alike.
template <class Message>
void write_references(const ObjectNode& node, Message& object) {
  for (const auto& [name, id] : node.children) {
    auto& reference = *object.add_children();
    reference.set_local_name(name);
    reference.set_node_id(id);
  }
  for (const SlotReference& slot : node.slots) {
    auto& reference = *object.add_slot_variables();
    reference.set_original_variable_node_id(slot.original);
    reference.set_slot_name(slot.name);
    reference.set_slot_variable_node_id(slot.slot);
  }
}

/// The graph as checkpoints store it, serialized.
std::string serialize_graph(const ObjectGraph& graph);
constexpr const char* kObjectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// "a/b.c" → "a.Sb..c": a local name as part of a key.
std::string escape_local_name(std::string_view name);
/// "<path>/.ATTRIBUTES/VARIABLE_VALUE"
std::string variable_key(std::string_view path);

}  // namespace keras
