// Complex elements: pairs of floats that compute in a few ops.
#pragma once

#include <complex>

#include "core/tensor/dtype.h"

namespace keras {

inline bool is_complex(DType dtype) { return dtype == DType::kComplex64 || dtype == DType::kComplex128; }

template <>
struct DTypeOf<std::complex<float>> {
  static constexpr DType value = DType::kComplex64;
};
template <>
struct DTypeOf<std::complex<double>> {
  static constexpr DType value = DType::kComplex128;
};

}  // namespace keras
