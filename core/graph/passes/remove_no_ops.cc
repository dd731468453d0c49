// Nodes that hand on what they were given.
#include <optional>

#include "core/graph/passes/passes.h"

namespace keras {
namespace {

bool is_identity(std::string_view op) {
  return op == "Identity" || op == "StopGradient" || op == "PreventGradient" || op == "Snapshot";
}

bool is_reshape(std::string_view op) { return op == "Reshape" || op == "Squeeze" || op == "ExpandDims"; }

/// Known dimensions multiplied, and how many are not known.
struct Size {
  int64_t known = 1;
  int unknown = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

std::optional<Size> size_of(const Shape& shape) {
  if (!shape.known_rank()) return std::nullopt;
  Size size;
  for (const int64_t dim : shape.dims()) {
    if (dim < 0)
      ++size.unknown;
    else if (dim == 0)
      return std::nullopt;  // what it is multiplied with does not matter
    else
      size.known *= dim;
  }
  return size;
}

/// Whether values of these static shapes have as many elements for sure, if they hold the same batch: one dimension may be
/// unknown, which the number of elements then decides.
bool same_size(const Shape& a, const Shape& b) {
  const auto size_a = size_of(a), size_b = size_of(b);
  return size_a && size_b && *size_a == *size_b && size_a->unknown <= 1;
}

/// A reshape from `from` to `to`, which cannot fail, changes nothing.
bool is_same_shape(const Shape& from, const Shape& to) { return same_size(from, to) && from == to; }

bool is_known_to_fit(const Shape& shape, const Shape& wanted) {
  if (!wanted.known_rank()) return true;
  return shape.known_rank() && shape.compatible_with(wanted) && shape.merged_with(wanted) == shape;
}

bool remove_reshape(Rewriter& rewriter, int32_t id, const Node& node) {
  const Edge input = rewriter.mapped(node.inputs[0]);
  if (is_same_shape(rewriter.shape(input), node.shapes[0])) {
    rewriter.replace(id, input);
    return true;
  }
  // A reshape of a reshape that cannot fail.
  const Node& before = rewriter.made(input);
  if (std::string_view(node.op->def->name) != "Reshape" || !is_reshape(before.op->def->name)) return false;
  const Edge source = before.inputs[0];
  if (!same_size(rewriter.shape(source), rewriter.shape(input))) return false;
  if (is_same_shape(rewriter.shape(source), node.shapes[0])) {
    rewriter.replace(id, source);
    return true;
  }
  rewriter.replace(id, rewriter.emit("Reshape", {source, rewriter.mapped(node.inputs[1])}, {}, node.name));
  return true;
}

}  // namespace

bool remove_no_op(Rewriter& rewriter, int32_t id, const Node& node) {
  const std::string_view op = node.op->def->name;
  if (is_reshape(op)) return remove_reshape(rewriter, id, node);
  if (op == "IdentityN") {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      rewriter.replace(id, static_cast<int32_t>(i), rewriter.mapped(node.inputs[i]));
    }
    return true;
  }
  const bool fits =
      op == "EnsureShape" && is_known_to_fit(rewriter.shape(rewriter.mapped(node.inputs[0])), node.attrs.get<Shape>("shape"));
  const bool sum_of_one = op == "AddN" && node.inputs.size() == 1;
  if (!is_identity(op) && !fits && !sum_of_one) return false;
  rewriter.replace(id, rewriter.mapped(node.inputs[0]));
  return true;
}

}  // namespace keras
