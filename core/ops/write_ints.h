// Outputs that are counts, places or sizes.
#pragma once

#include <algorithm>
#include <cassert>
#include <span>

#include "core/tensor/tensor.h"

namespace keras {

/// The reverse of Tensor::to_int64s(). REQUIRES: `to` holds int32 or int64, and as many elements; the values fit.
inline void write_ints(Tensor& to, std::span<const int64_t> values) {
  assert(to.elements() == static_cast<int64_t>(values.size()));
  if (to.dtype() == DType::kInt64) {
    std::copy(values.begin(), values.end(), to.data<int64_t>());
  } else {
    std::transform(values.begin(), values.end(), to.data<int32_t>(), [](int64_t value) { return static_cast<int32_t>(value); });
  }
}

}  // namespace keras
