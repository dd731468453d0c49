// Copies between strided views: slicing, padding, transposing, tiling, broadcasting, joining and splitting are all this.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace keras::kernels {

/// Strides, in elements, of a dense row-major array of these dimensions.
std::vector<int64_t> dense_strides(std::span<const int64_t> dims);

/// Elements of one dtype somewhere in memory: the address of element (0, 0, …) and the step along each axis, in
/// elements; negative steps walk backwards, 0 repeats.
struct ConstView {
  const void* data;
  std::vector<int64_t> strides;
};
struct View {
  void* data;
  std::vector<int64_t> strides;
};

/// All of a tensor, or the part that starts `offset` elements after its first.
ConstView view_of(const Tensor& tensor, int64_t offset = 0);
View view_of(Tensor& tensor, int64_t offset = 0);

/// to[i, j, …] = from[i, j, …] over `dims`. REQUIRES: the views do not overlap; `to` names no element twice.
void copy_strided(DType dtype, std::span<const int64_t> dims, View to, ConstView from);

/// to[…] = the one element at `value`.
void fill(Tensor& to, const void* value);

/// Zeros; strings become empty.
void set_zero(Tensor& to);

/// to = the same elements in the same order. Nothing happens if both have the same memory.
void copy_elements(Tensor& to, const Tensor& from);

/// `count` elements of one dtype, from element `from_at` on, to element `to_at` on. REQUIRES: both have as many there.
void copy_part(const Tensor& from, int64_t from_at, Tensor& to, int64_t to_at, int64_t count);

}  // namespace keras::kernels
