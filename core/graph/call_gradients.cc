// Calls, conditions and Case: the gradient is an op of the same kind, which calls the gradients of the Functions.
#include "core/graph/call_gradients.h"

#include <algorithm>
#include <numeric>

#include "core/graph/differentiated_function.h"
#include "core/graph/node_check.h"
#include "core/ops/builders.h"

namespace keras {
namespace {

/// The call's attributes with other Functions, in the order of called_functions().
Attrs with_functions(const Node& node, const std::vector<FunctionPtr>& functions) {
  Attrs attrs;
  size_t next = 0;
  for (const auto& [name, value] : node.attrs.items()) {
    if (std::holds_alternative<FunctionRef>(value)) {
      attrs.set(name, FunctionRef{functions[next]->name, functions[next]});
      ++next;
    } else if (const auto* list = std::get_if<std::vector<FunctionRef>>(&value)) {
      std::vector<FunctionRef> replaced;
      for (size_t i = 0; i < list->size(); ++i, ++next) replaced.push_back({functions[next]->name, functions[next]});
      attrs.set(name, std::move(replaced));
    } else if (name == "config" || name == "config_proto" || name == "executor_type") {
      attrs.set(name, value);
    }
  }
  return attrs;
}

bool selects(const Node& node) { return !std::string_view(node.op->def->name).ends_with("PartitionedCall"); }

/// The form of the op for Functions that change nothing, so that a gradient nobody uses is dropped.
std::string_view stateless_form(std::string_view op) {
  if (op == "StatefulPartitionedCall") return "PartitionedCall";
  if (op == "If") return "StatelessIf";
  return op == "Case" ? "StatelessCase" : op;
}

}  // namespace

bool is_differentiable_call(const Node& node) { return (node.op->def->flags & kCallsFunctions) != 0; }

Values call_gradients(GraphBuilder& builder, int32_t id, std::span<const Value> upstream) {
  const Node node = builder.node(id);  // a copy: the node is changed below
  if (std::string_view(node.op->def->name).ends_with("While")) return loop_gradients(builder, id, upstream);
  const size_t first = selects(node) ? 1 : 0;
  std::vector<char> has_upstream;
  for (const Value& value : upstream) has_upstream.push_back(value.valid());

  std::vector<std::unique_ptr<DifferentiatedFunction>> branches;
  for (const FunctionRef* function : called_functions(node.attrs)) {
    branches.push_back(std::make_unique<DifferentiatedFunction>(*function->function, builder.limits()));
    branches.back()->differentiate(has_upstream);
  }
  std::vector<size_t> wanted;
  for (size_t input = 0; input < node.inputs.size() - first; ++input) {
    const auto found = std::find_if(branches.begin(), branches.end(), [&](const auto& b) { return b->gradient(input).valid(); });
    if (found == branches.end()) continue;
    wanted.push_back(input);
    const DType dtype = (*found)->gradient(input).dtype();
    for (const auto& branch : branches) branch->fill_with_zeros(input, dtype);
  }
  Values results(node.inputs.size());
  if (wanted.empty()) return results;

  std::vector<Intermediate> intermediates;  // of all branches
  std::vector<Shape> shapes;
  for (size_t b = 0; b < branches.size(); ++b) {
    for (const Edge& edge : branches[b]->find_intermediates(wanted, {})) {
      intermediates.push_back({b, branches[b]->dtype(edge)});
      shapes.push_back(branches.size() == 1 ? branches[b]->shape(edge) : Shape::unknown_rank());
    }
  }
  std::vector<size_t> args(node.inputs.size() - first);
  std::iota(args.begin(), args.end(), size_t{0});
  std::vector<FunctionPtr> forward, backward;
  for (size_t b = 0; b < branches.size(); ++b) {
    forward.push_back(branches[b]->forward(intermediates, b));
    backward.push_back(branches[b]->backward(args, intermediates, b, wanted));
  }
  Values inputs;
  for (const Edge& input : node.inputs) inputs.push_back({&builder, input.node, input.output});
  std::vector<DType> dtypes = node.dtypes;
  for (const auto& [branch, dtype] : intermediates) dtypes.push_back(dtype);
  Attrs extended = with_functions(node, forward);
  extended.set("Tout", dtypes);
  for (const Value& extra : builder.extend_call(id, {}, std::move(extended), dtypes, shapes)) inputs.push_back(extra);
  for (const Value& value : upstream) {
    if (value.valid()) inputs.push_back(value);
  }
  Attrs attrs = with_functions(node, backward);
  std::vector<DType> result_dtypes;
  for (const Edge& output : backward[0]->outputs) result_dtypes.push_back(backward[0]->dtype(output));
  attrs.set("Tout", std::move(result_dtypes));
  const bool stateful = std::any_of(backward.begin(), backward.end(), [](const FunctionPtr& f) { return is_stateful(*f); });
  const std::string_view op = node.op->def->name;
  const Values found = builder.emit(stateful ? op : stateless_form(op), inputs, std::move(attrs));
  for (size_t i = 0; i < wanted.size(); ++i) results[wanted[i] + first] = found[i];
  return results;
}

}  // namespace keras
