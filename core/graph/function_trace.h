// Functions that are traced inside others: what their code uses of the graphs around them becomes further arguments.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/graph/builder.h"

namespace keras {

/// One Function in the making. Its arguments come first, then what it captured, in order of first use.
class FunctionTrace {
 public:
  FunctionTrace(std::string name, const Limits& limits) : builder_(std::move(name), limits) {}

  GraphBuilder& builder() { return builder_; }
  /// A new argument. Unknown dimensions are allowed.
  Value arg(std::string_view name, DType dtype, const Shape& shape);
  /// The argument that stands for a value of the graph around this one. Made at first use.
  Value capture(const Value& outer);
  const Values& captured() const { return captured_; }
  void set_results(Values results) { results_ = std::move(results); }
  const Values& results() const { return results_; }
  /// Has it return what it captured, too: the body of a loop.
  void return_captures(std::span<const Value> captured);

  /// The Function, with the arguments for `captured` (all that it captured) last and in this order. The trace is used up.
  FunctionPtr finish(std::span<const Value> captured);

 private:
  GraphBuilder builder_;
  Values captured_;         // values of the graph around
  Values arguments_;        // what stands for them here
  std::vector<int> roles_;  // of each argument in order: -1, or what it stands for in `captured_`
  Values results_;
};

/// A graph that is being traced; `function` is null where it cannot capture.
struct OpenGraph {
  GraphBuilder* builder;
  FunctionTrace* function;
};

/// A value of one of the open graphs (outermost first) as a value of the innermost. Throws RuntimeError for any other value.
Value use_inside(const Value& value, std::span<const OpenGraph> open);

/// Conditions and loops whose parts have been traced with the graph of `builder` around them. Throw InvalidArgumentError where
/// the parts do not fit.
Values emit_cond(GraphBuilder& builder, const Value& condition, FunctionTrace& then_branch, FunctionTrace& else_branch);
Values emit_while(GraphBuilder& builder, FunctionTrace& condition, FunctionTrace& body, std::span<const Value> inputs);

}  // namespace keras
