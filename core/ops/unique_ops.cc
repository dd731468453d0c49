// Unique values of a vector, or unique slices along an axis: in order of their first appearance.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/kernels/gather.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/write_ints.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

/// The axis of the slices: that of input 1, or that of a vector where there is no such input, or nothing in it.
int64_t slice_axis(const Shape& x, const Tensor* axes) {
  if (axes != nullptr && axes->rank() != 1) throw InvalidArgumentError("axis expects a 1D vector.");
  if (axes != nullptr && axes->elements() > 1) throw InvalidArgumentError("axis does not support 2D input tensors yet");
  if (axes != nullptr && axes->elements() == 1) return shape::normalize_axis(axes->to_int64s()[0], x.rank());
  if (x.rank() != 1) throw InvalidArgumentError("unique expects a 1D vector, found shape {}", x);
  return 0;
}

/// The slices of x along an axis, one row each.
Tensor as_rows(const Tensor& x, int64_t axis) {
  if (axis == 0) return x;
  Ints dims = x.shape().dims();
  auto from = kernels::view_of(x);
  std::rotate(dims.begin(), dims.begin() + axis, dims.begin() + axis + 1);
  std::rotate(from.strides.begin(), from.strides.begin() + axis, from.strides.begin() + axis + 1);
  Tensor rows = Tensor::allocate(x.dtype(), Shape(dims));
  kernels::copy_strided(x.dtype(), dims, kernels::view_of(rows), from);
  return rows;
}

struct Found {
  Ints first;   // where each unique slice appears first
  Ints places;  // which of them each slice is
  Ints counts;
};

/// NaN equals nothing, itself included.
template <class T>
Found find_unique(const T* rows, int64_t count, int64_t width) {
  const auto less = [width](const T* a, const T* b) { return std::lexicographical_compare(a, a + width, b, b + width); };
  std::map<const T*, int64_t, decltype(less)> seen(less);
  Found found;
  for (int64_t i = 0; i < count; ++i) {
    const T* row = rows + i * width;
    const auto next = static_cast<int64_t>(found.first.size());
    const bool is_ordered = std::all_of(row, row + width, [](const T& value) { return value == value; });
    const auto place = is_ordered ? seen.emplace(row, next).first->second : next;
    if (place == next) {
      found.first.push_back(i);
      found.counts.push_back(0);
    }
    found.places.push_back(place);
    ++found.counts[static_cast<size_t>(place)];
  }
  return found;
}

/// kAxis: input 1 has the axis.
template <bool kAxis>
void unique_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t axis = slice_axis(x.shape(), kAxis ? &c.input(1) : nullptr), count = x.dim(axis);
  const Tensor rows = as_rows(x, axis);
  Found found;
  const auto run = [&]<class T>(T) { found = find_unique<T>(rows.data<T>(), count, count > 0 ? x.elements() / count : 0); };
  if (x.dtype() == DType::kString)
    run(std::string());
  else
    with_any_type(x.dtype(), "Unique", run);
  Shape shape = x.shape();
  shape.set_dim(axis, static_cast<int64_t>(found.first.size()));
  const auto sizes = [&](int64_t begin, int64_t end) {
    return std::accumulate(shape.dims().begin() + begin, shape.dims().begin() + end, int64_t{1}, std::multiplies<>());
  };
  Tensor& y = c.output(0, shape);
  kernels::gather_rows(x.dtype(), {sizes(0, axis), count, sizes(axis + 1, shape.rank())}, x.raw(), found.first, y.raw());
  write_ints(c.output(1, {count}), found.places);
  if (c.outputs() > 2) write_ints(c.output(2, {shape.dim(axis)}), found.counts);
}

template <bool kCounts>
void vector_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 1, "The input of Unique");
  c.set_output(0, {kUnknownDim});
  c.set_output(1, {shape::dim_or_unknown(c.input(0), 0)});
  if (kCounts) c.set_output(2, {kUnknownDim});
}

template <bool kCounts>
void slices_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  const Tensor* axes = c.input_value(1);
  if (x.known_rank() && axes != nullptr) {
    Shape unique = x;
    const int64_t axis = slice_axis(x, axes);
    unique.set_dim(axis, kUnknownDim);
    c.set_output(0, unique);
    c.set_output(1, {x.dim(axis)});
  } else {
    if (x.known_rank()) c.set_output(0, Shape::unknown(x.rank()));
    c.set_output(1, {kUnknownDim});
  }
  if (kCounts) c.set_output(2, {kUnknownDim});
}

constexpr OpDef kOps[] = {
    {.name = "Unique",
     .signature = "(x: T) -> (y: T, idx: out_idx); T: type; out_idx: {int32, int64} = int32",
     .shape = vector_shape<false>,
     .kernel = unique_kernel<false>,
     .js = "unique",
     .flags = kNoGradient},
    {.name = "UniqueWithCounts",
     .signature = "(x: T) -> (y: T, idx: out_idx, count: out_idx); T: type; out_idx: {int32, int64} = int32",
     .shape = vector_shape<true>,
     .kernel = unique_kernel<false>,
     .js = "uniqueWithCounts",
     .flags = kNoGradient},
    {.name = "UniqueV2",
     .signature = "(x: T, axis: Taxis) -> (y: T, idx: out_idx); T: type; Taxis: {int32, int64} = int64; out_idx: {int32, int64} "
                  "= int32",
     .shape = slices_shape<false>,
     .kernel = unique_kernel<true>,
     .flags = kNoGradient},
    {.name = "UniqueWithCountsV2",
     .signature = "(x: T, axis: Taxis) -> (y: T, idx: out_idx, count: out_idx); T: type; Taxis: {int32, int64} = int64; out_idx: "
                  "{int32, int64} = int32",
     .shape = slices_shape<true>,
     .kernel = unique_kernel<true>,
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> unique_ops() { return kOps; }

}  // namespace keras
