// Broadcasting one element at a time: for elements that are no plain bytes, and wherever a loop need not be fast.
#pragma once

#include <vector>

#include "core/tensor/shape.h"

namespace keras {

/// For each element of a tensor of shape `to`, which element of one of shape `from` it is made of. REQUIRES: `from` can be
/// broadcast.
inline std::vector<int64_t> broadcast_index(const Shape& from, const Shape& to) {
  std::vector<int64_t> index(static_cast<size_t>(to.elements()), 0);
  int64_t block = 1, step = 1;  // of the axis under way, in elements of each
  for (int64_t axis = 1; axis <= from.rank(); ++axis) {
    const int64_t size = from.dim(-axis), to_size = to.dim(-axis);
    for (size_t i = 0; size > 1 && i < index.size(); ++i) index[i] += static_cast<int64_t>(i) / block % to_size * step;
    block *= to_size;
    step *= size;
  }
  return index;
}

}  // namespace keras
