// Finds the part of a Function that its arguments do not reach.
#include "core/graph/hoist.h"

#include <set>

namespace keras {
namespace {

bool is_read(const Node& node) { return std::string_view(node.op->def->name) == "ReadVariableOp"; }

/// The captures whose variables this Function changes, or hands on to somebody who might.
std::set<int32_t> written_captures(const Function& function) {
  std::set<int32_t> written;
  for (const Node& node : function.nodes) {
    if (is_read(node) || std::string_view(node.op->def->name) == "ResourceGather") continue;
    for (const Edge& input : node.inputs) {
      if (function.dtype(input) == DType::kResource) written.insert(input.node);
    }
  }
  return written;
}

}  // namespace

Hoisting find_hoisted(const Function& function) {
  const size_t count = function.nodes.size();
  Hoisting result{std::vector<char>(count, 0), std::vector<char>(count, 0), {}};
  const std::set<int32_t> written = written_captures(function);
  std::set<int32_t> readable;
  for (const Capture& capture : function.captures) {
    if (!written.contains(capture.node)) readable.insert(capture.node);
  }
  std::set<int32_t> used;
  for (size_t i = 0; i < count; ++i) {
    const Node& node = function.nodes[i];
    if (is_read(node)) {
      result.hoisted[i] = readable.contains(node.inputs[0].node);
      continue;
    }
    if (std::string_view(node.op->def->name) == "_Arg" || (node.op->def->flags & kStateful) != 0) continue;
    bool hoisted = true;
    for (const Edge& input : node.inputs) hoisted = hoisted && result.hoisted[static_cast<size_t>(input.node)];
    result.hoisted[i] = hoisted;
  }
  for (size_t i = 0; i < count; ++i) {
    if (result.hoisted[i]) {
      if (is_read(function.nodes[i])) used.insert(function.nodes[i].inputs[0].node);
      continue;
    }
    for (const Edge& input : function.nodes[i].inputs) {
      const auto source = static_cast<size_t>(input.node);
      if (result.hoisted[source] && !is_read(function.nodes[source])) result.kept[source] = 1;
    }
  }
  for (const Edge& output : function.outputs) {
    const auto source = static_cast<size_t>(output.node);
    if (result.hoisted[source] && !is_read(function.nodes[source])) result.kept[source] = 1;
  }
  for (const Capture& capture : function.captures) {
    if (used.contains(capture.node)) result.variables.push_back(capture.value.object<Variable>());
  }
  return result;
}

}  // namespace keras
