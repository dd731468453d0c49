// Depths of layers: the longest way to an output. Deeper layers come first; equals by order of discovery.
#include "core/keras/models/network_map.h"

#include <algorithm>
#include <map>
#include <set>

namespace keras {
namespace {

using NodeKey = std::pair<const Layer*, int>;

struct Discovered {
  KerasTensor tensor;  // holds the layer and the number of the call
  NodeKey key() const { return {tensor.layer.get(), tensor.node}; }
  const InboundNode& inbound() const { return tensor.layer->nodes()[static_cast<size_t>(tensor.node)]; }
};

class Mapper {
 public:
  explicit Mapper(const std::vector<KerasTensor>& inputs) : inputs_(inputs) {}

  /// Depth-first from an output to its sources, without recursion: model files may be deep.
  void discover(const KerasTensor& output) {
    struct Frame {
      KerasTensor tensor;
      size_t next = 0;
    };
    std::vector<Frame> stack;
    const auto enter = [&](const KerasTensor& tensor) {
      const NodeKey key{tensor.layer.get(), tensor.node};
      if (finished_.contains(key)) return;
      if (!in_progress_.insert(key).second) {
        throw ValueError("Tensor of layer '{}' is part of a cycle.", tensor.layer->name());
      }
      indices_.try_emplace(tensor.layer.get(), static_cast<int64_t>(indices_.size()));
      stack.push_back({tensor, 0});
    };
    enter(output);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const auto& sources = frame.tensor.layer->nodes()[static_cast<size_t>(frame.tensor.node)].inputs;
      const bool is_input = std::find(inputs_.begin(), inputs_.end(), frame.tensor) != inputs_.end();
      if (!is_input && frame.next < sources.size()) {
        const KerasTensor source = sources[frame.next++];
        enter(source);
        continue;
      }
      const NodeKey key{frame.tensor.layer.get(), frame.tensor.node};
      in_progress_.erase(key);
      finished_.insert(key);
      decreasing_depth_.push_back({frame.tensor});
      stack.pop_back();
    }
  }

  NetworkMap finish() {
    for (auto it = decreasing_depth_.rbegin(); it != decreasing_depth_.rend(); ++it) set_depth(*it);
    for (const KerasTensor& input : inputs_) {
      // Inputs that feed nothing still belong to the model.
      if (layer_depths_.contains(input.layer.get())) continue;
      layer_depths_[input.layer.get()] = 0;
      indices_[input.layer.get()] = -1;
      node_depths_[{input.layer.get(), 0}] = 0;
      node_order_.push_back({input});
    }
    return sorted();
  }

 private:
  void set_depth(const Discovered& node) {
    if (!node_depths_.contains(node.key())) {
      node_depths_[node.key()] = 0;
      node_order_.push_back(node);
    }
    int64_t& layer_depth = layer_depths_[node.tensor.layer.get()];
    const int64_t depth = std::max(node_depths_[node.key()], layer_depth);
    layer_depth = depth;
    node_depths_[node.key()] = depth;
    const bool is_input = std::find(inputs_.begin(), inputs_.end(), node.tensor) != inputs_.end();
    if (is_input) return;
    for (const KerasTensor& source : node.inbound().inputs) {
      const Discovered before{source};
      const auto [it, inserted] = node_depths_.try_emplace(before.key(), depth + 1);
      if (inserted) node_order_.push_back(before);
      it->second = std::max(it->second, depth + 1);
    }
  }

  NetworkMap sorted() {
    // Keys sort; within a key the order of discovery stays.
    std::map<std::pair<int64_t, int64_t>, std::vector<LayerPtr>> layers;
    std::map<int64_t, std::vector<NetworkNode>> nodes;
    std::set<const Layer*> seen;
    for (const Discovered& node : node_order_) {
      const LayerPtr& layer = node.tensor.layer;
      if (seen.insert(layer.get()).second) {
        layers[{-layer_depths_.at(layer.get()), indices_.at(layer.get())}].push_back(layer);
      }
      nodes[-node_depths_.at(node.key())].push_back({layer.get(), node.tensor.node});
    }
    NetworkMap map;
    for (const auto& [key, group] : layers) map.layers.insert(map.layers.end(), group.begin(), group.end());
    for (const auto& [key, group] : nodes) map.nodes.insert(map.nodes.end(), group.begin(), group.end());
    return map;
  }

  const std::vector<KerasTensor>& inputs_;
  std::set<NodeKey> finished_, in_progress_;
  std::vector<Discovered> decreasing_depth_, node_order_;
  std::map<const Layer*, int64_t> indices_, layer_depths_;
  std::map<NodeKey, int64_t> node_depths_;
};

}  // namespace

NetworkMap map_network(const std::vector<KerasTensor>& inputs, const std::vector<KerasTensor>& outputs) {
  Mapper mapper(inputs);
  for (const KerasTensor& output : outputs) mapper.discover(output);
  return mapper.finish();
}

}  // namespace keras
