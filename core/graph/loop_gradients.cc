// Loops: each round puts what its gradient needs into TensorLists; the gradient is a loop that takes it out again, from the
// last round to the first. As TensorFlow's while_v2.
#include <algorithm>
#include <numeric>

#include "core/graph/call_gradients.h"
#include "core/graph/differentiated_function.h"
#include "core/graph/node_check.h"
#include "core/ops/builders.h"

namespace keras {
namespace {

std::string_view op_of(const Function& function, const Edge& edge) {
  return function.nodes[static_cast<size_t>(edge.node)].op->def->name;
}

/// Whether each round returns an argument as it came.
bool passes_on(const Function& body, size_t arg) {
  Edge edge = body.outputs[arg];
  while (op_of(body, edge) == "Identity") edge = body.nodes[static_cast<size_t>(edge.node)].inputs[0];
  return edge.node == body.args[arg];
}

Value element_shape(GraphBuilder& builder, const Shape& shape) {
  if (!shape.known_rank()) return int_scalar(builder, -1);
  return ints(builder, shape.dims());
}

class LoopDifferentiator {
 public:
  LoopDifferentiator(GraphBuilder& builder, int32_t id, std::span<const Value> upstream)
      : builder_(builder),
        id_(id),
        node_(builder.node(id)),
        upstream_(upstream.begin(), upstream.end()),
        condition_(node_.attrs.get<FunctionRef>("cond").function),
        body_(node_.attrs.get<FunctionRef>("body").function),
        count_(node_.inputs.size()) {}

  Values run() {
    find_gradients();
    Values results(count_);
    if (wanted_.empty()) return results;
    std::vector<char> varying(count_);
    for (size_t i = 0; i < count_; ++i) varying[i] = !passes_on(*body_, i);
    for (const Edge& edge : round_->find_intermediates(wanted_, varying)) {
      intermediates_.push_back({0, round_->dtype(edge)});
      shapes_.push_back(round_->shape(edge));
    }
    for (size_t i = 0; i < count_; ++i) {
      if (!varying[i]) invariant_.push_back(i);
    }
    collect_intermediates();
    const Values found = emit_backward_loop();
    for (size_t i = 0; i < wanted_.size(); ++i) results[wanted_[i]] = found[i];
    return results;
  }

 private:
  bool is_resource(size_t i) const { return node_.dtypes[i] == DType::kResource; }

  /// A variable of the loop has a gradient if the result has one, or if a round makes it matter to another that has.
  void find_gradients() {
    std::vector<char> has(count_, 0);
    for (size_t i = 0; i < count_; ++i) has[i] = upstream_[i].valid() && takes_gradient(node_.dtypes[i]) && !is_resource(i);
    for (bool grew = true; grew;) {
      grew = false;
      round_ = std::make_unique<DifferentiatedFunction>(*body_, builder_.limits());
      round_->differentiate(has);
      for (size_t i = 0; i < count_; ++i) {
        if (has[i] || is_resource(i) || !round_->gradient(i).valid()) continue;
        has[i] = 1;
        grew = true;
      }
    }
    for (size_t i = 0; i < count_; ++i) {
      if (is_resource(i) ? !round_->gradient(i).valid() : !has[i]) continue;
      wanted_.push_back(i);
      round_->fill_with_zeros(i, node_.dtypes[i]);
      if (has[i]) carried_.push_back(i);
    }
  }

  /// Makes the loop count its rounds and put their intermediates into lists.
  void collect_intermediates() {
    const FunctionPtr forward = round_->forward(intermediates_, 0);
    GraphBuilder body(*forward, builder_.limits()), condition(*condition_, builder_.limits());
    Values results;
    for (size_t i = 0; i < count_; ++i) results.push_back({&body, forward->outputs[i].node, forward->outputs[i].output});
    results.push_back(add(body.arg("round", DType::kInt32, {}), 1.0));
    condition.arg("round", DType::kInt32, {});
    Values inputs = {builder_.constant(Tensor::scalar<int32_t>(0))};
    for (size_t k = 0; k < intermediates_.size(); ++k) {
      const Attrs attrs = {{"element_dtype", intermediates_[k].dtype}};
      const Edge& edge = forward->outputs[count_ + k];
      results.push_back(
          emit1("TensorListPushBack", {body.arg("accumulator", DType::kVariant, {}), {&body, edge.node, edge.output}}, attrs));
      condition.arg("accumulator", DType::kVariant, {});
      inputs.push_back(emit1("EmptyTensorList", {element_shape(builder_, shapes_[k]), int_scalar(builder_, -1)}, attrs));
    }
    std::vector<std::string> names;
    for (size_t i = 0; i < results.size(); ++i) names.push_back("output_" + std::to_string(i));
    const std::array decision = {Value{&condition, condition_->outputs[0].node, condition_->outputs[0].output}};
    const FunctionPtr new_condition = condition.finish(decision, {"go_on"}), new_body = body.finish(results, std::move(names));

    std::vector<DType> dtypes = node_.dtypes;
    for (const Value& input : inputs) dtypes.push_back(input.dtype());
    const std::vector<Shape> scalars(inputs.size(), Shape());
    Attrs attrs = {{"cond", FunctionRef{new_condition->name, new_condition}}, {"body", FunctionRef{new_body->name, new_body}}};
    added_ = builder_.extend_call(id_, inputs, std::move(attrs), dtypes, scalars);
  }

  Value input(size_t i) const { return {&builder_, node_.inputs[i].node, node_.inputs[i].output}; }

  /// The gradients that the loop begins with, at its end.
  Value initial(size_t i) const {
    if (is_resource(i)) {
      return zeros_like(read_variable(input(i), round_->gradient(i).dtype()));
    }
    return upstream_[i].valid() ? upstream_[i] : zeros_like(Value{&builder_, id_, static_cast<int32_t>(i)});
  }

  // Variables of the backward loop: rounds left, gradients, lists, what does not change.
  Values emit_backward_loop() {
    Values inputs = {added_[0]};
    for (const size_t i : wanted_) inputs.push_back(initial(i));
    inputs.insert(inputs.end(), added_.begin() + 1, added_.end());
    // What no round changes is taken from before the loop: a variable's handle comes from nowhere else.
    for (const size_t i : invariant_) inputs.push_back(input(i));

    GraphBuilder condition(body_->name + "_grad_cond", builder_.limits());
    Values arguments = add_arguments(condition, inputs);
    const std::array decision = {greater(arguments[0], scalar_like(arguments[0], 0.0))};
    GraphBuilder body(body_->name + "_grad_body", builder_.limits());
    const Values results = backward_round(body, add_arguments(body, inputs));
    std::vector<std::string> names;
    for (size_t i = 0; i < results.size(); ++i) names.push_back("output_" + std::to_string(i));
    const Values end = builder_.while_loop(condition.finish(decision, {"go_on"}), body.finish(results, std::move(names)), inputs);
    return {end.begin() + 1, end.begin() + 1 + static_cast<std::ptrdiff_t>(wanted_.size())};
  }

  Values add_arguments(GraphBuilder& graph, const Values& inputs) const {
    Values arguments;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const bool gradient = i >= 1 && i <= wanted_.size();
      const Shape shape = gradient && !is_resource(wanted_[i - 1]) ? carried_shape(wanted_[i - 1]) : inputs[i].shape();
      arguments.push_back(graph.arg("arg", inputs[i].dtype(), shape));
    }
    return arguments;
  }
  /// What is known of a variable in all rounds.
  Shape carried_shape(size_t i) const {
    const Shape &in_body = body_->shape({body_->args[i], 0}), &in_condition = condition_->shape({condition_->args[i], 0});
    return in_body == in_condition ? in_body : Shape::unknown_rank();
  }

  Values backward_round(GraphBuilder& body, const Values& arguments) {
    auto next = arguments.begin();
    Values results = {sub(*next++, 1.0)};
    const Values gradients(next, next + static_cast<std::ptrdiff_t>(wanted_.size()));
    next += static_cast<std::ptrdiff_t>(wanted_.size());
    Values lists, values;
    for (size_t k = 0; k < intermediates_.size(); ++k) {
      const std::array inputs = {*next++, element_shape(body, shapes_[k])};
      const Values popped = body.emit("TensorListPopBack", inputs, {{"element_dtype", intermediates_[k].dtype}});
      lists.push_back(popped[0]);
      values.push_back(popped[1]);
    }
    const Values invariant(next, arguments.end());
    Values inputs = invariant;
    inputs.insert(inputs.end(), values.begin(), values.end());
    for (size_t i = 0; i < wanted_.size(); ++i) {
      if (std::find(carried_.begin(), carried_.end(), wanted_[i]) != carried_.end()) inputs.push_back(gradients[i]);
    }
    const Values found = body.call(round_->backward(invariant_, intermediates_, 0, wanted_), inputs);
    for (size_t i = 0; i < wanted_.size(); ++i) {
      results.push_back(is_resource(wanted_[i]) ? add(gradients[i], found[i]) : found[i]);
    }
    results.insert(results.end(), lists.begin(), lists.end());
    results.insert(results.end(), invariant.begin(), invariant.end());
    return results;
  }

  GraphBuilder& builder_;
  int32_t id_;
  Node node_;  // a copy: the node is changed
  Values upstream_;
  FunctionPtr condition_, body_;
  size_t count_;
  std::unique_ptr<DifferentiatedFunction> round_;
  std::vector<size_t> wanted_;   // variables with a gradient
  std::vector<size_t> carried_;  // those whose gradient a round takes: not variables' handles, which only collect it
  std::vector<size_t> invariant_;
  std::vector<Intermediate> intermediates_;
  std::vector<Shape> shapes_;  // of the intermediates
  Values added_;               // outputs of the loop: rounds, lists
};

}  // namespace

Values loop_gradients(GraphBuilder& builder, int32_t id, std::span<const Value> upstream) {
  return LoopDifferentiator(builder, id, upstream).run();
}

}  // namespace keras
