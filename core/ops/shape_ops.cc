// Shapes: ops that change how memory is seen (the memory itself is passed on) and ops that tell or compute shapes.
#include <algorithm>
#include <array>

#include "core/base/checked.h"
#include "core/ops/builders.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/write_ints.h"

namespace keras {
namespace {

Values reshape_grad(GradContext& g) { return {reshape_like(g.upstream(0), g.input(0)), Value()}; }
Values squeeze_grad(GradContext& g) { return {reshape_like(g.upstream(0), g.input(0))}; }

/// The input's memory under the shape that `target` has. One -1 in it stands for what is left.
Shape resolve_reshape(const Shape& input, Shape target) {
  int64_t unknown = -1, rest = 1;
  for (int64_t axis = 0; axis < target.rank(); ++axis) {
    const int64_t dim = target.dim(axis);
    if (dim == -1) {
      if (unknown >= 0) throw InvalidArgumentError("Only one dimension of a new shape may be -1, found {}", target.dims());
      unknown = axis;
    } else if (const auto product = checked_mul(rest, dim); dim >= 0 && product) {
      rest = *product;
    } else {
      throw InvalidArgumentError("Cannot reshape a tensor to shape {}", target.dims());
    }
  }
  if (!input.fully_known()) return target;
  const int64_t elements = input.elements();
  if (unknown >= 0 && rest > 0 && elements % rest == 0) {
    target.set_dim(unknown, elements / rest);
  } else if (unknown >= 0 && rest == 0 && elements == 0) {
    target.set_dim(unknown, 0);
  } else if (unknown >= 0 || rest != elements) {
    throw InvalidArgumentError("Cannot reshape a tensor with {} elements to shape {}", elements, target.dims());
  }
  return target;
}

void reshape_shape(ShapeContext& c) {
  shape::require_rank(c.input(1), 1, "The new shape");
  Shape target = shape::from_input(c, 1);
  if (c.input_value(1) == nullptr) return c.set_output(0, target);
  c.set_output(0, resolve_reshape(c.input(0), target));
}

void reshape_kernel(KernelContext& c) {
  c.set_output(0, c.input(0).reshaped(resolve_reshape(c.input(0).shape(), Shape(c.input(1).to_int64s()))));
}

/// The input's memory under the shape that shape inference gives; for ops whose output shape follows from the input's.
void alias_kernel(KernelContext& c, const Shape& shape) { c.set_output(0, c.input(0).reshaped(shape)); }

Shape squeezed(const Shape& input, const std::vector<int64_t>& squeeze_dims) {
  std::vector<bool> dropped(static_cast<size_t>(input.rank()), false);
  for (const int64_t axis : squeeze_dims) {
    const int64_t position = shape::normalize_axis(axis, input.rank());
    if (input.dim(position) > 1 || input.dim(position) == 0) {
      throw InvalidArgumentError("Can not squeeze dim[{}], expected a dimension of 1, got {}", position, input.dim(position));
    }
    dropped[static_cast<size_t>(position)] = true;
  }
  std::vector<int64_t> dims;
  for (int64_t axis = 0; axis < input.rank(); ++axis) {
    const bool drop = squeeze_dims.empty() ? input.dim(axis) == 1 : dropped[static_cast<size_t>(axis)];
    if (!drop) dims.push_back(input.dim(axis));
  }
  return Shape(std::move(dims));
}

void squeeze_shape(ShapeContext& c) {
  const auto& axes = c.attrs().get_ints("squeeze_dims");
  if (!c.input(0).known_rank()) return;
  // Without axes, an unknown dimension may or may not go.
  if (axes.empty() && !c.input(0).fully_known()) return;
  c.set_output(0, squeezed(c.input(0), axes));
}

void squeeze_kernel(KernelContext& c) { alias_kernel(c, squeezed(c.input(0).shape(), c.attrs().get_ints("squeeze_dims"))); }

Shape with_new_axis(const Shape& input, int64_t axis) {
  std::vector<int64_t> dims = input.dims();
  dims.insert(dims.begin() + shape::normalize_axis(axis, input.rank() + 1), 1);
  return Shape(std::move(dims));
}

void expand_dims_shape(ShapeContext& c) {
  if (!c.input(0).known_rank()) return;
  const auto axis = shape::known_element(c, 1);
  c.set_output(0, axis ? with_new_axis(c.input(0), *axis) : Shape::unknown(c.input(0).rank() + 1));
}

void expand_dims_kernel(KernelContext& c) {
  if (c.input(1).elements() != 1) throw InvalidArgumentError("The axis must be a scalar");
  alias_kernel(c, with_new_axis(c.input(0).shape(), c.input(1).to_int64s()[0]));
}

void ensure_shape_shape(ShapeContext& c) {
  c.set_output(0, shape::same_shape(c.input(0), c.attrs().get<Shape>("shape"), "The value and the shape to ensure"));
}

void ensure_shape_kernel(KernelContext& c) {
  if (!c.input(0).shape().compatible_with(c.attrs().get<Shape>("shape"))) {
    throw InvalidArgumentError("Shape of tensor input {} is not compatible with expected shape {}", c.input(0).shape(),
                               c.attrs().get<Shape>("shape"));
  }
  c.set_output(0, c.input(0));
}

void write_vector(KernelContext& c, int output, const std::vector<int64_t>& values) {
  write_ints(c.output(output, {static_cast<int64_t>(values.size())}), values);
}

void shape_shape(ShapeContext& c) {
  for (int i = 0; i < c.inputs(); ++i) {
    c.set_output(i, {c.input(i).known_rank() ? c.input(i).rank() : kUnknownDim});
  }
}

void shape_kernel(KernelContext& c) {
  for (int i = 0; i < c.inputs(); ++i) write_vector(c, i, c.input(i).shape().dims());
}

void size_kernel(KernelContext& c) { write_ints(c.output(0, Shape()), std::array{c.input(0).elements()}); }
void rank_kernel(KernelContext& c) { write_ints(c.output(0, Shape()), std::array{c.input(0).rank()}); }

std::vector<int64_t> broadcast_dims(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  return broadcast_shapes(Shape(a), Shape(b)).dims();
}

/// The axes of the broadcast shape along which a shape was stretched. As in TensorFlow, an axis on which both are 1
/// counts for both.
std::vector<int64_t> stretched_axes(const std::vector<int64_t>& dims, const std::vector<int64_t>& other) {
  const std::vector<int64_t> result = broadcast_dims(dims, other);
  std::vector<int64_t> axes;
  if (dims == other) return axes;
  for (size_t axis = 0; axis < result.size(); ++axis) {
    const size_t missing = result.size() - dims.size();
    const int64_t size = axis < missing ? 1 : dims[axis - missing];
    if (size == 1) axes.push_back(static_cast<int64_t>(axis));
  }
  return axes;
}

void broadcast_gradient_args_shape(ShapeContext& c) {
  const auto a = shape::known_ints(c, 0), b = shape::known_ints(c, 1);
  if (!a || !b) {
    c.set_output(0, {kUnknownDim});
    c.set_output(1, {kUnknownDim});
    return;
  }
  c.set_output(0, {static_cast<int64_t>(stretched_axes(*a, *b).size())});
  c.set_output(1, {static_cast<int64_t>(stretched_axes(*b, *a).size())});
}

void broadcast_gradient_args_kernel(KernelContext& c) {
  const auto a = c.input(0).to_int64s(), b = c.input(1).to_int64s();
  write_vector(c, 0, stretched_axes(a, b));
  write_vector(c, 1, stretched_axes(b, a));
}

void broadcast_args_shape(ShapeContext& c) {
  const int64_t a = shape::dim_or_unknown(c.input(0), 0), b = shape::dim_or_unknown(c.input(1), 0);
  c.set_output(0, {a < 0 || b < 0 ? kUnknownDim : std::max(a, b)});
}

void broadcast_args_kernel(KernelContext& c) {
  write_vector(c, 0, broadcast_dims(c.input(0).to_int64s(), c.input(1).to_int64s()));
}

void invert_permutation_kernel(KernelContext& c) {
  const std::vector<int64_t> permutation = c.input(0).to_int64s();
  std::vector<int64_t> inverse(permutation.size(), -1);
  for (size_t i = 0; i < permutation.size(); ++i) {
    const int64_t to = permutation[i];
    if (to < 0 || to >= static_cast<int64_t>(inverse.size()) || inverse[static_cast<size_t>(to)] >= 0) {
      throw InvalidArgumentError("{} is no permutation", permutation);
    }
    inverse[static_cast<size_t>(to)] = static_cast<int64_t>(i);
  }
  write_vector(c, 0, inverse);
}

constexpr OpDef kOps[] = {
    {.name = "Reshape",
     .signature = "(tensor: T, shape: Tshape) -> (output: T); T: type; Tshape: {int32, int64} = int32",
     .shape = reshape_shape,
     .kernel = reshape_kernel,
     .gradient = reshape_grad,
     .js = "reshape",
     .flags = kAliasesInput},
    {.name = "Squeeze",
     .signature = "(input: T) -> (output: T); T: type; squeeze_dims: list(int) = []",
     .shape = squeeze_shape,
     .kernel = squeeze_kernel,
     .gradient = squeeze_grad,
     .js = "squeeze",
     .flags = kAliasesInput},
    {.name = "ExpandDims",
     .signature = "(input: T, dim: Tdim) -> (output: T); T: type; Tdim: {int32, int64} = int32",
     .shape = expand_dims_shape,
     .kernel = expand_dims_kernel,
     .gradient = reshape_grad,
     .js = "expandDims",
     .flags = kAliasesInput},
    {.name = "EnsureShape",
     .signature = "(input: T) -> (output: T); shape: shape; T: type",
     .shape = ensure_shape_shape,
     .kernel = ensure_shape_kernel,
     .gradient = squeeze_grad,
     .js = "ensureShape",
     .flags = kAliasesInput},

    {.name = "Shape",
     .signature = "(input: T) -> (output: out_type); T: type; out_type: {int32, int64} = int32",
     .shape = shape_shape,
     .kernel = shape_kernel,
     .js = "shape",
     .flags = kNoGradient},
    {.name = "ShapeN",
     .signature = "(input: N * T) -> (output: N * out_type); N: int; T: type; out_type: {int32, int64} = int32",
     .shape = shape_shape,
     .kernel = shape_kernel,
     .js = "shapeN",
     .flags = kNoGradient},
    {.name = "Size",
     .signature = "(input: T) -> (output: out_type); T: type; out_type: {int32, int64} = int32",
     .shape = shape::scalar,
     .kernel = size_kernel,
     .js = "size",
     .flags = kNoGradient},
    {.name = "Rank",
     .signature = "(input: T) -> (output: int32); T: type",
     .shape = shape::scalar,
     .kernel = rank_kernel,
     .js = "rank",
     .flags = kNoGradient},
    {.name = "BroadcastGradientArgs",
     .signature = "(s0: T, s1: T) -> (r0: T, r1: T); T: {int32, int64} = int32",
     .shape = broadcast_gradient_args_shape,
     .kernel = broadcast_gradient_args_kernel,
     .flags = kNoGradient},
    {.name = "BroadcastArgs",
     .signature = "(s0: T, s1: T) -> (r0: T); T: {int32, int64} = int32",
     .shape = broadcast_args_shape,
     .kernel = broadcast_args_kernel,
     .js = "broadcastDynamicShape",
     .flags = kNoGradient},
    {.name = "InvertPermutation",
     .signature = "(x: T) -> (y: T); T: {int32, int64} = int32",
     .shape = shape::same_as<0>,
     .kernel = invert_permutation_kernel,
     .js = "math.invertPermutation",
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> shape_ops() { return kOps; }

}  // namespace keras
