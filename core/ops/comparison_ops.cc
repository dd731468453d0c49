// Comparisons, logic and choices. Only the choices have gradients: they hand the upstream gradient to what was chosen.
#include "core/ops/broadcast_index.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

Values select_grad(GradContext& g) {
  const Value& condition = g.input(0);
  const Value zeros = zeros_like(g.upstream(0));
  return {Value(), emit1("Select", {condition, g.upstream(0), zeros}), emit1("Select", {condition, zeros, g.upstream(0)})};
}

Values select_v2_grad(GradContext& g) {
  const Value& condition = g.input(0);
  return {Value(), unbroadcast(where(condition, g.upstream(0)), g.input(1)),
          unbroadcast(where_not(condition, g.upstream(0)), g.input(2))};
}

// Inside the bounds the gradient goes to x, outside to the bound that was taken.
Values clip_by_value_grad(GradContext& g) {
  const Value &x = g.input(0), &low = g.input(1), &high = g.input(2);
  const Value below = less(x, low), above = greater(x, high);
  const Value outside = emit1("LogicalOr", {below, above});
  Values gradients = {unbroadcast(where_not(outside, g.upstream(0)), x, x), Value(), Value()};
  if (low.constant() == nullptr) gradients[1] = unbroadcast(where(below, g.upstream(0)), low);
  if (high.constant() == nullptr) gradients[2] = unbroadcast(where(above, g.upstream(0)), high);
  return gradients;
}

void equality_shape(ShapeContext& c) {
  const bool may_differ = !c.attrs().get_bool("incompatible_shape_error");
  if (may_differ && !(c.input(0).fully_known() && c.input(1).fully_known())) return;
  shape::broadcast(c);
}

template <bool kEqual>
void compare_strings(KernelContext& c) {
  const Tensor &x = c.input(0), &y = c.input(1);
  const Shape shape = broadcast_shapes(x.shape(), y.shape());
  const std::vector<int64_t> of_x = broadcast_index(x.shape(), shape), of_y = broadcast_index(y.shape(), shape);
  Tensor& z = c.output(0, shape);
  for (size_t i = 0; i < of_x.size(); ++i) {
    z.data<bool>()[i] = (x.data<std::string>()[of_x[i]] == y.data<std::string>()[of_y[i]]) == kEqual;
  }
}
void equal_kernel(KernelContext& c) {
  c.input(0).dtype() == DType::kString ? compare_strings<true>(c) : compare<kernels::Equal>(c);
}
void not_equal_kernel(KernelContext& c) {
  c.input(0).dtype() == DType::kString ? compare_strings<false>(c) : compare<kernels::NotEqual>(c);
}

/// Select: the condition is of the values' shape, a scalar, or a vector over their first axis.
void select_shape(ShapeContext& c) {
  if (!c.input(1).compatible_with(c.input(2))) {
    throw InvalidArgumentError("Select needs two values of one shape, found {} and {}", c.input(1), c.input(2));
  }
  const Shape result = c.input(1).merged_with(c.input(2));
  const Shape& condition = c.input(0);
  if (condition.known_rank() && result.known_rank() && condition.rank() > 1 && !condition.compatible_with(result)) {
    throw InvalidArgumentError("Select's condition has shape {}, its values {}", condition, result);
  }
  c.set_output(0, result);
}

void select_v2_shape(ShapeContext& c) { c.set_output(0, broadcast_shapes(broadcast_shapes(c.input(0), c.input(1)), c.input(2))); }

constexpr OpDef kOps[] = {
    {.name = "Equal",
     .signature = "(x: T, y: T) -> (z: bool); T: type; incompatible_shape_error: bool = true",
     .shape = equality_shape,
     .kernel = equal_kernel,
     .js = "math.equal",
     .flags = kNoGradient},
    {.name = "NotEqual",
     .signature = "(x: T, y: T) -> (z: bool); T: type; incompatible_shape_error: bool = true",
     .shape = equality_shape,
     .kernel = not_equal_kernel,
     .js = "math.notEqual",
     .flags = kNoGradient},
    {.name = "Less",
     .signature = "(x: T, y: T) -> (z: bool); T: {real}",
     .shape = shape::broadcast,
     .kernel = compare<kernels::Less>,
     .js = "math.less",
     .flags = kNoGradient},
    {.name = "LessEqual",
     .signature = "(x: T, y: T) -> (z: bool); T: {real}",
     .shape = shape::broadcast,
     .kernel = compare<kernels::LessEqual>,
     .js = "math.lessEqual",
     .flags = kNoGradient},
    {.name = "Greater",
     .signature = "(x: T, y: T) -> (z: bool); T: {real}",
     .shape = shape::broadcast,
     .kernel = compare<kernels::Greater>,
     .js = "math.greater",
     .flags = kNoGradient},
    {.name = "GreaterEqual",
     .signature = "(x: T, y: T) -> (z: bool); T: {real}",
     .shape = shape::broadcast,
     .kernel = compare<kernels::GreaterEqual>,
     .js = "math.greaterEqual",
     .flags = kNoGradient},
    {.name = "LogicalAnd",
     .signature = "(x: bool, y: bool) -> (z: bool)",
     .shape = shape::broadcast,
     .kernel = logical<kernels::LogicalAnd>,
     .js = "math.logicalAnd",
     .flags = kInPlace | kNoGradient},
    {.name = "LogicalOr",
     .signature = "(x: bool, y: bool) -> (z: bool)",
     .shape = shape::broadcast,
     .kernel = logical<kernels::LogicalOr>,
     .js = "math.logicalOr",
     .flags = kInPlace | kNoGradient},
    {.name = "LogicalNot",
     .signature = "(x: bool) -> (y: bool)",
     .shape = shape::same_as<0>,
     .kernel = logical_not,
     .js = "math.logicalNot",
     .flags = kInPlace | kNoGradient},
    {.name = "IsNan",
     .signature = "(x: T) -> (y: bool); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = test<kernels::IsNan>,
     .js = "math.isNan",
     .flags = kNoGradient},
    {.name = "IsInf",
     .signature = "(x: T) -> (y: bool); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = test<kernels::IsInf>,
     .js = "math.isInf",
     .flags = kNoGradient},
    {.name = "IsFinite",
     .signature = "(x: T) -> (y: bool); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = test<kernels::IsFinite>,
     .js = "math.isFinite",
     .flags = kNoGradient},

    {.name = "Select",
     .signature = "(condition: bool, t: T, e: T) -> (output: T); T: type",
     .shape = select_shape,
     .kernel = select_kernel,
     .gradient = select_grad},
    {.name = "SelectV2",
     .signature = "(condition: bool, t: T, e: T) -> (output: T); T: type",
     .shape = select_v2_shape,
     .kernel = select_v2_kernel,
     .gradient = select_v2_grad,
     .js = "where"},
    {.name = "ClipByValue",
     .signature = "(t: T, clip_value_min: T, clip_value_max: T) -> (output: T); T: {numeric}",
     .shape = shape::same_as<0>,
     .kernel = clip_by_value,
     .gradient = clip_by_value_grad,
     .js = "clipByValue"},
};

}  // namespace

std::span<const OpDef> comparison_ops() { return kOps; }

}  // namespace keras
