// Calls of Functions while tracing: what they captured becomes arguments, so that whoever calls sees what is read and written.
#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "core/base/format.h"
#include "core/graph/builder.h"
#include "core/graph/node_check.h"

namespace keras {
namespace {

/// Variables that several Functions captured, each once, in order of first use.
std::vector<VariablePtr> captured_by(std::span<const FunctionPtr> functions) {
  std::vector<VariablePtr> variables;
  for (const FunctionPtr& function : functions) {
    for (const Capture& capture : function->captures) {
      auto variable = capture.value.object<Variable>();
      if (std::find(variables.begin(), variables.end(), variable) == variables.end()) variables.push_back(std::move(variable));
    }
  }
  return variables;
}

/// The Function with these variables as last arguments instead of its captures.
FunctionRef lift_captures(const FunctionPtr& function, const std::vector<VariablePtr>& variables) {
  if (variables.empty()) return {function->name, function};
  Function lifted = *function;
  lifted.captures.clear();
  for (const VariablePtr& variable : variables) {
    const auto found = std::find_if(function->captures.begin(), function->captures.end(),
                                    [&](const Capture& capture) { return capture.value.object<Variable>() == variable; });
    int32_t id;
    if (found != function->captures.end()) {
      id = found->node;
    } else {  // another branch's
      id = static_cast<int32_t>(lifted.nodes.size());
      lifted.nodes.push_back({.op = find_op("_Arg"),
                              .name = keras::format("{}/unused_handle_{}", variable->name(), id),
                              .inputs = {},
                              .attrs = {},
                              .dtypes = {DType::kResource},
                              .shapes = {Shape()}});
    }
    Node& node = lifted.nodes[static_cast<size_t>(id)];
    node.attrs = {{"T", DType::kResource}, {"index", static_cast<int64_t>(lifted.args.size())}};
    lifted.args.push_back(id);
    lifted.arg_names.push_back(node.name);
  }
  return {lifted.name, std::make_shared<const Function>(std::move(lifted))};
}

std::vector<DType> output_dtypes(const Function& function) {
  std::vector<DType> dtypes;
  for (const Edge& output : function.outputs) dtypes.push_back(function.dtype(output));
  return dtypes;
}

}  // namespace

Values GraphBuilder::call(const FunctionPtr& function, std::span<const Value> inputs) {
  const std::vector<VariablePtr> variables = captured_by(std::span(&function, 1));
  Values all(inputs.begin(), inputs.end());
  for (const VariablePtr& variable : variables) all.push_back(handle(variable));
  return emit(is_stateful(*function) ? "StatefulPartitionedCall" : "PartitionedCall", all,
              {{"f", lift_captures(function, variables)}, {"Tout", output_dtypes(*function)}});
}

Values GraphBuilder::cond(const Value& condition, const FunctionPtr& then_branch, const FunctionPtr& else_branch,
                          std::span<const Value> inputs) {
  const std::array branches = {then_branch, else_branch};
  const std::vector<VariablePtr> variables = captured_by(branches);
  if (output_dtypes(*then_branch) != output_dtypes(*else_branch)) {
    throw InvalidArgumentError("The branches of a condition, '{}' and '{}', return values of different number or dtype",
                               then_branch->name, else_branch->name);
  }
  Values all = {condition};
  all.insert(all.end(), inputs.begin(), inputs.end());
  for (const VariablePtr& variable : variables) all.push_back(handle(variable));
  return emit(is_stateful(*then_branch) || is_stateful(*else_branch) ? "If" : "StatelessIf", all,
              {{"then_branch", lift_captures(then_branch, variables)},
               {"else_branch", lift_captures(else_branch, variables)},
               {"Tout", output_dtypes(*then_branch)}});
}

Values GraphBuilder::while_loop(const FunctionPtr& condition, const FunctionPtr& body, std::span<const Value> inputs) {
  const std::array functions = {condition, body};
  const std::vector<VariablePtr> variables = captured_by(functions);
  Values all(inputs.begin(), inputs.end());
  for (const VariablePtr& variable : variables) all.push_back(handle(variable));
  const FunctionRef turned = lift_captures(body, variables);
  Function returning = *turned.function;  // the handles, too
  for (size_t i = inputs.size(); i < returning.args.size(); ++i) {
    returning.outputs.push_back({returning.args[i], 0});
    returning.output_names.push_back(returning.arg_names[i]);
  }
  Values outputs = emit(is_stateful(*condition) || is_stateful(*body) ? "While" : "StatelessWhile", all,
                        {{"cond", lift_captures(condition, variables)},
                         {"body", FunctionRef{body->name, std::make_shared<const Function>(std::move(returning))}}});
  outputs.resize(inputs.size());
  return outputs;
}

}  // namespace keras
