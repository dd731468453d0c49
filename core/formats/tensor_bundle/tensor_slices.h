// Partitioned variables of TensorFlow 1: a tensor whose values lie in pieces, each under a key of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keras {

/// A box of a tensor: [start, start + size) in every dimension.
struct TensorSlice {
  std::vector<int64_t> start, size;
  std::string key;  // of the entry that holds its values
};

/// The key of a slice: begins with a zero byte, before all names. `full[i]`: the slice takes all of dimension i.
std::string slice_key(std::string_view name, const TensorSlice& slice, const std::vector<bool>& full);

/// Whether the slices lie in the shape and cover it, no element twice.
bool slices_cover(const std::vector<TensorSlice>& slices, const std::vector<int64_t>& shape);

/// Copies the values of a slice to their places in the whole tensor, both row by row. REQUIRES: the slice lies in the shape;
/// sizes are those of the shapes.
void copy_slice(const TensorSlice& slice, std::span<const std::byte> values, const std::vector<int64_t>& shape,
                int64_t element_bytes, std::span<std::byte> tensor);

}  // namespace keras
