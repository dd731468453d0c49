// A plan: for one Function and one set of argument shapes, where each value lives and when it dies.
#pragma once

#include <cstdint>
#include <vector>

#include "core/graph/function.h"
#include "core/graph/hoist.h"

namespace keras {

class Runtime;

/// Where one output of one node lives.
struct Slot {
  int64_t offset = -1;  // in the arena; -1: memory of its own, allocated when the kernel asks
  int64_t bytes = 0;
};

struct Plan {
  std::vector<Shape> arg_shapes;
  std::vector<Slot> slots;                     // by value index (see ValueIndex)
  std::vector<std::vector<int32_t>> releases;  // after node i: the value indices that nobody needs any more
  std::vector<std::vector<Tensor>> folded;     // node → values computed while planning (empty: run the kernel)
  int64_t arena_bytes = 0;
};

/// Numbers all outputs of all nodes in one row.
class ValueIndex {
 public:
  explicit ValueIndex(const Function& function);
  int32_t of(int32_t node, int32_t output) const { return first_[static_cast<size_t>(node)] + output; }
  int32_t of(const Edge& edge) const { return of(edge.node, edge.output); }
  int32_t count() const { return first_.back(); }

 private:
  std::vector<int32_t> first_;
};

/// Infers all shapes from those of the arguments, computes what depends on shapes alone, and lays out the arena: values
/// whose lives do not overlap share memory, ops that may run in place do. What is `hoisted` needs no memory here.
Plan make_plan(const Function& function, const ValueIndex& index, const Hoisting& hoisting, std::vector<Shape> arg_shapes,
               Runtime& runtime);

}  // namespace keras
