// Counting, sorting into places, and moving by value: bins, partitions, rolls, tensor scatters.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/kernels/gather.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gather_shape.h"
#include "core/ops/shape_functions.h"
#include "core/ops/write_ints.h"

namespace keras {
namespace {

using kernels::copy_part;
using kernels::copy_strided;
using kernels::view_of;

int64_t product(std::span<const int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

int64_t scalar_int(KernelContext& c, int input, std::string_view what) {
  if (c.input(input).elements() != 1) throw InvalidArgumentError("{} must be a scalar, found {}", what, c.input(input).shape());
  return c.input(input).to_int64s()[0];
}

// Bins

bool binary_counts(const Attrs& attrs) { return attrs.contains("binary_output") && attrs.get_bool("binary_output"); }

/// Adds what one row of numbers has in each bin to `counts`; numbers from `size` on are in none.
template <class T>
void count_row(std::span<const int64_t> numbers, const T* weights, bool binary, int64_t size, T* counts) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < 0) throw InvalidArgumentError("Input arr must be non-negative!");
    if (numbers[i] >= size) continue;
    T& count = counts[numbers[i]];
    count = binary ? T(1) : static_cast<T>(count + (weights != nullptr ? weights[i] : T(1)));
  }
}

void bincount_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &weights = c.input(2);
  const int64_t size = scalar_int(c, 1, "size");
  if (size < 0) throw InvalidArgumentError("size ({}) must be non-negative", size);
  if (weights.elements() != 0 && weights.shape() != x.shape()) {
    throw InvalidArgumentError("weights must have the shape {} of the input or length 0, found {}", x.shape(), weights.shape());
  }
  const bool by_row = x.rank() == 2 && c.attrs().contains("binary_output");
  const int64_t rows = by_row ? x.dim(0) : 1, columns = by_row ? x.dim(1) : x.elements();
  Tensor& output = c.output(0, by_row ? Shape{rows, size} : Shape{size});
  kernels::set_zero(output);
  const std::vector<int64_t> numbers = x.to_int64s();
  with_compute_type(output.dtype(), "A bincount", [&]<class T>(T) {
    const T* weight = weights.elements() > 0 ? weights.data<T>() : nullptr;
    for (int64_t row = 0; row < rows; ++row) {
      const auto slice = std::span(numbers).subspan(static_cast<size_t>(row * columns), static_cast<size_t>(columns));
      count_row<T>(slice, weight != nullptr ? weight + row * columns : nullptr, binary_counts(c.attrs()), size,
                   output.data<T>() + row * size);
    }
  });
}

void bincount_shape(ShapeContext& c) { c.set_output(0, {shape::known_int(c, 1).value_or(kUnknownDim)}); }
void dense_bincount_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  if (!x.known_rank()) return;
  if (x.rank() > 2) throw InvalidArgumentError("Shape must be at most rank 2 but is rank {}", x.rank());
  const int64_t size = shape::known_int(c, 1).value_or(kUnknownDim);
  c.set_output(0, x.rank() == 2 ? Shape{x.dim(0), size} : Shape{size});
}

void bucketize_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const auto& boundaries = c.attrs().get<std::vector<float>>("boundaries");
  if (!std::is_sorted(boundaries.begin(), boundaries.end())) throw InvalidArgumentError("Expected sorted boundaries");
  int32_t* y = c.output(0, x.shape()).data<int32_t>();
  for (int64_t i = 0; i < x.elements(); ++i) {
    const double value = x.number_at(i);
    const auto above = [](double v, float boundary) { return v < static_cast<double>(boundary); };
    y[i] = static_cast<int32_t>(std::upper_bound(boundaries.begin(), boundaries.end(), value, above) - boundaries.begin());
  }
}

/// For each value of a row, how many of the sorted row are below it, or (kUpper) not above.
template <bool kUpper>
void search_sorted_kernel(KernelContext& c) {
  const Tensor &sorted = c.input(0), &values = c.input(1);
  if (sorted.rank() != 2 || values.rank() != 2 || sorted.dim(0) != values.dim(0)) {
    throw InvalidArgumentError("Two matrices of as many rows are needed, found {} and {}", sorted.shape(), values.shape());
  }
  const int64_t size = sorted.dim(1), columns = values.dim(1);
  Tensor& output = c.output(0, values.shape());
  with_compute_type(sorted.dtype(), "A search", [&]<class T>(T) {
    for (int64_t i = 0; i < values.elements(); ++i) {
      const T* row = sorted.data<T>() + i / columns * size;
      const T value = values.data<T>()[i];
      const int64_t place = (kUpper ? std::upper_bound(row, row + size, value) : std::lower_bound(row, row + size, value)) - row;
      if (output.dtype() == DType::kInt64)
        output.data<int64_t>()[i] = place;
      else
        output.data<int32_t>()[i] = static_cast<int32_t>(place);
    }
  });
}

// Partitions

/// data [n…, rest] where `lead` of n… are indexed: elements of a row.
int64_t row_elements(const Shape& data, int64_t lead) {
  return product(std::span(data.dims()).subspan(static_cast<size_t>(lead)));
}

void check_leading(const Shape& data, const Shape& lead, std::string_view what) {
  if (lead.rank() > data.rank() || !std::equal(lead.dims().begin(), lead.dims().end(), data.dims().begin())) {
    throw InvalidArgumentError("data has shape {}, which must begin with that of {}, {}", data, what, lead);
  }
}

void dynamic_partition_kernel(KernelContext& c) {
  const Tensor &data = c.input(0), &partitions = c.input(1);
  check_leading(data.shape(), partitions.shape(), "partitions");
  const std::vector<int64_t> parts = partitions.to_int64s();
  std::vector<std::vector<int64_t>> rows(static_cast<size_t>(c.outputs()));
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] < 0 || parts[i] >= c.outputs()) {
      throw InvalidArgumentError("partitions contains {}, which is not in [0, {})", parts[i], c.outputs());
    }
    rows[static_cast<size_t>(parts[i])].push_back(static_cast<int64_t>(i));
  }
  const int64_t row = row_elements(data.shape(), partitions.rank());
  for (int i = 0; i < c.outputs(); ++i) {
    const auto& picked = rows[static_cast<size_t>(i)];
    std::vector<int64_t> dims(data.shape().dims().begin() + partitions.rank(), data.shape().dims().end());
    dims.insert(dims.begin(), static_cast<int64_t>(picked.size()));
    Tensor& output = c.output(i, Shape(std::move(dims)));
    kernels::gather_rows(data.dtype(), {1, partitions.elements(), row}, data.raw(), picked, output.raw());
  }
}

void dynamic_partition_shape(ShapeContext& c) {
  if (!c.input(0).known_rank() || !c.input(1).known_rank()) return;
  if (c.input(1).rank() > c.input(0).rank())
    throw InvalidArgumentError("partitions have shape {}, data {}", c.input(1), c.input(0));
  std::vector<int64_t> dims(c.input(0).dims().begin() + c.input(1).rank(), c.input(0).dims().end());
  dims.insert(dims.begin(), kUnknownDim);
  for (int64_t i = 0; i < c.attrs().get_int("num_partitions"); ++i) c.set_output(static_cast<int>(i), Shape(dims));
}

/// Rows of several arrays at the places that their indices say; later ones win.
void dynamic_stitch_kernel(KernelContext& c) {
  const int count = c.inputs() / 2;
  int64_t last = -1;
  for (int i = 0; i < count; ++i) {
    check_leading(c.input(count + i).shape(), c.input(i).shape(), "indices");
    for (const int64_t index : c.input(i).to_int64s()) {
      if (index < 0) throw InvalidArgumentError("indices[{}] contains {}", i, index);
      last = std::max(last, index);
    }
  }
  const Shape& first = c.input(count).shape();
  std::vector<int64_t> dims(first.dims().begin() + c.input(0).rank(), first.dims().end());
  const int64_t row = product(dims);
  dims.insert(dims.begin(), last + 1);
  Tensor& output = c.output(0, Shape(std::move(dims)));
  kernels::set_zero(output);
  for (int i = 0; i < count; ++i) {
    const Tensor& data = c.input(count + i);
    if (row_elements(data.shape(), c.input(i).rank()) != row) {
      throw InvalidArgumentError("data[{}] has shape {}, data[0] {}", i, data.shape(), first);
    }
    const std::vector<int64_t> places = c.input(i).to_int64s();
    for (size_t k = 0; k < places.size(); ++k) {
      copy_part(data, static_cast<int64_t>(k) * row, output, places[k] * row, row);
    }
  }
}

void dynamic_stitch_shape(ShapeContext& c) {
  const int count = c.inputs() / 2;
  if (!c.input(count).known_rank() || !c.input(0).known_rank()) return;
  if (c.input(0).rank() > c.input(count).rank()) {
    throw InvalidArgumentError("data has shape {}, indices {}", c.input(count), c.input(0));
  }
  std::vector<int64_t> dims(c.input(count).dims().begin() + c.input(0).rank(), c.input(count).dims().end());
  dims.insert(dims.begin(), kUnknownDim);
  c.set_output(0, Shape(std::move(dims)));
}

Values dynamic_stitch_grad(GradContext& g) {
  Values gradients(static_cast<size_t>(g.inputs()));
  const int count = g.inputs() / 2;
  for (int i = 0; i < count; ++i) {
    gradients[static_cast<size_t>(count + i)] = emit1("GatherV2", {g.upstream(0), g.input(i), int_scalar(g.emitter(), 0)});
  }
  return gradients;
}

// Places

/// What of x is not in y, and where it was.
void list_diff_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &y = c.input(1);
  if (x.rank() != 1 || y.rank() != 1)
    throw InvalidArgumentError("x and y must be vectors, found {} and {}", x.shape(), y.shape());
  std::vector<int64_t> places;
  with_compute_type(x.dtype(), "ListDiff", [&]<class T>(T) {
    std::vector<T> others(y.values<T>().begin(), y.values<T>().end());
    std::sort(others.begin(), others.end());
    for (int64_t i = 0; i < x.elements(); ++i) {
      if (!std::binary_search(others.begin(), others.end(), x.data<T>()[i])) places.push_back(i);
    }
  });
  Tensor& output = c.output(0, {static_cast<int64_t>(places.size())});
  kernels::gather_rows(x.dtype(), {1, x.elements(), 1}, x.raw(), places, output.raw());
  write_ints(c.output(1, output.shape()), places);
}
void list_diff_shape(ShapeContext& c) {
  c.set_output(0, {kUnknownDim});
  c.set_output(1, {kUnknownDim});
}

// Moves

void roll_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> shifts = c.input(1).to_int64s(), axes = c.input(2).to_int64s();
  if (shifts.size() != axes.size())
    throw InvalidArgumentError("shift and axis must have the same size, found {} and {}", shifts, axes);
  if (x.rank() < 1) throw InvalidArgumentError("input must be 1-D or higher");
  std::vector<int64_t> by(static_cast<size_t>(x.rank()), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = shape::normalize_axis(axes[i], x.rank()), size = std::max<int64_t>(x.dim(axis), 1);
    int64_t& shift = by[static_cast<size_t>(axis)];
    shift = ((shift + shifts[i] % size) % size + size) % size;
  }
  Tensor current = x;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    const int64_t shift = by[static_cast<size_t>(axis)], size = x.dim(axis);
    if (shift == 0 || x.elements() == 0) continue;
    std::vector<int64_t> order;
    for (int64_t i = 0; i < size; ++i) order.push_back((i - shift + size) % size);
    Tensor next = Tensor::allocate(x.dtype(), x.shape());
    const auto& dims = x.shape().dims();
    const int64_t outer = product(std::span(dims).first(static_cast<size_t>(axis)));
    kernels::gather_rows(x.dtype(), {outer, size, row_elements(x.shape(), axis + 1)}, current.raw(), order, next.raw());
    current = next;
  }
  kernels::copy_elements(c.output(0, x.shape()), current);
}
Values roll_grad(GradContext& g) { return {emit1("Roll", {g.upstream(0), neg(g.input(1)), g.input(2)}), Value(), Value()}; }

/// Along seq_dim, the first seq_lengths[b] elements backwards.
void reverse_sequence_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t seq = shape::normalize_axis(c.attrs().get_int("seq_dim"), x.rank());
  const int64_t batch = shape::normalize_axis(c.attrs().get_int("batch_dim"), x.rank());
  const std::vector<int64_t> lengths = c.input(1).to_int64s();
  if (seq == batch) throw InvalidArgumentError("batch_dim == seq_dim == {}", seq);
  if (static_cast<int64_t>(lengths.size()) != x.dim(batch)) {
    throw InvalidArgumentError("Length of seq_lengths != input.dims({}), ({} vs. {})", batch, lengths.size(), x.dim(batch));
  }
  Tensor& y = c.output(0, x.shape());
  kernels::copy_elements(y, x);
  const auto strides = kernels::dense_strides(x.shape().dims());
  std::vector<int64_t> dims = x.shape().dims();
  dims[static_cast<size_t>(batch)] = 1;
  std::vector<int64_t> backwards = strides;
  backwards[static_cast<size_t>(seq)] *= -1;
  for (size_t b = 0; b < lengths.size(); ++b) {
    const int64_t length = lengths[b], offset = static_cast<int64_t>(b) * strides[static_cast<size_t>(batch)];
    if (length < 0 || length > x.dim(seq))
      throw InvalidArgumentError("seq_lengths({}) is {}, the sequence has {}", b, length, x.dim(seq));
    dims[static_cast<size_t>(seq)] = length;
    if (length == 0 || product(dims) == 0) continue;
    copy_strided(x.dtype(), dims, {view_of(y, offset).data, strides},
                 {view_of(x, offset + (length - 1) * strides[static_cast<size_t>(seq)]).data, backwards});
  }
}
Values reverse_sequence_grad(GradContext& g) {
  return {emit1("ReverseSequence", {g.upstream(0), g.input(1)},
                {{"seq_dim", g.attrs().get_int("seq_dim")}, {"batch_dim", g.attrs().get_int("batch_dim")}}),
          Value()};
}

/// Between [n, h, w, c·b²] and [n, h·b, w·b, c].
int64_t block_of(const Attrs& attrs) {
  const int64_t block = attrs.get_int("block_size");
  if (block < 2) throw InvalidArgumentError("Block size should be > 1: {}", block);
  if (attrs.get_string("data_format") != "NHWC") throw UnimplementedError("Only NHWC data_format is supported");
  return block;
}
template <bool kToDepth>
Shape blocks_shape(const Attrs& attrs, const Shape& x) {
  const int64_t block = block_of(attrs);
  shape::require_rank(x, 4, "input");
  if (!x.known_rank()) return Shape::unknown(4);
  Shape result = x;
  for (int64_t axis = 1; axis < 4; ++axis) {
    if (x.dim(axis) < 0) continue;
    const int64_t factor = axis == 3 ? shape::mul_dims(block, block) : block;
    const bool shrinks = kToDepth == (axis != 3);
    if (shrinks && x.dim(axis) % factor != 0) throw InvalidArgumentError("Axis {} of {} is not divisible by {}", axis, x, factor);
    result.set_dim(axis, shrinks ? x.dim(axis) / factor : shape::mul_dims(x.dim(axis), factor));
  }
  return result;
}
template <bool kToDepth>
void blocks_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t block = block_of(c.attrs());
  Tensor& y = c.output(0, blocks_shape<kToDepth>(c.attrs(), x.shape()));
  if (x.elements() == 0) return;
  const Shape space = kToDepth ? x.shape() : y.shape();
  const int64_t height = space.dim(1) / block, width = space.dim(2) / block, depth = space.dim(3);
  const std::vector<int64_t> dims = {space.dim(0), height, width, block, block, depth};
  const int64_t row = space.dim(2) * depth;
  const std::vector<int64_t> in_space = {space.dim(1) * row, block * row, block * depth, row, depth, 1};
  const std::vector<int64_t> in_depth = kernels::dense_strides(dims);
  copy_strided(x.dtype(), dims, {y.raw(), kToDepth ? in_depth : in_space}, {x.raw(), kToDepth ? in_space : in_depth});
}
template <bool kToDepth>
void blocks_op_shape(ShapeContext& c) {
  c.set_output(0, blocks_shape<kToDepth>(c.attrs(), c.input(0)));
}
Values space_to_depth_grad(GradContext& g) {
  return {emit1("DepthToSpace", {g.upstream(0)}, {{"block_size", g.attrs().get_int("block_size")}})};
}
Values depth_to_space_grad(GradContext& g) {
  return {emit1("SpaceToDepth", {g.upstream(0)}, {{"block_size", g.attrs().get_int("block_size")}})};
}

// Small makers

void lin_space_kernel(KernelContext& c) {
  const int64_t count = scalar_int(c, 2, "num");
  if (count <= 0) throw InvalidArgumentError("Requires num > 0: {}", count);
  if (c.input(0).elements() != 1 || c.input(1).elements() != 1) throw InvalidArgumentError("start and stop must be scalars");
  Tensor& output = c.output(0, {count});
  with_float_type(output.dtype(), "LinSpace", [&]<class T>(T) {
    const T start = c.input(0).data<T>()[0], stop = c.input(1).data<T>()[0];
    const T step = count > 1 ? (stop - start) / static_cast<T>(count - 1) : T(0);
    for (int64_t i = 0; i < count; ++i) output.data<T>()[i] = start + step * static_cast<T>(i);
    if (count > 1) output.data<T>()[count - 1] = stop;
  });
}
void lin_space_shape(ShapeContext& c) { c.set_output(0, {shape::known_int(c, 2).value_or(kUnknownDim)}); }

/// Where each part begins in the concatenation.
void concat_offset_kernel(KernelContext& c) {
  int64_t offset = 0;
  const int64_t rank = c.input(1).elements();
  const int64_t axis = shape::normalize_axis(scalar_int(c, 0, "concat_dim"), rank);
  for (int i = 1; i < c.inputs(); ++i) {
    const auto dims = c.input(i).to_int64s();
    if (static_cast<int64_t>(dims.size()) != rank)
      throw InvalidArgumentError("Shapes have {} and {} dimensions", rank, dims.size());
    std::vector<int64_t> begin(dims.size(), 0);
    begin[static_cast<size_t>(axis)] = offset;
    offset += dims[static_cast<size_t>(axis)];
    write_ints(c.output(i - 1, {static_cast<int64_t>(begin.size())}), begin);
  }
}
void concat_offset_shape(ShapeContext& c) {
  for (int i = 1; i < c.inputs(); ++i) c.set_output(i - 1, c.input(i));
}

void gather_v1_shape(ShapeContext& c) { c.set_output(0, gathered_shape(c.input(0), c.input(1), 0, 0)); }
void gather_v1_kernel(KernelContext& c) {
  gather_elements(c.input(0), c.input(1), 0, 0, c.output(0, gathered_shape(c.input(0).shape(), c.input(1).shape(), 0, 0)));
}
Values gather_v1_grad(GradContext& g) {
  const Value &params = g.input(0), &indices = g.input(1);
  if (!params.shape().known_rank()) throw UnimplementedError("The gradient of Gather needs a known rank");
  const Values sizes = params.shape().rank() > 0
                           ? emit_all("Unpack", {shape_of(params)}, {{"num", params.shape().rank()}, {"axis", int64_t{0}}})
                           : Values();
  Values row = {int_scalar(g.emitter(), -1)};
  row.insert(row.end(), sizes.begin() + 1, sizes.end());
  const Value rows = reshape(g.upstream(0), emit1("Pack", row));
  return {emit1("UnsortedSegmentSum", {rows, reshape(indices, {-1}), sizes[0]}), Value()};
}

// Tensor scatters

enum class Scatter { kUpdate, kAdd, kSub, kMax, kMin };

/// A copy of the input, rows of which are replaced by, or combined with, the updates.
template <Scatter kWhat>
void tensor_scatter_kernel(KernelContext& c) {
  const Tensor x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  const int64_t depth = indices.rank() > 0 ? indices.dim(-1) : 0;
  if (indices.rank() < 1 || depth > x.rank()) {
    throw InvalidArgumentError("Indices of shape {} do not fit a tensor of shape {}", indices.shape(), x.shape());
  }
  std::vector<int64_t> wanted(indices.shape().dims().begin(), indices.shape().dims().end() - 1);
  const int64_t tuples = product(wanted);
  wanted.insert(wanted.end(), x.shape().dims().begin() + depth, x.shape().dims().end());
  shape::same_shape(updates.shape(), Shape(wanted), "updates and what indices and tensor ask for");
  Tensor& y = c.output(0, x.shape());
  kernels::copy_elements(y, x);
  const int64_t row = row_elements(x.shape(), depth);
  const std::vector<int64_t> values = indices.to_int64s();
  for (int64_t i = 0; i < tuples; ++i) {
    int64_t place = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t index = values[static_cast<size_t>(i * depth + k)];
      if (index < 0 || index >= x.dim(k))
        throw InvalidArgumentError("indices contain {}, which is not in [0, {})", index, x.dim(k));
      place = place * x.dim(k) + index;
    }
    if constexpr (kWhat == Scatter::kUpdate) {
      copy_part(updates, i * row, y, place * row, row);
    } else {
      with_compute_type(x.dtype(), "A tensor scatter", [&]<class T>(T) {
        T* to = y.data<T>() + place * row;
        const T* from = updates.data<T>() + i * row;
        for (int64_t k = 0; k < row; ++k) {
          if constexpr (kWhat == Scatter::kAdd) to[k] = kernels::Add::apply(to[k], from[k]);
          if constexpr (kWhat == Scatter::kSub) to[k] = kernels::Sub::apply(to[k], from[k]);
          if constexpr (kWhat == Scatter::kMax) to[k] = std::max(to[k], from[k]);
          if constexpr (kWhat == Scatter::kMin) to[k] = std::min(to[k], from[k]);
        }
      });
    }
  }
}

Value gathered(GradContext& g, const Value& from) { return emit1("GatherNd", {from, g.input(1)}); }
Values scatter_update_grad(GradContext& g) {
  return {emit1("TensorScatterUpdate", {g.upstream(0), g.input(1), zeros_like(g.input(2))}), Value(), gathered(g, g.upstream(0))};
}
Values scatter_add_grad(GradContext& g) { return {g.upstream(0), Value(), gathered(g, g.upstream(0))}; }
Values scatter_sub_grad(GradContext& g) { return {g.upstream(0), Value(), neg(gathered(g, g.upstream(0)))}; }

// Puts the parts' gradients back where their elements came from.
Values dynamic_partition_grad(GradContext& g) {
  const Value &data = g.input(0), &partitions = g.input(1);
  Emitter& emitter = g.emitter();
  const Value numbers =
      reshape(emit1("Range", {int_scalar(emitter, 0), size_of(partitions), int_scalar(emitter, 1)}), shape_of(partitions));
  Values inputs = emit_all("DynamicPartition", {numbers, partitions}, {{"num_partitions", g.attrs().get_int("num_partitions")}});
  for (int i = 0; i < g.outputs(); ++i) inputs.push_back(g.upstream(i).valid() ? g.upstream(i) : zeros_like(g.output(i)));
  const Value together = emit1("ParallelDynamicStitch", inputs, {{"N", static_cast<int64_t>(g.outputs())}});
  return {reshape(together, shape_of(data)), Value()};
}

// Shared among the tensor's element and the updates that attain the extreme.
Values tensor_scatter_extreme_grad(GradContext& g) {
  const Value &x = g.input(0), &indices = g.input(1), &updates = g.input(2), &y = g.output(0);
  const Value from_x = cast(equal(x, y), x.dtype());
  const Value from_updates = cast(equal(updates, emit1("GatherNd", {y, indices})), x.dtype());
  const Value shape = emit1("Shape", {x}, {{"out_type", indices.dtype()}});
  const Value share = div(g.upstream(0), add(from_x, emit1("ScatterNd", {indices, from_updates, shape})));
  return {mul(share, from_x), Value(), mul(emit1("GatherNd", {share, indices}), from_updates)};
}

constexpr OpDef kOps[] = {
    {.name = "Bincount",
     .signature = "(arr: int32, size: int32, weights: T) -> (bins: T); T: {int32, int64, float, double}",
     .shape = bincount_shape,
     .kernel = bincount_kernel,
     .js = "math.bincount1d"},
    {.name = "DenseBincount",
     .signature = "(input: Tidx, size: Tidx, weights: T) -> (output: T); Tidx: {int32, int64}; T: {int32, int64, float, double}; "
                  "binary_output: bool = false",
     .shape = dense_bincount_shape,
     .kernel = bincount_kernel,
     .js = "math.denseBincount"},
    {.name = "Bucketize",
     .signature = "(input: T) -> (output: int32); T: {int32, int64, float, double}; boundaries: list(float)",
     .shape = shape::same_as<0>,
     .kernel = bucketize_kernel,
     .js = "bucketize",
     .flags = kNoGradient},
    {.name = "LowerBound",
     .signature = "(sorted_inputs: T, values: T) -> (output: out_type); T: type; out_type: {int32, int64} = int32",
     .shape = shape::same_as<1>,
     .kernel = search_sorted_kernel<false>,
     .js = "lowerBound",
     .flags = kNoGradient},
    {.name = "UpperBound",
     .signature = "(sorted_inputs: T, values: T) -> (output: out_type); T: type; out_type: {int32, int64} = int32",
     .shape = shape::same_as<1>,
     .kernel = search_sorted_kernel<true>,
     .js = "upperBound",
     .flags = kNoGradient},
    {.name = "DynamicPartition",
     .signature = "(data: T, partitions: int32) -> (outputs: num_partitions * T); num_partitions: int; T: type",
     .shape = dynamic_partition_shape,
     .kernel = dynamic_partition_kernel,
     .gradient = dynamic_partition_grad,
     .js = "dynamicPartition"},
    {.name = "DynamicStitch",
     .signature = "(indices: N * int32, data: N * T) -> (merged: T); N: int; T: type",
     .shape = dynamic_stitch_shape,
     .kernel = dynamic_stitch_kernel,
     .gradient = dynamic_stitch_grad,
     .js = "dynamicStitch"},
    {.name = "ParallelDynamicStitch",
     .signature = "(indices: N * int32, data: N * T) -> (merged: T); N: int; T: type",
     .shape = dynamic_stitch_shape,
     .kernel = dynamic_stitch_kernel,
     .gradient = dynamic_stitch_grad},
    {.name = "ListDiff",
     .signature = "(x: T, y: T) -> (out: T, idx: out_idx); T: type; out_idx: {int32, int64} = int32",
     .shape = list_diff_shape,
     .kernel = list_diff_kernel,
     .js = "setdiff1d",
     .flags = kNoGradient},
    {.name = "Roll",
     .signature = "(input: T, shift: Tshift, axis: Taxis) -> (output: T); T: type; Tshift: {int32, int64}; Taxis: {int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = roll_kernel,
     .gradient = roll_grad,
     .js = "roll"},
    {.name = "ReverseSequence",
     .signature =
         "(input: T, seq_lengths: Tlen) -> (output: T); seq_dim: int; batch_dim: int = 0; T: type; Tlen: {int32, int64} = int64",
     .shape = shape::same_as<0>,
     .kernel = reverse_sequence_kernel,
     .gradient = reverse_sequence_grad,
     .js = "reverseSequence"},
    {.name = "SpaceToDepth",
     .signature = "(input: T) -> (output: T); T: type; block_size: int; data_format: string = \"NHWC\"",
     .shape = blocks_op_shape<true>,
     .kernel = blocks_kernel<true>,
     .gradient = space_to_depth_grad,
     .js = "nn.spaceToDepth"},
    {.name = "DepthToSpace",
     .signature = "(input: T) -> (output: T); T: type; block_size: int; data_format: string = \"NHWC\"",
     .shape = blocks_op_shape<false>,
     .kernel = blocks_kernel<false>,
     .gradient = depth_to_space_grad,
     .js = "nn.depthToSpace"},
    {.name = "LinSpace",
     .signature = "(start: T, stop: T, num: Tidx) -> (output: T); T: {floating}; Tidx: {int32, int64} = int32",
     .shape = lin_space_shape,
     .kernel = lin_space_kernel,
     .js = "linspace",
     .flags = kNoGradient},
    {.name = "ConcatOffset",
     .signature =
         "(concat_dim: int32, shape: N * shape_type) -> (offset: N * shape_type); N: int; shape_type: {int32, int64} = int32",
     .shape = concat_offset_shape,
     .kernel = concat_offset_kernel,
     .flags = kNoGradient},
    {.name = "Gather",
     .signature = "(params: Tparams, indices: Tindices) -> (output: Tparams); validate_indices: bool = true; Tparams: type; "
                  "Tindices: {int32, int64}",
     .shape = gather_v1_shape,
     .kernel = gather_v1_kernel,
     .gradient = gather_v1_grad},
    {.name = "TensorScatterUpdate",
     .signature = "(tensor: T, indices: Tindices, updates: T) -> (output: T); T: type; Tindices: {int16, int32, int64, uint16}",
     .shape = shape::same_as<0>,
     .kernel = tensor_scatter_kernel<Scatter::kUpdate>,
     .gradient = scatter_update_grad,
     .js = "tensorScatterNdUpdate"},
    {.name = "TensorScatterAdd",
     .signature = "(tensor: T, indices: Tindices, updates: T) -> (output: T); T: type; Tindices: {int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = tensor_scatter_kernel<Scatter::kAdd>,
     .gradient = scatter_add_grad,
     .js = "tensorScatterNdAdd"},
    {.name = "TensorScatterSub",
     .signature = "(tensor: T, indices: Tindices, updates: T) -> (output: T); T: type; Tindices: {int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = tensor_scatter_kernel<Scatter::kSub>,
     .gradient = scatter_sub_grad,
     .js = "tensorScatterNdSub"},
    {.name = "TensorScatterMax",
     .signature = "(tensor: T, indices: Tindices, updates: T) -> (output: T); T: type; Tindices: {int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = tensor_scatter_kernel<Scatter::kMax>,
     .gradient = tensor_scatter_extreme_grad,
     .js = "tensorScatterNdMax"},
    {.name = "TensorScatterMin",
     .signature = "(tensor: T, indices: Tindices, updates: T) -> (output: T); T: type; Tindices: {int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = tensor_scatter_kernel<Scatter::kMin>,
     .gradient = tensor_scatter_extreme_grad,
     .js = "tensorScatterNdMin"},
};

}  // namespace

std::span<const OpDef> arrange_ops() { return kOps; }

}  // namespace keras
