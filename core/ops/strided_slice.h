// What StridedSlice's begin, end, strides and masks mean for a given shape: TensorFlow's (and numpy's) basic indexing.
#pragma once

#include <optional>
#include <vector>

#include "core/ops/attr.h"

namespace keras {

/// The slice, axis by axis of the input, and the shape of the result.
struct StridedSlice {
  std::vector<int64_t> begin, strides, sizes;  // sizes: taken from each axis; -1 where unknown
  Shape result;                                // without the shrunk axes, with the new ones
};

/// `begin` and `end` may be unknown; `strides` is known, its length is the number of indices.
/// REQUIRES: input.known_rank(). Throws InvalidArgumentError.
StridedSlice resolve_strided_slice(const Shape& input, const std::optional<std::vector<int64_t>>& begin,
                                   const std::optional<std::vector<int64_t>>& end, const std::vector<int64_t>& strides,
                                   const Attrs& attrs);

}  // namespace keras
