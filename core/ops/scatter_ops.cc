// Rows and slices of variables, read and changed where they stand.
#include <cstring>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/strided_slice.h"
#include "core/ops/variables.h"

namespace keras {
namespace {

struct Replace {
  template <class T>
  static T apply(T, T update) {
    return update;
  }
};
struct DivideBy {
  template <class T>
  static T apply(T value, T update) {
    if constexpr (!std::is_floating_point_v<T>) {
      if (update == 0) throw InvalidArgumentError("Integer division by zero");
      if constexpr (std::is_signed_v<T>) {
        if (update == T(-1)) return static_cast<T>(T(0) - static_cast<std::make_unsigned_t<T>>(value));
      }
    }
    return static_cast<T>(value / update);
  }
};

/// Where slices of a variable begin, and how many elements one has.
struct Slices {
  std::vector<int64_t> begins;
  int64_t size = 1;
};

/// indices [n…, depth]: each row names a place of the first `depth` axes.
Slices nd_slices(const Shape& shape, const Tensor& indices) {
  if (indices.rank() < 1) throw InvalidArgumentError("indices must be at least a vector");
  const int64_t depth = indices.dim(indices.rank() - 1);
  if (depth > shape.rank()) throw InvalidArgumentError("indices name {} axes of shape {}", depth, shape);
  Slices slices;
  for (int64_t axis = depth; axis < shape.rank(); ++axis) slices.size *= shape.dim(axis);
  const std::vector<int64_t> numbers = indices.to_int64s();
  int64_t count = 1;
  for (int64_t axis = 0; axis + 1 < indices.rank(); ++axis) count *= indices.dim(axis);
  for (int64_t i = 0; i < count; ++i) {
    int64_t place = 0;
    for (int64_t axis = 0; axis < depth; ++axis) {
      const int64_t number = numbers[static_cast<size_t>(i * depth + axis)];
      if (number < 0 || number >= shape.dim(axis)) {
        throw InvalidArgumentError("indices[{}] contains {}, which is not in [0, {})", i, number, shape.dim(axis));
      }
      place = place * shape.dim(axis) + number;
    }
    slices.begins.push_back(place * slices.size);
  }
  return slices;
}

/// indices of any shape: rows of the first axis.
Slices row_slices(const Shape& shape, const Tensor& indices) {
  if (shape.rank() < 1) throw InvalidArgumentError("A scalar variable has no rows");
  Slices slices;
  for (int64_t axis = 1; axis < shape.rank(); ++axis) slices.size *= shape.dim(axis);
  for (const int64_t row : indices.to_int64s()) {
    if (row < 0 || row >= shape.dim(0))
      throw InvalidArgumentError("indices contains {}, which is not in [0, {})", row, shape.dim(0));
    slices.begins.push_back(row * slices.size);
  }
  return slices;
}

template <class F, class T>
void update_slices(const Slices& slices, const Tensor& updates, Tensor& value) {
  const bool one = updates.elements() == 1 && updates.rank() == 0;
  T* to = reinterpret_cast<T*>(value.raw());
  const T* from = reinterpret_cast<const T*>(updates.raw());
  int64_t at = 0;
  for (const int64_t begin : slices.begins) {
    for (int64_t i = 0; i < slices.size; ++i, ++at) to[begin + i] = F::apply(to[begin + i], from[one ? 0 : at]);
  }
}

/// kNd: slices by nd_slices. A scalar update is for all elements of the rows.
template <class F, bool kNd>
void scatter_kernel(KernelContext& c) {
  Variable& target = variable(c, 0);
  const Tensor& updates = c.input(2);
  const Slices slices = kNd ? nd_slices(target.shape(), c.input(1)) : row_slices(target.shape(), c.input(1));
  const bool one = !kNd && updates.rank() == 0;
  if (target.dtype() != updates.dtype() ||
      (!one && updates.elements() != static_cast<int64_t>(slices.begins.size()) * slices.size)) {
    throw InvalidArgumentError("Updates of shape {} do not fit variable '{}' of shape {}", updates.shape(), target.name(),
                               target.shape());
  }
  Tensor& value = target.mutable_value();
  if constexpr (std::is_same_v<F, Replace>) {
    if (value.dtype() == DType::kString) return update_slices<F, std::string>(slices, updates, value);
    if (value.dtype() == DType::kBool) return update_slices<F, bool>(slices, updates, value);
  }
  with_compute_type(value.dtype(), "A scatter", [&]<class T>(T) { update_slices<F, T>(slices, updates, value); });
}

void gather_nd_kernel(KernelContext& c) {
  const Variable& source = variable(c, 0);
  const Tensor &value = source.value(), &indices = c.input(1);
  if (value.dtype() != c.output_dtype(0)) throw InvalidArgumentError("The variable is of dtype {}", value.dtype());
  const Slices slices = nd_slices(value.shape(), indices);
  std::vector<int64_t> dims(indices.shape().dims().begin(), indices.shape().dims().end() - 1);
  dims.insert(dims.end(), value.shape().dims().begin() + indices.dim(indices.rank() - 1), value.shape().dims().end());
  Tensor& output = c.output(0, Shape(std::move(dims)));
  const int64_t bytes = slices.size * dtype_bytes(value.dtype());
  for (size_t i = 0; i < slices.begins.size(); ++i) {
    if (value.dtype() == DType::kString) {
      std::copy_n(value.data<std::string>() + slices.begins[i], slices.size,
                  output.data<std::string>() + static_cast<int64_t>(i) * slices.size);
    } else if (bytes > 0) {
      std::memcpy(output.raw() + static_cast<int64_t>(i) * bytes, value.raw() + slices.begins[i] * dtype_bytes(value.dtype()),
                  static_cast<size_t>(bytes));
    }
  }
}

// The dense sum of the slices that were gathered.
Values gather_nd_grad(GradContext& g) {
  const Value &handle = g.input(0), &indices = g.input(1);
  const Value shape = emit1("VariableShape", {handle}, {{"out_type", indices.dtype()}});
  return {emit1("ScatterNd", {indices, g.upstream(0), shape}), Value()};
}

/// variable[begin:end:strides] = value
void slice_assign_kernel(KernelContext& c) {
  Variable& target = variable(c, 0);
  const Tensor& value = c.input(4);
  const StridedSlice slice =
      resolve_strided_slice(target.shape(), c.input(1).to_int64s(), c.input(2).to_int64s(), c.input(3).to_int64s(), c.attrs());
  if (target.dtype() != value.dtype() || value.shape() != slice.result) {
    throw InvalidArgumentError("A slice {} {} of variable '{}' cannot be assigned a value {} {}", target.dtype(), slice.result,
                               target.name(), value.dtype(), value.shape());
  }
  if (value.elements() == 0) return;
  Tensor& all = target.mutable_value();
  std::vector<int64_t> strides = kernels::dense_strides(all.shape().dims());
  int64_t first = 0;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    first += slice.begin[axis] * strides[axis];
    strides[axis] *= slice.strides[axis];
  }
  kernels::copy_strided(value.dtype(), slice.sizes, {kernels::view_of(all, first).data, strides},
                        {value.raw(), kernels::dense_strides(slice.sizes)});
}

constexpr OpDef kOps[] = {
    {.name = "ResourceGatherNd",
     .signature = "(resource: resource, indices: Tindices) -> (output: dtype); dtype: type; Tindices: {int32, int64}",
     .shape = shape::unknown,
     .kernel = gather_nd_kernel,
     .gradient = gather_nd_grad,
     .flags = kStateful},
    {.name = "ResourceScatterUpdate",
     .signature = "(resource: resource, indices: Tindices, updates: dtype) -> (); dtype: type; Tindices: {int32, int64}",
     .shape = shape::unknown,
     .kernel = scatter_kernel<Replace, false>,
     .flags = kStateful},
    {.name = "ResourceScatterSub",
     .signature = "(resource: resource, indices: Tindices, updates: dtype) -> (); dtype: {numeric}; Tindices: {int32, int64}",
     .shape = shape::unknown,
     .kernel = scatter_kernel<kernels::Sub, false>,
     .flags = kStateful},
    {.name = "ResourceScatterMul",
     .signature = "(resource: resource, indices: Tindices, updates: dtype) -> (); dtype: {numeric}; Tindices: {int32, int64}",
     .shape = shape::unknown,
     .kernel = scatter_kernel<kernels::Mul, false>,
     .flags = kStateful},
    {.name = "ResourceScatterDiv",
     .signature = "(resource: resource, indices: Tindices, updates: dtype) -> (); dtype: {numeric}; Tindices: {int32, int64}",
     .shape = shape::unknown,
     .kernel = scatter_kernel<DivideBy, false>,
     .flags = kStateful},
    {.name = "ResourceScatterMin",
     .signature = "(resource: resource, indices: Tindices, updates: dtype) -> (); dtype: {numeric}; Tindices: {int32, int64}",
     .shape = shape::unknown,
     .kernel = scatter_kernel<kernels::Minimum, false>,
     .flags = kStateful},
    {.name = "ResourceScatterMax",
     .signature = "(resource: resource, indices: Tindices, updates: dtype) -> (); dtype: {numeric}; Tindices: {int32, int64}",
     .shape = shape::unknown,
     .kernel = scatter_kernel<kernels::Maximum, false>,
     .flags = kStateful},
    {.name = "ResourceStridedSliceAssign",
     .signature =
         "(ref: resource, begin: Index, end: Index, strides: Index, value: T) -> (); T: type; Index: {int32, int64}; "
         "begin_mask: int = 0; end_mask: int = 0; ellipsis_mask: int = 0; new_axis_mask: int = 0; shrink_axis_mask: int = 0",
     .shape = shape::unknown,
     .kernel = slice_assign_kernel,
     .flags = kStateful},
    {.name = "ResourceScatterNdUpdate",
     .signature = "(ref: resource, indices: Tindices, updates: T) -> (); T: type; Tindices: {int32, int64}; use_locking: bool = "
                  "true",
     .shape = shape::unknown,
     .kernel = scatter_kernel<Replace, true>,
     .flags = kStateful},
    {.name = "ResourceScatterNdAdd",
     .signature = "(ref: resource, indices: Tindices, updates: T) -> (); T: type; Tindices: {int32, int64}; use_locking: bool = "
                  "true",
     .shape = shape::unknown,
     .kernel = scatter_kernel<kernels::Add, true>,
     .flags = kStateful},
    {.name = "ResourceScatterNdSub",
     .signature = "(ref: resource, indices: Tindices, updates: T) -> (); T: type; Tindices: {int32, int64}; use_locking: bool = "
                  "true",
     .shape = shape::unknown,
     .kernel = scatter_kernel<kernels::Sub, true>,
     .flags = kStateful},
};

}  // namespace

std::span<const OpDef> scatter_ops() { return kOps; }

}  // namespace keras
