// Slices and reversals: copies between strided views of input and output.
#include <algorithm>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/strided_slice.h"

namespace keras {
namespace {

using kernels::copy_strided;
using kernels::view_of;

Attrs slice_masks(GradContext& g) {
  Attrs masks;
  for (const char* name : {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"}) {
    masks.set(name, g.attrs().get_int(name));
  }
  return masks;
}

Values strided_slice_grad(GradContext& g) {
  const Value shape = shape_of(g.input(0));
  const DType index = g.input(1).dtype();
  return {emit1("StridedSliceGrad", {cast(shape, index), g.input(1), g.input(2), g.input(3), g.upstream(0)}, slice_masks(g)),
          Value(), Value(), Value()};
}

Values strided_slice_grad_grad(GradContext& g) {
  return {Value(), Value(), Value(), Value(),
          emit1("StridedSlice", {g.upstream(0), g.input(1), g.input(2), g.input(3)}, slice_masks(g))};
}

// Zeros around the slice: as many before as were skipped, as many after as were left.
Values slice_grad(GradContext& g) {
  const Value begin = g.input(1);
  const Value left = sub(cast(shape_of(g.input(0)), begin.dtype()), cast(shape_of(g.output(0)), begin.dtype()));
  const Value paddings = emit1("Pack", {begin, sub(left, begin)}, {{"axis", int64_t{1}}});
  return {emit1("Pad", {g.upstream(0), paddings}), Value(), Value()};
}

Values reverse_grad(GradContext& g) { return {emit1("ReverseV2", {g.upstream(0), g.input(1)}), Value()}; }
void strided_slice_shape(ShapeContext& c) {
  const auto strides = shape::known_ints(c, 3);
  if (!strides || !c.input(0).known_rank()) return;
  c.set_output(0,
               resolve_strided_slice(c.input(0), shape::known_ints(c, 1), shape::known_ints(c, 2), *strides, c.attrs()).result);
}

/// The part of `dense` that the slice names.
template <class DenseView>
DenseView sliced_view(DenseView dense, const StridedSlice& slice, int64_t& offset) {
  offset = 0;
  for (size_t axis = 0; axis < slice.begin.size(); ++axis) {
    offset += slice.begin[axis] * dense.strides[axis];
    dense.strides[axis] *= slice.strides[axis];
  }
  return dense;
}

bool is_empty(const std::vector<int64_t>& sizes) { return std::find(sizes.begin(), sizes.end(), 0) != sizes.end(); }

void strided_slice_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const StridedSlice slice =
      resolve_strided_slice(input.shape(), c.input(1).to_int64s(), c.input(2).to_int64s(), c.input(3).to_int64s(), c.attrs());
  Tensor& output = c.output(0, slice.result);
  if (is_empty(slice.sizes)) return;
  int64_t offset;
  auto from = sliced_view(view_of(input), slice, offset);
  from.data = view_of(input, offset).data;
  copy_strided(input.dtype(), slice.sizes, {output.raw(), kernels::dense_strides(slice.sizes)}, from);
}

void strided_slice_grad_shape(ShapeContext& c) { c.set_output(0, shape::from_input(c, 0)); }

void strided_slice_grad_kernel(KernelContext& c) {
  const Shape shape(c.input(0).to_int64s());
  if (!shape.fully_known()) throw InvalidArgumentError("Dimensions must not be negative, found {}", shape.dims());
  const StridedSlice slice =
      resolve_strided_slice(shape, c.input(1).to_int64s(), c.input(2).to_int64s(), c.input(3).to_int64s(), c.attrs());
  const Tensor& dy = c.input(4);
  if (dy.shape() != slice.result) throw InvalidArgumentError("dy has shape {}, the slice {}", dy.shape(), slice.result);
  Tensor& output = c.output(0, shape);
  kernels::set_zero(output);
  if (is_empty(slice.sizes)) return;
  int64_t offset;
  auto to = sliced_view(view_of(output), slice, offset);
  to.data = view_of(output, offset).data;
  copy_strided(dy.dtype(), slice.sizes, to, {dy.raw(), kernels::dense_strides(slice.sizes)});
}

/// size -1: all that is left.
Shape slice_sizes(const Shape& input, const std::vector<int64_t>& begin, std::vector<int64_t> sizes) {
  shape::same_dim(input.rank(), static_cast<int64_t>(begin.size()), "The rank and the length of begin");
  shape::same_dim(input.rank(), static_cast<int64_t>(sizes.size()), "The rank and the length of size");
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    const int64_t dim = input.dim(static_cast<int64_t>(axis));
    if (begin[axis] < 0 || sizes[axis] < -1 || (dim >= 0 && (begin[axis] > dim || sizes[axis] > dim - begin[axis]))) {
      throw InvalidArgumentError("Expected a slice within {}, got begin {} and size {}", input, begin, sizes);
    }
    if (sizes[axis] == -1 && dim >= 0) sizes[axis] = dim - begin[axis];
  }
  return Shape(std::move(sizes));
}

void slice_shape(ShapeContext& c) {
  const auto begin = shape::known_ints(c, 1), sizes = shape::known_ints(c, 2);
  const Shape named = shape::from_input(c, 2);
  if (begin && sizes && c.input(0).known_rank()) return c.set_output(0, slice_sizes(c.input(0), *begin, *sizes));
  c.set_output(0, c.input(0).known_rank() && !named.known_rank() ? Shape::unknown(c.input(0).rank()) : named);
}

void slice_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const auto begin = c.input(1).to_int64s();
  const Shape sizes = slice_sizes(input.shape(), begin, c.input(2).to_int64s());
  Tensor& output = c.output(0, sizes);
  if (output.elements() == 0) return;
  const auto strides = kernels::dense_strides(input.shape().dims());
  int64_t offset = 0;
  for (size_t axis = 0; axis < begin.size(); ++axis) offset += begin[axis] * strides[axis];
  copy_strided(input.dtype(), sizes.dims(), view_of(output), view_of(input, offset));
}

void reverse_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  Tensor& output = c.output(0, input.shape());
  if (input.elements() == 0) return;
  auto from = view_of(input);
  int64_t offset = 0;
  std::vector<bool> seen(static_cast<size_t>(input.rank()), false);
  for (const int64_t named : c.input(1).to_int64s()) {
    const int64_t axis = shape::normalize_axis(named, input.rank());
    const auto i = static_cast<size_t>(axis);
    if (seen[i]) throw InvalidArgumentError("axis {} specified more than once.", axis);
    seen[i] = true;
    offset += (input.dim(axis) - 1) * from.strides[i];
    from.strides[i] = -from.strides[i];
  }
  from.data = view_of(input, offset).data;
  copy_strided(input.dtype(), input.shape().dims(), view_of(output), from);
}

constexpr OpDef kOps[] = {
    {.name = "Slice",
     .signature = "(input: T, begin: Index, size: Index) -> (output: T); T: type; Index: {int32, int64}",
     .shape = slice_shape,
     .kernel = slice_kernel,
     .gradient = slice_grad,
     .js = "slice"},
    {.name = "StridedSlice",
     .signature = "(input: T, begin: Index, end: Index, strides: Index) -> (output: T); T: type; Index: {int16, "
                  "int32, int64}; begin_mask: int = 0; end_mask: int = 0; ellipsis_mask: int = 0; new_axis_mask: int "
                  "= 0; shrink_axis_mask: int = 0",
     .shape = strided_slice_shape,
     .kernel = strided_slice_kernel,
     .gradient = strided_slice_grad,
     .js = "stridedSlice"},
    {.name = "StridedSliceGrad",
     .signature = "(shape: Index, begin: Index, end: Index, strides: Index, dy: T) -> (output: T); T: type; Index: "
                  "{int32, int64}; begin_mask: int = 0; end_mask: int = 0; ellipsis_mask: int = 0; new_axis_mask: int "
                  "= 0; shrink_axis_mask: int = 0",
     .shape = strided_slice_grad_shape,
     .kernel = strided_slice_grad_kernel,
     .gradient = strided_slice_grad_grad},
    {.name = "ReverseV2",
     .signature = "(tensor: T, axis: Tidx) -> (output: T); Tidx: {int32, int64} = int32; T: {numeric, bool, string}",
     .shape = shape::same_as<0>,
     .kernel = reverse_kernel,
     .gradient = reverse_grad,
     .js = "reverse"},
};

}  // namespace

std::span<const OpDef> slicing_ops() { return kOps; }

}  // namespace keras
