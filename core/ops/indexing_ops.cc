// Picking and scattering by index. Indices outside their axis are errors, as on TensorFlow's CPU; negative ones too.
#include <algorithm>
#include <numeric>

#include "core/kernels/gather.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gather_shape.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

/// Elements [begin, end) of a shape.
Value part_of(const Value& shape, int64_t begin, int64_t end) {
  Emitter& emitter = *shape.emitter;
  return emit1("StridedSlice", {shape, ints(emitter, {begin}), ints(emitter, {end}), ints(emitter, {1})});
}

/// With batch dimensions: params [batch…, outer…, size, inner…], indices [batch…, places…]. Each batch has segments of its
/// own, and the gathered axis goes before the outer ones.
Value batch_gather_grad(const Value& params, const Value& indices, const Value& up, int64_t batch_dims, int64_t axis) {
  Emitter& emitter = *params.emitter;
  const Value shape = shape_of(params);
  const auto count = [&](const Value& sizes) { return reshape(emit1("Prod", {sizes, int_scalar(emitter, 0)}), {1}); };
  const Value batch = count(part_of(shape, 0, batch_dims)), outer = count(part_of(shape, batch_dims, axis));
  const Value size = part_of(shape, axis, axis + 1), inner = count(part_of(shape, axis + 1, params.shape().rank()));
  const Value places = count(part_of(shape_of(indices), batch_dims, indices.shape().rank()));
  const auto shaped = [&](const Value& x, std::vector<Value> sizes) { return reshape(x, concat(sizes, 0)); };

  const Value rows =
      shaped(transpose(shaped(up, {batch, outer, places, inner}), {0, 2, 1, 3}), {mul(batch, places), mul(outer, inner)});
  const Value number =
      reshape(emit1("Range", {int_scalar(emitter, 0), reshape(batch, std::vector<int64_t>{}), int_scalar(emitter, 1)}), {-1, 1});
  const Value first = cast(mul(number, size), indices.dtype());
  const Value segments = reshape(add(shaped(indices, {batch, places}), first), {-1});
  const Value sums = emit1("UnsortedSegmentSum", {rows, segments, reshape(mul(batch, size), std::vector<int64_t>{})});
  return reshape(transpose(shaped(sums, {batch, size, outer, inner}), {0, 2, 1, 3}), shape);
}

// Rows of the gradient are added up where their index points.
Values gather_grad(GradContext& g) {
  const Value &params = g.input(0), &indices = g.input(1);
  const Tensor* axis_value = g.input(2).constant();
  if (axis_value == nullptr || !params.shape().known_rank()) {
    throw UnimplementedError("The gradient of GatherV2 needs a known axis and rank");
  }
  const int64_t axis = shape::normalize_axis(axis_value->to_int64s()[0], params.shape().rank());
  if (int64_t batch_dims = g.attrs().get_int("batch_dims"); batch_dims != 0) {
    if (!indices.shape().known_rank()) throw UnimplementedError("The gradient of GatherV2 needs the rank of its indices");
    if (batch_dims < 0) batch_dims += indices.shape().rank();
    return {batch_gather_grad(params, indices, g.upstream(0), batch_dims, axis), Value(), Value()};
  }
  const Value flat_indices = reshape(indices, {-1});
  const Value params_shape = shape_of(params);
  const Value size = emit1("GatherV2", {params_shape, int_scalar(g.emitter(), axis), int_scalar(g.emitter(), 0)});
  if (axis == 0) {
    const Value rest =
        emit1("StridedSlice", {params_shape, ints(g.emitter(), {1}), ints(g.emitter(), {0}), ints(g.emitter(), {1})},
              {{"end_mask", int64_t{1}}});
    const Value rows = reshape(g.upstream(0), concat(std::vector<Value>{ints(g.emitter(), {-1}), rest}, 0));
    return {emit1("UnsortedSegmentSum", {rows, flat_indices, size}), Value(), Value()};
  }
  // The gathered axes to the front, summed there, and back.
  if (!indices.shape().known_rank()) throw UnimplementedError("The gradient of GatherV2 needs the rank of its indices");
  const int64_t index_rank = indices.shape().rank(), rank = params.shape().rank();
  std::vector<int64_t> to_front, back;
  for (int64_t i = 0; i < index_rank; ++i) to_front.push_back(axis + i);
  for (int64_t i = 0; i < rank - 1 + index_rank; ++i) {
    if (i < axis || i >= axis + index_rank) to_front.push_back(i);
  }
  for (int64_t i = 0; i < rank; ++i) back.push_back(i < axis ? i + 1 : i == axis ? 0 : i);
  const Value front = transpose(g.upstream(0), to_front);
  const Value tail =
      emit1("StridedSlice", {shape_of(front), ints(g.emitter(), {index_rank}), ints(g.emitter(), {0}), ints(g.emitter(), {1})},
            {{"end_mask", int64_t{1}}});
  const Value rows = reshape(front, concat(std::vector<Value>{ints(g.emitter(), {-1}), tail}, 0));
  return {transpose(emit1("UnsortedSegmentSum", {rows, flat_indices, size}), back), Value(), Value()};
}

Values gather_nd_grad(GradContext& g) {
  const Value& indices = g.input(1);
  const Value shape = cast(shape_of(g.input(0)), indices.dtype());
  return {emit1("ScatterNd", {indices, g.upstream(0), shape}), Value()};
}

Values scatter_nd_grad(GradContext& g) { return {Value(), emit1("GatherNd", {g.upstream(0), g.input(0)}), Value()}; }

// Each row of data went to one sum; those of negative segments to none.
Values unsorted_segment_sum_grad(GradContext& g) {
  const Value& segments = g.input(1);
  const Value zero = scalar_like(segments, 0);
  const Value rows = emit1("GatherV2", {g.upstream(0), maximum(segments, zero), int_scalar(g.emitter(), 0)});
  Value kept = greater_equal(segments, zero);
  if (!rows.shape().known_rank() || !segments.shape().known_rank()) {
    throw UnimplementedError("The gradient of UnsortedSegmentSum needs known ranks");
  }
  for (int64_t axis = segments.shape().rank(); axis < rows.shape().rank(); ++axis) kept = expand_dims(kept, -1);
  return {select(kept, rows, scalar_like(rows, 0)), Value(), Value()};
}

void gather_shape(ShapeContext& c) {
  c.set_output(0, gathered_shape(c.input(0), c.input(1), shape::known_int(c, 2), c.attrs().get_int("batch_dims")));
}

void gather_kernel(KernelContext& c) {
  const Tensor &params = c.input(0), &indices = c.input(1);
  if (c.input(2).elements() != 1) throw InvalidArgumentError("The axis must be a scalar");
  const int64_t axis = shape::normalize_axis(c.input(2).to_int64s()[0], params.rank());
  int64_t batch_dims = c.attrs().get_int("batch_dims");
  Tensor& output = c.output(0, gathered_shape(params.shape(), indices.shape(), axis, batch_dims));
  if (batch_dims < 0) batch_dims += indices.rank();
  gather_elements(params, indices, axis, batch_dims, output);
}

void gather_nd_shape(ShapeContext& c) {
  const Shape &params = c.input(0), &indices = c.input(1);
  shape::require_min_rank(indices, 1, "indices");
  if (!params.known_rank() || !indices.known_rank() || indices.dim(-1) < 0) return;
  if (indices.dim(-1) > params.rank())
    throw InvalidArgumentError("index innermost dimension length must be <= params rank; saw: {} vs. {}", indices.dim(-1),
                               params.rank());
  std::vector<int64_t> dims(indices.dims().begin(), indices.dims().end() - 1);
  dims.insert(dims.end(), params.dims().begin() + indices.dim(-1), params.dims().end());
  c.set_output(0, Shape(std::move(dims)));
}

/// The rows that index tuples name, as offsets in rows of an array with these leading dimensions.
std::vector<int64_t> row_offsets(const Tensor& indices, const std::vector<int64_t>& dims) {
  const int64_t depth = indices.dim(-1);
  const std::vector<int64_t> values = indices.to_int64s();
  std::vector<int64_t> offsets;
  for (size_t i = 0; depth > 0 && i < values.size(); i += static_cast<size_t>(depth)) {
    int64_t offset = 0;
    for (size_t k = 0; k < static_cast<size_t>(depth); ++k) {
      const int64_t index = values[i + k];
      if (index < 0 || index >= dims[k]) throw InvalidArgumentError("Index {} is not in [0, {})", index, dims[k]);
      offset = offset * dims[k] + index;
    }
    offsets.push_back(offset);
  }
  if (depth == 0) {
    int64_t tuples = 1;
    for (int64_t axis = 0; axis + 1 < indices.rank(); ++axis) tuples *= indices.dim(axis);
    offsets.assign(static_cast<size_t>(tuples), 0);
  }
  return offsets;
}

int64_t product(std::span<const int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

void gather_nd_kernel(KernelContext& c) {
  const Tensor &params = c.input(0), &indices = c.input(1);
  const int64_t depth = indices.dim(-1);
  const auto& dims = params.shape().dims();
  std::vector<int64_t> out(indices.shape().dims().begin(), indices.shape().dims().end() - 1);
  out.insert(out.end(), dims.begin() + depth, dims.end());
  Tensor& output = c.output(0, Shape(out));
  const auto offsets = row_offsets(indices, dims);
  const int64_t rows = product(std::span(dims).first(static_cast<size_t>(depth)));
  const int64_t row_size = product(std::span(dims).subspan(static_cast<size_t>(depth)));
  kernels::gather_rows(params.dtype(), {1, rows, row_size}, params.raw(), offsets, output.raw());
}

void scatter_nd_shape(ShapeContext& c) { c.set_output(0, shape::from_input(c, 2)); }

void scatter_nd_kernel(KernelContext& c) {
  const Tensor &indices = c.input(0), &updates = c.input(1);
  const Shape shape(c.input(2).to_int64s());
  const int64_t depth = indices.rank() > 0 ? indices.dim(-1) : 0;
  if (!shape.fully_known() || indices.rank() < 1 || depth > shape.rank()) {
    throw InvalidArgumentError("Indices of shape {} do not fit an output of shape {}", indices.shape(), shape);
  }
  std::vector<int64_t> wanted(indices.shape().dims().begin(), indices.shape().dims().end() - 1);
  wanted.insert(wanted.end(), shape.dims().begin() + depth, shape.dims().end());
  shape::same_shape(updates.shape(), Shape(wanted), "updates and what indices and shape ask for");
  Tensor& output = c.output(0, shape);
  kernels::set_zero(output);
  const auto offsets = row_offsets(indices, shape.dims());
  const int64_t row_size = product(std::span(shape.dims()).subspan(static_cast<size_t>(depth)));
  with_compute_type(output.dtype(), "ScatterNd",
                    [&]<class T>(T) { kernels::add_rows<T>(row_size, offsets, updates.data<T>(), output.data<T>()); });
}

/// data [n…, rest], segment_ids [n…] → [num_segments, rest]
Shape segment_sum_shape(const Shape& data, const Shape& segments, int64_t count) {
  if (!data.known_rank() || !segments.known_rank()) return Shape::unknown_rank();
  if (segments.rank() > data.rank()) throw InvalidArgumentError("segment_ids have shape {}, data {}", segments, data);
  std::vector<int64_t> dims = {count};
  for (int64_t axis = 0; axis < data.rank(); ++axis) {
    if (axis < segments.rank())
      shape::same_dim(data.dim(axis), segments.dim(axis), "Dimensions of data and segment_ids");
    else
      dims.push_back(data.dim(axis));
  }
  return Shape(std::move(dims));
}

void unsorted_segment_sum_shape(ShapeContext& c) {
  const int64_t count = shape::known_int(c, 2).value_or(kUnknownDim);
  if (c.input_value(2) != nullptr && count < 0) throw InvalidArgumentError("num_segments must not be negative");
  c.set_output(0, segment_sum_shape(c.input(0), c.input(1), count));
}

void unsorted_segment_sum_kernel(KernelContext& c) {
  const Tensor &data = c.input(0), &segments = c.input(1);
  const int64_t count = shape::one_element(c.input(2), "num_segments");
  if (count < 0) throw InvalidArgumentError("num_segments must not be negative, found {}", count);
  Tensor& output = c.output(0, segment_sum_shape(data.shape(), segments.shape(), count));
  kernels::set_zero(output);
  const auto ids = segments.to_int64s();
  for (const int64_t id : ids) {
    if (id >= count) throw InvalidArgumentError("segment_ids contains {}, which is not in [0, {})", id, count);
  }
  const int64_t row_size = product(std::span(data.shape().dims()).subspan(static_cast<size_t>(segments.rank())));
  with_compute_type(output.dtype(), "UnsortedSegmentSum",
                    [&]<class T>(T) { kernels::add_rows<T>(row_size, ids, data.data<T>(), output.data<T>()); });
}

int64_t one_hot_axis(const Attrs& attrs, int64_t rank) {
  const int64_t axis = attrs.get_int("axis");
  if (axis < -1 || axis > rank) throw InvalidArgumentError("axis must be -1 or in [0, {}], found {}", rank, axis);
  return axis < 0 ? rank : axis;
}

void one_hot_shape(ShapeContext& c) {
  if (!c.input(0).known_rank()) return;
  std::vector<int64_t> dims = c.input(0).dims();
  const int64_t depth = shape::known_int(c, 1).value_or(kUnknownDim);
  if (c.input_value(1) != nullptr && depth < 0) throw InvalidArgumentError("depth must not be negative, found {}", depth);
  dims.insert(dims.begin() + one_hot_axis(c.attrs(), c.input(0).rank()), depth);
  c.set_output(0, Shape(std::move(dims)));
}

/// An index outside [0, depth) makes no one.
void one_hot_kernel(KernelContext& c) {
  const Tensor& indices = c.input(0);
  for (int i = 1; i < 4; ++i) {
    if (c.input(i).elements() != 1) throw InvalidArgumentError("depth, on_value and off_value must be scalars");
  }
  const int64_t depth = c.input(1).to_int64s()[0], axis = one_hot_axis(c.attrs(), indices.rank());
  if (depth < 0) throw InvalidArgumentError("depth must not be negative, found {}", depth);
  std::vector<int64_t> dims = indices.shape().dims();
  const int64_t inner = product(std::span(dims).subspan(static_cast<size_t>(axis)));
  dims.insert(dims.begin() + axis, depth);
  Tensor& output = c.output(0, Shape(std::move(dims)));
  kernels::fill(output, c.input(3).raw());
  const int64_t* longs = indices.dtype() == DType::kInt64 ? indices.data<int64_t>() : nullptr;
  for (int64_t i = 0; i < indices.elements(); ++i) {
    const int64_t index = longs != nullptr ? longs[i] : static_cast<int64_t>(indices.number_at(i));
    if (index < 0 || index >= depth) continue;
    const int64_t place = (i / inner * depth + index) * inner + i % inner;
    kernels::copy_strided(output.dtype(), {}, {kernels::view_of(output, place).data, {}}, {c.input(2).raw(), {}});
  }
}

void where_shape(ShapeContext& c) { c.set_output(0, {kUnknownDim, c.input(0).known_rank() ? c.input(0).rank() : kUnknownDim}); }

/// The coordinates of what is not zero, in row-major order.
void where_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  std::vector<int64_t> places;
  for (int64_t i = 0; i < input.elements(); ++i) {
    if (input.number_at(i) != 0) places.push_back(i);
  }
  Tensor& output = c.output(0, {static_cast<int64_t>(places.size()), input.rank()});
  int64_t* to = output.data<int64_t>();
  for (int64_t place : places) {
    for (int64_t axis = input.rank(); axis-- > 0;) {
      to[axis] = place % input.dim(axis);
      place /= input.dim(axis);
    }
    to += input.rank();
  }
}

void unravel_shape(ShapeContext& c) {
  shape::require_rank(c.input(1), 1, "dims");
  if (!c.input(0).known_rank()) return;
  if (c.input(0).rank() > 1) throw InvalidArgumentError("The indices can only be scalar or vector, found {}", c.input(0));
  Shape places = {shape::dim_or_unknown(c.input(1), 0)};
  if (c.input(0).rank() == 1) places = {places.dim(0), c.input(0).dim(0)};
  c.set_output(0, places);
}

/// indices, dims → the place along each axis: [axes, indices…]
void unravel_kernel(KernelContext& c) {
  const Tensor& indices = c.input(0);
  if (indices.rank() > 1 || c.input(1).rank() != 1) {
    throw InvalidArgumentError("The indices can only be scalar or vector, and dims a vector; found {} and {}", indices.shape(),
                               c.input(1).shape());
  }
  const std::vector<int64_t> numbers = indices.to_int64s(), dims = c.input(1).to_int64s();
  const auto rank = static_cast<int64_t>(dims.size()), count = static_cast<int64_t>(numbers.size());
  int64_t elements = 1;
  for (const int64_t dim : dims) {
    if (dim <= 0) throw InvalidArgumentError("Input dims cannot be zero or negative, found {}", dims);
    elements = shape::mul_dims(elements, dim);
  }
  Tensor& output = c.output(0, indices.rank() == 0 ? Shape{rank} : Shape{rank, count});
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = numbers[static_cast<size_t>(i)];
    if (rest >= elements) throw InvalidArgumentError("index {} is out of bound as with dims {}", rest, dims);
    for (int64_t axis = rank - 1; axis >= 0; --axis) {
      const int64_t place = rest % dims[static_cast<size_t>(axis)];
      rest /= dims[static_cast<size_t>(axis)];
      if (output.dtype() == DType::kInt64)
        output.data<int64_t>()[axis * count + i] = place;
      else
        output.data<int32_t>()[axis * count + i] = static_cast<int32_t>(place);
    }
  }
}

constexpr OpDef kOps[] = {
    {.name = "GatherV2",
     .signature = "(params: Tparams, indices: Tindices, axis: Taxis) -> (output: Tparams); batch_dims: int = 0; "
                  "Tparams: type; Tindices: {int16, int32, int64}; Taxis: {int32, int64}",
     .shape = gather_shape,
     .kernel = gather_kernel,
     .gradient = gather_grad,
     .js = "gather"},
    {.name = "GatherNd",
     .signature = "(params: Tparams, indices: Tindices) -> (output: Tparams); Tparams: type; Tindices: {int16, int32, "
                  "int64}",
     .shape = gather_nd_shape,
     .kernel = gather_nd_kernel,
     .gradient = gather_nd_grad,
     .js = "gatherNd"},
    {.name = "ScatterNd",
     .signature = "(indices: Tindices, updates: T, shape: Tindices) -> (output: T); T: type; Tindices: {int16, int32, "
                  "int64}",
     .shape = scatter_nd_shape,
     .kernel = scatter_nd_kernel,
     .gradient = scatter_nd_grad,
     .js = "scatterNd"},
    {.name = "UnsortedSegmentSum",
     .signature = "(data: T, segment_ids: Tindices, num_segments: Tnumsegments) -> (output: T); T: {numeric}; "
                  "Tindices: {int16, int32, int64}; Tnumsegments: {int32, int64} = int32",
     .shape = unsorted_segment_sum_shape,
     .kernel = unsorted_segment_sum_kernel,
     .gradient = unsorted_segment_sum_grad,
     .js = "math.unsortedSegmentSum"},
    {.name = "OneHot",
     .signature = "(indices: TI, depth: int32, on_value: T, off_value: T) -> (output: T); axis: int = -1; T: type; "
                  "TI: {uint8, int8, int32, int64} = int64",
     .shape = one_hot_shape,
     .kernel = one_hot_kernel,
     .js = "oneHot",
     .flags = kNoGradient},
    {.name = "UnravelIndex",
     .signature = "(indices: Tidx, dims: Tidx) -> (output: Tidx); Tidx: {int32, int64} = int32",
     .shape = unravel_shape,
     .kernel = unravel_kernel,
     .js = "unravelIndex",
     .flags = kNoGradient},
    {.name = "Where",
     .signature = "(input: T) -> (index: int64); T: {numeric, bool} = bool",
     .shape = where_shape,
     .kernel = where_kernel,
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> indexing_ops() { return kOps; }

}  // namespace keras
