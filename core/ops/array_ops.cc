// Making arrays, and moving their elements. All moving is one kernel, a copy between strided views.
#include <cmath>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/complex.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/tensor_list.h"

namespace keras {
namespace {

using kernels::copy_strided;
using kernels::view_of;

Values identity_grad(GradContext& g) { return {g.upstream(0)}; }
Values identity_n_grad(GradContext& g) {
  Values gradients;
  for (int i = 0; i < g.inputs(); ++i) gradients.push_back(g.upstream(i));
  return gradients;
}

Values fill_grad(GradContext& g) { return {Value(), reduce_sum(g.upstream(0))}; }

Values cast_grad(GradContext& g) {
  const DType from = g.input(0).dtype(), to = g.output(0).dtype();
  const auto has_gradient = [](DType dtype) { return is_floating(dtype) || is_complex(dtype); };
  if (!has_gradient(from) || !has_gradient(to)) return {Value()};
  return {cast(g.upstream(0), from)};
}

Values broadcast_to_grad(GradContext& g) { return {unbroadcast(g.upstream(0), g.input(0)), Value()}; }

Values transpose_grad(GradContext& g) {
  return {emit1("Transpose", {g.upstream(0), emit1("InvertPermutation", {g.input(1)})}), Value()};
}

void const_shape(ShapeContext& c) { c.set_output(0, c.attrs().get<Tensor>("value").shape()); }
void const_kernel(KernelContext& c) { c.set_output(0, c.attrs().get<Tensor>("value")); }

void identity_kernel(KernelContext& c) {
  for (int i = 0; i < c.inputs(); ++i) c.set_output(i, c.input(i));
}
void deep_copy_kernel(KernelContext& c) { kernels::copy_elements(c.output(0, c.input(0).shape()), c.input(0)); }

void placeholder_shape(ShapeContext& c) { c.set_output(0, c.attrs().get<Shape>("shape")); }
/// A Function's values come in as arguments: what is left of a placeholder is what nothing was fed to.
void placeholder_kernel(KernelContext& c) {
  throw InvalidArgumentError("You must feed a value for placeholder tensor with dtype {} and shape {}", c.output_dtype(0),
                             c.attrs().get<Shape>("shape"));
}
void placeholder_with_default_shape(ShapeContext& c) {
  c.set_output(0, shape::same_shape(c.input(0), c.attrs().get<Shape>("shape"), "The default and its placeholder"));
}
void placeholder_with_default_kernel(KernelContext& c) {
  shape::same_shape(c.input(0).shape(), c.attrs().get<Shape>("shape"), "The default and its placeholder");
  c.set_output(0, c.input(0));
}

void identity_n_shape(ShapeContext& c) {
  for (int i = 0; i < c.inputs(); ++i) c.set_output(i, c.input(i));
}
/// A copy each: an op passes on one input's memory at most.
void identity_n_kernel(KernelContext& c) {
  for (int i = 0; i < c.inputs(); ++i) {
    if (c.input(i).holds_object())
      c.set_output(i, c.input(i));
    else
      kernels::copy_elements(c.output(i, c.input(i).shape()), c.input(i));
  }
}

void fill_with(KernelContext& c, const Shape& shape, double value) {
  Tensor& output = c.output(0, shape);
  if (output.dtype() == DType::kString) return;  // new strings are empty
  kernels::fill(output, Tensor::number(output.dtype(), value).raw());
}
void zeros_like_kernel(KernelContext& c) {
  if (c.input(0).dtype() == DType::kVariant) return c.set_output(0, zeros_like_list(c.input(0)));
  fill_with(c, c.input(0).shape(), 0);
}
void ones_like_kernel(KernelContext& c) { fill_with(c, c.input(0).shape(), 1); }

void fill_shape(ShapeContext& c) { c.set_output(0, shape::from_input(c, 0)); }
void fill_kernel(KernelContext& c) {
  if (c.input(1).elements() != 1) throw InvalidArgumentError("The value to fill with must be a scalar");
  const Shape shape(c.input(0).to_int64s());
  if (!shape.fully_known()) throw InvalidArgumentError("Dimensions must not be negative, found {}", shape.dims());
  kernels::fill(c.output(0, shape), c.input(1).raw());
}

void cast_kernel(KernelContext& c) {
  if (is_complex(c.input(0).dtype()) || is_complex(c.output_dtype(0))) return cast_complex(c);
  cast_elements(c, c.input(0));
}

/// The number of steps from start to limit.
int64_t range_size(double start, double limit, double delta) {
  if (delta == 0 || std::isnan(start) || std::isnan(limit) || std::isnan(delta)) {
    throw InvalidArgumentError("Range needs a step other than 0, found {}", delta);
  }
  if (delta > 0 ? start > limit : start < limit) {
    throw InvalidArgumentError("Requires start {} limit when delta {} 0: {}/{}", delta > 0 ? "<=" : ">=", delta > 0 ? ">" : "<",
                               start, limit);
  }
  const double steps = std::ceil((limit - start) / delta);
  if (steps > 9e15) throw InvalidArgumentError("A range from {} to {} by {} is too long", start, limit, delta);
  return static_cast<int64_t>(steps);
}

int64_t range_size(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  for (const Tensor* tensor : {&start, &limit, &delta}) {
    if (tensor->elements() != 1) throw InvalidArgumentError("Start, limit and delta must be scalars");
  }
  return range_size(start.number_at(0), limit.number_at(0), delta.number_at(0));
}

void range_shape(ShapeContext& c) {
  for (int i = 0; i < 3; ++i) shape::require_rank(c.input(i), 0, "Start, limit and delta");
  const Tensor *start = c.input_value(0), *limit = c.input_value(1), *delta = c.input_value(2);
  const bool known = start != nullptr && limit != nullptr && delta != nullptr;
  c.set_output(0, {known ? range_size(*start, *limit, *delta) : kUnknownDim});
}

void range_kernel(KernelContext& c) {
  Tensor& output = c.output(0, {range_size(c.input(0), c.input(1), c.input(2))});
  with_compute_type(output.dtype(), "Range", [&]<class T>(T) {
    const T start = c.input(0).data<T>()[0], delta = c.input(2).data<T>()[0];
    for (int64_t i = 0; i < output.elements(); ++i) output.data<T>()[i] = static_cast<T>(start + static_cast<T>(i) * delta);
  });
}

void broadcast_to_shape(ShapeContext& c) {
  const Shape target = shape::from_input(c, 1);
  if (target.fully_known() && c.input(0).known_rank()) {
    if (c.input(0).rank() > target.rank()) {
      throw InvalidArgumentError("Cannot broadcast {} to {}", c.input(0), target);
    }
    broadcast_shapes(c.input(0), target);
  }
  c.set_output(0, target);
}

void broadcast_to_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Shape target(c.input(1).to_int64s());
  if (!target.fully_known() || input.rank() > target.rank() || broadcast_shapes(input.shape(), target) != target) {
    throw InvalidArgumentError("Cannot broadcast {} to {}", input.shape(), target);
  }
  auto from = view_of(input);
  for (int64_t axis = 0; axis < input.rank(); ++axis) {
    if (input.dim(axis) == 1) from.strides[static_cast<size_t>(axis)] = 0;
  }
  from.strides.insert(from.strides.begin(), static_cast<size_t>(target.rank() - input.rank()), 0);
  copy_strided(input.dtype(), target.dims(), view_of(c.output(0, target)), from);
}

std::vector<int64_t> checked_permutation(std::vector<int64_t> permutation, int64_t rank) {
  std::vector<bool> seen(static_cast<size_t>(rank), false);
  if (static_cast<int64_t>(permutation.size()) != rank) {
    throw InvalidArgumentError("A permutation of {} axes is needed, found {}", rank, permutation);
  }
  for (int64_t& axis : permutation) {
    axis = shape::normalize_axis(axis, rank);
    if (seen[static_cast<size_t>(axis)]) throw InvalidArgumentError("{} is no permutation", permutation);
    seen[static_cast<size_t>(axis)] = true;
  }
  return permutation;
}

Shape transposed(const Shape& shape, const std::vector<int64_t>& permutation) {
  std::vector<int64_t> dims;
  for (const int64_t axis : permutation) dims.push_back(shape.dim(axis));
  return Shape(std::move(dims));
}

void transpose_shape(ShapeContext& c) {
  const auto permutation = shape::known_ints(c, 1);
  if (!permutation) {
    if (c.input(0).known_rank()) return c.set_output(0, Shape::unknown(c.input(0).rank()));
    if (c.input(1).fully_known() && c.input(1).rank() == 1) c.set_output(0, Shape::unknown(c.input(1).dim(0)));
    return;
  }
  const auto rank = static_cast<int64_t>(permutation->size());
  const Shape& x = c.input(0).known_rank() ? c.input(0) : Shape::unknown(rank);
  c.set_output(0, transposed(x, checked_permutation(*permutation, x.rank())));
}

void transpose_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const auto permutation = checked_permutation(c.input(1).to_int64s(), x.rank());
  auto from = view_of(x);
  const std::vector<int64_t> strides = from.strides;
  for (size_t i = 0; i < permutation.size(); ++i) from.strides[i] = strides[static_cast<size_t>(permutation[i])];
  Tensor& y = c.output(0, transposed(x.shape(), permutation));
  copy_strided(x.dtype(), y.shape().dims(), view_of(y), from);
}

constexpr OpDef kOps[] = {
    {.name = "Const",
     .signature = "() -> (output: dtype); value: tensor; dtype: type",
     .shape = const_shape,
     .kernel = const_kernel,
     .flags = kNoGradient},
    {.name = "Identity",
     .signature = "(input: T) -> (output: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = identity_kernel,
     .gradient = identity_grad,
     .js = "identity",
     .flags = kAliasesInput},
    {.name = "IdentityN",
     .signature = "(input: T) -> (output: T); T: list(type)",
     .shape = identity_n_shape,
     .kernel = identity_n_kernel,
     .gradient = identity_n_grad,
     .js = "identityN"},
    {.name = "StopGradient",
     .signature = "(input: T) -> (output: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = identity_kernel,
     .js = "stopGradient",
     .flags = kAliasesInput | kNoGradient},
    {.name = "PreventGradient",
     .signature = "(input: T) -> (output: T); T: type; message: string = \"\"",
     .shape = shape::same_as<0>,
     .kernel = identity_kernel,
     .flags = kAliasesInput},
    {.name = "Snapshot",
     .signature = "(input: T) -> (output: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = identity_kernel,
     .gradient = identity_grad,
     .flags = kAliasesInput},
    {.name = "DeepCopy",
     .signature = "(x: T) -> (y: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = deep_copy_kernel,
     .flags = kStateful},
    {.name = "GuaranteeConst",
     .signature = "(input: T) -> (output: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = identity_kernel,
     .flags = kStateful | kAliasesInput},
    {.name = "Placeholder",
     .signature = "() -> (output: dtype); dtype: type; shape: shape = ?",
     .shape = placeholder_shape,
     .kernel = placeholder_kernel},
    {.name = "PlaceholderWithDefault",
     .signature = "(input: dtype) -> (output: dtype); dtype: type; shape: shape",
     .shape = placeholder_with_default_shape,
     .kernel = placeholder_with_default_kernel,
     .gradient = identity_grad,
     .flags = kAliasesInput},
    {.name = "ZerosLike",
     .signature = "(x: T) -> (y: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = zeros_like_kernel,
     .js = "zerosLike",
     .flags = kNoGradient},
    {.name = "OnesLike",
     .signature = "(x: T) -> (y: T); T: {numeric, bool}",
     .shape = shape::same_as<0>,
     .kernel = ones_like_kernel,
     .js = "onesLike",
     .flags = kNoGradient},
    {.name = "Fill",
     .signature = "(dims: index_type, value: T) -> (output: T); T: type; index_type: {int32, int64} = int32",
     .shape = fill_shape,
     .kernel = fill_kernel,
     .gradient = fill_grad,
     .js = "fill"},
    {.name = "Cast",
     .signature = "(x: SrcT) -> (y: DstT); SrcT: type; DstT: type; Truncate: bool = false",
     .shape = shape::same_as<0>,
     .kernel = cast_kernel,
     .gradient = cast_grad,
     .js = "cast"},
    {.name = "Range",
     .signature = "(start: Tidx, limit: Tidx, delta: Tidx) -> (output: Tidx); Tidx: {floating, int8, int16, int32, "
                  "int64, uint16, uint32} = int32",
     .shape = range_shape,
     .kernel = range_kernel,
     .js = "range",
     .flags = kNoGradient},
    {.name = "BroadcastTo",
     .signature = "(input: T, shape: Tidx) -> (output: T); T: type; Tidx: {int32, int64} = int32",
     .shape = broadcast_to_shape,
     .kernel = broadcast_to_kernel,
     .gradient = broadcast_to_grad,
     .js = "broadcastTo"},
    {.name = "Transpose",
     .signature = "(x: T, perm: Tperm) -> (y: T); T: type; Tperm: {int32, int64} = int32",
     .shape = transpose_shape,
     .kernel = transpose_kernel,
     .gradient = transpose_grad,
     .js = "transpose"},
};

}  // namespace

std::span<const OpDef> array_ops() { return kOps; }

}  // namespace keras
