// Elementwise ops of two inputs with numpy's broadcasting, and sums of many. Gradients are TensorFlow's, form by form.
#include "core/ops/broadcast_index.h"
#include "core/ops/builders.h"
#include "core/ops/complex.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

Values add_grad(GradContext& g) { return unbroadcast_pair(g, g.upstream(0), g.upstream(0)); }

Values sub_grad(GradContext& g) {
  return {unbroadcast(g.upstream(0), g.input(0), g.input(1)), neg(unbroadcast(g.upstream(0), g.input(1), g.input(0)))};
}

Values mul_grad(GradContext& g) {
  return unbroadcast_pair(g, mul(g.upstream(0), conjugate(g.input(1))), mul(g.upstream(0), conjugate(g.input(0))));
}

// d(x / y) = dx / y - x / y² · dy
Values div_grad(GradContext& g) {
  const Value x = conjugate(g.input(0)), y = conjugate(g.input(1));
  return unbroadcast_pair(g, div(g.upstream(0), y), mul(g.upstream(0), div(div(neg(x), y), y)));
}

Values div_no_nan_grad(GradContext& g) {
  const Value &x = g.input(0), &y = g.input(1);
  const auto divide = [](const Value& a, const Value& b) { return emit1("DivNoNan", {a, b}); };
  return unbroadcast_pair(g, divide(g.upstream(0), y), mul(g.upstream(0), divide(divide(neg(x), y), y)));
}

Values mul_no_nan_grad(GradContext& g) {
  return unbroadcast_pair(g, emit1("MulNoNan", {g.upstream(0), g.input(1)}), emit1("MulNoNan", {g.input(0), g.upstream(0)}));
}

// A tie goes to x.
Values maximum_grad(GradContext& g) {
  const Value from_x = greater_equal(g.input(0), g.input(1));
  return unbroadcast_pair(g, where(from_x, g.upstream(0)), where_not(from_x, g.upstream(0)));
}

Values minimum_grad(GradContext& g) {
  const Value from_x = emit1("LessEqual", {g.input(0), g.input(1)});
  return unbroadcast_pair(g, where(from_x, g.upstream(0)), where_not(from_x, g.upstream(0)));
}

// d(x - y)² = 2 (x - y) (dx - dy)
Values squared_difference_grad(GradContext& g) {
  const Value of_x = mul(mul(g.upstream(0), 2.0), sub(g.input(0), g.input(1)));
  return {unbroadcast(of_x, g.input(0), g.input(1)), neg(unbroadcast(of_x, g.input(1), g.input(0)))};
}

// d(x^y) = y x^(y-1) dx + x^y ln x dy, with ln x taken as 0 where x ≤ 0.
Values pow_grad(GradContext& g) {
  const Value &x = g.input(0), &y = g.input(1);
  const Value of_x = mul(mul(g.upstream(0), y), pow(x, sub(y, 1.0)));
  if (y.constant() != nullptr) return {unbroadcast(of_x, x, y), Value()};
  const Value positive = greater(x, scalar_like(x, 0.0));
  const Value log_x = where(positive, log(select(positive, x, ones_like(x))));
  return unbroadcast_pair(g, of_x, mul(mul(g.upstream(0), g.output(0)), log_x));
}

// d atan2(y, x) = (x dy - y dx) / (x² + y²)
Values atan2_grad(GradContext& g) {
  const Value &y = g.input(0), &x = g.input(1);
  const Value scaled = div(g.upstream(0), add(square(x), square(y)));
  return unbroadcast_pair(g, mul(x, scaled), neg(mul(y, scaled)));
}

Value is_not_zero(const Value& x) { return cast(emit1("NotEqual", {x, scalar_like(x, 0.0)}), x.dtype()); }

Values xlogy_grad(GradContext& g) {
  const Value &x = g.input(0), &y = g.input(1);
  return unbroadcast_pair(g, mul(emit1("Xlogy", {is_not_zero(x), y}), g.upstream(0)), mul(emit1("Xdivy", {x, y}), g.upstream(0)));
}

Values xdivy_grad(GradContext& g) {
  const Value &x = g.input(0), &y = g.input(1);
  return unbroadcast_pair(g, mul(emit1("Xdivy", {is_not_zero(x), y}), g.upstream(0)),
                          mul(emit1("Xdivy", {neg(x), square(y)}), g.upstream(0)));
}

// x - floor(x / y) y
Values floor_mod_grad(GradContext& g) {
  const Value &x = g.input(0), &y = g.input(1);
  return unbroadcast_pair(g, g.upstream(0), mul(g.upstream(0), neg(emit1("FloorDiv", {x, y}))));
}

void add_strings(KernelContext& c) {
  const Tensor &x = c.input(0), &y = c.input(1);
  const Shape shape = broadcast_shapes(x.shape(), y.shape());
  const std::vector<int64_t> of_x = broadcast_index(x.shape(), shape), of_y = broadcast_index(y.shape(), shape);
  Tensor& z = c.output(0, shape);
  for (size_t i = 0; i < of_x.size(); ++i) {
    z.data<std::string>()[i] = x.data<std::string>()[of_x[i]] + y.data<std::string>()[of_y[i]];
  }
}

void add_kernel(KernelContext& c) {
  if (c.input(0).dtype() == DType::kString) return add_strings(c);
  real_or_complex<binary<kernels::Add>, add_complex>(c);
}

Values add_n_grad(GradContext& g) { return Values(static_cast<size_t>(g.inputs()), g.upstream(0)); }

void add_n_shape(ShapeContext& c) {
  Shape shape = c.input(0);
  for (int i = 1; i < c.inputs(); ++i) {
    if (!shape.compatible_with(c.input(i))) {
      throw InvalidArgumentError("AddN needs inputs of one shape, found {} and {}", shape, c.input(i));
    }
    shape = shape.merged_with(c.input(i));
  }
  c.set_output(0, shape);
}

constexpr OpDef kOps[] = {
    {.name = "Add",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex, uint8, int8, int16, int32, int64, string}",
     .shape = shape::broadcast,
     .kernel = add_kernel,
     .gradient = add_grad,
     .flags = kInPlace},
    {.name = "AddV2",
     .signature = "(x: T, y: T) -> (z: T); T: {numeric}",
     .shape = shape::broadcast,
     .kernel = add_kernel,
     .gradient = add_grad,
     .js = "math.add",
     .flags = kInPlace},
    {.name = "Sub",
     .signature = "(x: T, y: T) -> (z: T); T: {numeric}",
     .shape = shape::broadcast,
     .kernel = real_or_complex<binary<kernels::Sub>, subtract_complex>,
     .gradient = sub_grad,
     .js = "math.subtract",
     .flags = kInPlace},
    {.name = "Mul",
     .signature = "(x: T, y: T) -> (z: T); T: {numeric}",
     .shape = shape::broadcast,
     .kernel = real_or_complex<binary<kernels::Mul>, multiply_complex>,
     .gradient = mul_grad,
     .js = "math.multiply",
     .flags = kInPlace},
    {.name = "RealDiv",
     .signature = "(x: T, y: T) -> (z: T); T: {numeric}",
     .shape = shape::broadcast,
     .kernel = real_or_complex<binary<kernels::Div>, divide_complex>,
     .gradient = div_grad,
     .js = "math.divide",
     .flags = kInPlace},
    {.name = "Div",
     .signature = "(x: T, y: T) -> (z: T); T: {numeric}",
     .shape = shape::broadcast,
     .kernel = real_or_complex<binary<kernels::Div>, divide_complex>,
     .gradient = div_grad,
     .flags = kInPlace},
    {.name = "DivNoNan",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::DivNoNan>,
     .gradient = div_no_nan_grad,
     .js = "math.divideNoNan",
     .flags = kInPlace},
    {.name = "MulNoNan",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::MulNoNan>,
     .gradient = mul_no_nan_grad,
     .js = "math.multiplyNoNan",
     .flags = kInPlace},
    {.name = "FloorDiv",
     .signature = "(x: T, y: T) -> (z: T); T: {numeric}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::FloorDiv>,
     .js = "math.floordiv",
     .flags = kInPlace | kNoGradient},
    {.name = "FloorMod",
     .signature = "(x: T, y: T) -> (z: T); T: {real}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::FloorMod>,
     .gradient = floor_mod_grad,
     .js = "math.floormod",
     .flags = kInPlace},
    {.name = "TruncateDiv",
     .signature = "(x: T, y: T) -> (z: T); T: {numeric}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::TruncateDiv>,
     .js = "truncatediv",
     .flags = kInPlace | kNoGradient},
    {.name = "Maximum",
     .signature = "(x: T, y: T) -> (z: T); T: {real}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::Maximum>,
     .gradient = maximum_grad,
     .js = "math.maximum",
     .flags = kInPlace},
    {.name = "Minimum",
     .signature = "(x: T, y: T) -> (z: T); T: {real}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::Minimum>,
     .gradient = minimum_grad,
     .js = "math.minimum",
     .flags = kInPlace},
    {.name = "SquaredDifference",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex, int32, int64}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::SquaredDifference>,
     .gradient = squared_difference_grad,
     .js = "math.squaredDifference",
     .flags = kInPlace},
    {.name = "Pow",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex, int8, int16, int32, int64}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::Pow>,
     .gradient = pow_grad,
     .js = "math.pow",
     .flags = kInPlace},
    {.name = "Atan2",
     .signature = "(y: T, x: T) -> (z: T); T: {floating}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::Atan2>,
     .gradient = atan2_grad,
     .js = "math.atan2",
     .flags = kInPlace},
    {.name = "Xlogy",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::Xlogy>,
     .gradient = xlogy_grad,
     .js = "math.xlogy",
     .flags = kInPlace},
    {.name = "Xdivy",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex}",
     .shape = shape::broadcast,
     .kernel = binary<kernels::Xdivy>,
     .gradient = xdivy_grad,
     .js = "math.xdivy",
     .flags = kInPlace},
    {.name = "AddN",
     .signature = "(inputs: N * T) -> (sum: T); N: int; T: {numeric, variant}",
     .shape = add_n_shape,
     .kernel = real_or_complex<add_n, add_many_complex>,
     .gradient = add_n_grad,
     .js = "math.addN",
     .flags = kInPlace},
};

}  // namespace

std::span<const OpDef> binary_ops() { return kOps; }

}  // namespace keras
