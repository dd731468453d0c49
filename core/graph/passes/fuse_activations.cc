// Conv2D, DepthwiseConv2dNative or MatMul, then BiasAdd (or the sum with a bias), then (convolutions) the sum with a residual,
// then an activation: one _Fused op, whose kernel does the rest while the product is still in registers. fused_ops names them in
// order. A Reshape after the product, as Dense and EinsumDense have it for more than two axes, moves behind all of them.
#include <algorithm>
#include <optional>

#include "core/graph/passes/passes.h"
#include "core/graph/passes/rewriter.h"

namespace keras {
namespace {

constexpr std::string_view kActivations[] = {"Relu", "Relu6", "LeakyRelu", "Elu", "Sigmoid", "Tanh"};

struct FusedName {
  std::string_view plain, fused;
};
constexpr FusedName kFused[] = {
    {"Conv2D", "_FusedConv2D"}, {"DepthwiseConv2dNative", "_FusedDepthwiseConv2dNative"}, {"MatMul", "_FusedMatMul"}};

bool is_activation(std::string_view op) {
  return std::find(std::begin(kActivations), std::end(kActivations), op) != std::end(kActivations);
}

/// A product that may take another op into its epilogue, as it stands in the copy.
struct Product {
  Node node;
  std::string_view fused_name;
  std::vector<std::string> fused_ops;
  std::optional<Edge> new_shape = {};  // of the Reshape that follows, if there is one

  bool complete() const { return !fused_ops.empty() && is_activation(fused_ops.back()); }
};

std::optional<Product> product_at(const Rewriter& rewriter, const Edge& new_edge) {
  const Node& node = rewriter.made(new_edge);
  if (node.dtypes[0] != DType::kFloat32) return std::nullopt;
  const std::string_view op = node.op->def->name;
  for (const FusedName& name : kFused) {
    if (op == name.fused) return Product{node, name.fused, node.attrs.get<std::vector<std::string>>("fused_ops")};
    if (op != name.plain) continue;
    if (const AttrValue* format = node.attrs.find("data_format")) {
      if (std::get<std::string>(*format) != "NHWC") return std::nullopt;
    }
    return Product{node, name.fused, {}};
  }
  return std::nullopt;
}

std::optional<Product> match_product(const Rewriter& rewriter, const Edge& old_edge) {
  if (rewriter.uses(old_edge) != 1) return std::nullopt;
  const Edge edge = rewriter.mapped(old_edge);
  if (!rewriter.is(edge, "Reshape")) return product_at(rewriter, edge);
  // A Reshape in the place of another op is one that moved: what it reshapes has no other use.
  const Node& before = rewriter.source().nodes[static_cast<size_t>(old_edge.node)];
  if (std::string_view(before.op->def->name) == "Reshape" && rewriter.uses(before.inputs[0]) != 1) return std::nullopt;
  const Node& reshape = rewriter.made(edge);
  auto product = product_at(rewriter, reshape.inputs[0]);
  if (product) product->new_shape = reshape.inputs[1];
  return product;
}

/// The last dimension of a Reshape; of a shape that only the run knows it may be a constant at the end of a ConcatV2.
int64_t last_dim(const Rewriter& rewriter, const Edge& reshaped) {
  const Shape& shape = rewriter.shape(reshaped);
  if (!shape.known_rank() || shape.rank() < 2) return kUnknownDim;
  const Node& new_shape = rewriter.made(rewriter.made(reshaped).inputs[1]);
  if (shape.dim(-1) != kUnknownDim || std::string_view(new_shape.op->def->name) != "ConcatV2") return shape.dim(-1);
  const Tensor* end = rewriter.constant_of(new_shape.inputs[new_shape.inputs.size() - 2]);  // the axis is behind it
  return end != nullptr && end->elements() > 0 ? end->to_int64s().back() : kUnknownDim;
}

/// Whether adding a bias along the last axis is the same before and after the Reshape that follows the product.
bool keeps_columns(const Rewriter& rewriter, const Product& product, const Edge& reshaped) {
  const Shape& shape = product.node.shapes[0];
  return shape.known_rank() && shape.dim(-1) > 0 && shape.dim(-1) == last_dim(rewriter, reshaped);
}

/// The product with `op` at the end of its epilogue; `extra` is the op's other input.
Edge extend(Rewriter& rewriter, Product product, std::string_view op, std::optional<Edge> extra, const Node& at) {
  std::vector<Edge> inputs = product.node.inputs;
  if (extra) inputs.push_back(*extra);
  product.fused_ops.emplace_back(op);
  Attrs attrs = product.node.attrs;
  attrs.set("fused_ops", product.fused_ops).set("num_args", static_cast<int64_t>(inputs.size()) - 2);
  if (op == "LeakyRelu") attrs.set("leakyrelu_alpha", at.attrs.get_float("alpha"));
  const Edge fused = rewriter.emit(product.fused_name, inputs, std::move(attrs), at.name);
  return product.new_shape ? rewriter.emit("Reshape", {fused, *product.new_shape}) : fused;
}

/// Whether a residual has the very shape of the product, batch aside (both come from one batch).
bool same_image(const Shape& a, const Shape& b) {
  if (!a.known_rank() || !b.known_rank() || a.rank() != 4 || b.rank() != 4) return false;
  for (int64_t i = 1; i < 4; ++i) {
    if (a.dim(i) < 0 || a.dim(i) != b.dim(i)) return false;
  }
  return a.dim(0) == b.dim(0);
}

bool fuse_residual(Rewriter& rewriter, int32_t id, const Node& node) {
  if (node.dtypes[0] != DType::kFloat32 || node.inputs[0] == node.inputs[1]) return false;
  if (!same_image(rewriter.source().shape(node.inputs[0]), rewriter.source().shape(node.inputs[1]))) return false;
  // The later of the two, so that the other is there already when it runs.
  const bool second_later = rewriter.mapped(node.inputs[1]).node > rewriter.mapped(node.inputs[0]).node;
  const Edge later = node.inputs[second_later ? 1 : 0], other = node.inputs[second_later ? 0 : 1];
  const auto product = match_product(rewriter, later);
  if (!product || product->fused_name != "_FusedConv2D" || product->new_shape) return false;
  if (product->fused_ops.empty() || product->fused_ops.back() != "BiasAdd") return false;
  rewriter.replace(id, extend(rewriter, *product, "Add", rewriter.mapped(other), node));
  return true;
}

/// Whether `bias` is one value for each column of the product: EinsumDense's has the columns' axes, which may be several.
bool is_of_columns(const Shape& bias, const Shape& columns, const Shape& sum) {
  if (!bias.fully_known() || !columns.known_rank() || columns.dim(-1) <= 0 || bias.elements() != columns.dim(-1)) return false;
  if (!sum.known_rank() || bias.rank() == 0 || bias.rank() >= sum.rank()) return false;
  for (int64_t axis = 1; axis <= bias.rank(); ++axis) {
    if (bias.dim(-axis) != sum.dim(-axis)) return false;
  }
  return true;
}

bool fuse_bias(Rewriter& rewriter, int32_t id, const Node& node) {
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const Edge bias = rewriter.mapped(node.inputs[1 - i]);
    const auto product = match_product(rewriter, node.inputs[i]);
    if (!product || !product->fused_ops.empty()) continue;
    const Shape shape = rewriter.shape(bias), columns = product->node.shapes[0];
    if (!is_of_columns(shape, columns, rewriter.shape(rewriter.mapped(node.inputs[i])))) continue;
    const Edge size = rewriter.constant(Tensor::vector<int32_t>({static_cast<int32_t>(columns.dim(-1))}));
    const Edge row = shape.rank() == 1 ? bias : rewriter.emit("Reshape", {bias, size});
    rewriter.replace(id, extend(rewriter, *product, "BiasAdd", row, node));
    return true;
  }
  return false;
}

}  // namespace

Function fuse_activations(Function function) {
  return rewrite_nodes(std::move(function), [](Rewriter& rewriter, int32_t id, const Node& node) {
    const std::string_view op = node.op->def->name;
    if (op == "AddV2") return fuse_residual(rewriter, id, node) || fuse_bias(rewriter, id, node);
    if (op != "BiasAdd" && !is_activation(op)) return false;
    const auto product = match_product(rewriter, node.inputs[0]);
    if (!product) return false;
    if (op == "BiasAdd") {
      if (!product->fused_ops.empty() || node.attrs.get_string("data_format") != "NHWC") return false;
      if (product->new_shape && !keeps_columns(rewriter, *product, rewriter.mapped(node.inputs[0]))) return false;
      rewriter.replace(id, extend(rewriter, *product, op, rewriter.mapped(node.inputs[1]), node));
      return true;
    }
    if (product->fused_ops.empty() || product->complete()) return false;
    rewriter.replace(id, extend(rewriter, *product, op, std::nullopt, node));
    return true;
  });
}

}  // namespace keras
