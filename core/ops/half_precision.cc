// A kernel's context with float32 in the place of the 16-bit dtypes.
#include "core/ops/half_precision.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/base/error.h"
#include "core/ops/variables.h"
#include "core/tensor/half.h"
#include "core/tensor/variable.h"

namespace keras {
namespace {

bool holds_objects(DType dtype) { return dtype == DType::kResource || dtype == DType::kVariant; }

template <class Test>
bool any_dtype(const KernelContext& c, Test test) {
  for (int i = 0; i < c.inputs(); ++i) {
    if (test(c.input(i).dtype())) return true;
  }
  for (int i = 0; i < c.outputs(); ++i) {
    if (test(c.output_dtype(i))) return true;
  }
  return false;
}

// Bitcast is about the bits, shapes about no element (which need not be there), and random bits are other numbers in each dtype.
constexpr std::string_view kKnowHalf[] = {
    "Bitcast", "Rank", "Shape", "ShapeN", "Size", "RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"};

/// Ops that compute with the number that a variable holds.
constexpr std::string_view kUpdates[] = {"AssignAdd", "AssignSub", "ResourceApply", "ResourceSparseApply", "ResourceScatter"};

bool is_update(std::string_view op) {
  return std::any_of(std::begin(kUpdates), std::end(kUpdates), [&](std::string_view kind) { return op.starts_with(kind); });
}

/// What else is behind a handle, or goes into a function, keeps its dtype.
bool knows_half(const OpDef& op, const KernelContext& c) {
  return (op.flags & (kAliasesInput | kCallsFunctions)) != 0 || (any_dtype(c, holds_objects) && !is_update(op.name)) ||
         std::find(std::begin(kKnowHalf), std::end(kKnowHalf), op.name) != std::end(kKnowHalf);
}

Tensor half_to_float32(const Tensor& tensor) {
  Tensor output = Tensor::allocate(DType::kFloat32, tensor.shape());
  const auto* from = reinterpret_cast<const uint16_t*>(tensor.raw());
  float* to = output.data<float>();
  const bool half = tensor.dtype() == DType::kFloat16;
  for (int64_t i = 0; i < tensor.elements(); ++i) to[i] = half ? half_to_float(from[i]) : bfloat16_to_float(from[i]);
  return output;
}

/// To the nearest, ties to even.
void round_to_half(const Tensor& tensor, Tensor& output) {
  const float* from = tensor.data<float>();
  auto* to = reinterpret_cast<uint16_t*>(output.raw());
  const bool half = output.dtype() == DType::kFloat16;
  for (int64_t i = 0; i < tensor.elements(); ++i) to[i] = half ? float_to_half(from[i]) : float_to_bfloat16(from[i]);
}

DType as_float32(DType dtype) { return is_half_precision(dtype) ? DType::kFloat32 : dtype; }

Attrs with_float32(const Attrs& attrs) {
  Attrs changed = attrs;
  for (const auto& [name, value] : attrs.items()) {
    if (const auto* dtype = std::get_if<DType>(&value)) changed.set(name, as_float32(*dtype));
    if (const auto* list = std::get_if<std::vector<DType>>(&value)) {
      std::vector<DType> dtypes = *list;
      std::transform(dtypes.begin(), dtypes.end(), dtypes.begin(), as_float32);
      changed.set(name, std::move(dtypes));
    }
  }
  return changed;
}

/// Variables of one 16-bit dtype, each as one of float32 for the time of an update.
class WideVariables {
 public:
  explicit WideVariables(const Attrs& attrs) {
    for (const char* name : {"T", "dtype"}) {
      const AttrValue* value = attrs.find(name);
      if (value != nullptr && std::holds_alternative<DType>(*value)) dtype_ = std::get<DType>(*value);
    }
  }

  /// The handle of the float32 variable.
  Tensor widened(const Tensor& handle) {
    const VariablePtr variable = variable_of(handle);
    if (variable == nullptr) return handle;  // as the kernel will say
    if (variable->dtype() != dtype_) {
      throw InvalidArgumentError("Variable '{}' is {}, but its update is {}", variable->name(), variable->dtype(), dtype_);
    }
    const auto [found, is_new] = wide_.emplace(variable, nullptr);
    if (is_new) {
      found->second = std::make_shared<Variable>(variable->name(), half_to_float32(variable->value()), variable->trainable);
    }
    return Tensor::resource(found->second);
  }

  void round_back() {
    for (const auto& [variable, wide] : wide_) round_to_half(wide->value(), variable->mutable_value());
  }

 private:
  DType dtype_ = DType::kInvalid;
  std::map<VariablePtr, VariablePtr> wide_;
};

class Float32Context final : public KernelContext {
 public:
  explicit Float32Context(KernelContext& outer)
      : outer_(outer),
        attrs_(with_float32(outer.attrs())),
        variables_(outer.attrs()),
        outputs_(static_cast<size_t>(outer.outputs())) {
    for (int i = 0; i < outer.inputs(); ++i) {
      const Tensor& input = outer.input(i);
      inputs_.push_back(is_half_precision(input.dtype())    ? half_to_float32(input)
                        : input.dtype() == DType::kResource ? variables_.widened(input)
                                                            : input);
    }
  }

  int inputs() const override { return outer_.inputs(); }
  const Tensor& input(int index) const override { return inputs_[static_cast<size_t>(index)]; }
  Tensor take_input(int index) override { return input(index); }  // no list comes here
  int outputs() const override { return outer_.outputs(); }
  DType output_dtype(int index) const override { return as_float32(outer_.output_dtype(index)); }
  const Attrs& attrs() const override { return attrs_; }
  kernels::Context& kernels() override { return outer_.kernels(); }
  uint64_t next_random() override { return outer_.next_random(); }
  Resources& resources() override { return outer_.resources(); }
  std::vector<Tensor> call(const FunctionRef& function, std::vector<Tensor> inputs) override {
    return outer_.call(function, std::move(inputs));
  }
  const Limits& limits() const override { return outer_.limits(); }

  Tensor& output(int index, const Shape& shape) override {
    if (!is_half_precision(outer_.output_dtype(index))) return outer_.output(index, shape);
    const int64_t bytes = tensor_bytes(outer_.output_dtype(index), shape);
    if (bytes > limits().tensor_bytes) {
      throw ResourceExhaustedError("a tensor of shape {} takes {} bytes, more than limits.tensorBytes ({})", shape, bytes,
                                   limits().tensor_bytes);
    }
    Tensor& output = outputs_[static_cast<size_t>(index)];
    output = Tensor::allocate(DType::kFloat32, shape);
    return output;
  }
  void set_output(int index, Tensor tensor) override {
    if (tensor.dtype() == outer_.output_dtype(index)) return outer_.set_output(index, std::move(tensor));
    outputs_[static_cast<size_t>(index)] = std::move(tensor);
  }

  /// Afterwards, since an output may lie where an input was.
  void round_outputs() {
    variables_.round_back();
    for (int i = 0; i < outputs(); ++i) {
      const Tensor& made = outputs_[static_cast<size_t>(i)];
      if (made.valid()) round_to_half(made, outer_.output(i, made.shape()));
    }
  }

 private:
  KernelContext& outer_;
  Attrs attrs_;
  WideVariables variables_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;  // float32, of those that are to be rounded
};

}  // namespace

void run_op_kernel(const OpDef& op, KernelContext& context) {
  if (!any_dtype(context, is_half_precision) || knows_half(op, context)) return op.kernel(context);
  Float32Context float32(context);
  op.kernel(float32);
  float32.round_outputs();
}

}  // namespace keras
