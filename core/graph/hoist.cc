// Finds the part of a Function that its arguments do not reach.
#include "core/graph/hoist.h"

#include <algorithm>
#include <map>

#include "core/graph/node_check.h"

namespace keras {
namespace {

bool is_read(const Node& node) { return std::string_view(node.op->def->name) == "ReadVariableOp"; }

/// Which argument of the Functions that a node calls takes its input `input`; -1: none, it decides which one is called.
int64_t argument_of(const Node& node, size_t input) {
  const std::string_view op = node.op->def->name;
  const bool selects = op.ends_with("If") || op.ends_with("Case");
  return static_cast<int64_t>(input) - (selects ? 1 : 0);
}

/// Looks at each Function once, however often it is called.
class Writes {
 public:
  const std::set<int32_t>& of(const Function& function) {
    const auto known = written_.find(&function);
    if (known != written_.end()) return known->second;
    std::set<int32_t> written;
    for (size_t id = function.nodes.size(); id-- > 0;) {
      const Node& node = function.nodes[id];
      const bool hands_on = written.contains(static_cast<int32_t>(id));  // a handle that it was given, to who writes
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (function.dtype(node.inputs[i]) != DType::kResource) continue;
        if (hands_on || may_write(node, i)) written.insert(node.inputs[i].node);
      }
    }
    return written_.emplace(&function, std::move(written)).first->second;
  }

 private:
  bool may_write(const Node& node, size_t input) {
    const std::string_view op = node.op->def->name;
    if (is_read(node) || op == "ResourceGather" || op == "VariableShape") return false;
    if ((node.op->def->flags & kCallsFunctions) == 0) return true;
    const int64_t arg = argument_of(node, input);
    if (arg < 0) return true;
    const std::vector<const FunctionRef*> functions = called_functions(node.attrs);
    return std::any_of(functions.begin(), functions.end(), [&](const FunctionRef* ref) {
      return ref->function == nullptr || of(*ref->function).contains(ref->function->args[static_cast<size_t>(arg)]);
    });
  }

  std::map<const Function*, std::set<int32_t>> written_;
};

/// Whether Functions that the node calls have variables of their own, whose changes nobody would see.
bool reads_by_itself(const Node& node) {
  if ((node.op->def->flags & kCallsFunctions) == 0) return false;
  const std::vector<const FunctionRef*> functions = called_functions(node.attrs);
  return std::any_of(functions.begin(), functions.end(), [](const FunctionRef* function) {
    return function->function == nullptr || !function->function->captures.empty();
  });
}

/// Of a node that is no read; `hoisted` tells of its inputs. A function of its own: see wasm/CMakeLists.txt.
[[gnu::noinline]] bool is_hoisted(const Node& node, const std::vector<char>& hoisted) {
  if (std::string_view(node.op->def->name) == "_Arg" || (node.op->def->flags & kStateful) != 0) return false;
  const auto known = [&](const Edge& input) { return hoisted[static_cast<size_t>(input.node)] != 0; };
  return std::all_of(node.inputs.begin(), node.inputs.end(), known) && !reads_by_itself(node);
}

}  // namespace

std::set<int32_t> written_handles(const Function& function) { return Writes().of(function); }

Hoisting find_hoisted(const Function& function, const std::vector<char>& invariant) {
  const size_t count = function.nodes.size();
  Hoisting result{std::vector<char>(count, 0), std::vector<char>(count, 0), {}};
  const std::set<int32_t> written = written_handles(function);
  std::set<int32_t> readable;
  for (const Capture& capture : function.captures) {
    if (!written.contains(capture.node)) readable.insert(capture.node);
  }
  for (size_t i = 0; i < invariant.size(); ++i) {
    const int32_t arg = function.args[i];
    if (!invariant[i]) continue;
    if (function.dtype({arg, 0}) != DType::kResource)
      result.hoisted[static_cast<size_t>(arg)] = 1;
    else if (!written.contains(arg))
      readable.insert(arg);
  }
  std::set<int32_t> used;
  for (size_t i = 0; i < count; ++i) {
    const Node& node = function.nodes[i];
    if (is_read(node))
      result.hoisted[i] = readable.contains(node.inputs[0].node);
    else if (!result.hoisted[i])
      result.hoisted[i] = is_hoisted(node, result.hoisted);
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
