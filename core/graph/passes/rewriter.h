// Carries a Function over node by node; a rewrite puts other nodes in the place of some.
#pragma once

#include <initializer_list>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/graph/function.h"
#include "core/graph/hoist.h"
#include "core/graph/plan.h"

namespace keras {

/// Edges of the source are "old", those of the copy "new". Nodes are visited in order, so all inputs of the node at hand
/// have new edges already.
class Rewriter {
 public:
  /// `hoisting` is that of the source; a rewrite that does not ask for it need not give it.
  explicit Rewriter(Function source, Hoisting hoisting = {});

  /// Nodes that have been copied have no name and no attributes here any more: see made().
  const Function& source() const { return source_; }
  /// Copies node `id` as it is.
  void copy(int32_t id);
  /// Output 0, or any, of the old node `id` is computed by `edge` from now on.
  void replace(int32_t id, const Edge& edge) { replace(id, 0, edge); }
  void replace(int32_t id, int32_t output, const Edge& edge);
  /// All outputs of the old node `id` are those of the node `new_id` of the copy.
  void replace_all(int32_t id, int32_t new_id);
  /// A node in the copy; attributes, dtypes and shapes are completed.
  Edge emit(std::string_view op, std::span<const Edge> inputs, Attrs attrs = {}, std::string_view name = {});
  Edge emit(std::string_view op, std::initializer_list<Edge> inputs, Attrs attrs = {}, std::string_view name = {}) {
    return emit(op, std::span<const Edge>(inputs.begin(), inputs.size()), std::move(attrs), name);
  }
  Edge constant(Tensor value);
  /// A complete node whose inputs are new edges. Returns its number in the copy.
  int32_t add(Node node);
  /// The handle of a variable, captured at first use.
  Edge capture(const Tensor& handle, std::string_view name);

  Edge mapped(const Edge& old_edge) const { return map_[static_cast<size_t>(index_.of(old_edge))]; }
  std::vector<Edge> mapped(std::span<const Edge> old_edges) const;
  /// The node of the copy that makes a new edge.
  const Node& made(const Edge& new_edge) const { return copy_.nodes[static_cast<size_t>(new_edge.node)]; }
  const Shape& shape(const Edge& new_edge) const { return copy_.shape(new_edge); }
  DType dtype(const Edge& new_edge) const { return copy_.dtype(new_edge); }
  bool is(const Edge& new_edge, std::string_view op) const { return made(new_edge).op->def->name == op; }
  /// The value of a new edge that is a constant, else null. Valid until the next node is added.
  const Tensor* constant_of(const Edge& new_edge) const;
  /// The number that the next node will have.
  int32_t next_node() const { return static_cast<int32_t>(copy_.nodes.size()); }
  /// How many nodes and results use an old edge.
  int uses(const Edge& old_edge) const { return uses_[static_cast<size_t>(index_.of(old_edge))]; }
  /// Whether an old edge depends on constants, unassigned variables and invariant arguments only. REQUIRES: hoisting was given.
  bool is_hoisted(const Edge& old_edge) const { return hoisting_.hoisted[static_cast<size_t>(old_edge.node)] != 0; }

  /// The copy, without what the replacements left unused.
  Function finish();

 private:
  Function source_;
  ValueIndex index_;
  Hoisting hoisting_;
  std::vector<Edge> map_;
  std::vector<int> uses_;
  std::map<const void*, Edge> captured_;  // variable → its handle in the copy
  Function copy_;
};

/// Runs `visit(rewriter, id, node)` on each node; false copies the node.
template <class Visit>
Function rewrite_nodes(Function function, Hoisting hoisting, Visit&& visit) {
  Rewriter rewriter(std::move(function), std::move(hoisting));
  const std::vector<Node>& nodes = rewriter.source().nodes;
  for (int32_t id = 0; id < static_cast<int32_t>(nodes.size()); ++id) {
    if (!visit(rewriter, id, nodes[static_cast<size_t>(id)])) rewriter.copy(id);
  }
  return rewriter.finish();
}
template <class Visit>
Function rewrite_nodes(Function function, Visit&& visit) {
  return rewrite_nodes(std::move(function), Hoisting(), std::forward<Visit>(visit));
}

/// Infers the shapes of all nodes again, where they have become better known. Shapes that do not fit stay as they are: that is
/// said when the node runs.
void refine_shapes(Function& function);

}  // namespace keras
