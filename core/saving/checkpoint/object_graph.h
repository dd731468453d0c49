// Python Keras's view of a model as a graph of objects: children by name, variables at the leaves. Checkpoints and
// SavedModels are matched and written along it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/keras/models/functional.h"
#include "core/keras/optimizers/optimizer.h"

namespace keras {

/// One object. Exactly one of layer, optimizer, variable is set, or none: lists, dicts and other containers.
struct ObjectNode {
  std::vector<std::pair<std::string, int>> children;  // local name → node
  LayerPtr layer;
  OptimizerPtr optimizer;
  VariablePtr variable;
  std::string container;  // "trackable_list_wrapper", "_generic_user_object", … for SavedModels
  std::string path;       // names from the root to it, the shortest: "layer_with_weights-0/kernel", escaped as in keys
};

/// Nodes in breadth-first order from the root (node 0), each once.
struct ObjectGraph {
  std::vector<ObjectNode> nodes;
};

/// The children of a model or layer in Keras's order: "layer-0", "layer_with_weights-0", …, or its weights and sublayers.
std::vector<std::pair<std::string, LayerPtr>> keras_children(const Layer& layer);

/// The graph that Keras writes to a SavedModel: layers, weights, lists of variables, the optimizer (or null), and a node for
/// the signatures, whose number is returned in `signatures`.
ObjectGraph saved_model_graph(const FunctionalPtr& model, const OptimizerPtr& optimizer, int& signatures);

/// "a/b.c" → "a.Sb..c": a local name as part of a key.
std::string escape_local_name(std::string_view name);
/// "<path>/.ATTRIBUTES/VARIABLE_VALUE"
std::string variable_key(std::string_view path);

}  // namespace keras
