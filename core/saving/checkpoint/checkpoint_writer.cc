// Variables to a tensor bundle.
#include "core/saving/checkpoint/checkpoint_writer.h"

#include "core/base/error.h"

namespace keras {
namespace {

/// Refuses what would be left out without a word.
void check_optimizers(const ObjectGraph& graph) {
  for (const ObjectNode& node : graph.nodes) {
    if (!node.object.optimizer || !node.object.optimizer->is_legacy()) continue;
    throw UnimplementedError(
        "'{}' is a legacy optimizer ({}), whose state is saved to HDF5 only: save the model to a path that ends in .h5, or its "
        "weights alone with `saveFormat: 'h5'`.",
        node.path, node.object.optimizer->class_name());
  }
}

}  // namespace

void add_checkpoint(const ObjectGraph& graph, BundleWriter& bundle) {
  for (const ObjectNode& node : graph.nodes) {
    if (!node.object.variable) continue;
    const Tensor& value = node.object.variable->value();
    std::string key = variable_key(node.path);
    if (value.dtype() == DType::kString)
      bundle.add_strings(std::move(key), value.shape().dims(), value.values<std::string>());
    else
      bundle.add(std::move(key), static_cast<int32_t>(value.dtype()), value.shape().dims(), value.bytes(), value.owner());
  }
  const std::string text = serialize_graph(graph);
  bundle.add_strings(kObjectGraphKey, {}, std::span(&text, 1));
}

std::vector<OutputFile> write_checkpoint(const TrackedRoot& root, const std::string& prefix) {
  BundleWriter bundle;
  const ObjectGraph graph = checkpoint_graph(root);
  check_optimizers(graph);
  add_checkpoint(graph, bundle);
  return bundle.finish(prefix);
}

}  // namespace keras
