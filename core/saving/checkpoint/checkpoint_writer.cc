// Variables to a tensor bundle.
#include "core/saving/checkpoint/checkpoint_writer.h"

namespace keras {

void add_checkpoint(const ObjectGraph& graph, BundleWriter& bundle) {
  for (const ObjectNode& node : graph.nodes) {
    if (!node.object.variable) continue;
    const Tensor value = node.object.variable->read();
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
  add_checkpoint(checkpoint_graph(root), bundle);
  return bundle.finish(prefix);
}

}  // namespace keras
