// Checkpoints as TensorFlow writes them: values by the paths of their objects, and the graph of the objects.
#pragma once

#include <vector>

#include "core/formats/tensor_bundle/bundle_writer.h"
#include "core/saving/checkpoint/object_graph.h"

namespace keras {

/// Adds the values of all variables of a graph, which are borrowed, and the graph itself.
void add_checkpoint(const ObjectGraph& graph, BundleWriter& bundle);

/// `<prefix>.data-00000-of-00001` and `<prefix>.index`.
std::vector<OutputFile> write_checkpoint(const TrackedRoot& root, const std::string& prefix);

}  // namespace keras
