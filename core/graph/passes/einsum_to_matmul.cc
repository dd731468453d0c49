// Einsum of an input and weights, "abc,cde->abde" as EinsumDense and MultiHeadAttention write it, becomes a MatMul between two
// Reshapes: so its weights are packed once.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "core/graph/passes/passes.h"
#include "core/graph/passes/rewriter.h"

namespace keras {
namespace {

/// How many axes of the input are rows, and of the weights are summed: those left are summed and columns.
struct Axes {
  int64_t rows, summed;
};

/// Nothing for any equation but "<rows><summed>,<summed><columns>-><rows><columns>", each label once; an ellipsis of rows will
/// do.
std::optional<Axes> match_equation(std::string_view equation, const Shape& x, const Shape& weights) {
  const size_t comma = equation.find(','), arrow = equation.find("->");
  if (comma == std::string_view::npos || arrow == std::string_view::npos || arrow < comma) return std::nullopt;
  std::string_view a = equation.substr(0, comma), b = equation.substr(comma + 1, arrow - comma - 1),
                   out = equation.substr(arrow + 2);
  if (b.find_first_of(".,") != std::string_view::npos || static_cast<int64_t>(b.size()) != weights.rank()) return std::nullopt;
  int64_t hidden = 0;  // rows that the ellipsis stands for
  if (a.starts_with("...") && out.starts_with("...")) {
    a.remove_prefix(3);
    out.remove_prefix(3);
    hidden = x.rank() - static_cast<int64_t>(a.size());
  }
  if (a.find('.') != std::string_view::npos || static_cast<int64_t>(a.size()) + hidden != x.rank()) return std::nullopt;
  size_t rows = 0;
  while (rows < a.size() && rows < out.size() && a[rows] == out[rows]) ++rows;
  const std::string_view summed = a.substr(rows), columns = b.substr(std::min(summed.size(), b.size()));
  if (summed.empty() || columns.empty() || !b.starts_with(summed) || out.substr(rows) != columns) return std::nullopt;
  std::string labels = std::string(a) + std::string(columns);
  std::sort(labels.begin(), labels.end());
  if (std::adjacent_find(labels.begin(), labels.end()) != labels.end()) return std::nullopt;
  return Axes{hidden + static_cast<int64_t>(rows), static_cast<int64_t>(summed.size())};
}

/// A constant that Reshape takes; nothing where more than one dimension is unknown.
std::optional<Edge> shape_constant(Rewriter& rewriter, const std::vector<int64_t>& dims) {
  if (std::count(dims.begin(), dims.end(), kUnknownDim) > 1) return std::nullopt;
  return rewriter.constant(Tensor::vector(std::vector<int32_t>(dims.begin(), dims.end())));
}

}  // namespace

Function einsum_to_matmul(Function function, const std::vector<char>& invariant) {
  Hoisting hoisting = find_hoisted(function, invariant);
  return rewrite_nodes(std::move(function), std::move(hoisting), [](Rewriter& rewriter, int32_t id, const Node& node) {
    if (std::string_view(node.op->def->name) != "Einsum" || node.inputs.size() != 2 || node.dtypes[0] != DType::kFloat32)
      return false;
    const Shape x = rewriter.source().shape(node.inputs[0]), weights = rewriter.source().shape(node.inputs[1]);
    if (!rewriter.is_hoisted(node.inputs[1]) || !x.known_rank() || !weights.fully_known()) return false;
    const auto axes = match_equation(node.attrs.get_string("equation"), x, weights);
    if (!axes) return false;
    int64_t k = 1, n = 1;
    for (int64_t i = 0; i < weights.rank(); ++i) (i < axes->summed ? k : n) *= weights.dim(i);
    if (k == 0 || n == 0) return false;  // nothing to infer a -1 from
    for (int64_t i = 0; i < axes->summed; ++i) {
      if (x.dim(axes->rows + i) != weights.dim(i)) return false;
    }
    std::vector<int64_t> result(x.dims().begin(), x.dims().begin() + axes->rows);
    result.insert(result.end(), weights.dims().begin() + axes->summed, weights.dims().end());
    const auto result_shape = shape_constant(rewriter, result);
    if (!result_shape) return false;
    const Edge rows = rewriter.emit("Reshape", {rewriter.mapped(node.inputs[0]), *shape_constant(rewriter, {kUnknownDim, k})});
    const Edge matrix = rewriter.emit("Reshape", {rewriter.mapped(node.inputs[1]), *shape_constant(rewriter, {k, n})});
    const Edge product = rewriter.emit("MatMul", {rows, matrix}, {}, node.name);
    rewriter.replace(id, rewriter.emit("Reshape", {product, *result_shape}));
    return true;
  });
}

}  // namespace keras
