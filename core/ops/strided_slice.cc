// After TensorFlow's ValidateStridedSliceOp (core/util/strided_slice_op.cc): first the indices are spread over the axes
// of the input, then each axis is resolved.
#include "core/ops/strided_slice.h"

#include <algorithm>

#include "core/base/error.h"

namespace keras {
namespace {

constexpr int64_t kNewAxis = -1, kNoIndex = -1;

/// Which index (by its position, or none: all of the axis) each axis of the input has, and what the result is made of.
struct Spread {
  std::vector<int64_t> index_of_axis;
  std::vector<int64_t> result;  // axes of the input, or kNewAxis
};

struct Masks {
  explicit Masks(const Attrs& attrs)
      : begin(attrs.get_int("begin_mask")),
        end(attrs.get_int("end_mask")),
        ellipsis(attrs.get_int("ellipsis_mask")),
        new_axis(attrs.get_int("new_axis_mask")),
        shrink(attrs.get_int("shrink_axis_mask")) {}
  int64_t begin, end, ellipsis, new_axis, shrink;
};

bool has_bit(int64_t mask, int64_t index) { return index >= 0 && index < 63 && (mask >> index & 1) != 0; }

Spread spread_indices(int64_t rank, int64_t indices, const Masks& masks) {
  int64_t consumed = 0;  // axes that explicit indices take
  int64_t ellipsis = indices;
  for (int64_t i = 0; i < indices; ++i) {
    if (has_bit(masks.ellipsis, i)) {
      if (ellipsis != indices) throw InvalidArgumentError("Multiple ellipses in slice spec not allowed");
      ellipsis = i;
    } else if (!has_bit(masks.new_axis, i)) {
      ++consumed;
    }
  }
  if (consumed > rank) {
    throw InvalidArgumentError("Index out of range using input dim {}; input has only {} dims", consumed - 1, rank);
  }
  Spread spread;
  const auto take_all = [&](int64_t count) {
    for (int64_t k = 0; k < count; ++k) {
      spread.result.push_back(static_cast<int64_t>(spread.index_of_axis.size()));
      spread.index_of_axis.push_back(kNoIndex);
    }
  };
  for (int64_t i = 0; i < indices; ++i) {
    if (i == ellipsis) {
      take_all(rank - consumed);
    } else if (has_bit(masks.new_axis, i)) {
      spread.result.push_back(kNewAxis);
    } else {
      if (!has_bit(masks.shrink, i)) spread.result.push_back(static_cast<int64_t>(spread.index_of_axis.size()));
      spread.index_of_axis.push_back(i);
    }
  }
  if (ellipsis == indices) take_all(rank - consumed);
  return spread;
}

/// A bound counted from the start of an axis and kept within what a walk in this direction can reach.
int64_t clamped(int64_t bound, int64_t dim, int64_t stride) {
  const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? dim : dim - 1;
  return std::clamp(bound < 0 ? bound + dim : bound, low, high);
}

struct AxisSlice {
  int64_t begin, stride, size;
};

AxisSlice shrunk_axis(int64_t dim, std::optional<int64_t> begin, int64_t stride) {
  if (stride <= 0) throw InvalidArgumentError("only stride 1 allowed on non-range indexing.");
  if (!begin || dim < 0) return {0, 1, 1};
  const int64_t at = *begin < 0 ? *begin + dim : *begin;
  if (at < 0 || at >= dim) throw InvalidArgumentError("slice index {} of dimension {} out of bounds.", *begin, dim);
  return {at, 1, 1};
}

/// `begin` and `end` are absent where masked; `known` is false where one of them is not masked and not known.
AxisSlice ranged_axis(int64_t dim, std::optional<int64_t> begin, std::optional<int64_t> end, bool known, int64_t stride) {
  if (!known || dim < 0) {
    const bool all = known && !begin && !end && stride == 1;
    return {0, stride, all ? dim : kUnknownDim};
  }
  const int64_t first = begin ? clamped(*begin, dim, stride) : (stride > 0 ? 0 : dim - 1);
  const int64_t last = end ? clamped(*end, dim, stride) : (stride > 0 ? dim : -1);
  const int64_t interval = last - first;
  if (interval == 0 || (interval < 0) != (stride < 0)) return {0, stride, 0};
  return {first, stride, interval / stride + (interval % stride != 0 ? 1 : 0)};
}

}  // namespace

StridedSlice resolve_strided_slice(const Shape& input, const std::optional<std::vector<int64_t>>& begin,
                                   const std::optional<std::vector<int64_t>>& end, const std::vector<int64_t>& strides,
                                   const Attrs& attrs) {
  const Masks masks(attrs);
  if ((begin && begin->size() != strides.size()) || (end && end->size() != strides.size())) {
    throw InvalidArgumentError("Begin, end and strides must have the same length");
  }
  const Spread spread = spread_indices(input.rank(), static_cast<int64_t>(strides.size()), masks);
  StridedSlice slice;
  for (int64_t axis = 0; axis < input.rank(); ++axis) {
    const int64_t i = spread.index_of_axis[static_cast<size_t>(axis)];
    const int64_t dim = input.dim(axis);
    AxisSlice part{0, 1, dim};
    if (i != kNoIndex) {
      const auto at = static_cast<size_t>(i);
      const int64_t stride = strides[at];
      if (stride == 0) throw InvalidArgumentError("strides[{}] must be non-zero", i);
      const auto value = [&](const std::optional<std::vector<int64_t>>& bounds, int64_t mask) -> std::optional<int64_t> {
        if (!bounds || has_bit(mask, i)) return std::nullopt;
        return (*bounds)[at];
      };
      const bool known = (begin || has_bit(masks.begin, i)) && (end || has_bit(masks.end, i));
      part = has_bit(masks.shrink, i) ? shrunk_axis(dim, value(begin, 0), stride)
                                      : ranged_axis(dim, value(begin, masks.begin), value(end, masks.end), known, stride);
    }
    slice.begin.push_back(part.begin);
    slice.strides.push_back(part.stride);
    slice.sizes.push_back(part.size);
  }
  std::vector<int64_t> dims;
  for (const int64_t axis : spread.result) dims.push_back(axis == kNewAxis ? 1 : slice.sizes[static_cast<size_t>(axis)]);
  slice.result = Shape(std::move(dims));
  return slice;
}

}  // namespace keras
