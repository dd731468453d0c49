// Elementwise ops of one input. Names, attributes and dtypes are TensorFlow's, and so is the form of each gradient.
#include <cmath>
#include <numbers>

#include "core/ops/builders.h"
#include "core/ops/complex.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

Values one(Value gradient) { return {gradient}; }

Value square_root_of_one_minus_square(const Value& x) { return sqrt(sub(1.0, square(x))); }

Values abs_grad(GradContext& g) { return one(mul(g.upstream(0), sign(g.input(0)))); }
Values neg_grad(GradContext& g) { return one(neg(g.upstream(0))); }
Values sign_grad(GradContext& g) { return one(zeros_like(g.input(0))); }
Values square_grad(GradContext& g) { return one(mul(g.upstream(0), mul(g.input(0), 2.0))); }
Values sqrt_grad(GradContext& g) { return one(emit1("SqrtGrad", {g.output(0), g.upstream(0)})); }
Values rsqrt_grad(GradContext& g) { return one(emit1("RsqrtGrad", {g.output(0), g.upstream(0)})); }
Values exp_grad(GradContext& g) { return one(mul(g.upstream(0), g.output(0))); }
Values expm1_grad(GradContext& g) { return one(mul(g.upstream(0), exp(g.input(0)))); }
Values log_grad(GradContext& g) { return one(div(g.upstream(0), g.input(0))); }
Values log1p_grad(GradContext& g) { return one(div(g.upstream(0), add(g.input(0), 1.0))); }
Values sin_grad(GradContext& g) { return one(mul(g.upstream(0), emit1("Cos", {g.input(0)}))); }
Values cos_grad(GradContext& g) { return one(neg(mul(g.upstream(0), emit1("Sin", {g.input(0)})))); }
Values tan_grad(GradContext& g) { return one(div(g.upstream(0), square(emit1("Cos", {g.input(0)})))); }
Values sinh_grad(GradContext& g) { return one(mul(g.upstream(0), emit1("Cosh", {g.input(0)}))); }
Values cosh_grad(GradContext& g) { return one(mul(g.upstream(0), emit1("Sinh", {g.input(0)}))); }
Values asin_grad(GradContext& g) { return one(div(g.upstream(0), square_root_of_one_minus_square(g.input(0)))); }
Values acos_grad(GradContext& g) { return one(neg(div(g.upstream(0), square_root_of_one_minus_square(g.input(0))))); }
Values atan_grad(GradContext& g) { return one(div(g.upstream(0), add(square(g.input(0)), 1.0))); }
Values tanh_grad(GradContext& g) { return one(emit1("TanhGrad", {g.output(0), g.upstream(0)})); }
Values sigmoid_grad(GradContext& g) { return one(emit1("SigmoidGrad", {g.output(0), g.upstream(0)})); }
Values reciprocal_grad(GradContext& g) { return one(emit1("ReciprocalGrad", {g.output(0), g.upstream(0)})); }

// d/dx erf(x) = 2/√π · e^(-x²)
Value erf_slope(const Value& x) { return mul(exp(neg(square(x))), 2.0 * std::numbers::inv_sqrtpi); }
Values erf_grad(GradContext& g) { return one(mul(g.upstream(0), erf_slope(g.input(0)))); }
Values erfc_grad(GradContext& g) { return one(neg(mul(g.upstream(0), erf_slope(g.input(0))))); }

// The gradients' own gradients: inputs are y = f(x) and dy; the op computes dy · f'(x), written in y.

// dy · 0.5 / y
Values sqrt_grad_grad(GradContext& g) {
  const Value by_y = div(g.upstream(0), g.input(0));
  return {neg(mul(by_y, g.output(0))), mul(by_y, 0.5)};
}

// -0.5 · dy · y³
Values rsqrt_grad_grad(GradContext& g) {
  const Value &y = g.input(0), &dy = g.input(1);
  return {mul(mul(mul(g.upstream(0), -1.5), dy), square(y)), emit1("RsqrtGrad", {y, g.upstream(0)})};
}

// dy · (1 - y²)
Values tanh_grad_grad(GradContext& g) {
  const Value &y = g.input(0), &dy = g.input(1);
  return {mul(mul(mul(g.upstream(0), -2.0), dy), y), emit1("TanhGrad", {y, g.upstream(0)})};
}

// dy · y · (1 - y)
Values sigmoid_grad_grad(GradContext& g) {
  const Value &y = g.input(0), &dy = g.input(1);
  const Value product = mul(g.upstream(0), dy);
  return {sub(product, mul(mul(product, 2.0), y)), emit1("SigmoidGrad", {y, g.upstream(0)})};
}

// -dy · y²
Values reciprocal_grad_grad(GradContext& g) {
  const Value &y = g.input(0), &dy = g.input(1);
  return {mul(mul(mul(g.upstream(0), -2.0), dy), y), emit1("ReciprocalGrad", {y, g.upstream(0)})};
}

constexpr OpDef kOps[] = {
    {.name = "Abs",
     .signature = "(x: T) -> (y: T); T: {floating, int8, int16, int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Abs>,
     .gradient = abs_grad,
     .js = "math.abs",
     .flags = kInPlace},
    {.name = "Neg",
     .signature = "(x: T) -> (y: T); T: {floating, complex, int8, int16, int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = real_or_complex<unary<kernels::Neg>, negate_complex>,
     .gradient = neg_grad,
     .js = "math.negative",
     .flags = kInPlace},
    {.name = "Sign",
     .signature = "(x: T) -> (y: T); T: {floating, complex, int8, int16, int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Sign>,
     .gradient = sign_grad,
     .js = "math.sign",
     .flags = kInPlace},
    {.name = "Square",
     .signature = "(x: T) -> (y: T); T: {numeric}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Square>,
     .gradient = square_grad,
     .js = "math.square",
     .flags = kInPlace},
    {.name = "Sqrt",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Sqrt>,
     .gradient = sqrt_grad,
     .js = "math.sqrt",
     .flags = kInPlace},
    {.name = "Rsqrt",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Rsqrt>,
     .gradient = rsqrt_grad,
     .js = "math.rsqrt",
     .flags = kInPlace},
    {.name = "Exp",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Exp>,
     .gradient = exp_grad,
     .js = "math.exp",
     .flags = kInPlace},
    {.name = "Expm1",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Expm1>,
     .gradient = expm1_grad,
     .js = "math.expm1",
     .flags = kInPlace},
    {.name = "Log",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Log>,
     .gradient = log_grad,
     .js = "math.log",
     .flags = kInPlace},
    {.name = "Log1p",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Log1p>,
     .gradient = log1p_grad,
     .js = "math.log1p",
     .flags = kInPlace},
    {.name = "Sin",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Sin>,
     .gradient = sin_grad,
     .js = "math.sin",
     .flags = kInPlace},
    {.name = "Cos",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Cos>,
     .gradient = cos_grad,
     .js = "math.cos",
     .flags = kInPlace},
    {.name = "Tan",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Tan>,
     .gradient = tan_grad,
     .js = "math.tan",
     .flags = kInPlace},
    {.name = "Sinh",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Sinh>,
     .gradient = sinh_grad,
     .js = "math.sinh",
     .flags = kInPlace},
    {.name = "Cosh",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Cosh>,
     .gradient = cosh_grad,
     .js = "math.cosh",
     .flags = kInPlace},
    {.name = "Tanh",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Tanh>,
     .gradient = tanh_grad,
     .js = "math.tanh",
     .flags = kInPlace},
    {.name = "Asin",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Asin>,
     .gradient = asin_grad,
     .js = "math.asin",
     .flags = kInPlace},
    {.name = "Acos",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Acos>,
     .gradient = acos_grad,
     .js = "math.acos",
     .flags = kInPlace},
    {.name = "Atan",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Atan>,
     .gradient = atan_grad,
     .js = "math.atan",
     .flags = kInPlace},
    {.name = "Sigmoid",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Sigmoid>,
     .gradient = sigmoid_grad,
     .js = "math.sigmoid",
     .flags = kInPlace},
    {.name = "Erf",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Erf>,
     .gradient = erf_grad,
     .js = "math.erf",
     .flags = kInPlace},
    {.name = "Erfc",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Erfc>,
     .gradient = erfc_grad,
     .js = "math.erfc",
     .flags = kInPlace},
    {.name = "Reciprocal",
     .signature = "(x: T) -> (y: T); T: {floating, complex, int8, int16, int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Reciprocal>,
     .gradient = reciprocal_grad,
     .js = "math.reciprocal",
     .flags = kInPlace},
    {.name = "Inv",
     .signature = "(x: T) -> (y: T); T: {floating, complex, int8, int16, int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Reciprocal>,
     .gradient = reciprocal_grad,
     .flags = kInPlace},

    {.name = "Floor",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Floor>,
     .js = "math.floor",
     .flags = kInPlace | kNoGradient},
    {.name = "Ceil",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Ceil>,
     .js = "math.ceil",
     .flags = kInPlace | kNoGradient},
    {.name = "Round",
     .signature = "(x: T) -> (y: T); T: {floating, complex, int8, int16, int32, int64}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Round>,
     .js = "math.round",
     .flags = kInPlace | kNoGradient},
    {.name = "Rint",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Round>,
     .js = "math.rint",
     .flags = kInPlace | kNoGradient},

    {.name = "SqrtGrad",
     .signature = "(y: T, dy: T) -> (z: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::SqrtGrad>,
     .gradient = sqrt_grad_grad,
     .flags = kInPlace},
    {.name = "RsqrtGrad",
     .signature = "(y: T, dy: T) -> (z: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::RsqrtGrad>,
     .gradient = rsqrt_grad_grad,
     .flags = kInPlace},
    {.name = "TanhGrad",
     .signature = "(y: T, dy: T) -> (z: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::TanhGrad>,
     .gradient = tanh_grad_grad,
     .flags = kInPlace},
    {.name = "SigmoidGrad",
     .signature = "(y: T, dy: T) -> (z: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::SigmoidGrad>,
     .gradient = sigmoid_grad_grad,
     .flags = kInPlace},
    {.name = "ReciprocalGrad",
     .signature = "(y: T, dy: T) -> (z: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::ReciprocalGrad>,
     .gradient = reciprocal_grad_grad,
     .flags = kInPlace},
};

}  // namespace

std::span<const OpDef> math_ops() { return kOps; }

}  // namespace keras
