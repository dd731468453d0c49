// The activations that are a few instructions on a vector.
#pragma once

#include "core/kernels/gemm.h"
#include "core/kernels/simd/float4.h"

namespace keras::kernels {

inline bool is_vector_activation(Activation activation) {
  return activation == Activation::kNone || activation == Activation::kRelu || activation == Activation::kRelu6;
}

/// REQUIRES: is_vector_activation(). NaN stays NaN.
inline Float4 activate4(Activation activation, Float4 x) {
  const Float4 zero = {};
  if (activation == Activation::kNone) return x;
  const Float4 positive = x < zero ? zero : x;
  return activation == Activation::kRelu ? positive : positive > splat4(6) ? splat4(6) : positive;
}

}  // namespace keras::kernels
