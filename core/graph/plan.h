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
  int64_t offset = -1;  // in the arena, or in what a result lends; -1: memory of its own, from when the kernel asks
  int64_t bytes = 0;
  int32_t in_place_of = -1;  // value index of an input that dies here, whose own memory is taken over
  int32_t lender = -1;       // in Plan::lent: whose memory that is, or (offset -1) what the value itself has lent; -1: none
};

struct Operand {
  int32_t value;  // value index (see ValueIndex)
  bool last;      // no later step and no result needs it
};

/// One node that runs.
struct Step {
  int32_t node;
  int32_t first_operand, operand_count;  // in Plan::operands
  int32_t first_release, release_count;  // in Plan::releases: values that nobody needs after this step
  bool has_open_shapes;                  // of its inputs: they are known, and can be checked, in the run only
};

/// A value that is there before the first step: computed while planning.
struct FoldedValue {
  int32_t value;
  Tensor tensor;
};

struct Plan {
  std::vector<Shape> arg_shapes;
  std::vector<Slot> slots;  // by value index
  std::vector<Step> steps;
  std::vector<Operand> operands;
  std::vector<int32_t> releases;
  std::vector<int32_t> left_over;  // results, and arguments that no step uses
  std::vector<FoldedValue> folded;
  std::vector<int64_t> lent;  // bytes of each result whose memory earlier values live in, until it is made
  int64_t arena_bytes = 0;
  int64_t peak_bytes = 0;  // the arena, and what lives outside of it at a time, as far as shapes tell
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
/// whose lives do not overlap share memory, ops that may run in place do; results have memory of their own, which holds earlier
/// values until then. What is `hoisted` needs no memory here.
Plan make_plan(const Function& function, const ValueIndex& index, const Hoisting& hoisting, std::vector<Shape> arg_shapes,
               Runtime& runtime);

}  // namespace keras
