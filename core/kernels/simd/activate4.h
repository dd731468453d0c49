// The activations that are a few instructions on a vector.
#pragma once

#include <limits>

#include "core/kernels/gemm.h"
#include "core/kernels/simd/float4.h"

namespace keras::kernels {

inline bool is_vector_activation(Activation activation) {
  return activation == Activation::kNone || activation == Activation::kRelu || activation == Activation::kRelu6;
}

/// An activation as the bounds of its results, so that a loop need not ask which one it is. NaN stays NaN.
/// REQUIRES: is_vector_activation().
struct Bounds4 {
  Float4 low, high;

  explicit Bounds4(Activation activation)
      : low(splat4(activation == Activation::kNone ? -std::numeric_limits<float>::infinity() : 0.0f)),
        high(splat4(activation == Activation::kRelu6 ? 6.0f : std::numeric_limits<float>::infinity())) {}
  Float4 operator()(Float4 x) const { return at_most4(at_least4(x, low), high); }
};

}  // namespace keras::kernels
