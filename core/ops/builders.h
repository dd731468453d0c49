// Writing graphs by calling functions: each adds one node (or a few) to the graph behind its arguments.
// Gradients, layers, losses, metrics and optimizers are written with these.
#pragma once

#include "core/ops/value.h"

namespace keras {

/// Any op by its TensorFlow name; the first output, or all.
Value emit1(std::string_view op, std::span<const Value> inputs, Attrs attrs = {});
inline Value emit1(std::string_view op, std::initializer_list<Value> inputs, Attrs attrs = {}) {
  return emit1(op, std::span<const Value>(inputs.begin(), inputs.size()), std::move(attrs));
}
Values emit_all(std::string_view op, std::initializer_list<Value> inputs, Attrs attrs = {});

// Constants
Value scalar_like(const Value& like, double value);                // a scalar of like's dtype
Value ints(Emitter& emitter, const std::vector<int64_t>& values);  // an int32 vector constant (shapes, axes)
Value int_scalar(Emitter& emitter, int64_t value);                 // an int32 scalar constant (an axis)

// Elementwise, with broadcasting
Value add(const Value& a, const Value& b);
Value sub(const Value& a, const Value& b);
Value mul(const Value& a, const Value& b);
Value div(const Value& a, const Value& b);  // RealDiv
Value maximum(const Value& a, const Value& b);
Value minimum(const Value& a, const Value& b);
inline Value add(const Value& a, double b) { return add(a, scalar_like(a, b)); }
inline Value sub(const Value& a, double b) { return sub(a, scalar_like(a, b)); }
inline Value sub(double a, const Value& b) { return sub(scalar_like(b, a), b); }
inline Value mul(const Value& a, double b) { return mul(a, scalar_like(a, b)); }
inline Value div(const Value& a, double b) { return div(a, scalar_like(a, b)); }
inline Value div(double a, const Value& b) { return div(scalar_like(b, a), b); }
Value neg(const Value& x);
Value square(const Value& x);
Value sqrt(const Value& x);
Value rsqrt(const Value& x);
Value exp(const Value& x);
Value log(const Value& x);
Value log1p(const Value& x);
Value abs(const Value& x);
Value sign(const Value& x);
Value tanh(const Value& x);
Value sigmoid(const Value& x);
Value relu(const Value& x);
Value softplus(const Value& x);
Value pow(const Value& x, const Value& y);
Value clip(const Value& x, double low, double high);
Value equal(const Value& a, const Value& b);
Value greater(const Value& a, const Value& b);
Value greater_equal(const Value& a, const Value& b);
Value less(const Value& a, const Value& b);
Value select(const Value& condition, const Value& a, const Value& b);  // SelectV2
Value cast(const Value& x, DType dtype);                               // x itself if it has the dtype

// Reductions. An empty `axes` means all axes.
Value reduce_sum(const Value& x, const std::vector<int64_t>& axes = {}, bool keep_dims = false);
Value reduce_mean(const Value& x, const std::vector<int64_t>& axes = {}, bool keep_dims = false);
Value reduce_max(const Value& x, const std::vector<int64_t>& axes = {}, bool keep_dims = false);
Value arg_max(const Value& x, int64_t axis);  // int64

// Shapes and moves
Value shape_of(const Value& x);  // Shape, int32 vector
Value size_of(const Value& x);   // Size, int32 scalar
Value reshape(const Value& x, const Value& shape);
Value reshape(const Value& x, const std::vector<int64_t>& shape);  // one -1 allowed
Value reshape_like(const Value& x, const Value& like);
Value broadcast_to(const Value& x, const Value& shape);
/// Sums `gradient` over the axes along which `x` was broadcast, so that it has x's shape.
Value unbroadcast(const Value& gradient, const Value& x);
Value transpose(const Value& x, const std::vector<int64_t>& permutation);
Value concat(std::span<const Value> parts, int64_t axis);
Value expand_dims(const Value& x, int64_t axis);
Value squeeze(const Value& x, const std::vector<int64_t>& axes);
Value zeros_like(const Value& x);
Value ones_like(const Value& x);
Value pad(const Value& x, const std::vector<std::pair<int64_t, int64_t>>& paddings);

// Products and neural network ops
Value matmul(const Value& a, const Value& b, bool transpose_a = false, bool transpose_b = false);
Value bias_add(const Value& x, const Value& bias);
Value softmax(const Value& x);
Value log_softmax(const Value& x);

// Variables (handles are resource values)
Value read_variable(const Value& handle, DType dtype);
void assign_variable(const Value& handle, const Value& value);
void assign_add_variable(const Value& handle, const Value& value);
void assign_sub_variable(const Value& handle, const Value& value);

}  // namespace keras
