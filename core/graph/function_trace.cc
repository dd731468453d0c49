// Captures of Functions that are traced inside others.
#include "core/graph/function_trace.h"

#include <algorithm>

#include "core/base/error.h"

namespace keras {
namespace {

/// Both take what either of them captured.
Values share_captures(FunctionTrace& a, FunctionTrace& b) {
  for (const Value& value : Values(a.captured())) b.capture(value);
  for (const Value& value : Values(b.captured())) a.capture(value);
  return a.captured();
}

}  // namespace

Value FunctionTrace::arg(std::string_view name, DType dtype, const Shape& shape) {
  roles_.push_back(-1);
  return builder_.arg(name, dtype, shape);
}

Value FunctionTrace::capture(const Value& outer) {
  const auto found = std::find(captured_.begin(), captured_.end(), outer);
  if (found != captured_.end()) return arguments_[static_cast<size_t>(found - captured_.begin())];
  roles_.push_back(static_cast<int>(captured_.size()));
  captured_.push_back(outer);
  arguments_.push_back(builder_.arg("captured", outer.dtype(), outer.shape()));
  return arguments_.back();
}

void FunctionTrace::return_captures(std::span<const Value> captured) {
  for (const Value& value : captured) results_.push_back(capture(value));
}

FunctionPtr FunctionTrace::finish(std::span<const Value> captured) {
  std::vector<std::string> names;
  for (size_t i = 0; i < results_.size(); ++i) names.push_back("output_" + std::to_string(i));
  const FunctionPtr traced = builder_.finish(results_, std::move(names));
  std::vector<size_t> order;  // of arguments
  for (size_t i = 0; i < roles_.size(); ++i) {
    if (roles_[i] < 0) order.push_back(i);
  }
  for (const Value& value : captured) {
    const auto index = static_cast<int>(std::find(captured_.begin(), captured_.end(), value) - captured_.begin());
    order.push_back(static_cast<size_t>(std::find(roles_.begin(), roles_.end(), index) - roles_.begin()));
  }
  Function function = *traced;
  for (size_t i = 0; i < order.size(); ++i) {
    function.args[i] = traced->args[order[i]];
    function.arg_names[i] = traced->arg_names[order[i]];
    function.nodes[static_cast<size_t>(function.args[i])].attrs.set("index", static_cast<int64_t>(i));
  }
  return std::make_shared<const Function>(std::move(function));
}

Value use_inside(const Value& value, std::span<const OpenGraph> open) {
  Value inside = value;
  bool found = false;
  for (const OpenGraph& graph : open) {
    if (!found) {
      found = graph.builder == value.emitter;
      continue;
    }
    if (graph.builder == inside.emitter) continue;  // a layer in a layer
    if (graph.function == nullptr) {
      found = false;
      break;
    }
    inside = graph.function->capture(inside);
  }
  if (!found) throw RuntimeError("This symbolic tensor belongs to another call. Symbolic tensors cannot be kept outside of it.");
  return inside;
}

Values emit_cond(GraphBuilder& builder, const Value& condition, FunctionTrace& then_branch, FunctionTrace& else_branch) {
  const Values captured = share_captures(then_branch, else_branch);
  return builder.cond(condition, then_branch.finish(captured), else_branch.finish(captured), captured);
}

Values emit_while(GraphBuilder& builder, FunctionTrace& condition, FunctionTrace& body, std::span<const Value> inputs) {
  const Values captured = share_captures(condition, body);
  body.return_captures(captured);
  Values all(inputs.begin(), inputs.end());
  all.insert(all.end(), captured.begin(), captured.end());
  Values results = builder.while_loop(condition.finish(captured), body.finish(captured), all);
  results.resize(inputs.size());
  return results;
}

}  // namespace keras
