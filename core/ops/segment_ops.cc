// Sums, means, products and extremes of the rows of one segment. Sorted forms take as many segments as their last id says,
// unsorted ones are told, and leave rows with negative ids out.
#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

enum class Segments { kSum, kMean, kProd, kMin, kMax };

Value rows_at(const Value& table, const Value& ids) { return emit1("GatherV2", {table, ids, int_scalar(*table.emitter, 0)}); }

Values segment_sum_grad(GradContext& g) { return {rows_at(g.upstream(0), g.input(1)), Value()}; }

// Each row has its share of its segment's gradient.
Values segment_mean_grad(GradContext& g) {
  const Value &x = g.input(0), &ids = g.input(1);
  if (!x.shape().known_rank()) throw UnimplementedError("The gradient of SegmentMean needs a known rank");
  Value counts = emit1("SegmentSum", {ones_like(cast(ids, x.dtype())), ids});
  for (int64_t axis = 1; axis < x.shape().rank(); ++axis) counts = expand_dims(counts, -1);
  return {rows_at(div(g.upstream(0), maximum(counts, scalar_like(counts, 1.0))), ids), Value()};
}

// Shared among the rows that attain the extreme.
Values segment_extreme_grad(GradContext& g) {
  const Value &x = g.input(0), &ids = g.input(1);
  const Value attained = equal(x, rows_at(g.output(0), ids));
  const Value count = emit1("SegmentSum", {cast(attained, x.dtype()), ids});
  return {where(attained, rows_at(div(g.upstream(0), count), ids)), Value()};
}

/// Rows of `table` at the ids, negative ones taken as 0; and for each element whether its id was not negative.
std::pair<Value, Value> kept_rows(const Value& table, const Value& ids) {
  const Value rows = rows_at(table, maximum(ids, scalar_like(ids, 0)));
  if (!rows.shape().known_rank() || !ids.shape().known_rank()) {
    throw UnimplementedError("The gradient of an unsorted segment reduction needs known ranks");
  }
  Value kept = greater_equal(ids, scalar_like(ids, 0));
  for (int64_t axis = ids.shape().rank(); axis < rows.shape().rank(); ++axis) kept = expand_dims(kept, -1);
  return {rows, emit1("LogicalAnd", {kept, emit1("OnesLike", {emit1("Cast", {rows}, {{"DstT", DType::kBool}})})})};
}

Values unsorted_extreme_grad(GradContext& g) {
  const Value &x = g.input(0), &ids = g.input(1);
  const auto [extremes, kept] = kept_rows(g.output(0), ids);
  const Value attained = emit1("LogicalAnd", {equal(x, extremes), kept});
  const Value count = emit1("UnsortedSegmentSum", {cast(attained, x.dtype()), ids, g.input(2)});
  return {where(attained, kept_rows(emit1("DivNoNan", {g.upstream(0), count}), ids).first), Value(), Value()};
}

/// What each element's slope is: the product of the others of its segment. By division where there is no zero, by the product
/// without zeros at a single zero; with several zeros it is 0. `sums` and `products` fold rows into segments.
template <class Sums, class Products>
Value product_slope(const Value& x, const Value& product, const Value& ids, Sums sums, Products products) {
  const Value zero = equal(x, scalar_like(x, 0.0));
  const Value without = select(zero, scalar_like(x, 1.0), x);
  const Value zeros = rows_at(sums(cast(zero, x.dtype())), ids);
  const Value slope = select(zero, rows_at(products(without), ids), div(rows_at(product, ids), without));
  return select(greater(zeros, scalar_like(zeros, 1.0)), scalar_like(x, 0.0), slope);
}

Values segment_prod_grad(GradContext& g) {
  const Value &x = g.input(0), &ids = g.input(1);
  const auto folded = [&](const char* op) { return [&, op](const Value& rows) { return emit1(op, {rows, ids}); }; };
  const Value slope = product_slope(x, g.output(0), ids, folded("SegmentSum"), folded("SegmentProd"));
  return {mul(rows_at(g.upstream(0), ids), slope), Value()};
}

Values unsorted_prod_grad(GradContext& g) {
  const Value &x = g.input(0), &ids = g.input(1);
  const auto folded = [&](const char* op) { return [&, op](const Value& rows) { return emit1(op, {rows, ids, g.input(2)}); }; };
  const Value from_zero = maximum(ids, scalar_like(ids, 0));
  const Value slope = product_slope(x, g.output(0), from_zero, folded("UnsortedSegmentSum"), folded("UnsortedSegmentProd"));
  const auto [upstream, kept] = kept_rows(g.upstream(0), ids);
  return {where(kept, mul(upstream, slope)), Value(), Value()};
}

/// data [n…, rest], segment_ids [n…] → [count, rest]
Shape segments_shape(const Shape& data, const Shape& ids, int64_t count) {
  if (!data.known_rank() || !ids.known_rank()) return Shape::unknown_rank();
  if (ids.rank() > data.rank()) throw InvalidArgumentError("segment_ids have shape {}, data {}", ids, data);
  std::vector<int64_t> dims = {count};
  for (int64_t axis = 0; axis < data.rank(); ++axis) {
    if (axis < ids.rank())
      shape::same_dim(data.dim(axis), ids.dim(axis), "Dimensions of data and segment_ids");
    else
      dims.push_back(data.dim(axis));
  }
  return Shape(std::move(dims));
}

void sorted_shape(ShapeContext& c) {
  shape::require_rank(c.input(1), 1, "segment_ids");
  shape::require_min_rank(c.input(0), 1, "data");
  c.set_output(0, segments_shape(c.input(0), c.input(1), kUnknownDim));
}

void unsorted_shape(ShapeContext& c) {
  const int64_t count = shape::known_int(c, 2).value_or(kUnknownDim);
  if (c.input_value(2) != nullptr && count < 0) throw InvalidArgumentError("num_segments must not be negative");
  c.set_output(0, segments_shape(c.input(0), c.input(1), count));
}

/// What a segment of the unsorted forms is before its first row.
template <Segments kWhat, class T>
constexpr T start() {
  if constexpr (kWhat == Segments::kProd) return 1;
  if constexpr (kWhat == Segments::kMin) return std::numeric_limits<T>::max();
  if constexpr (kWhat == Segments::kMax) return std::numeric_limits<T>::lowest();
  return 0;
}

template <Segments kWhat, class T>
T combined(T a, T b) {
  if constexpr (kWhat == Segments::kProd) return kernels::Mul::apply(a, b);
  if constexpr (kWhat == Segments::kMin) return std::min(a, b);
  if constexpr (kWhat == Segments::kMax) return std::max(a, b);
  return kernels::Add::apply(a, b);
}

/// Folds rows into the segments that their ids name; counts the rows of each.
template <Segments kWhat, class T>
std::vector<int64_t> fold_rows(const Tensor& data, std::span<const int64_t> ids, Tensor& output) {
  const int64_t count = output.dim(0), row = ids.empty() ? 0 : data.elements() / static_cast<int64_t>(ids.size());
  std::vector<int64_t> rows(static_cast<size_t>(count), 0);
  std::fill_n(output.data<T>(), output.elements(), start<kWhat, T>());
  const T* from = data.data<T>();
  for (const int64_t id : ids) {
    if (id >= 0) {
      T* to = output.data<T>() + id * row;
      for (int64_t k = 0; k < row; ++k) to[k] = combined<kWhat>(to[k], from[k]);
      ++rows[static_cast<size_t>(id)];
    }
    from += row;
  }
  return rows;
}

template <Segments kWhat>
void sorted_kernel(KernelContext& c) {
  const Tensor& data = c.input(0);
  const auto ids = c.input(1).to_int64s();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || (i > 0 && ids[i] < ids[i - 1])) throw InvalidArgumentError("segment ids are not increasing from 0 on");
  }
  const int64_t count = ids.empty() ? 0 : shape::add_dims(ids.back(), 1);
  Tensor& output = c.output(0, segments_shape(data.shape(), c.input(1).shape(), count));
  with_compute_type(data.dtype(), "A segment reduction", [&]<class T>(T) {
    const std::vector<int64_t> rows = fold_rows<kWhat, T>(data, ids, output);
    const int64_t row = count > 0 ? output.elements() / count : 0;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t size = rows[static_cast<size_t>(i)];
      T* to = output.data<T>() + i * row;
      if (size == 0) std::fill_n(to, row, kWhat == Segments::kProd ? T(1) : T(0));
      if constexpr (kWhat == Segments::kMean) {
        for (int64_t k = 0; size > 1 && k < row; ++k) to[k] = static_cast<T>(to[k] / static_cast<T>(size));
      }
    }
  });
}

template <Segments kWhat>
void unsorted_kernel(KernelContext& c) {
  const Tensor& data = c.input(0);
  if (c.input(2).elements() != 1) throw InvalidArgumentError("num_segments must be a scalar");
  const int64_t count = c.input(2).to_int64s()[0];
  if (count < 0) throw InvalidArgumentError("num_segments must not be negative, found {}", count);
  const auto ids = c.input(1).to_int64s();
  for (const int64_t id : ids) {
    if (id >= count) throw InvalidArgumentError("segment_ids contains {}, which is not in [0, {})", id, count);
  }
  Tensor& output = c.output(0, segments_shape(data.shape(), c.input(1).shape(), count));
  with_compute_type(data.dtype(), "A segment reduction", [&]<class T>(T) { fold_rows<kWhat, T>(data, ids, output); });
}

constexpr OpDef kOps[] = {
    {.name = "SegmentSum",
     .signature = "(data: T, segment_ids: Tindices) -> (output: T); T: {numeric}; Tindices: {int32, int64}",
     .shape = sorted_shape,
     .kernel = sorted_kernel<Segments::kSum>,
     .gradient = segment_sum_grad,
     .js = "math.segmentSum"},
    {.name = "SegmentMean",
     .signature = "(data: T, segment_ids: Tindices) -> (output: T); T: {numeric}; Tindices: {int32, int64}",
     .shape = sorted_shape,
     .kernel = sorted_kernel<Segments::kMean>,
     .gradient = segment_mean_grad,
     .js = "math.segmentMean"},
    {.name = "SegmentProd",
     .signature = "(data: T, segment_ids: Tindices) -> (output: T); T: {numeric}; Tindices: {int32, int64}",
     .shape = sorted_shape,
     .kernel = sorted_kernel<Segments::kProd>,
     .gradient = segment_prod_grad,
     .js = "math.segmentProd"},
    {.name = "SegmentMin",
     .signature = "(data: T, segment_ids: Tindices) -> (output: T); T: {real}; Tindices: {int32, int64}",
     .shape = sorted_shape,
     .kernel = sorted_kernel<Segments::kMin>,
     .gradient = segment_extreme_grad,
     .js = "math.segmentMin"},
    {.name = "SegmentMax",
     .signature = "(data: T, segment_ids: Tindices) -> (output: T); T: {real}; Tindices: {int32, int64}",
     .shape = sorted_shape,
     .kernel = sorted_kernel<Segments::kMax>,
     .gradient = segment_extreme_grad,
     .js = "math.segmentMax"},
    {.name = "UnsortedSegmentProd",
     .signature = "(data: T, segment_ids: Tindices, num_segments: Tnumsegments) -> (output: T); T: {numeric}; Tindices: {int32, "
                  "int64}; Tnumsegments: {int32, int64} = int32",
     .shape = unsorted_shape,
     .kernel = unsorted_kernel<Segments::kProd>,
     .gradient = unsorted_prod_grad,
     .js = "math.unsortedSegmentProd"},
    {.name = "UnsortedSegmentMin",
     .signature = "(data: T, segment_ids: Tindices, num_segments: Tnumsegments) -> (output: T); T: {real}; Tindices: {int32, "
                  "int64}; Tnumsegments: {int32, int64} = int32",
     .shape = unsorted_shape,
     .kernel = unsorted_kernel<Segments::kMin>,
     .gradient = unsorted_extreme_grad,
     .js = "math.unsortedSegmentMin"},
    {.name = "UnsortedSegmentMax",
     .signature = "(data: T, segment_ids: Tindices, num_segments: Tnumsegments) -> (output: T); T: {real}; Tindices: {int32, "
                  "int64}; Tnumsegments: {int32, int64} = int32",
     .shape = unsorted_shape,
     .kernel = unsorted_kernel<Segments::kMax>,
     .gradient = unsorted_extreme_grad,
     .js = "math.unsortedSegmentMax"},
};

}  // namespace

std::span<const OpDef> segment_ops() { return kOps; }

}  // namespace keras
