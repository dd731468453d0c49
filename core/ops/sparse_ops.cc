// Sparse tensors: places [count, rank], the values there, and a shape.
#include <algorithm>
#include <numeric>

#include "core/base/checked.h"
#include "core/kernels/functors.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/sparse_places.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

// To dense tensors

void to_dense_shape(ShapeContext& c) { c.set_output(0, shape::from_input(c, 1)); }

/// sparse_indices: [count, rank], [count] of a vector, or one place.
void to_dense_kernel(KernelContext& c) {
  const Tensor &indices = c.input(0), &values = c.input(2), &missing = c.input(3);
  const Shape shape(c.input(1).to_int64s());
  if (!shape.fully_known()) throw InvalidArgumentError("output_shape {} is negative", shape);
  const Ints at = indices.to_int64s();
  const int64_t count = indices.rank() > 0 ? indices.dim(0) : 1, rank = indices.rank() > 1 ? indices.dim(1) : 1;
  if (indices.rank() > 2 || rank != shape.rank()) {
    throw InvalidArgumentError("output_shape has {} elements, sparse_indices {}", shape.rank(), indices.shape());
  }
  if (missing.elements() != 1) throw InvalidArgumentError("default_value should be a scalar.");
  if (values.elements() != 1 && values.elements() != count)
    throw InvalidArgumentError("{} places have {} values", count, values.elements());
  Tensor& output = c.output(0, shape);
  kernels::fill(output, missing.raw());
  int64_t last = -1;
  for (int64_t i = 0; i < count; ++i) {
    int64_t place = 0;
    for (int64_t axis = 0; axis < rank; ++axis) {
      const int64_t k = at[static_cast<size_t>(i * rank + axis)];
      if (k < 0 || k >= shape.dim(axis))
        throw InvalidArgumentError("indices[{}] is out of bounds: need {} in [0, {})", i, k, shape.dim(axis));
      place = place * shape.dim(axis) + k;
    }
    if (place <= last && c.attrs().get_bool("validate_indices")) {
      throw InvalidArgumentError("indices[{}] is {}. Many sparse ops require sorted indices.", i,
                                 place == last ? "repeated" : "out of order");
    }
    last = place;
    kernels::copy_part(values, values.elements() == 1 ? 0 : i, output, place, 1);
  }
}

Values to_dense_grad(GradContext& g) {
  const Value &up = g.upstream(0), &values = g.input(2);
  Value places = g.input(0);  // [places, rank]; of a vector, one each
  if (places.shape().known_rank() && places.shape().rank() < 2) places = reshape(places, {-1, 1});
  const Value of_places = emit1("GatherNd", {up, places}), sum = reduce_sum(of_places);
  const bool shared = values.shape().known_rank() && values.shape().rank() == 0;  // one value in all places
  return {Value(), Value(), shared ? sum : of_places, sub(reduce_sum(up), sum)};
}

// Products

void sparse_dense_shape(ShapeContext& c) {
  const Shape& b = c.input(3);
  shape::require_rank(b, 2, "b");
  const auto a = shape::known_ints(c, 2);
  const bool adjoint_a = c.attrs().get_bool("adjoint_a"), adjoint_b = c.attrs().get_bool("adjoint_b");
  const int64_t rows = a && a->size() == 2 ? (*a)[adjoint_a ? 1 : 0] : kUnknownDim;
  c.set_output(0, {rows, shape::dim_or_unknown(b, adjoint_b ? 0 : 1)});
}

void sparse_dense_kernel(KernelContext& c) {
  const Places a(c.input(0), c.input(2));
  const Tensor &values = c.input(1), &b = c.input(3);
  check_values(values, a.count);
  const bool adjoint_a = c.attrs().get_bool("adjoint_a"), adjoint_b = c.attrs().get_bool("adjoint_b");
  if (a.rank != 2 || b.rank() != 2)
    throw InvalidArgumentError("Matrices are needed, found rank {} and shape {}", a.rank, b.shape());
  const int64_t rows = a.shape[adjoint_a ? 1 : 0], inner = a.shape[adjoint_a ? 0 : 1], columns = b.dim(adjoint_b ? 0 : 1);
  if (b.dim(adjoint_b ? 1 : 0) != inner)
    throw InvalidArgumentError("Cannot multiply A and B because inner dimension does not match: {} vs. {}", inner,
                               b.dim(adjoint_b ? 1 : 0));
  Tensor& output = c.output(0, {rows, columns});
  kernels::set_zero(output);
  with_compute_type(values.dtype(), "SparseTensorDenseMatMul", [&]<class T>(T) {
    for (int64_t i = 0; i < a.count; ++i) {
      const int64_t row = a(i, adjoint_a ? 1 : 0), k = a(i, adjoint_a ? 0 : 1);
      T* to = output.data<T>() + row * columns;
      for (int64_t j = 0; j < columns; ++j) {
        const T factor = b.data<T>()[adjoint_b ? j * inner + k : k * columns + j];
        to[j] = kernels::Add::apply(to[j], kernels::Mul::apply(values.data<T>()[i], factor));
      }
    }
  });
}

Value column(const Value& matrix, int64_t index) {
  Emitter& emitter = *matrix.emitter;
  return reshape(emit1("Slice", {matrix, ints(emitter, {0, index}), ints(emitter, {-1, 1})}), Ints{-1});
}
Value rows_at(const Value& table, const Value& ids) { return emit1("GatherV2", {table, ids, int_scalar(*table.emitter, 0)}); }

Values sparse_dense_grad(GradContext& g) {
  const bool adjoint_a = g.attrs().get_bool("adjoint_a"), adjoint_b = g.attrs().get_bool("adjoint_b");
  const Value &indices = g.input(0), &values = g.input(1), &shape = g.input(2), &b = g.input(3), &up = g.upstream(0);
  Value of_b = emit1("SparseTensorDenseMatMul", {indices, values, shape, up}, {{"adjoint_a", !adjoint_a}});
  if (adjoint_b) of_b = transpose(of_b, {1, 0});
  const Value of_rows = rows_at(up, column(indices, adjoint_a ? 1 : 0));
  const Value of_columns = rows_at(adjoint_b ? transpose(b, {1, 0}) : b, column(indices, adjoint_a ? 0 : 1));
  return {Value(), reduce_sum(mul(of_rows, of_columns), {1}), Value(), of_b};
}

/// Matrices that hold many zeros, which are skipped.
void sparse_matmul_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 2, "a");
  shape::require_rank(c.input(1), 2, "b");
  const bool ta = c.attrs().get_bool("transpose_a"), tb = c.attrs().get_bool("transpose_b");
  shape::same_dim(shape::dim_or_unknown(c.input(0), ta ? 0 : 1), shape::dim_or_unknown(c.input(1), tb ? 1 : 0),
                  "Inner dimensions");
  c.set_output(0, {shape::dim_or_unknown(c.input(0), ta ? 1 : 0), shape::dim_or_unknown(c.input(1), tb ? 0 : 1)});
}

void sparse_matmul_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  if (a.dtype() != DType::kFloat32) unsupported_dtype("SparseMatMul", a.dtype());
  if (b.dtype() != DType::kFloat32) unsupported_dtype("SparseMatMul", b.dtype());
  const bool ta = c.attrs().get_bool("transpose_a"), tb = c.attrs().get_bool("transpose_b");
  const int64_t rows = a.dim(ta ? 1 : 0), inner = a.dim(ta ? 0 : 1), columns = b.dim(tb ? 0 : 1);
  if (b.dim(tb ? 1 : 0) != inner)
    throw InvalidArgumentError("Matrices of shapes {} and {} cannot be multiplied", a.shape(), b.shape());
  Tensor& output = c.output(0, {rows, columns});
  kernels::set_zero(output);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = 0; k < inner; ++k) {
      const float factor = a.data<float>()[ta ? k * rows + i : i * inner + k];
      for (int64_t j = 0; factor != 0 && j < columns; ++j) {
        output.data<float>()[i * columns + j] += factor * b.data<float>()[tb ? j * inner + k : k * columns + j];
      }
    }
  }
}

Values sparse_matmul_grad(GradContext& g) {
  const bool ta = g.attrs().get_bool("transpose_a"), tb = g.attrs().get_bool("transpose_b");
  const Value &a = g.input(0), &b = g.input(1), &up = g.upstream(0);
  return {ta ? matmul(b, up, tb, true) : matmul(up, b, false, !tb), tb ? matmul(up, a, true, ta) : matmul(a, up, !ta, false)};
}

// Order and shape

void reorder_shape(ShapeContext& c) {
  c.set_output(0, c.input(0));
  c.set_output(1, c.input(1));
}

void reorder_kernel(KernelContext& c) {
  const Places places(c.input(0), c.input(2));
  const Tensor& values = c.input(1);
  check_values(values, places.count);
  Ints order(static_cast<size_t>(places.count));
  std::iota(order.begin(), order.end(), 0);
  const auto entry = [&](int64_t i) { return places.at.begin() + i * places.rank; };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const auto [x, y] = std::mismatch(entry(a), entry(a) + places.rank, entry(b));
    return x == entry(a) + places.rank ? a < b : *x < *y;
  });
  Tensor& indices = c.output(0, c.input(0).shape());
  Tensor& output = c.output(1, values.shape());
  for (size_t i = 0; i < order.size(); ++i) {
    std::copy_n(entry(order[i]), places.rank, indices.data<int64_t>() + static_cast<int64_t>(i) * places.rank);
    kernels::copy_part(values, order[i], output, static_cast<int64_t>(i), 1);
  }
}

// The entries' numbers, put in the same order, tell where each came from.
Values reorder_grad(GradContext& g) {
  if (!g.upstream(1).valid()) return {Value(), Value(), Value()};
  const Value zero = int_scalar(g.emitter(), 0), one = int_scalar(g.emitter(), 1);
  const Value numbers = emit1("Range", {zero, size_of(g.input(1)), one});
  const Value order = emit_all("SparseReorder", {g.input(0), numbers, g.input(2)})[1];
  return {Value(), rows_at(g.upstream(1), emit1("InvertPermutation", {order})), Value()};
}

void sparse_reshape_shape(ShapeContext& c) {
  const int64_t rank = shape::dim_or_unknown(c.input(2), 0);
  c.set_output(0, {shape::dim_or_unknown(c.input(0), 0), rank});
  c.set_output(1, {rank});
}

void sparse_reshape_kernel(KernelContext& c) {
  const Places places(c.input(0), c.input(1));
  Ints wanted = c.input(2).to_int64s();
  const auto product = [](const Ints& dims) {
    int64_t size = 1;
    for (const int64_t dim : dims) {
      const auto next = dim < 0 ? std::nullopt : checked_mul(size, dim);
      if (!next) throw InvalidArgumentError("Shape {} has too many elements, or negative ones", dims);
      size = *next;
    }
    return size;
  };
  const int64_t size = product(places.shape);
  const auto open = std::find(wanted.begin(), wanted.end(), -1);
  if (open != wanted.end()) {
    *open = 1;
    const int64_t others = product(wanted);
    *open = others > 0 ? size / others : 0;
  }
  if (product(wanted) != size)
    throw InvalidArgumentError("Input to reshape is a tensor with {} dense values, but the requested shape is {}", size, wanted);
  const auto rank = static_cast<int64_t>(wanted.size());
  int64_t* to = c.output(0, {places.count, rank}).data<int64_t>();
  for (int64_t i = 0; i < places.count; ++i) {
    int64_t place = 0;
    for (int64_t axis = 0; axis < places.rank; ++axis) place = place * places.shape[static_cast<size_t>(axis)] + places(i, axis);
    for (int64_t axis = rank - 1; axis >= 0; --axis) {
      to[i * rank + axis] = place % wanted[static_cast<size_t>(axis)];
      place /= wanted[static_cast<size_t>(axis)];
    }
  }
  std::copy(wanted.begin(), wanted.end(), c.output(1, {rank}).data<int64_t>());
}

// Empty rows

void fill_rows_shape(ShapeContext& c) {
  c.set_output(0, {kUnknownDim, shape::dim_or_unknown(c.input(0), 1)});
  c.set_output(1, {kUnknownDim});
  const auto shape = shape::known_ints(c, 2);
  c.set_output(2, {shape && !shape->empty() ? (*shape)[0] : kUnknownDim});
  c.set_output(3, {shape::dim_or_unknown(c.input(0), 0)});
}

/// Entries in the order of their rows; a row without any has default_value at its beginning.
void fill_rows_kernel(KernelContext& c) {
  const Places places(c.input(0), c.input(2));
  const Tensor &values = c.input(1), &missing = c.input(3);
  check_values(values, places.count);
  if (places.rank < 1) throw InvalidArgumentError("dense_shape must have a dimension at least");
  if (missing.elements() != 1) throw InvalidArgumentError("default_value must be a scalar, found shape {}", missing.shape());
  const int64_t rows = places.shape[0];
  if (rows > c.limits().tensor_bytes / 16) throw ResourceExhaustedError("A sparse tensor of {} rows cannot be filled", rows);
  bool* empty = c.output(2, {rows}).data<bool>();
  std::fill_n(empty, rows, true);
  Ints starts(static_cast<size_t>(rows) + 1, 0);
  for (int64_t i = 0; i < places.count; ++i) {
    ++starts[static_cast<size_t>(places(i, 0)) + 1];
    empty[places(i, 0)] = false;
  }
  for (size_t row = 1; row < starts.size(); ++row) starts[row] += starts[row - 1] + (starts[row] == 0 ? 1 : 0);
  Tensor& indices = c.output(0, {starts.back(), places.rank});
  Tensor& output = c.output(1, {starts.back()});
  int64_t* reverse = c.output(3, {places.count}).data<int64_t>();
  Ints next = starts;
  for (int64_t i = 0; i < places.count; ++i) {
    reverse[i] = next[static_cast<size_t>(places(i, 0))]++;
    std::copy_n(places.at.begin() + i * places.rank, places.rank, indices.data<int64_t>() + reverse[i] * places.rank);
    kernels::copy_part(values, i, output, reverse[i], 1);
  }
  for (int64_t row = 0; row < rows; ++row) {
    if (!empty[row]) continue;
    int64_t* place = indices.data<int64_t>() + starts[static_cast<size_t>(row)] * places.rank;
    std::fill_n(place, places.rank, 0);
    place[0] = row;
    kernels::copy_part(missing, 0, output, starts[static_cast<size_t>(row)], 1);
  }
}

Values fill_rows_grad(GradContext& g) {
  if (!g.upstream(1).valid()) return Values(4);
  const Values found = emit_all("SparseFillEmptyRowsGrad", {g.output(3), g.upstream(1)});
  return {Value(), found[0], Value(), found[1]};
}

void fill_rows_grad_shape(ShapeContext& c) {
  c.set_output(0, c.input(0));
  c.set_output(1, Shape());
}

void fill_rows_grad_kernel(KernelContext& c) {
  const Ints reverse = c.input(0).to_int64s();
  const Tensor& grads = c.input(1);
  Tensor &of_values = c.output(0, c.input(0).shape()), &of_missing = c.output(1, Shape());
  with_compute_type(grads.dtype(), "SparseFillEmptyRowsGrad", [&]<class T>(T) {
    std::vector<char> seen(static_cast<size_t>(grads.elements()), 0);
    for (size_t i = 0; i < reverse.size(); ++i) {
      if (reverse[i] < 0 || reverse[i] >= grads.elements()) {
        throw InvalidArgumentError("Elements in reverse index must be in [0, {}) but got {}", grads.elements(), reverse[i]);
      }
      of_values.data<T>()[i] = grads.data<T>()[reverse[i]];
      seen[static_cast<size_t>(reverse[i])] = 1;
    }
    T sum = 0;
    for (size_t i = 0; i < seen.size(); ++i) {
      if (!seen[i]) sum = kernels::Add::apply(sum, grads.data<T>()[i]);
    }
    of_missing.data<T>()[0] = sum;
  });
}

constexpr OpDef kOps[] = {
    {.name = "SparseToDense",
     .signature = "(sparse_indices: Tindices, output_shape: Tindices, sparse_values: T, default_value: T) -> (dense: T); "
                  "validate_indices: bool = true; T: type; Tindices: {int32, int64}",
     .shape = to_dense_shape,
     .kernel = to_dense_kernel,
     .gradient = to_dense_grad},
    {.name = "SparseTensorDenseMatMul",
     .signature = "(a_indices: Tindices, a_values: T, a_shape: int64, b: T) -> (product: T); T: type; Tindices: {int32, int64} = "
                  "int64; adjoint_a: bool = false; adjoint_b: bool = false",
     .shape = sparse_dense_shape,
     .kernel = sparse_dense_kernel,
     .gradient = sparse_dense_grad},
    {.name = "SparseMatMul",
     .signature = "(a: Ta, b: Tb) -> (product: float); transpose_a: bool = false; transpose_b: bool = false; a_is_sparse: bool = "
                  "false; b_is_sparse: bool = false; Ta: {float, bfloat16} = float; Tb: {float, bfloat16} = float",
     .shape = sparse_matmul_shape,
     .kernel = sparse_matmul_kernel,
     .gradient = sparse_matmul_grad},
    {.name = "SparseReorder",
     .signature =
         "(input_indices: int64, input_values: T, input_shape: int64) -> (output_indices: int64, output_values: T); T: type",
     .shape = reorder_shape,
     .kernel = reorder_kernel,
     .gradient = reorder_grad},
    {.name = "SparseReshape",
     .signature = "(input_indices: int64, input_shape: int64, new_shape: int64) -> (output_indices: int64, output_shape: int64)",
     .shape = sparse_reshape_shape,
     .kernel = sparse_reshape_kernel,
     .flags = kNoGradient},
    {.name = "SparseFillEmptyRows",
     .signature = "(indices: int64, values: T, dense_shape: int64, default_value: T) -> (output_indices: int64, output_values: "
                  "T, empty_row_indicator: bool, reverse_index_map: int64); T: type",
     .shape = fill_rows_shape,
     .kernel = fill_rows_kernel,
     .gradient = fill_rows_grad},
    {.name = "SparseFillEmptyRowsGrad",
     .signature = "(reverse_index_map: int64, grad_values: T) -> (d_values: T, d_default_value: T); T: type",
     .shape = fill_rows_grad_shape,
     .kernel = fill_rows_grad_kernel},
};

}  // namespace

std::span<const OpDef> sparse_ops() { return kOps; }

}  // namespace keras
