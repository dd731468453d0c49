// Rows picked by index, and rows added where an index points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/tensor/tensor.h"

namespace keras::kernels {

/// An array seen as [outer, size, inner]; the middle axis is the one that is indexed.
struct GatherShape {
  int64_t outer, size, inner;
};

/// Bytes that one element takes in memory, strings included.
int64_t element_bytes(DType dtype);

/// to[o, i, :] = from[o, indices[i], :]. REQUIRES: all indices in [0, size).
void gather_rows(DType dtype, const GatherShape& shape, const std::byte* from, std::span<const int64_t> indices, std::byte* to);

/// to[rows[i], :] += from[i, :]; a negative row is left out.
template <class T>
void add_rows(int64_t row_size, std::span<const int64_t> rows, const T* from, T* to) {
  for (size_t i = 0; i < rows.size(); ++i, from += row_size) {
    if (rows[i] < 0) continue;
    T* row = to + rows[i] * row_size;
    for (int64_t k = 0; k < row_size; ++k) row[k] = static_cast<T>(row[k] + from[k]);
  }
}

}  // namespace keras::kernels
