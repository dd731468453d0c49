// Transposes by permutations that are constants.
#include <numeric>

#include "core/graph/passes/passes.h"

namespace keras {
namespace {

using Permutation = std::vector<int64_t>;

/// The permutation of a Transpose in the copy; empty where it is no Transpose, or one that is not known or is wrong.
Permutation permutation_of(const Rewriter& rewriter, const Edge& x, const Edge& perm) {
  const Tensor* value = rewriter.constant_of(perm);
  const Shape& shape = rewriter.shape(x);
  if (value == nullptr || value->rank() != 1 || !shape.known_rank() || shape.rank() != value->elements()) return {};
  Permutation permutation = value->to_int64s();
  std::vector<char> seen(permutation.size(), 0);
  for (int64_t& axis : permutation) {
    if (axis < 0) axis += shape.rank();
    if (axis < 0 || axis >= shape.rank() || seen[static_cast<size_t>(axis)]++ != 0) return {};
  }
  return permutation;
}

Permutation permutation_of(const Rewriter& rewriter, const Edge& edge) {
  if (!rewriter.is(edge, "Transpose")) return {};
  const Node& node = rewriter.made(edge);
  return permutation_of(rewriter, node.inputs[0], node.inputs[1]);
}

Permutation identity(size_t rank) {
  Permutation result(rank);
  std::iota(result.begin(), result.end(), int64_t{0});
  return result;
}

bool swaps_last_two(const Permutation& permutation) {
  if (permutation.size() < 2) return false;
  Permutation swapped = identity(permutation.size());
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  return permutation == swapped;
}

bool remove_of_transpose(Rewriter& rewriter, int32_t id, const Node& node) {
  const Edge input = rewriter.mapped(node.inputs[0]);
  const Permutation permutation = permutation_of(rewriter, input, rewriter.mapped(node.inputs[1]));
  if (permutation.empty()) return false;
  if (permutation == identity(permutation.size())) {
    rewriter.replace(id, input);
    return true;
  }
  const Permutation before = permutation_of(rewriter, input);
  if (before.empty()) return false;
  const Edge source = rewriter.made(input).inputs[0];
  std::vector<int32_t> both;
  for (const int64_t axis : permutation) both.push_back(static_cast<int32_t>(before[static_cast<size_t>(axis)]));
  if (Permutation(both.begin(), both.end()) == identity(both.size())) {
    rewriter.replace(id, source);
    return true;
  }
  const Edge perm = rewriter.constant(Tensor::vector<int32_t>(both));
  rewriter.replace(id, rewriter.emit("Transpose", {source, perm}, {}, node.name));
  return true;
}

/// A product of transposed matrices, as one that transposes them itself.
bool remove_of_product(Rewriter& rewriter, int32_t id, const Node& node, const char* const (&names)[2]) {
  if (!is_floating(node.dtypes[0])) return false;
  std::vector<Edge> inputs = rewriter.mapped(node.inputs);
  Attrs attrs = node.attrs;
  bool found = false;
  for (size_t i = 0; i < 2; ++i) {
    if (!swaps_last_two(permutation_of(rewriter, inputs[i]))) continue;
    inputs[i] = rewriter.made(inputs[i]).inputs[0];
    attrs.set(names[i], !node.attrs.get_bool(names[i]));
    found = true;
  }
  if (found) rewriter.replace(id, rewriter.emit(node.op->def->name, inputs, std::move(attrs), node.name));
  return found;
}

}  // namespace

bool remove_transpose(Rewriter& rewriter, int32_t id, const Node& node) {
  const std::string_view op = node.op->def->name;
  if (op == "Transpose") return remove_of_transpose(rewriter, id, node);
  if (op == "MatMul") return remove_of_product(rewriter, id, node, {"transpose_a", "transpose_b"});
  if (op == "BatchMatMul" || op == "BatchMatMulV2") return remove_of_product(rewriter, id, node, {"adj_x", "adj_y"});
  return false;
}

}  // namespace keras
