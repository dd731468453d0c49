// Finds nodes that pack a whole variable, and ties their results to it.
#include "core/graph/packed_weights.h"

#include <algorithm>
#include <string_view>

#include "core/base/format.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/matmul_kernels.h"

namespace keras {
namespace {

std::string_view op_of(const Node& node) { return node.op->def->name; }

bool packs(const Node& node) { return op_of(node) == "_PackMatMulWeights" || op_of(node) == "_PackConv2DFilter"; }

bool is_turned(const Node& node) { return op_of(node) == "_PackMatMulWeights" && node.attrs.get_bool("transpose_b"); }

/// How many nodes and results use each node.
std::vector<int> count_uses(const Function& function) {
  std::vector<int> uses(function.nodes.size(), 0);
  for (const Node& node : function.nodes) {
    for (const Edge& input : node.inputs) ++uses[static_cast<size_t>(input.node)];
  }
  for (const Edge& output : function.outputs) ++uses[static_cast<size_t>(output.node)];
  return uses;
}

/// From the node `packing` back to the read of a variable whose handle nobody else uses; empty where there is none.
std::vector<int32_t> chain_to(const Function& function, int32_t packing, const std::vector<int>& uses) {
  std::vector<int32_t> nodes = {packing};
  for (;;) {
    const Edge& input = function.nodes[static_cast<size_t>(nodes.back())].inputs[0];
    const std::string_view op = op_of(function.nodes[static_cast<size_t>(input.node)]);
    if (op == "_Arg" && op_of(function.nodes[static_cast<size_t>(nodes.back())]) != "ReadVariableOp") return {};
    if (uses[static_cast<size_t>(input.node)] != 1) return {};
    if (op == "_Arg") break;
    if (op != "Reshape" && op != "ReadVariableOp") return {};
    nodes.push_back(input.node);
  }
  std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace

std::vector<PackedWeight> find_packed_weights(const Function& function, const Hoisting& hoisting) {
  const std::vector<int> uses = count_uses(function);
  std::vector<PackedWeight> weights;
  for (int32_t id = 0; id < static_cast<int32_t>(function.nodes.size()); ++id) {
    const Node& node = function.nodes[static_cast<size_t>(id)];
    if (!packs(node) || !hoisting.kept[static_cast<size_t>(id)]) continue;
    std::vector<int32_t> nodes = chain_to(function, id, uses);
    if (nodes.empty()) continue;
    const Edge& handle = function.nodes[static_cast<size_t>(nodes.front())].inputs[0];
    const auto capture =
        std::find_if(function.captures.begin(), function.captures.end(), [&](const Capture& c) { return c.node == handle.node; });
    if (capture == function.captures.end() || !function.shape(node.inputs[0]).fully_known()) continue;
    std::string layout = keras::format("{} {}{}", node.op->def->name, function.shape(node.inputs[0]), is_turned(node) ? "ᵀ" : "");
    weights.push_back({std::move(nodes), capture->value.object<Variable>(), std::move(layout)});
  }
  return weights;
}

Tensor hold_packed(const Function& function, const PackedWeight& weight, const Tensor& packed) {
  const Tensor value = weight.variable->value();
  if (value.owner().use_count() > 2) return packed;  // more than the variable and this
  const Node& node = function.nodes[static_cast<size_t>(weight.packing())];
  const bool is_matrix = op_of(node) == "_PackMatMulWeights", turned = is_turned(node);
  const auto unpack = [=, shape = function.shape(node.inputs[0]), whole = value.shape()](const Tensor& from) {
    return (is_matrix ? unpack_matmul_weights(from, shape, turned) : unpack_conv2d_filter(from, shape)).reshaped(whole);
  };
  const bool fits = value.owner() != nullptr && value.size_bytes() == packed.size_bytes();
  Tensor held = fits ? value.reshaped(packed.shape()) : packed;
  weight.variable->hold_packed({weight.layout, held, unpack});
  if (fits) std::ranges::copy(packed.bytes(), held.raw());
  return held;
}

}  // namespace keras
