// Tracing: checks each op, infers its output dtypes and shapes, and keeps track of what is known already.
#include "core/graph/builder.h"

#include <algorithm>
#include <cassert>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/node_check.h"
#include "core/graph/op_runner.h"
#include "core/graph/prune.h"

namespace keras {
namespace {

/// Shapes may come from a file's config. What no memory could hold is refused here, so that nothing behind can overflow.
void check_size(const Shape& shape) {
  std::vector<int64_t> known = shape.dims();
  for (int64_t& dim : known) dim = std::max<int64_t>(dim, 1);
  tensor_bytes(DType::kUint8, Shape(std::move(known)));
}

// Known values serve shape inference: small integer tensors, such as shapes, axes and sizes.
constexpr int64_t kMaxKnownElements = 1024;

bool worth_knowing(const std::vector<DType>& dtypes, const std::vector<Shape>& shapes) {
  for (size_t i = 0; i < dtypes.size(); ++i) {
    const bool integer = dtypes[i] == DType::kInt32 || dtypes[i] == DType::kInt64 || dtypes[i] == DType::kBool;
    if (!integer || !shapes[i].fully_known() || shapes[i].elements() > kMaxKnownElements) return false;
  }
  return true;
}

}  // namespace

GraphBuilder::GraphBuilder(std::string function_name, const Limits& limits)
    : function_name_(std::move(function_name)), limits_(limits) {}

GraphBuilder::GraphBuilder(const Function& function, const Limits& limits)
    : function_name_(function.name),
      limits_(limits),
      args_(function.args),
      arg_names_(function.arg_names),
      captures_(function.captures) {
  for (const Node& node : function.nodes) {
    taken_names_.insert(node.name);
    const int32_t id = add_node(node);
    std::vector<const Tensor*> values;
    for (const Edge& input : node.inputs) values.push_back(constant_of({this, input.node, input.output}));
    learn_values(id, values);
  }
  for (const Capture& capture : captures_) {
    if (capture.value.dtype() == DType::kResource) handles_.emplace(capture.value.object<Variable>().get(), capture.node);
  }
}

GraphBuilder::~GraphBuilder() = default;

std::string GraphBuilder::unique_name(std::string_view base) {
  const std::string name = scope_ + std::string(base);
  int& count = name_counts_[name];
  std::string candidate = name;
  // "MatMul_1" may itself have been taken.
  for (; !taken_names_.insert(candidate).second; candidate = name + "_" + std::to_string(count)) ++count;
  return candidate;
}

int32_t GraphBuilder::add_node(Node node) {
  if (static_cast<int64_t>(nodes_.size()) >= limits_.file_objects) {
    throw ResourceExhaustedError("Function '{}' has more than {} nodes (limits.fileObjects)", function_name_,
                                 limits_.file_objects);
  }
  nodes_.push_back(std::move(node));
  known_values_.emplace_back(nodes_.back().dtypes.size());
  return static_cast<int32_t>(nodes_.size() - 1);
}

Value GraphBuilder::arg(std::string_view name, DType dtype, const Shape& shape) {
  const auto index = static_cast<int64_t>(args_.size());
  check_size(shape);
  Node node{.op = &require_op("_Arg"),
            .name = unique_name(name),
            .inputs = {},
            .attrs = {{"T", dtype}, {"index", index}},
            .dtypes = {dtype},
            .shapes = {shape}};
  arg_names_.push_back(node.name);
  args_.push_back(add_node(std::move(node)));
  return {this, args_.back(), 0};
}

Value GraphBuilder::handle(const VariablePtr& variable) {
  const auto found = handles_.find(variable.get());
  if (found != handles_.end()) return {this, found->second, 0};
  Node node{.op = &require_op("_Arg"),
            .name = unique_name(variable->name() + "/handle"),
            .inputs = {},
            .attrs = {{"T", DType::kResource}, {"index", int64_t{-1}}},
            .dtypes = {DType::kResource},
            .shapes = {Shape()}};
  const int32_t id = add_node(std::move(node));
  captures_.push_back({id, Tensor::resource(variable)});
  handles_.emplace(variable.get(), id);
  return {this, id, 0};
}

std::vector<VariablePtr> GraphBuilder::captured_variables() const {
  std::vector<VariablePtr> variables;
  for (const Capture& capture : captures_) variables.push_back(capture.value.object<Variable>());
  return variables;
}

Value GraphBuilder::read(const VariablePtr& variable) {
  const Value resource = handle(variable);
  const auto found = reads_.find(resource.node);
  if (found != reads_.end()) return found->second;
  const std::array inputs = {resource};
  return emit("ReadVariableOp", inputs, {{"dtype", variable->dtype()}}).front();
}

void GraphBuilder::assign(const VariablePtr& variable, const Value& value) {
  const std::array inputs = {handle(variable), value};
  emit("AssignVariableOp", inputs);
}

void GraphBuilder::assign_add(const VariablePtr& variable, const Value& value) {
  const std::array inputs = {handle(variable), value};
  emit("AssignAddVariableOp", inputs);
}

void GraphBuilder::assign_sub(const VariablePtr& variable, const Value& value) {
  const std::array inputs = {handle(variable), value};
  emit("AssignSubVariableOp", inputs);
}

Values GraphBuilder::emit(std::string_view op, std::span<const Value> inputs, Attrs attrs) {
  return emit_as(op.substr(op.starts_with('_') ? 1 : 0), op, inputs, std::move(attrs));
}

Values GraphBuilder::emit_as(std::string_view name, std::string_view op_name, std::span<const Value> inputs, Attrs attrs) {
  const RegisteredOp& op = require_op(op_name);
  std::vector<DType> input_dtypes;
  std::vector<const Shape*> input_shapes;
  std::vector<const Tensor*> input_values;
  Node node;
  for (const Value& input : inputs) {
    if (input.emitter != this) {
      throw ValueError("Op {}: an input belongs to another function than the one being traced ('{}')", op_name, function_name_);
    }
    input_dtypes.push_back(dtype_of(input));
    input_shapes.push_back(&shape_of(input));
    input_values.push_back(known_value_of(input));
    node.inputs.push_back({input.node, input.output});
  }
  node.op = &op;
  node.dtypes = complete_attrs(op, input_dtypes, attrs);
  node.attrs = std::move(attrs);
  node.shapes = infer_shapes(op, input_shapes, input_dtypes, input_values, node.attrs, node.dtypes.size());
  for (const Shape& shape : node.shapes) check_size(shape);
  node.name = unique_name(name);
  const int32_t id = add_node(std::move(node));
  learn_values(id, input_values);
  Values outputs;
  for (size_t i = 0; i < nodes_.back().dtypes.size(); ++i) outputs.push_back({this, id, static_cast<int32_t>(i)});
  track_variables(op_name, inputs, outputs);
  return outputs;
}

// Reading a variable twice gives the same value until something stateful touches its handle.
void GraphBuilder::track_variables(std::string_view op, std::span<const Value> inputs, const Values& outputs) {
  if ((nodes_.back().op->def->flags & kCallsFunctions) != 0) {
    for (const Value& input : inputs) {
      if (dtype_of(input) == DType::kResource) reads_.erase(input.node);
    }
    return;
  }
  if (inputs.empty() || dtype_of(inputs[0]) != DType::kResource) return;
  const int32_t handle = inputs[0].node;
  if (op == "ReadVariableOp") {
    reads_.insert_or_assign(handle, outputs[0]);
  } else if ((nodes_.back().op->def->flags & kStateful) != 0 && op != "ResourceGather") {
    for (const Value& input : inputs) reads_.erase(input.node);
  }
}

void GraphBuilder::learn_values(int32_t id, std::span<const Tensor* const> input_values) {
  const Node& node = nodes_[static_cast<size_t>(id)];
  auto& known = known_values_[static_cast<size_t>(id)];
  const std::string_view op = node.op->def->name;
  if (op == "Const") {
    known[0] = node.attrs.get<Tensor>("value");
    return;
  }
  if (!is_foldable(*node.op) || node.dtypes.empty() || !worth_knowing(node.dtypes, node.shapes)) return;
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < input_values.size(); ++i) {
    if (input_values[i] != nullptr) {
      if (input_values[i]->holds_object()) return;
      inputs.push_back(*input_values[i]);
      continue;
    }
    // Shape, Size and Rank need no values, only the shape.
    const bool of_shape = op == "Shape" || op == "Size" || op == "Rank" || op == "ShapeN";
    const Shape& shape = shape_of({this, node.inputs[i].node, node.inputs[i].output});
    if (!of_shape || !shape.fully_known()) return;
    inputs.push_back(Tensor::borrow(dtype_of({this, node.inputs[i].node, node.inputs[i].output}), shape, nullptr));
  }
  try {
    std::vector<Tensor> outputs = run_kernel(*node.op, inputs, node.attrs, node.dtypes, folding_runtime(folding_));
    for (size_t i = 0; i < outputs.size(); ++i) known[i] = std::move(outputs[i]);
  } catch (const Error&) {
    // A division by zero, say. That is an error if it runs: perhaps it stands in a branch that never does.
  }
}

Value GraphBuilder::constant(Tensor value) {
  const DType dtype = value.dtype();
  return emit("Const", {}, {{"value", std::move(value)}, {"dtype", dtype}}).front();
}

Values GraphBuilder::extend_call(int32_t id, std::span<const Value> added_inputs, Attrs attrs, const std::vector<DType>& dtypes,
                                 std::span<const Shape> added_shapes) {
  Node& node = nodes_[static_cast<size_t>(id)];
  Values added;
  for (size_t i = node.dtypes.size(); i < dtypes.size(); ++i) added.push_back({this, id, static_cast<int32_t>(i)});
  for (const Value& input : added_inputs) node.inputs.push_back({input.node, input.output});
  // The attributes that follow from the inputs, and the defaults.
  std::vector<DType> input_dtypes;
  for (const Edge& input : node.inputs) input_dtypes.push_back(dtype_of({this, input.node, input.output}));
  complete_attrs(*node.op, input_dtypes, attrs);
  node.attrs = std::move(attrs);
  node.dtypes = dtypes;
  node.shapes.insert(node.shapes.end(), added_shapes.begin(), added_shapes.end());
  known_values_[static_cast<size_t>(id)].resize(dtypes.size());
  return added;
}

DType GraphBuilder::dtype_of(const Value& value) const {
  return nodes_[static_cast<size_t>(value.node)].dtypes[static_cast<size_t>(value.output)];
}

const Shape& GraphBuilder::shape_of(const Value& value) const {
  return nodes_[static_cast<size_t>(value.node)].shapes[static_cast<size_t>(value.output)];
}

const Tensor* GraphBuilder::constant_of(const Value& value) const {
  const auto& known = known_values_[static_cast<size_t>(value.node)][static_cast<size_t>(value.output)];
  return known ? &*known : nullptr;
}

const Tensor* GraphBuilder::known_value_of(const Value& value) const {
  if (dtype_of(value) != DType::kResource) return constant_of(value);
  const auto found = std::find_if(captures_.begin(), captures_.end(), [&](const Capture& c) { return c.node == value.node; });
  return found != captures_.end() ? &found->value : nullptr;
}

std::string_view GraphBuilder::op_of(const Value& value) const { return nodes_[static_cast<size_t>(value.node)].op->def->name; }

Values GraphBuilder::inputs_of(const Value& value) const {
  Values inputs;
  for (const Edge& edge : nodes_[static_cast<size_t>(value.node)].inputs) {
    inputs.push_back({const_cast<GraphBuilder*>(this), edge.node, edge.output});
  }
  return inputs;
}

const Attrs& GraphBuilder::attrs_of(const Value& value) const { return nodes_[static_cast<size_t>(value.node)].attrs; }

void GraphBuilder::refine_shape(const Value& value, const Shape& shape) {
  Shape& known = nodes_[static_cast<size_t>(value.node)].shapes[static_cast<size_t>(value.output)];
  if (!known.compatible_with(shape)) {
    throw InvalidArgumentError("Node '{}' has shape {}, but {} is expected", node(value.node).name, known, shape);
  }
  known = known.merged_with(shape);
}

GraphBuilder::NameScope::NameScope(GraphBuilder& builder, std::string_view name)
    : builder_(builder), previous_size_(builder.scope_.size()) {
  builder_.scope_ += std::string(name) + "/";
}

GraphBuilder::NameScope::~NameScope() { builder_.scope_.resize(previous_size_); }

FunctionPtr GraphBuilder::finish(std::span<const Value> outputs, std::vector<std::string> output_names) {
  assert(outputs.size() == output_names.size());
  Function function;
  function.name = function_name_;
  function.nodes.assign(std::make_move_iterator(nodes_.begin()), std::make_move_iterator(nodes_.end()));
  function.args = std::move(args_);
  function.arg_names = std::move(arg_names_);
  function.captures = std::move(captures_);
  for (const Value& output : outputs) function.outputs.push_back({output.node, output.output});
  function.output_names = std::move(output_names);
  return std::make_shared<const Function>(prune(std::move(function)));
}

}  // namespace keras
