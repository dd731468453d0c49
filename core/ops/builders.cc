// Graph writing: thin names over Emitter::emit.
#include "core/ops/builders.h"

#include <cassert>

namespace keras {
namespace {

Emitter& emitter_of(std::span<const Value> inputs) {
  for (const Value& input : inputs) {
    if (input.valid()) return *input.emitter;
  }
  assert(false && "an op without inputs needs an emitter");
  __builtin_unreachable();
}

Value reduce(std::string_view op, const Value& x, std::vector<int64_t> axes, bool keep_dims) {
  if (axes.empty()) {
    if (!x.shape().known_rank()) {
      Value all = emit1("Range", {int_scalar(*x.emitter, 0), emit1("Rank", {x}), int_scalar(*x.emitter, 1)});
      return emit1(op, {x, all}, {{"keep_dims", keep_dims}});
    }
    for (int64_t axis = 0; axis < x.shape().rank(); ++axis) axes.push_back(axis);
  }
  return emit1(op, {x, ints(*x.emitter, axes)}, {{"keep_dims", keep_dims}});
}

/// The axes over which a gradient of shape `from` is summed to get that of an input of shape `to`, if the static
/// shapes tell: an unknown dimension of `to` may be a 1 that was broadcast.
bool static_broadcast_axes(const Shape& from, const Shape& to, std::vector<int64_t>& axes) {
  if (!from.known_rank() || !to.known_rank()) return false;
  const int64_t extra = from.rank() - to.rank();
  for (int64_t axis = 0; axis < from.rank(); ++axis) {
    if (axis < extra) {
      axes.push_back(axis);
      continue;
    }
    const int64_t size = to.dim(axis - extra);
    if (size == kUnknownDim && from.dim(axis) != 1) return false;
    if (size == 1 && from.dim(axis) != 1) axes.push_back(axis);
  }
  return true;
}

}  // namespace

Value emit1(std::string_view op, std::span<const Value> inputs, Attrs attrs) {
  return emitter_of(inputs).emit(op, inputs, std::move(attrs)).at(0);
}

Values emit_all(std::string_view op, std::initializer_list<Value> inputs, Attrs attrs) {
  const std::span<const Value> all(inputs.begin(), inputs.size());
  return emitter_of(all).emit(op, all, std::move(attrs));
}

Value scalar_like(const Value& like, double value) { return like.emitter->constant(Tensor::number(like.dtype(), value)); }

Value ints(Emitter& emitter, const std::vector<int64_t>& values) {
  return emitter.constant(Tensor::vector(std::vector<int32_t>(values.begin(), values.end())));
}

Value int_scalar(Emitter& emitter, int64_t value) { return emitter.constant(Tensor::scalar(static_cast<int32_t>(value))); }

Value add(const Value& a, const Value& b) { return emit1("AddV2", {a, b}); }
Value sub(const Value& a, const Value& b) { return emit1("Sub", {a, b}); }
Value mul(const Value& a, const Value& b) { return emit1("Mul", {a, b}); }
Value div(const Value& a, const Value& b) { return emit1("RealDiv", {a, b}); }
Value maximum(const Value& a, const Value& b) { return emit1("Maximum", {a, b}); }
Value minimum(const Value& a, const Value& b) { return emit1("Minimum", {a, b}); }
Value neg(const Value& x) { return emit1("Neg", {x}); }
Value square(const Value& x) { return emit1("Square", {x}); }
Value sqrt(const Value& x) { return emit1("Sqrt", {x}); }
Value rsqrt(const Value& x) { return emit1("Rsqrt", {x}); }
Value exp(const Value& x) { return emit1("Exp", {x}); }
Value log(const Value& x) { return emit1("Log", {x}); }
Value log1p(const Value& x) { return emit1("Log1p", {x}); }
Value abs(const Value& x) { return emit1("Abs", {x}); }
Value sign(const Value& x) { return emit1("Sign", {x}); }
Value tanh(const Value& x) { return emit1("Tanh", {x}); }
Value sigmoid(const Value& x) { return emit1("Sigmoid", {x}); }
Value relu(const Value& x) { return emit1("Relu", {x}); }
Value softplus(const Value& x) { return emit1("Softplus", {x}); }
Value pow(const Value& x, const Value& y) { return emit1("Pow", {x, y}); }
Value clip(const Value& x, double low, double high) {
  return emit1("ClipByValue", {x, scalar_like(x, low), scalar_like(x, high)});
}
Value equal(const Value& a, const Value& b) { return emit1("Equal", {a, b}); }
Value greater(const Value& a, const Value& b) { return emit1("Greater", {a, b}); }
Value greater_equal(const Value& a, const Value& b) { return emit1("GreaterEqual", {a, b}); }
Value less(const Value& a, const Value& b) { return emit1("Less", {a, b}); }
Value select(const Value& condition, const Value& a, const Value& b) { return emit1("SelectV2", {condition, a, b}); }
Value cast(const Value& x, DType dtype) { return x.dtype() == dtype ? x : emit1("Cast", {x}, {{"DstT", dtype}}); }

Value reduce_sum(const Value& x, const std::vector<int64_t>& axes, bool keep_dims) { return reduce("Sum", x, axes, keep_dims); }
Value reduce_mean(const Value& x, const std::vector<int64_t>& axes, bool keep_dims) { return reduce("Mean", x, axes, keep_dims); }
Value reduce_max(const Value& x, const std::vector<int64_t>& axes, bool keep_dims) { return reduce("Max", x, axes, keep_dims); }
Value arg_max(const Value& x, int64_t axis) { return emit1("ArgMax", {x, int_scalar(*x.emitter, axis)}); }

Value shape_of(const Value& x) {
  const Shape& shape = x.shape();
  return shape.fully_known() ? ints(*x.emitter, shape.dims()) : emit1("Shape", {x});
}
Value size_of(const Value& x) {
  const Shape& shape = x.shape();
  return shape.fully_known() ? int_scalar(*x.emitter, shape.elements()) : emit1("Size", {x});
}
Value reshape(const Value& x, const Value& shape) { return emit1("Reshape", {x, shape}); }
Value reshape(const Value& x, const std::vector<int64_t>& shape) { return reshape(x, ints(*x.emitter, shape)); }
Value reshape_like(const Value& x, const Value& like) {
  if (x.shape().fully_known() && x.shape() == like.shape()) return x;
  return reshape(x, shape_of(like));
}
Value broadcast_to(const Value& x, const Value& shape) { return emit1("BroadcastTo", {x, shape}); }

Value unbroadcast(const Value& gradient, const Value& x) {
  std::vector<int64_t> axes;
  if (static_broadcast_axes(gradient.shape(), x.shape(), axes)) {
    if (axes.empty()) return gradient;
    const bool same_rank = gradient.shape().rank() == x.shape().rank();
    const Value sum = reduce_sum(gradient, axes, same_rank);
    return same_rank || sum.shape() == x.shape() ? sum : reshape(sum, shape_of(x));
  }
  const Value shape = emit1("Shape", {x});
  const Values axes_of = emit_all("BroadcastGradientArgs", {shape, emit1("Shape", {gradient})});
  return reshape(emit1("Sum", {gradient, axes_of[0]}), shape);
}

Value transpose(const Value& x, const std::vector<int64_t>& permutation) {
  return emit1("Transpose", {x, ints(*x.emitter, permutation)});
}
Value concat(std::span<const Value> parts, int64_t axis) {
  if (parts.size() == 1) return parts[0];
  Values inputs(parts.begin(), parts.end());
  inputs.push_back(int_scalar(*parts[0].emitter, axis));
  return emit1("ConcatV2", inputs);
}
Value expand_dims(const Value& x, int64_t axis) { return emit1("ExpandDims", {x, int_scalar(*x.emitter, axis)}); }
Value squeeze(const Value& x, const std::vector<int64_t>& axes) { return emit1("Squeeze", {x}, {{"squeeze_dims", axes}}); }
Value zeros_like(const Value& x) { return emit1("ZerosLike", {x}); }
Value ones_like(const Value& x) { return emit1("OnesLike", {x}); }
Value pad(const Value& x, const std::vector<std::pair<int64_t, int64_t>>& paddings) {
  std::vector<int32_t> flat;
  for (const auto& [before, after] : paddings) {
    flat.push_back(static_cast<int32_t>(before));
    flat.push_back(static_cast<int32_t>(after));
  }
  const Shape shape{static_cast<int64_t>(paddings.size()), 2};
  return emit1("Pad", {x, x.emitter->constant(Tensor::from(shape, std::span<const int32_t>(flat)))});
}

Value matmul(const Value& a, const Value& b, bool transpose_a, bool transpose_b) {
  return emit1("MatMul", {a, b}, {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
}
Value bias_add(const Value& x, const Value& bias) { return emit1("BiasAdd", {x, bias}); }
Value softmax(const Value& x) { return emit1("Softmax", {x}); }
Value log_softmax(const Value& x) { return emit1("LogSoftmax", {x}); }

Value read_variable(const Value& handle, DType dtype) { return emit1("ReadVariableOp", {handle}, {{"dtype", dtype}}); }
void assign_variable(const Value& handle, const Value& value) { emit_all("AssignVariableOp", {handle, value}); }
void assign_add_variable(const Value& handle, const Value& value) { emit_all("AssignAddVariableOp", {handle, value}); }
void assign_sub_variable(const Value& handle, const Value& value) { emit_all("AssignSubVariableOp", {handle, value}); }

}  // namespace keras
