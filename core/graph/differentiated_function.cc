// Each called Function is differentiated in a builder of its own, then cut in two.
#include "core/graph/differentiated_function.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/graph/gradients.h"
#include "core/graph/node_check.h"
#include "core/graph/prune.h"
#include "core/ops/builders.h"

namespace keras {

DifferentiatedFunction::DifferentiatedFunction(const Function& function, const Limits& limits)
    : function_(function), builder_(function, limits), forward_count_(builder_.node_count()) {}

void DifferentiatedFunction::differentiate(const std::vector<char>& upstream) {
  Values ys;
  for (size_t i = 0; i < function_.outputs.size(); ++i) {
    if (!upstream[i]) continue;
    const Edge& y = function_.outputs[i];
    ys.push_back({&builder_, y.node, y.output});
    upstream_.push_back(builder_.arg("grad_" + function_.output_names[i], ys.back().dtype(), ys.back().shape()));
  }
  Values xs;
  for (const int32_t arg : function_.args) xs.push_back({&builder_, arg, 0});
  gradients_ = gradients(builder_, ys, xs, upstream_);
  for (size_t i = 0; i < xs.size(); ++i) {
    if (!takes_gradient(xs[i].dtype())) gradients_[i] = {};
  }
}

void DifferentiatedFunction::fill_with_zeros(size_t arg, DType dtype) {
  if (gradients_[arg].valid()) return;
  const Value value{&builder_, function_.args[arg], 0};
  gradients_[arg] = zeros_like(value.dtype() == DType::kResource ? read_variable(value, dtype) : value);
}

const std::vector<Edge>& DifferentiatedFunction::find_intermediates(const std::vector<size_t>& wanted,
                                                                    const std::vector<char>& varying) {
  for (size_t i = 0; i < varying.size(); ++i) {
    if (varying[i]) varying_.push_back(function_.args[i]);
  }
  needed_.assign(static_cast<size_t>(builder_.node_count()), 0);
  for (const size_t arg : wanted) use(edge_of(gradients_[arg]));
  for (int32_t id = builder_.node_count() - 1; id >= forward_count_; --id) {
    if (!needed_[static_cast<size_t>(id)]) continue;
    for (const Edge& input : builder_.node(id).inputs) use(input);
  }
  return intermediates_;
}

FunctionPtr DifferentiatedFunction::forward(const std::vector<Intermediate>& all, size_t self) const {
  Function result = function_;
  result.name = function_.name + "_forward";
  // Loops inside have been given inputs that are younger than they.
  result.nodes.clear();
  for (int32_t id = 0; id < builder_.node_count(); ++id) result.nodes.push_back(builder_.node(id));
  std::vector<int32_t> wanted(static_cast<size_t>(forward_count_));
  std::iota(wanted.begin(), wanted.end(), 0);
  size_t own = 0;
  for (const auto& [function, dtype] : all) {
    result.output_names.push_back("intermediate_" + std::to_string(result.outputs.size()));
    if (function == self) {
      result.outputs.push_back(intermediates_[own++]);
      continue;
    }
    const auto id = static_cast<int32_t>(result.nodes.size());
    wanted.push_back(id);
    const Tensor nothing = dtype == DType::kVariant ? Tensor::variant(nullptr) : Tensor::zeros(dtype, Shape());
    result.nodes.push_back({.op = &require_op("Const"),
                            .name = result.output_names.back(),
                            .inputs = {},
                            .attrs = {{"value", nothing}, {"dtype", dtype}},
                            .dtypes = {dtype},
                            .shapes = {Shape()}});
    result.outputs.push_back({id, 0});
  }
  return std::make_shared<const Function>(keep_nodes(std::move(result), std::move(wanted)));
}

FunctionPtr DifferentiatedFunction::backward(const std::vector<size_t>& args, const std::vector<Intermediate>& all, size_t self,
                                             const std::vector<size_t>& wanted) {
  result_ = {};
  moved_.clear();
  result_.name = function_.name + "_grad";
  for (const size_t arg : args) {
    const Edge edge{function_.args[arg], 0};
    moved_[key_of(edge)] = add_arg(dtype(edge), shape(edge));
  }
  size_t own = 0;
  for (const auto& [function, dtype] : all) {
    const bool mine = function == self;
    const Edge arg = add_arg(dtype, mine ? shape(intermediates_[own]) : Shape::unknown_rank());
    if (mine) moved_[key_of(intermediates_[own++])] = arg;
  }
  for (const Value& value : upstream_) moved_[key_of(edge_of(value))] = add_arg(value.dtype(), value.shape());
  for (int32_t id = forward_count_; id < builder_.node_count(); ++id) {
    if (!needed_[static_cast<size_t>(id)] || moved_.contains({id, 0})) continue;
    move_node(id);
  }
  for (const size_t arg : wanted) {
    result_.outputs.push_back(moved(edge_of(gradients_[arg])));
    result_.output_names.push_back("grad_" + function_.arg_names[arg]);
  }
  return std::make_shared<const Function>(prune(std::move(result_)));
}

void DifferentiatedFunction::use(const Edge& edge) {
  needed_[static_cast<size_t>(edge.node)] = 1;
  if (edge.node >= forward_count_ || is(edge, "Const")) return;
  if (is(edge, "_Arg") && std::find(varying_.begin(), varying_.end(), edge.node) == varying_.end()) return;
  if (dtype(edge) == DType::kResource) {
    throw UnimplementedError("The gradient of function '{}' needs the resource that node '{}' makes.", function_.name,
                             builder_.node(edge.node).name);
  }
  if (std::find(intermediates_.begin(), intermediates_.end(), edge) == intermediates_.end()) intermediates_.push_back(edge);
}

Edge DifferentiatedFunction::add_arg(DType dtype, const Shape& shape) {
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

/// Where a value stands in the Function being made. Constants and captures are copied at first use.
Edge DifferentiatedFunction::moved(const Edge& edge) {
  const auto found = moved_.find(key_of(edge));
  if (found != moved_.end()) return found->second;
  move_node(edge.node);
  return moved_.at(key_of(edge));
}

void DifferentiatedFunction::move_node(int32_t id) {
  Node node = builder_.node(id);
  for (Edge& input : node.inputs) input = moved(input);
  const auto to = static_cast<int32_t>(result_.nodes.size());
  for (const Capture& capture : function_.captures) {
    if (capture.node == id) result_.captures.push_back({to, capture.value});
  }
  for (int32_t i = 0; i < static_cast<int32_t>(node.dtypes.size()); ++i) moved_[{id, i}] = {to, i};
  result_.nodes.push_back(std::move(node));
}

}  // namespace keras
