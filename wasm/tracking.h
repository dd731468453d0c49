// Trees of objects as JavaScript describes them: {nodes: [{layer: id} | {variable: id} | {optimizer: id} |
// {kind, children: [[name, number of node], …]}], root: number, attached: [[name, number of node], …]}.
#pragma once

#include <emscripten/val.h>

#include "core/saving/checkpoint/object_graph.h"

namespace keras {

/// Throws RuntimeError for an object that has been disposed of.
TrackedRoot tracked_root_from_js(const emscripten::val& tree);
/// The children of the root, which is a container.
TrackedChildren tracked_children_from_js(const emscripten::val& tree);

}  // namespace keras
