// Calls in the middle of a Function hide from all other rewrites what is called, and cost a run of an executor.
#include "core/graph/passes/passes.h"
#include "core/graph/recurrent_form.h"

namespace keras {
namespace {

// Functions that call others twice, which call others twice, would grow without end.
constexpr size_t kMaxNodes = 20'000;

bool is_call(const Node& node) { return std::string_view(node.op->def->name).ends_with("PartitionedCall"); }

/// The Function that a node calls in any case, and the first input that it takes; null if it depends.
struct Callee {
  const Function* function = nullptr;
  size_t first_input = 0;
};

bool is_recurrent(const Function* function) { return function != nullptr && recurrent_form(*function).has_value(); }

Callee callee_of(const Rewriter& rewriter, const Node& node, std::span<const Edge> inputs, bool keeps_recurrent) {
  if (is_call(node)) {
    const Function* function = node.attrs.get<FunctionRef>("f").function.get();
    return keeps_recurrent && is_recurrent(function) ? Callee{} : Callee{function, 0};
  }
  const std::string_view op = node.op->def->name;
  if (op != "If" && op != "StatelessIf") return {};
  const Tensor* condition = rewriter.constant_of(inputs[0]);
  if (condition == nullptr || condition->rank() != 0 || condition->dtype() != DType::kBool) return {};
  return {node.attrs.get<FunctionRef>(condition->data<bool>()[0] ? "then_branch" : "else_branch").function.get(), 1};
}

bool fits(const Rewriter& rewriter, const Function& callee) {
  return static_cast<size_t>(rewriter.next_node()) + callee.nodes.size() <= kMaxNodes;
}

/// What the callee takes for granted of an argument is checked where the call stood; remove_no_op() drops checks of what is
/// known.
Edge checked_argument(Rewriter& rewriter, const Edge& edge, const Shape& wanted, const Node& call) {
  if (rewriter.dtype(edge) == DType::kResource || rewriter.dtype(edge) == DType::kVariant) return edge;
  const Tensor* constant = rewriter.constant_of(edge);
  if (!wanted.known_rank() || (constant != nullptr && wanted.compatible_with(constant->shape()))) return edge;
  Node check{.op = find_op("EnsureShape"),
             .name = call.name,
             .inputs = {edge},
             .attrs = {{"shape", wanted}, {"T", rewriter.dtype(edge)}},
             .dtypes = {rewriter.dtype(edge)},
             .shapes = {wanted}};
  return {rewriter.add(std::move(check)), 0};
}

/// Adds the nodes of a Function for the arguments `inputs`; returns its results.
std::vector<Edge> add_body(Rewriter& rewriter, const Node& call, const Function& body, std::span<const Edge> inputs,
                           bool keeps_recurrent) {
  std::vector<int32_t> numbers(body.nodes.size(), -1);
  std::vector<Edge> handles(body.nodes.size());  // of arguments and captures
  for (size_t i = 0; i < body.args.size(); ++i) {
    handles[static_cast<size_t>(body.args[i])] = checked_argument(rewriter, inputs[i], body.shape({body.args[i], 0}), call);
  }
  for (const Capture& capture : body.captures) {
    const auto at = static_cast<size_t>(capture.node);
    handles[at] = rewriter.capture(capture.value, body.nodes[at].name);
  }
  const auto moved = [&](const Edge& edge) {
    const Edge& handle = handles[static_cast<size_t>(edge.node)];
    return handle.node >= 0 ? handle : Edge{numbers[static_cast<size_t>(edge.node)], edge.output};
  };
  std::vector<std::vector<Edge>> results_of(body.nodes.size());  // of calls that were inlined in turn
  const auto resolve = [&](const Edge& edge) {
    const auto& results = results_of[static_cast<size_t>(edge.node)];
    return results.empty() ? moved(edge) : results[static_cast<size_t>(edge.output)];
  };
  for (size_t i = 0; i < body.nodes.size(); ++i) {
    if (handles[i].node >= 0) continue;
    Node node = body.nodes[i];
    node.name = call.name + "/" + node.name;
    for (Edge& input : node.inputs) input = resolve(input);
    const Callee inner = callee_of(rewriter, node, node.inputs, keeps_recurrent);
    if (inner.function != nullptr && fits(rewriter, *inner.function)) {
      const std::span<const Edge> args = std::span(node.inputs).subspan(inner.first_input);
      results_of[i] = add_body(rewriter, node, *inner.function, args, keeps_recurrent);
    } else {
      numbers[i] = rewriter.add(std::move(node));
    }
  }
  std::vector<Edge> results;
  for (const Edge& output : body.outputs) results.push_back(resolve(output));
  return results;
}

}  // namespace

Function inline_calls(Function function, bool keeps_recurrent) {
  Function result = rewrite_nodes(std::move(function), [keeps_recurrent](Rewriter& rewriter, int32_t id, const Node& node) {
    if ((node.op->def->flags & kCallsFunctions) == 0) return false;
    const std::vector<Edge> inputs = rewriter.mapped(node.inputs);
    const Callee callee = callee_of(rewriter, node, inputs, keeps_recurrent);
    if (callee.function == nullptr || !fits(rewriter, *callee.function)) return false;
    const std::span<const Edge> args = std::span(inputs).subspan(callee.first_input);
    const std::vector<Edge> results = add_body(rewriter, node, *callee.function, args, keeps_recurrent);
    for (size_t i = 0; i < results.size(); ++i) rewriter.replace(id, static_cast<int32_t>(i), results[i]);
    return true;
  });
  refine_shapes(result);
  return result;
}

}  // namespace keras
