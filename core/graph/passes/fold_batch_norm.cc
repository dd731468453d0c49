// Conv2D or DepthwiseConv2dNative [→ BiasAdd] → FusedBatchNormV3 (inference):
//   s = scale / √(variance + ε),  bias' = offset + (bias − mean) · s,
// and s is a factor on the results of a Conv2D, on the filter of a depthwise one: filters of the first kind are large, and stay
// as they are so that there need not be two of them. s, bias' and filter · s depend on variables alone: the executor computes
// them when a variable changes.
#include <array>
#include <optional>

#include "core/graph/passes/passes.h"
#include "core/graph/passes/rewriter.h"

namespace keras {
namespace {

/// A convolution, as it stands in the copy, with its optional bias.
struct Convolution {
  Node node;
  std::optional<Edge> bias;
};

const Node& producer(const Function& function, const Edge& edge) { return function.nodes[static_cast<size_t>(edge.node)]; }

std::optional<Convolution> match_convolution(const Rewriter& rewriter, Edge edge) {
  const Function& source = rewriter.source();
  std::optional<Edge> bias;
  if (rewriter.uses(edge) != 1) return std::nullopt;
  if (std::string_view(producer(source, edge).op->def->name) == "BiasAdd") {
    const Edge old_bias = producer(source, edge).inputs[1];
    edge = producer(source, edge).inputs[0];
    if (!rewriter.is_hoisted(old_bias) || rewriter.uses(edge) != 1) return std::nullopt;
    bias = rewriter.mapped(old_bias);
  }
  const std::string_view op = producer(source, edge).op->def->name;
  if (op != "Conv2D" && op != "DepthwiseConv2dNative") return std::nullopt;
  if (!rewriter.is_hoisted(producer(source, edge).inputs[1])) return std::nullopt;
  const Node& node = rewriter.made(rewriter.mapped(edge));
  if (node.attrs.get_string("data_format") != "NHWC") return std::nullopt;
  return Convolution{node, bias};
}

bool is_foldable_norm(const Rewriter& rewriter, const Node& node) {
  if (std::string_view(node.op->def->name) != "FusedBatchNormV3" || node.attrs.get_bool("is_training")) return false;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (!rewriter.is_hoisted(node.inputs[i])) return false;
  }
  return node.attrs.get_string("data_format") == "NHWC" && node.dtypes[0] == DType::kFloat32;
}

/// convolution · factors + bias
Edge emit_full(Rewriter& rewriter, const Node& convolution, const Edge& factors, const Edge& bias, std::string_view name) {
  const std::array inputs = {convolution.inputs[0], convolution.inputs[1], factors, bias};
  Attrs attrs = convolution.attrs;
  attrs.set("fused_ops", std::vector<std::string>{"Mul", "BiasAdd"}).set("num_args", int64_t{2});
  return rewriter.emit("_FusedConv2D", inputs, std::move(attrs), name);
}

/// The same of a depthwise convolution, whose filter is [height, width, channels, multiplier].
Edge emit_depthwise(Rewriter& rewriter, const Node& convolution, const Edge& factors, const Edge& bias, std::string_view name) {
  const Shape filter = rewriter.shape(convolution.inputs[1]);
  const Edge shape =
      rewriter.constant(Tensor::vector<int32_t>({static_cast<int32_t>(filter.dim(2)), static_cast<int32_t>(filter.dim(3))}));
  const Edge new_filter = rewriter.emit("Mul", {convolution.inputs[1], rewriter.emit("Reshape", {factors, shape})});
  const Edge product =
      rewriter.emit(convolution.op->def->name, {convolution.inputs[0], new_filter}, convolution.attrs, convolution.name);
  return rewriter.emit("BiasAdd", {product, bias}, {}, name);
}

}  // namespace

Function fold_batch_norm(Function function, const std::vector<char>& invariant) {
  Hoisting hoisting = find_hoisted(function, invariant);
  return rewrite_nodes(std::move(function), std::move(hoisting), [](Rewriter& rewriter, int32_t id, const Node& node) {
    if (!is_foldable_norm(rewriter, node)) return false;
    const auto convolution = match_convolution(rewriter, node.inputs[0]);
    if (!convolution) return false;
    // Outputs 1 to 5 (batch statistics) serve training; in inference nobody asks for them.
    for (int32_t i = 1; i < static_cast<int32_t>(node.dtypes.size()); ++i) {
      if (rewriter.uses({id, i}) > 0) return false;
    }
    if (!rewriter.shape(convolution->node.inputs[1]).fully_known()) return false;
    const Edge scale = rewriter.mapped(node.inputs[1]), offset = rewriter.mapped(node.inputs[2]);
    const Edge mean = rewriter.mapped(node.inputs[3]), variance = rewriter.mapped(node.inputs[4]);
    const Edge epsilon = rewriter.constant(Tensor::scalar(node.attrs.get_float("epsilon")));
    const Edge deviation = rewriter.emit("Rsqrt", {rewriter.emit("AddV2", {variance, epsilon})});
    const Edge factors = rewriter.emit("Mul", {scale, deviation});
    Edge shift = mean;
    if (convolution->bias) shift = rewriter.emit("Sub", {mean, *convolution->bias});
    const Edge bias = rewriter.emit("Sub", {offset, rewriter.emit("Mul", {shift, factors})});
    const bool full = std::string_view(convolution->node.op->def->name) == "Conv2D";
    rewriter.replace(id, (full ? emit_full : emit_depthwise)(rewriter, convolution->node, factors, bias, node.name));
    return true;
  });
}

}  // namespace keras
