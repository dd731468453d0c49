// Signature matching and shape inference for one node.
#include "core/graph/node_check.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/graph/function.h"
#include "core/graph/gpu_ops.h"

namespace keras {
namespace {

// What looks at one input or one attribute, and what few ops need, stays a function of its own: see wasm/CMakeLists.txt.

/// Walks over the inputs of a node and binds the signature's attributes to what it finds.
class InputMatcher {
 public:
  InputMatcher(const RegisteredOp& op, std::span<const DType> inputs, Attrs& attrs) : op_(op), inputs_(inputs), attrs_(attrs) {}

  void match() {
    const auto& args = op_.signature.inputs;
    for (size_t i = 0; i < args.size(); ++i) {
      if (!args[i].type_list_attr.empty())
        match_list(args[i], args.size() - i - 1);
      else if (!args[i].number_attr.empty())
        match_repeated(args[i], args.size() - i - 1);
      else
        match_one(args[i], next(args[i]));
    }
    if (position_ != inputs_.size()) {
      throw InvalidArgumentError("Op {} takes {} inputs, found {}", op_.def->name, position_, inputs_.size());
    }
  }

 private:
  DType next(const ArgDef& arg) {
    if (position_ == inputs_.size()) {
      throw InvalidArgumentError("Op {} needs an input '{}' that is not there", op_.def->name, arg.name);
    }
    return inputs_[position_++];
  }

  [[gnu::noinline]] void match_one(const ArgDef& arg, DType dtype) {
    if (arg.type_attr.empty()) {
      if (dtype != arg.dtype) mismatch(arg, dtype, arg.dtype);
      return;
    }
    const AttrValue* bound = attrs_.find(arg.type_attr);
    if (bound == nullptr) {
      attrs_.set(arg.type_attr, dtype);
    } else if (std::get<DType>(*bound) != dtype) {
      mismatch(arg, dtype, std::get<DType>(*bound));
    }
  }

  [[gnu::noinline]] void match_repeated(const ArgDef& arg, size_t after) {
    const AttrValue* bound = attrs_.find(arg.number_attr);
    const int64_t count = bound != nullptr ? std::get<int64_t>(*bound) : rest(after);
    if (bound == nullptr) attrs_.set(arg.number_attr, count);
    for (int64_t i = 0; i < count; ++i) match_one(arg, next(arg));
  }

  [[gnu::noinline]] void match_list(const ArgDef& arg, size_t after) {
    const AttrValue* bound = attrs_.find(arg.type_list_attr);
    std::vector<DType> found;
    const int64_t count = bound != nullptr ? static_cast<int64_t>(std::get<std::vector<DType>>(*bound).size()) : rest(after);
    for (int64_t i = 0; i < count; ++i) found.push_back(next(arg));
    attrs_.set(arg.type_list_attr, std::move(found));
  }

  int64_t rest(size_t after) const {
    const auto left = static_cast<int64_t>(inputs_.size() - position_) - static_cast<int64_t>(after);
    return std::max<int64_t>(left, 0);
  }

  [[noreturn]] void mismatch(const ArgDef& arg, DType found, DType wanted) const {
    throw InvalidArgumentError("Op {}: input '{}' has dtype {}, but {} is needed", op_.def->name, arg.name, found, wanted);
  }

  const RegisteredOp& op_;
  std::span<const DType> inputs_;
  Attrs& attrs_;
  size_t position_ = 0;
};

/// Sets the attribute to its default if it is not there. Throws InvalidArgumentError if it is wrong.
[[gnu::noinline]] void complete_attr(const RegisteredOp& op, const AttrDef& def, Attrs& attrs) {
  const AttrValue* value = attrs.find(def.name);
  if (value == nullptr && def.default_value) {
    attrs.set(def.name, *def.default_value);
    value = attrs.find(def.name);
  }
  if (value == nullptr) throw InvalidArgumentError("Op {} needs attribute '{}'", op.def->name, def.name);
  if (def.kind != "type" || def.allowed.empty()) return;
  const DType dtype = attrs.get_dtype(def.name);
  if (std::find(def.allowed.begin(), def.allowed.end(), dtype) == def.allowed.end()) {
    throw InvalidArgumentError("Op {} does not take dtype {} for '{}'", op.def->name, dtype, def.name);
  }
}

[[gnu::noinline]] void append_output(const ArgDef& arg, const Attrs& attrs, std::vector<DType>& dtypes) {
  if (!arg.type_list_attr.empty()) {
    const auto& list = attrs.get<std::vector<DType>>(arg.type_list_attr);
    dtypes.insert(dtypes.end(), list.begin(), list.end());
    return;
  }
  const int64_t count = arg.number_attr.empty() ? 1 : attrs.get_int(arg.number_attr);
  const DType dtype = arg.type_attr.empty() ? arg.dtype : attrs.get_dtype(arg.type_attr);
  for (int64_t i = 0; i < count; ++i) dtypes.push_back(dtype);
}

class InferenceContext final : public ShapeContext {
 public:
  InferenceContext(std::span<const Shape* const> shapes, std::span<const DType> dtypes, std::span<const Tensor* const> values,
                   const Attrs& attrs, size_t output_count)
      : shapes_(shapes), dtypes_(dtypes), values_(values), attrs_(attrs), outputs(output_count, Shape::unknown_rank()) {}

  int inputs() const override { return static_cast<int>(shapes_.size()); }
  const Shape& input(int index) const override { return *shapes_[static_cast<size_t>(index)]; }
  DType input_dtype(int index) const override { return dtypes_[static_cast<size_t>(index)]; }
  const Tensor* input_value(int index) const override { return values_[static_cast<size_t>(index)]; }
  const Attrs& attrs() const override { return attrs_; }
  void set_output(int index, Shape shape) override { outputs[static_cast<size_t>(index)] = std::move(shape); }

 private:
  std::span<const Shape* const> shapes_;
  std::span<const DType> dtypes_;
  std::span<const Tensor* const> values_;
  const Attrs& attrs_;

 public:
  std::vector<Shape> outputs;
};

/// What is true of both shapes.
Shape common_shape(const Shape& a, const Shape& b) {
  if (!a.known_rank() || !b.known_rank() || a.rank() != b.rank()) return Shape::unknown_rank();
  Shape common = a;
  for (int64_t i = 0; i < a.rank(); ++i) {
    if (a[i] != b[i]) common.set_dim(i, kUnknownDim);
  }
  return common;
}

/// Throws InvalidArgumentError if the function does not take the last inputs of the op that calls it.
void check_arguments(std::string_view op, const FunctionRef& ref, std::span<const DType> inputs) {
  if (ref.function == nullptr) throw NotFoundError("Op {} calls function '{}', which does not exist", op, ref.name);
  const Function& function = *ref.function;
  if (function.args.size() != inputs.size()) {
    throw InvalidArgumentError("Op {} gives {} arguments to function '{}', which takes {}", op, inputs.size(), ref.name,
                               function.args.size());
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const DType wanted = function.nodes[static_cast<size_t>(function.args[i])].dtypes[0];
    if (wanted != inputs[i]) {
      throw InvalidArgumentError("Op {}: argument '{}' of function '{}' has dtype {}, but {} is needed", op,
                                 function.arg_names[i], ref.name, inputs[i], wanted);
    }
  }
}

/// Throws InvalidArgumentError if the function does not return values of these dtypes.
void check_results(std::string_view op, const Function& function, std::span<const DType> wanted) {
  if (function.outputs.size() != wanted.size()) {
    throw InvalidArgumentError("Op {}: function '{}' returns {} values, {} are expected", op, function.name,
                               function.outputs.size(), wanted.size());
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    const DType found = function.dtype(function.outputs[i]);
    if (found != wanted[i]) {
      throw InvalidArgumentError("Op {}: function '{}' returns {} for value {}, {} is expected", op, function.name, found, i,
                                 wanted[i]);
    }
  }
}

/// A loop ends with values that its condition has taken, so that their shapes are those of the condition's arguments.
void infer_loop(std::string_view op, std::span<const DType> inputs, const Attrs& attrs, std::vector<Shape>& outputs) {
  const auto &condition = attrs.get<FunctionRef>("cond"), &body = attrs.get<FunctionRef>("body");
  for (const FunctionRef* function : {&condition, &body}) check_arguments(op, *function, inputs);
  check_results(op, *body.function, inputs);
  if (condition.function->outputs.size() != 1) {
    throw InvalidArgumentError("Op {}: the condition '{}' returns {} values, one is expected", op, condition.name,
                               condition.function->outputs.size());
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = condition.function->shape({condition.function->args[i], 0});
  }
}

/// The outputs of a call are those of its Functions.
void infer_call(std::string_view op, std::span<const DType> inputs, const Attrs& attrs, std::vector<Shape>& outputs) {
  const std::vector<const FunctionRef*> functions = called_functions(attrs);
  if (functions.empty()) throw InvalidArgumentError("Op {} has no branches", op);
  for (size_t f = 0; f < functions.size(); ++f) {
    check_arguments(op, *functions[f], inputs);
    const Function& function = *functions[f]->function;
    check_results(op, function, attrs.get<std::vector<DType>>("Tout"));
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Shape& shape = function.shape(function.outputs[i]);
      outputs[i] = f == 0 ? shape : common_shape(outputs[i], shape);
    }
  }
}

void infer_outputs_of_functions(std::string_view op, std::span<const DType> inputs, const Attrs& attrs,
                                std::vector<Shape>& outputs) {
  if (op.ends_with("While")) return infer_loop(op, inputs, attrs, outputs);
  infer_call(op, op.ends_with("PartitionedCall") ? inputs : inputs.subspan(1), attrs, outputs);
}

}  // namespace

const RegisteredOp& require_op(std::string_view op) {
  const RegisteredOp* found = find_op(op);
  if (found == nullptr && is_gpu_op(op)) throw UnimplementedError("Op '{}' is not implemented: {}.", op, kWhyNoGpuOp);
  if (found == nullptr) throw UnimplementedError("Op '{}' is not implemented.", op);
  return *found;
}

std::vector<DType> complete_attrs(const RegisteredOp& op, std::span<const DType> inputs, Attrs& attrs) {
  InputMatcher(op, inputs, attrs).match();
  for (const AttrDef& def : op.signature.attrs) complete_attr(op, def, attrs);
  std::vector<DType> outputs;
  for (const ArgDef& arg : op.signature.outputs) append_output(arg, attrs, outputs);
  return outputs;
}

std::vector<Shape> infer_shapes(const RegisteredOp& op, std::span<const Shape* const> shapes, std::span<const DType> dtypes,
                                std::span<const Tensor* const> values, const Attrs& attrs, size_t output_count) {
  InferenceContext context(shapes, dtypes, values, attrs, output_count);
  if (op.def->shape != nullptr) op.def->shape(context);
  if ((op.def->flags & kCallsFunctions) != 0) infer_outputs_of_functions(op.def->name, dtypes, attrs, context.outputs);
  return std::move(context.outputs);
}

std::vector<const FunctionRef*> called_functions(const Attrs& attrs) {
  std::vector<const FunctionRef*> functions;
  for (const auto& [name, value] : attrs.items()) {
    if (const auto* one = std::get_if<FunctionRef>(&value)) functions.push_back(one);
    if (const auto* list = std::get_if<std::vector<FunctionRef>>(&value)) {
      for (const FunctionRef& item : *list) functions.push_back(&item);
    }
  }
  return functions;
}

bool is_stateful(const Function& function) {
  return std::any_of(function.nodes.begin(), function.nodes.end(),
                     [](const Node& node) { return (node.op->def->flags & kStateful) != 0; });
}

bool is_foldable(const RegisteredOp& op) {
  return (op.def->flags & kStateful) == 0 && op.def->kernel != nullptr && std::string_view(op.def->name) != "_Arg";
}

}  // namespace keras
