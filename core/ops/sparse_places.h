// The places of a sparse tensor's values.
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/tensor/tensor.h"

namespace keras {

/// Places of a sparse tensor. Throws InvalidArgumentError unless they are [count, rank] within the shape.
struct Places {
  Places(const Tensor& indices, const Tensor& shape_tensor) : at(indices.to_int64s()), shape(shape_tensor.to_int64s()) {
    if (indices.rank() != 2 || shape_tensor.rank() != 1 || indices.dim(1) != shape_tensor.dim(0)) {
      throw InvalidArgumentError("Indices of shape {} do not fit a shape of {} dimensions", indices.shape(), shape.size());
    }
    rank = indices.dim(1);
    count = indices.dim(0);
    for (size_t i = 0; i < at.size(); ++i) {
      const int64_t size = shape[i % static_cast<size_t>(rank)];
      if (at[i] < 0 || at[i] >= size) throw InvalidArgumentError("Index {} of a sparse tensor is not in [0, {})", at[i], size);
    }
  }
  int64_t operator()(int64_t entry, int64_t axis) const { return at[static_cast<size_t>(entry * rank + axis)]; }

  std::vector<int64_t> at, shape;
  int64_t rank, count;
};

/// Throws InvalidArgumentError unless there is one value for each place.
inline void check_values(const Tensor& values, int64_t count) {
  if (values.rank() != 1 || values.dim(0) != count)
    throw InvalidArgumentError("{} places have values of shape {}", count, values.shape());
}

}  // namespace keras
