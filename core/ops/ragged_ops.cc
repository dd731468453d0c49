// Ragged tensors: values, and for each ragged axis the places at which its rows are split.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/kernels/functors.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/broadcast_index.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/row_splits.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/write_ints.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

// Ranges

void range_shape(ShapeContext& c) {
  int64_t rows = kUnknownDim;
  for (int i = 0; i < 3; ++i) {
    if (c.input(i).known_rank() && c.input(i).rank() == 1)
      rows = shape::same_dim(rows, c.input(i).dim(0), "The numbers of ranges");
  }
  bool scalars = true;
  for (int i = 0; i < 3; ++i) scalars = scalars && c.input(i).known_rank() && c.input(i).rank() == 0;
  c.set_output(0, {scalars ? 2 : rows < 0 ? kUnknownDim : rows + 1});
  c.set_output(1, {kUnknownDim});
}

template <class T>
int64_t range_size(T start, T limit, T delta, const Limits& limits) {
  if (delta == 0) throw InvalidArgumentError("Requires delta != 0");
  const double steps = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
  if (!(steps > 0)) return 0;
  if (steps > static_cast<double>(limits.tensor_bytes)) throw ResourceExhaustedError("A range of {} steps is too long", steps);
  return static_cast<int64_t>(steps);
}

void range_kernel(KernelContext& c) {
  int64_t rows = 1;
  for (int i = 0; i < 3; ++i) {
    const Tensor& input = c.input(i);
    if (input.rank() > 1) throw InvalidArgumentError("starts, limits and deltas must be scalars or vectors");
    if (input.rank() == 1) rows = input.dim(0);
  }
  for (int i = 0; i < 3; ++i) {
    if (c.input(i).rank() == 1 && c.input(i).dim(0) != rows)
      throw InvalidArgumentError("starts, limits, and deltas must have the same shape");
  }
  Ints splits = {0};
  with_compute_type(c.input(0).dtype(), "RaggedRange", [&]<class T>(T) {
    const auto at = [&](int input, int64_t row) { return c.input(input).data<T>()[c.input(input).rank() == 0 ? 0 : row]; };
    for (int64_t row = 0; row < rows; ++row) {
      splits.push_back(splits.back() + range_size(at(0, row), at(1, row), at(2, row), c.limits()));
    }
    T* to = c.output(1, {splits.back()}).data<T>();
    for (int64_t row = 0; row < rows; ++row) {
      T value = at(0, row);
      for (int64_t i = splits[static_cast<size_t>(row)]; i < splits[static_cast<size_t>(row) + 1]; ++i) {
        *to++ = value;
        value = kernels::Add::apply(value, at(2, row));
      }
    }
  });
  write_ints(c.output(0, {rows + 1}), splits);
}

// To tensors

/// The partitions of RaggedTensorToTensor as row splits, outermost first.
std::vector<Ints> row_partitions(KernelContext& c, int first) {
  const auto& types = c.attrs().get<std::vector<std::string>>("row_partition_types");
  const int count = c.inputs() - first;
  if (count == 0 || static_cast<int>(types.size()) != count)
    throw InvalidArgumentError("{} partitions have {} types", count, types.size());
  std::vector<Ints> partitions;
  int64_t rows = types[0] == "FIRST_DIM_SIZE" ? shape::one_element(c.input(first), "The number of rows") : kUnknownDim;
  for (size_t i = rows >= 0 ? 1 : 0; i < types.size(); ++i) {
    const Ints given = c.input(first + static_cast<int>(i)).to_int64s();
    if (types[i] == "ROW_SPLITS") {
      check_splits(given, given.empty() ? 0 : given.back());
      if (rows >= 0 && static_cast<int64_t>(given.size()) - 1 != rows) {
        throw InvalidArgumentError("{} rows have {} splits", rows, given.size());
      }
      partitions.push_back(given);
    } else if (types[i] == "VALUE_ROWIDS" && rows >= 0) {
      if (rows > c.limits().tensor_bytes / 8) throw ResourceExhaustedError("{} rows are too many", rows);
      Ints splits(static_cast<size_t>(rows) + 1, 0);
      for (size_t k = 0; k < given.size(); ++k) {
        if (given[k] < 0 || given[k] >= rows || (k > 0 && given[k] < given[k - 1])) {
          throw InvalidArgumentError("Value row ids must rise and be below {}, found {}", rows, given[k]);
        }
        ++splits[static_cast<size_t>(given[k]) + 1];
      }
      for (size_t k = 1; k < splits.size(); ++k) splits[k] += splits[k - 1];
      partitions.push_back(std::move(splits));
    } else {
      throw InvalidArgumentError("Partition {} of type {} cannot stand there", i, types[i]);
    }
    rows = partitions.back().back();
  }
  return partitions;
}

/// A shape as the op's first input gives it: a vector with -1 for what is not known, or the scalar -1.
Shape asked_shape(const Tensor& shape, int64_t rank) {
  if (shape.rank() == 0) return Shape::unknown(rank);
  const Ints dims = shape.to_int64s();
  if (static_cast<int64_t>(dims.size()) != rank)
    throw InvalidArgumentError("Shape {} does not have the ragged tensor's rank {}", dims, rank);
  for (const int64_t dim : dims) {
    if (dim < -1) throw InvalidArgumentError("Dimension {} is negative", dim);
  }
  return Shape(dims);
}

void to_tensor_shape(ShapeContext& c) {
  const Shape& values = c.input(1);
  const auto& types = c.attrs().get<std::vector<std::string>>("row_partition_types");
  if (!values.known_rank() || types.empty()) return;
  const int64_t ragged = static_cast<int64_t>(types.size()) - (types[0] == "FIRST_DIM_SIZE" ? 1 : 0);
  Shape shape = Shape::unknown(values.rank() + ragged);
  const auto asked = c.input(0).known_rank() && c.input(0).rank() == 1 ? shape::known_ints(c, 0) : std::nullopt;
  for (int64_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis > ragged) shape.set_dim(axis, values.dim(axis - ragged));
    if (asked && axis < static_cast<int64_t>(asked->size()) && (*asked)[static_cast<size_t>(axis)] >= 0) {
      shape.set_dim(axis, (*asked)[static_cast<size_t>(axis)]);
    }
  }
  c.set_output(0, shape);
}

/// The shape of all: what is not asked for is as wide as the longest row.
Shape padded_shape(const std::vector<Ints>& partitions, const Shape& values, const Shape& asked) {
  Shape shape = asked;
  const auto set = [&](int64_t axis, int64_t size) {
    if (shape.dim(axis) < 0) shape.set_dim(axis, size);
  };
  const auto ragged = static_cast<int64_t>(partitions.size());
  set(0, partitions.empty() ? values.dim(0) : static_cast<int64_t>(partitions[0].size()) - 1);
  for (int64_t axis = 1; axis <= ragged; ++axis) {
    const Ints& splits = partitions[static_cast<size_t>(axis) - 1];
    int64_t longest = 0;
    for (size_t i = 1; i < splits.size(); ++i) longest = std::max(longest, splits[i] - splits[i - 1]);
    set(axis, longest);
  }
  for (int64_t axis = 1; axis < values.rank(); ++axis) {
    set(axis + ragged, values.dim(axis));
    if (shape.dim(axis + ragged) != values.dim(axis))
      throw InvalidArgumentError("Values of shape {} do not fill shape {}", values, asked);
  }
  return shape;
}

/// For each value, its place in the tensor's ragged and outermost axes, or -1 where it is cut off.
Ints places(const std::vector<Ints>& partitions, const Shape& shape, int64_t count) {
  Ints at;
  const int64_t rows = partitions.empty() ? count : static_cast<int64_t>(partitions[0].size()) - 1;
  for (int64_t i = 0; i < rows; ++i) at.push_back(i < shape.dim(0) ? i : -1);
  for (size_t level = 0; level < partitions.size(); ++level) {
    const int64_t width = shape.dim(static_cast<int64_t>(level) + 1);
    Ints next;
    for (size_t row = 0; row + 1 < partitions[level].size(); ++row) {
      const int64_t size = partitions[level][row + 1] - partitions[level][row];
      for (int64_t i = 0; i < size; ++i) next.push_back(at[row] < 0 || i >= width ? -1 : at[row] * width + i);
    }
    at = std::move(next);
  }
  return at;
}

void to_tensor_kernel(KernelContext& c) {
  const Tensor &values = c.input(1), &missing = c.input(2);
  if (values.rank() < 1) throw InvalidArgumentError("values must have a dimension at least");
  const std::vector<Ints> partitions = row_partitions(c, 3);
  const auto ragged = static_cast<int64_t>(partitions.size());
  if (!partitions.empty() && partitions.back().back() != values.dim(0)) {
    throw InvalidArgumentError("The partitions are of {} values, found {}", partitions.back().back(), values.dim(0));
  }
  const Shape shape = padded_shape(partitions, values.shape(), asked_shape(c.input(0), values.rank() + ragged));
  const Shape element(Ints(values.shape().dims().begin() + 1, values.shape().dims().end()));
  if (broadcast_shapes(missing.shape(), element) != element) {
    throw InvalidArgumentError("default_value of shape {} cannot be broadcast to {}", missing.shape(), element);
  }
  Tensor& output = c.output(0, shape);
  const int64_t width = element.elements();
  const Ints of_missing = broadcast_index(missing.shape(), element);
  const Ints at = places(partitions, shape, values.dim(0));
  std::vector<char> filled(static_cast<size_t>(width > 0 ? output.elements() / width : 0), 0);
  for (size_t i = 0; i < at.size() && width > 0; ++i) {
    if (at[i] < 0) continue;
    kernels::copy_part(values, static_cast<int64_t>(i) * width, output, at[i] * width, width);
    filled[static_cast<size_t>(at[i])] = 1;
  }
  for (size_t i = 0; i < filled.size(); ++i) {
    for (int64_t k = 0; !filled[i] && k < width; ++k) {
      kernels::copy_part(missing, of_missing[static_cast<size_t>(k)], output, static_cast<int64_t>(i) * width + k, 1);
    }
  }
}

// Where each value went is found by sending their numbers the same way; what nothing went to was made of default_value.
Values to_tensor_grad(GradContext& g) {
  const Value &values = g.input(1), &missing = g.input(2), &up = g.upstream(0);
  Emitter& emitter = g.emitter();
  if (!values.shape().known_rank() || !up.shape().known_rank()) {
    throw UnimplementedError("The gradient of RaggedTensorToTensor needs known ranks");
  }
  const int64_t outer = up.shape().rank() - values.shape().rank() + 1;
  const auto dims_of = [&](const Value& x, int64_t begin, int64_t count) {
    return emit1("Slice", {shape_of(x), ints(emitter, {begin}), ints(emitter, {count})});
  };
  const Value count = reshape(dims_of(values, 0, 1), Ints{});
  const Value numbers = emit1("Range", {int_scalar(emitter, 0), count, int_scalar(emitter, 1)});
  Values inputs = {cast(dims_of(up, 0, outer), g.input(0).dtype()), numbers, int_scalar(emitter, -1)};
  for (int i = 3; i < g.inputs(); ++i) inputs.push_back(g.input(i));
  const Value source = emit1("RaggedTensorToTensor", inputs,
                             {{"row_partition_types", g.attrs().get<std::vector<std::string>>("row_partition_types")}});
  const Value rows = reshape(up, concat(Values{ints(emitter, {-1}), dims_of(up, outer, -1)}, 0));
  const Value flat = reshape(source, Ints{-1});
  const Value of_values = emit1("UnsortedSegmentSum", {rows, flat, count});
  const Value none = cast(emit1("Less", {flat, int_scalar(emitter, 0)}), DType::kInt32);
  const Value of_missing = emit1("UnsortedSegmentSum", {rows, sub(none, int_scalar(emitter, 1)), int_scalar(emitter, 1)});
  Values gradients(static_cast<size_t>(g.inputs()));
  gradients[1] = of_values;
  gradients[2] = unbroadcast(reshape(of_missing, dims_of(up, outer, -1)), missing);
  return gradients;
}

void to_sparse_shape(ShapeContext& c) {
  const Shape& values = c.input(c.inputs() - 1);
  const int64_t rank = values.known_rank() ? values.rank() + c.inputs() - 1 : kUnknownDim;
  c.set_output(0, {kUnknownDim, rank});
  c.set_output(1, {kUnknownDim});
  c.set_output(2, {rank});
}

/// rt_nested_splits…, rt_dense_values → indices, values, shape
void to_sparse_kernel(KernelContext& c) {
  const Tensor& values = c.input(c.inputs() - 1);
  if (values.rank() < 1) throw InvalidArgumentError("rt_dense_values must have a dimension at least");
  std::vector<Ints> partitions;
  for (int i = 0; i + 1 < c.inputs(); ++i) {
    partitions.push_back(c.input(i).to_int64s());
    check_splits(partitions.back(), i + 2 < c.inputs() ? c.input(i + 1).elements() - 1 : values.dim(0));
  }
  const int64_t rank = values.rank() + static_cast<int64_t>(partitions.size());
  const Shape shape = padded_shape(partitions, values.shape(), Shape::unknown(rank));
  const int64_t width = values.dim(0) > 0 ? values.elements() / values.dim(0) : 0;
  const Ints at = places(partitions, shape, values.dim(0));
  int64_t* index = c.output(0, {values.elements(), rank}).data<int64_t>();
  for (int64_t i = 0; i < values.elements(); ++i) {
    int64_t place = at[static_cast<size_t>(i / width)] * width + i % width;
    for (int64_t axis = rank - 1; axis >= 0; --axis) {
      index[i * rank + axis] = place % shape.dim(axis);
      place /= shape.dim(axis);
    }
  }
  kernels::copy_elements(c.output(1, {values.elements()}), values.reshaped({values.elements()}));
  write_ints(c.output(2, {rank}), shape.dims());
}

Values to_sparse_grad(GradContext& g) {
  Values gradients(static_cast<size_t>(g.inputs()));
  if (g.upstream(1).valid()) gradients.back() = reshape_like(g.upstream(1), g.input(g.inputs() - 1));
  return gradients;
}

// Gathering rows

void gather_shape(ShapeContext& c) {
  const auto splits = static_cast<int>(c.attrs().get_int("OUTPUT_RAGGED_RANK"));
  for (int i = 0; i < splits; ++i) c.set_output(i, {kUnknownDim});
  const Shape& values = c.input(static_cast<int>(c.attrs().get_int("PARAMS_RAGGED_RANK")));
  if (!values.known_rank()) return;
  Shape gathered = values;
  if (gathered.rank() > 0) gathered.set_dim(0, kUnknownDim);
  c.set_output(splits, gathered);
}

/// params_nested_splits…, params_dense_values, indices → splits of the indices' inner axes, splits of the rows, values
void gather_kernel(KernelContext& c) {
  const int depth = static_cast<int>(c.attrs().get_int("PARAMS_RAGGED_RANK"));
  const Tensor &values = c.input(depth), &indices = c.input(depth + 1);
  if (values.rank() < 1 || depth < 1) throw InvalidArgumentError("A ragged tensor has row splits and values");
  if (c.outputs() != depth + static_cast<int>(indices.rank())) {
    throw InvalidArgumentError("OUTPUT_RAGGED_RANK must be indices.rank + PARAMS_RAGGED_RANK - 1");
  }
  int output = 0;
  for (int64_t axis = 1, rows = 1; axis < indices.rank(); ++axis) {
    rows *= indices.dim(axis - 1);
    Ints splits;
    for (int64_t i = 0; i <= rows; ++i) splits.push_back(i * indices.dim(axis));
    write_ints(c.output(output++, {rows + 1}), splits);
  }
  Ints rows = indices.to_int64s();
  for (int level = 0; level < depth; ++level) {
    const Ints splits = c.input(level).to_int64s();
    check_splits(splits, level + 1 < depth ? c.input(level + 1).elements() - 1 : values.dim(0));
    Ints next, ends = {0};
    for (const int64_t row : rows) {
      if (row < 0 || row >= static_cast<int64_t>(splits.size()) - 1) {
        throw InvalidArgumentError("indices contains {}, which is not in [0, {})", row, splits.size() - 1);
      }
      for (int64_t i = splits[static_cast<size_t>(row)]; i < splits[static_cast<size_t>(row) + 1]; ++i) next.push_back(i);
      if (static_cast<int64_t>(next.size()) > c.limits().tensor_bytes / 8)
        throw ResourceExhaustedError("Too many rows are gathered");
      ends.push_back(static_cast<int64_t>(next.size()));
    }
    write_ints(c.output(output++, {static_cast<int64_t>(ends.size())}), ends);
    rows = std::move(next);
  }
  Shape shape = values.shape();
  shape.set_dim(0, static_cast<int64_t>(rows.size()));
  Tensor& gathered = c.output(output, shape);
  const int64_t width = values.dim(0) > 0 ? values.elements() / values.dim(0) : 0;
  for (size_t i = 0; i < rows.size() && width > 0; ++i)
    kernels::copy_part(values, rows[i] * width, gathered, static_cast<int64_t>(i) * width, width);
}

// The same rows of the values' numbers are where the gradient's rows belong.
Values ragged_gather_grad(GradContext& g) {
  const int depth = static_cast<int>(g.attrs().get_int("PARAMS_RAGGED_RANK"));
  Values gradients(static_cast<size_t>(g.inputs()));
  const Value& up = g.upstream(g.outputs() - 1);
  if (!up.valid()) return gradients;
  Emitter& emitter = g.emitter();
  const Value count = reshape(emit1("Slice", {shape_of(g.input(depth)), ints(emitter, {0}), ints(emitter, {1})}), Ints{});
  Values inputs;
  for (int i = 0; i < g.inputs(); ++i) inputs.push_back(g.input(i));
  inputs[static_cast<size_t>(depth)] = emit1("Range", {int_scalar(emitter, 0), count, int_scalar(emitter, 1)});
  const Attrs attrs = {{"OUTPUT_RAGGED_RANK", g.attrs().get_int("OUTPUT_RAGGED_RANK")}, {"PARAMS_RAGGED_RANK", int64_t{depth}}};
  const Values numbers = emitter.emit("RaggedGather", inputs, attrs);
  gradients[static_cast<size_t>(depth)] = emit1("UnsortedSegmentSum", {up, numbers.back(), count});
  return gradients;
}

// Counting

void bincount_shape(ShapeContext& c) {
  const int64_t splits = shape::dim_or_unknown(c.input(0), 0);
  c.set_output(0, {splits < 0 ? kUnknownDim : splits - 1, shape::known_int(c, 2).value_or(kUnknownDim)});
}

void bincount_kernel(KernelContext& c) {
  const Ints splits = c.input(0).to_int64s(), values = c.input(1).to_int64s();
  const int64_t bins = shape::one_element(c.input(2), "size");
  const Tensor& weights = c.input(3);
  check_splits(splits, static_cast<int64_t>(values.size()));
  if (bins < 0) throw InvalidArgumentError("size ({}) must be non-negative", bins);
  if (weights.elements() != 0 && weights.elements() != static_cast<int64_t>(values.size())) {
    throw InvalidArgumentError("{} values have {} weights", values.size(), weights.elements());
  }
  const bool binary = c.attrs().get_bool("binary_output");
  Tensor& output = c.output(0, {static_cast<int64_t>(splits.size()) - 1, bins});
  kernels::set_zero(output);
  with_compute_type(output.dtype(), "RaggedBincount", [&]<class T>(T) {
    for (size_t row = 0; row + 1 < splits.size(); ++row) {
      T* counts = output.data<T>() + static_cast<int64_t>(row) * bins;
      for (int64_t i = splits[row]; i < splits[row + 1]; ++i) {
        const int64_t bin = values[static_cast<size_t>(i)];
        if (bin < 0) throw InvalidArgumentError("Input must be non-negative");
        if (bin >= bins) continue;
        counts[bin] = binary ? T(1) : kernels::Add::apply(counts[bin], weights.elements() > 0 ? weights.data<T>()[i] : T(1));
      }
    }
  });
}

constexpr OpDef kOps[] = {
    {.name = "RaggedRange",
     .signature = "(starts: T, limits: T, deltas: T) -> (rt_nested_splits: Tsplits, rt_dense_values: T); T: {bfloat16, float, "
                  "double, int32, int64} = int32; Tsplits: {int32, int64} = int64",
     .shape = range_shape,
     .kernel = range_kernel,
     .js = "ragged.range",
     .flags = kNoGradient},
    {.name = "RaggedTensorToTensor",
     .signature = "(shape: Tshape, values: T, default_value: T, row_partition_tensors: num_row_partition_tensors * Tindex) -> "
                  "(result: T); T: type; Tindex: {int64, int32}; Tshape: {int64, int32}; num_row_partition_tensors: int; "
                  "row_partition_types: list(string)",
     .shape = to_tensor_shape,
     .kernel = to_tensor_kernel,
     .gradient = to_tensor_grad},
    {.name = "RaggedTensorToSparse",
     .signature = "(rt_nested_splits: RAGGED_RANK * Tsplits, rt_dense_values: T) -> (sparse_indices: int64, sparse_values: T, "
                  "sparse_dense_shape: int64); RAGGED_RANK: int; T: type; Tsplits: {int32, int64} = int64",
     .shape = to_sparse_shape,
     .kernel = to_sparse_kernel,
     .gradient = to_sparse_grad},
    {.name = "RaggedGather",
     .signature = "(params_nested_splits: PARAMS_RAGGED_RANK * Tsplits, params_dense_values: Tvalues, indices: Tindices) -> "
                  "(output_nested_splits: OUTPUT_RAGGED_RANK * Tsplits, output_dense_values: Tvalues); Tvalues: type; Tindices: "
                  "{int32, int64}; Tsplits: {int32, int64} = int64; PARAMS_RAGGED_RANK: int; OUTPUT_RAGGED_RANK: int",
     .shape = gather_shape,
     .kernel = gather_kernel,
     .gradient = ragged_gather_grad},
    {.name = "RaggedBincount",
     .signature = "(splits: int64, values: Tidx, size: Tidx, weights: T) -> (output: T); Tidx: {int32, int64}; T: {int32, int64, "
                  "float, double}; binary_output: bool = false",
     .shape = bincount_shape,
     .kernel = bincount_kernel},
};

}  // namespace

std::span<const OpDef> ragged_ops() { return kOps; }

}  // namespace keras
