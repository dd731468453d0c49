// Each called Function is differentiated in a builder of its own, then cut in two: the forward nodes, and the gradient nodes
// with arguments in the place of the forward values that they use.
#include "core/graph/call_gradients.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "core/base/error.h"
#include "core/graph/gradients.h"
#include "core/graph/node_check.h"
#include "core/graph/prune.h"
#include "core/ops/builders.h"

namespace keras {
namespace {

using EdgeKey = std::pair<int32_t, int32_t>;

EdgeKey key_of(const Edge& edge) { return {edge.node, edge.output}; }
Edge edge_of(const Value& value) { return {value.node, value.output}; }
bool takes_gradient(DType dtype) { return is_floating(dtype) || dtype == DType::kResource; }

/// One called Function, with the nodes of its gradient behind its own.
class Branch {
 public:
  Branch(const Function& function, const Limits& limits)
      : function_(function), builder_(function, limits), forward_count_(builder_.node_count()) {}

  /// Adds the gradients of all arguments. `upstream` says which outputs have one.
  void differentiate(const std::vector<char>& upstream) {
    Values ys, grad_ys;
    for (size_t i = 0; i < function_.outputs.size(); ++i) {
      if (!upstream[i]) continue;
      const Edge& y = function_.outputs[i];
      ys.push_back({&builder_, y.node, y.output});
      grad_ys.push_back(builder_.arg("grad_" + function_.output_names[i], ys.back().dtype(), ys.back().shape()));
    }
    upstream_ = grad_ys;
    Values xs;
    for (const int32_t arg : function_.args) xs.push_back({&builder_, arg, 0});
    gradients_ = gradients(builder_, ys, xs, grad_ys);
    for (size_t i = 0; i < xs.size(); ++i) {
      if (!takes_gradient(xs[i].dtype())) gradients_[i] = {};
    }
  }

  const Value& gradient(size_t input) const { return gradients_[input]; }

  /// What another branch has a gradient for and this one has not.
  void fill_with_zeros(size_t input, DType dtype) {
    if (gradients_[input].valid()) return;
    const Value arg{&builder_, function_.args[input], 0};
    gradients_[input] = zeros_like(arg.dtype() == DType::kResource ? read_variable(arg, dtype) : arg);
  }

  /// The forward values that the wanted gradients use. To be asked for once all nodes are there.
  const std::vector<Edge>& find_intermediates(const std::vector<size_t>& wanted) {
    needed_.assign(static_cast<size_t>(builder_.node_count()), 0);
    for (const size_t input : wanted) use(edge_of(gradients_[input]));
    for (int32_t id = builder_.node_count() - 1; id >= forward_count_; --id) {
      if (!needed_[static_cast<size_t>(id)]) continue;
      for (const Edge& input : builder_.node(id).inputs) use(input);
    }
    return intermediates_;
  }

  DType dtype(const Edge& edge) const { return builder_.node(edge.node).dtypes[static_cast<size_t>(edge.output)]; }
  const Shape& shape(const Edge& edge) const { return builder_.node(edge.node).shapes[static_cast<size_t>(edge.output)]; }

  /// The Function as it was, with the intermediates of all branches as further outputs: those of others are empty.
  FunctionPtr forward(const std::vector<std::pair<size_t, DType>>& all, size_t self) const {
    Function result = function_;
    result.name = function_.name + "_forward";
    // Loops inside have been given inputs that are younger than they.
    result.nodes.clear();
    for (int32_t id = 0; id < builder_.node_count(); ++id) result.nodes.push_back(builder_.node(id));
    std::vector<int32_t> wanted(static_cast<size_t>(forward_count_));
    std::iota(wanted.begin(), wanted.end(), 0);
    size_t own = 0;
    for (const auto& [branch, dtype] : all) {
      result.output_names.push_back("intermediate_" + std::to_string(result.outputs.size()));
      if (branch == self) {
        result.outputs.push_back(intermediates_[own++]);
        continue;
      }
      const auto id = static_cast<int32_t>(result.nodes.size());
      wanted.push_back(id);
      result.nodes.push_back({.op = &require_op("Const"),
                              .name = result.output_names.back(),
                              .inputs = {},
                              .attrs = {{"value", Tensor::zeros(dtype, Shape())}, {"dtype", dtype}},
                              .dtypes = {dtype},
                              .shapes = {Shape()}});
      result.outputs.push_back({id, 0});
    }
    return std::make_shared<const Function>(keep_nodes(std::move(result), std::move(wanted)));
  }

  /// (arguments, intermediates of all branches, gradients of the outputs) → the wanted gradients.
  FunctionPtr backward(const std::vector<std::pair<size_t, DType>>& all, size_t self, const std::vector<size_t>& wanted) {
    result_ = {};
    moved_.clear();
    result_.name = function_.name + "_grad";
    for (const int32_t arg : function_.args)
      moved_[{arg, 0}] = add_arg(builder_.node(arg).dtypes[0], builder_.node(arg).shapes[0]);
    size_t own = 0;
    for (const auto& [branch, dtype] : all) {
      const bool mine = branch == self;
      const Edge arg = add_arg(dtype, mine ? shape(intermediates_[own]) : Shape::unknown_rank());
      if (mine) moved_[key_of(intermediates_[own++])] = arg;
    }
    for (const Value& value : upstream_) moved_[key_of(edge_of(value))] = add_arg(value.dtype(), value.shape());
    for (int32_t id = forward_count_; id < builder_.node_count(); ++id) {
      if (!needed_[static_cast<size_t>(id)] || moved_.contains({id, 0})) continue;
      move_node(id);
    }
    for (const size_t input : wanted) {
      result_.outputs.push_back(moved(edge_of(gradients_[input])));
      result_.output_names.push_back("grad_" + function_.arg_names[input]);
    }
    return std::make_shared<const Function>(prune(std::move(result_)));
  }

 private:
  bool is_constant(const Edge& edge) const { return std::string_view(builder_.node(edge.node).op->def->name) == "Const"; }
  bool is_arg(const Edge& edge) const { return std::string_view(builder_.node(edge.node).op->def->name) == "_Arg"; }

  void use(const Edge& edge) {
    needed_[static_cast<size_t>(edge.node)] = 1;
    if (edge.node >= forward_count_ || is_constant(edge) || is_arg(edge)) return;
    if (dtype(edge) == DType::kResource) {
      throw UnimplementedError("The gradient of function '{}' needs the resource that node '{}' makes.", function_.name,
                               builder_.node(edge.node).name);
    }
    if (std::find(intermediates_.begin(), intermediates_.end(), edge) == intermediates_.end()) intermediates_.push_back(edge);
  }

  Edge add_arg(DType dtype, const Shape& shape) {
    const auto index = static_cast<int64_t>(result_.args.size());
    const auto id = static_cast<int32_t>(result_.nodes.size());
    result_.nodes.push_back({.op = &require_op("_Arg"),
                             .name = "input_" + std::to_string(index),
                             .inputs = {},
                             .attrs = {{"T", dtype}, {"index", index}},
                             .dtypes = {dtype},
                             .shapes = {shape}});
    result_.args.push_back(id);
    result_.arg_names.push_back(result_.nodes.back().name);
    return {id, 0};
  }

  /// Where a value of the branch stands in the Function being made. Constants and captures are copied at first use.
  Edge moved(const Edge& edge) {
    const auto found = moved_.find(key_of(edge));
    if (found != moved_.end()) return found->second;
    move_node(edge.node);
    return moved_.at(key_of(edge));
  }

  void move_node(int32_t id) {
    Node node = builder_.node(id);
    for (Edge& input : node.inputs) input = moved(input);
    const auto to = static_cast<int32_t>(result_.nodes.size());
    for (const Capture& capture : function_.captures) {
      if (capture.node == id) result_.captures.push_back({to, capture.value});
    }
    for (int32_t i = 0; i < static_cast<int32_t>(node.dtypes.size()); ++i) moved_[{id, i}] = {to, i};
    result_.nodes.push_back(std::move(node));
  }

  const Function& function_;
  GraphBuilder builder_;
  int32_t forward_count_;
  Values upstream_, gradients_;
  std::vector<char> needed_;
  std::vector<Edge> intermediates_;
  Function result_;
  std::map<EdgeKey, Edge> moved_;
};

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

bool is_differentiable_call(const Node& node) {
  const std::string_view op = node.op->def->name;
  return (node.op->def->flags & kCallsFunctions) != 0 && !op.ends_with("While");
}

Values call_gradients(GraphBuilder& builder, int32_t id, std::span<const Value> upstream) {
  const Node node = builder.node(id);  // a copy: the node is changed below
  const size_t first = selects(node) ? 1 : 0;
  std::vector<char> has_upstream;
  for (const Value& value : upstream) has_upstream.push_back(value.valid());

  std::vector<std::unique_ptr<Branch>> branches;
  for (const FunctionRef* function : called_functions(node.attrs)) {
    branches.push_back(std::make_unique<Branch>(*function->function, builder.limits()));
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

  std::vector<std::pair<size_t, DType>> intermediates;  // of all branches: whose, and its dtype
  std::vector<Shape> shapes;
  for (size_t b = 0; b < branches.size(); ++b) {
    for (const Edge& edge : branches[b]->find_intermediates(wanted)) {
      intermediates.emplace_back(b, branches[b]->dtype(edge));
      shapes.push_back(branches.size() == 1 ? branches[b]->shape(edge) : Shape::unknown_rank());
    }
  }
  std::vector<FunctionPtr> forward, backward;
  for (size_t b = 0; b < branches.size(); ++b) {
    forward.push_back(branches[b]->forward(intermediates, b));
    backward.push_back(branches[b]->backward(intermediates, b, wanted));
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
