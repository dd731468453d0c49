// From a KernelContext to the elementwise loops: dtypes become types here.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/kernels/elementwise.h"
#include "core/ops/registry.h"

namespace keras {

[[noreturn]] void unsupported_dtype(std::string_view op, DType dtype);

/// Calls f with a value of the type of the dtype's elements. Throws UnimplementedError for what computes in no kernel.
template <class F>
void with_float_type(DType dtype, std::string_view op, F f) {
  switch (dtype) {
    case DType::kFloat32: return f(float());
    case DType::kFloat64: return f(double());
    default: unsupported_dtype(op, dtype);
  }
}

template <class F>
void with_compute_type(DType dtype, std::string_view op, F f) {
  switch (dtype) {
    case DType::kInt32: return f(int32_t());
    case DType::kInt64: return f(int64_t());
    case DType::kUint8: return f(uint8_t());
    case DType::kInt8: return f(int8_t());
    default: return with_float_type(dtype, op, f);
  }
}

template <class F>
void with_any_type(DType dtype, std::string_view op, F f) {
  if (dtype == DType::kBool) return f(bool());
  return with_compute_type(dtype, op, f);
}

/// Whether F's formula is defined for T's.
template <class F, class T>
concept AppliesToOne = requires(T x) { F::apply(x); };
template <class F, class T>
concept AppliesToTwo = requires(T x) { F::apply(x, x); };

/// output 0 = run(input 0), element by element.
void map_input(KernelContext& c, kernels::MapRun run);
/// output 0 = run(input 0, input 1) over their broadcast.
void zip_inputs(KernelContext& c, kernels::ZipRun run);

template <class F>
void unary(KernelContext& c) {
  const DType dtype = c.input(0).dtype();
  with_compute_type(dtype, "An elementwise op", [&]<class T>(T) {
    if constexpr (AppliesToOne<F, T>)
      map_input(c, kernels::map_run<F, T, T>);
    else
      unsupported_dtype("An elementwise op", dtype);
  });
}

/// To bool.
template <class F>
void test(KernelContext& c) {
  with_float_type(c.input(0).dtype(), "A test of floats", [&]<class T>(T) { map_input(c, kernels::map_run<F, T, bool>); });
}

/// Throws InvalidArgumentError for integer operands that the formula refuses.
template <class F, class T>
void check_operand(const Tensor& y) {
  if constexpr (!std::is_floating_point_v<T> && requires { F::kRefusesZero; }) {
    for (const T value : y.values<T>()) {
      if (value == 0) throw InvalidArgumentError("Integer division by zero");
    }
  }
  if constexpr (!std::is_floating_point_v<T> && requires { F::kRefusesNegative; }) {
    for (const T value : y.values<T>()) {
      if (value < 0) throw InvalidArgumentError("Integers to negative integer powers are not allowed");
    }
  }
}

template <class F>
void binary(KernelContext& c) {
  const DType dtype = c.input(0).dtype();
  with_compute_type(dtype, "An elementwise op", [&]<class T>(T) {
    if constexpr (AppliesToTwo<F, T>) {
      check_operand<F, T>(c.input(1));
      zip_inputs(c, kernels::zip_run<F, T, T>);
    } else {
      unsupported_dtype("An elementwise op", dtype);
    }
  });
}

template <class F>
void compare(KernelContext& c) {
  const DType dtype = c.input(0).dtype();
  with_any_type(dtype, "A comparison", [&]<class T>(T) {
    if constexpr (AppliesToTwo<F, T>)
      zip_inputs(c, kernels::zip_run<F, T, bool>);
    else
      unsupported_dtype("A comparison", dtype);
  });
}

template <class F>
void logical(KernelContext& c) {
  zip_inputs(c, kernels::zip_run<F, bool, bool>);
}

/// Throws InvalidArgumentError where inputs 0 and 1 differ in shape.
void check_same_shape(KernelContext& c);

/// For gradients: two inputs of one shape.
template <class F>
void same_shape_binary(KernelContext& c) {
  check_same_shape(c);
  binary<F>(c);
}

void logical_not(KernelContext& c);
void add_n(KernelContext& c);
void leaky_relu(KernelContext& c);
void leaky_relu_grad_kernel(KernelContext& c);
void clip_by_value(KernelContext& c);
void select_kernel(KernelContext& c);
void select_v2_kernel(KernelContext& c);

/// Output 0 is `input` in the output's dtype. Floats to integers cut towards zero and stop at the limits (TensorFlow
/// leaves what does not fit undefined); anything but 0 is true.
void cast_elements(KernelContext& c, const Tensor& input);

}  // namespace keras
