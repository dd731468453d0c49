// Python Keras's view of a model as a graph of objects: children by name, variables at the leaves. Checkpoints and
// SavedModels are matched and written along it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/keras/models/functional.h"
#include "core/keras/optimizers/optimizer.h"

namespace keras {

struct ObjectNode {
  Trackable object;
  std::string path;                                        // names from the root to it, the shortest, escaped as in keys
  std::vector<std::pair<std::string, int>> children = {};  // local name → node
};

/// Nodes in breadth-first order from the root (node 0), each once.
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

/// The graph as checkpoints store it, serialized.
std::string serialize_graph(const ObjectGraph& graph);
constexpr const char* kObjectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// "a/b.c" → "a.Sb..c": a local name as part of a key.
std::string escape_local_name(std::string_view name);
/// "<path>/.ATTRIBUTES/VARIABLE_VALUE"
std::string variable_key(std::string_view path);

}  // namespace keras
