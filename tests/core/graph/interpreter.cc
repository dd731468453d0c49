#include "tests/core/graph/interpreter.h"

#include <algorithm>
#include <map>

namespace keras::testing {
namespace {

std::vector<Tensor> call(const Attrs& attrs, std::string_view name, std::span<const Tensor> inputs, Runtime& runtime) {
  return interpret(*attrs.get<FunctionRef>(name).function, inputs, runtime);
}

std::vector<Tensor> run_node(const Node& node, std::span<const Tensor> inputs, Runtime& runtime) {
  const std::string_view op = node.op->def->name;
  if (op.ends_with("PartitionedCall")) return call(node.attrs, "f", inputs, runtime);
  if (op == "If" || op == "StatelessIf") {
    return call(node.attrs, inputs[0].data<bool>()[0] ? "then_branch" : "else_branch", inputs.subspan(1), runtime);
  }
  if (op == "While" || op == "StatelessWhile") {
    std::vector<Tensor> values(inputs.begin(), inputs.end());
    while (call(node.attrs, "cond", values, runtime)[0].data<bool>()[0]) values = call(node.attrs, "body", values, runtime);
    return values;
  }
  return run_op(op, inputs, node.attrs, runtime);
}

std::vector<std::vector<Tensor>> all_values(const Function& function, std::span<const Tensor> args, Runtime& runtime) {
  std::vector<std::vector<Tensor>> values(function.nodes.size());
  for (size_t i = 0; i < args.size(); ++i) values[static_cast<size_t>(function.args[i])] = {args[i]};
  for (const Capture& capture : function.captures) values[static_cast<size_t>(capture.node)] = {capture.value};
  for (size_t id = 0; id < function.nodes.size(); ++id) {
    const Node& node = function.nodes[id];
    if (!values[id].empty()) continue;
    std::vector<Tensor> inputs;
    for (const Edge& input : node.inputs)
      inputs.push_back(values[static_cast<size_t>(input.node)][static_cast<size_t>(input.output)]);
    values[id] = run_node(node, inputs, runtime);
  }
  return values;
}

bool is_activation(const Node& node) {
  const std::string_view op = node.op->def->name;
  return op != "_Arg" && op != "Const" && op != "ReadVariableOp";
}

}  // namespace

std::vector<Tensor> interpret(const Function& function, std::span<const Tensor> args, Runtime& runtime) {
  const auto values = all_values(function, args, runtime);
  std::vector<Tensor> results;
  for (const Edge& output : function.outputs) {
    results.push_back(values[static_cast<size_t>(output.node)][static_cast<size_t>(output.output)]);
  }
  return results;
}

int64_t largest_live_pair(const Function& function, std::span<const Tensor> args, Runtime& runtime) {
  const auto values = all_values(function, args, runtime);
  struct Memory {
    int64_t bytes = 0;
    size_t first = 0, last = 0;
  };
  std::map<const void*, Memory> memories;  // a reshape shares that of its input
  for (size_t id = 0; id < function.nodes.size(); ++id) {
    if (is_activation(function.nodes[id])) {
      for (const Tensor& value : values[id]) memories.try_emplace(value.owner().get(), Memory{value.size_bytes(), id, id});
    }
    for (const Edge& input : function.nodes[id].inputs) {
      const auto found = memories.find(values[static_cast<size_t>(input.node)][static_cast<size_t>(input.output)].owner().get());
      if (found != memories.end()) found->second.last = id;
    }
  }
  int64_t largest = 0;
  for (size_t id = 0; id < function.nodes.size(); ++id) {
    std::vector<int64_t> alive = {0, 0};
    for (const auto& [owner, memory] : memories) {
      if (memory.first <= id && id <= memory.last) alive.push_back(memory.bytes);
    }
    std::sort(alive.rbegin(), alive.rend());
    largest = std::max(largest, alive[0] + alive[1]);
  }
  return largest;
}

}  // namespace keras::testing
