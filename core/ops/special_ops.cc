// Special functions, hyperbolic inverses and bits. Elementwise, like math_ops.cc and binary_ops.cc.
#include <cmath>
#include <numbers>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/shape_functions.h"
#include "core/ops/special_functions.h"

namespace keras {
namespace {

using kernels::Floating;
using kernels::Integer;

/// The quantile of the normal distribution: P. J. Acklam's rational approximation, made exact by two steps of Halley's.
double normal_quantile(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -HUGE_VAL : p == 1 ? HUGE_VAL : std::nan("");
  if (p > 0.5) return -normal_quantile(1 - p);
  const auto tail = [](double q) {
    return (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734) * q +
             4.374664141464968) *
                q +
            2.938163982698783) /
           ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
  };
  const auto middle = [](double q) {
    const double r = q * q;
    return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r + 1.383577518672690e+02) *
                 r -
             3.066479806614716e+01) *
                r +
            2.506628277459239) *
           q /
           (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r + 6.680131188771972e+01) *
                 r -
             1.328068155288572e+01) *
                r +
            1);
  };
  double x = p < 0.02425 ? tail(std::sqrt(-2 * std::log(p))) : middle(p - 0.5);
  for (int step = 0; step < 2; ++step) {
    const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
    const double u = error * std::sqrt(2 * std::numbers::pi) * std::exp(x * x / 2);
    x -= u / (1 + x * u / 2);
  }
  return x;
}

/// erf⁻¹ of small x by its series, where 1 + x would lose the digits.
double inverse_erf(double x) {
  if (std::abs(x) < 1e-4) return x * (std::sqrt(std::numbers::pi) / 2) * (1 + std::numbers::pi / 12 * x * x);
  return x > 0 ? -normal_quantile((1 - x) / 2) / std::numbers::sqrt2 : normal_quantile((1 + x) / 2) / std::numbers::sqrt2;
}

/// A function of doubles, for every float dtype.
template <double (*kFunction)(double)>
struct ByDouble {
  template <Floating T>
  static T apply(T x) {
    return static_cast<T>(kFunction(static_cast<double>(x)));
  }
};
double asinh_of(double x) { return std::asinh(x); }
double acosh_of(double x) { return std::acosh(x); }
double atanh_of(double x) { return std::atanh(x); }

struct BitAnd {
  template <Integer T>
  static T apply(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct BitOr {
  template <Integer T>
  static T apply(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct BitXor {
  template <Integer T>
  static T apply(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
struct BitNot {
  template <Integer T>
  static T apply(T a) {
    return static_cast<T>(~a);
  }
};
/// As many places as there are, at most.
template <class T>
int places(T b) {
  return b < 0 ? 0 : b > static_cast<T>(sizeof(T) * 8 - 1) ? static_cast<int>(sizeof(T) * 8 - 1) : static_cast<int>(b);
}
struct ShiftLeft {
  template <Integer T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) << places(b));
  }
};
struct ShiftRight {
  template <Integer T>
  static T apply(T a, T b) {
    return static_cast<T>(a >> places(b));
  }
};
/// The remainder that has the sign of a.
struct Remainder {
  static constexpr bool kRefusesZero = true;
  template <kernels::Number T>
  static T apply(T a, T b) {
    if constexpr (Floating<T>) {
      return std::fmod(a, b);
    } else {
      if constexpr (std::signed_integral<T>) {
        if (b == -1) return 0;
      }
      return static_cast<T>(a % b);
    }
  }
};
struct Xlog1py {
  template <Floating T>
  static T apply(T x, T y) {
    return x == 0 ? T(0) : x * std::log1p(y);
  }
};
/// ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! ζ(n + 1, x); the digamma function for n = 0. NaN where n is no count.
struct Polygamma {
  template <Floating T>
  static T apply(T n, T x) {
    if (!(n >= 0) || n != std::floor(n)) return std::numeric_limits<T>::quiet_NaN();
    if (n == 0) return static_cast<T>(digamma(static_cast<double>(x)));
    const double order = static_cast<double>(n), sign = std::fmod(order, 2.0) == 0 ? -1.0 : 1.0;
    return static_cast<T>(sign * std::tgamma(order + 1) * hurwitz_zeta(order + 1, static_cast<double>(x)));
  }
};

struct NextAfter {
  template <Floating T>
  static T apply(T x, T y) {
    return std::nextafter(x, y);
  }
};

void approximate_equal_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &y = c.input(1);
  const double tolerance = c.attrs().get_float("tolerance");
  if (x.shape() != y.shape()) throw InvalidArgumentError("x and y must be of one shape, found {} and {}", x.shape(), y.shape());
  bool* z = c.output(0, x.shape()).data<bool>();
  for (int64_t i = 0; i < x.elements(); ++i) z[i] = std::abs(x.number_at(i) - y.number_at(i)) < tolerance;
}

Values lgamma_grad(GradContext& g) { return {mul(g.upstream(0), emit1("Digamma", {g.input(0)}))}; }
// √π/2 · e^(y²)
Values erfinv_grad(GradContext& g) { return {mul(g.upstream(0), mul(exp(square(g.output(0))), 0.5 / std::numbers::inv_sqrtpi))}; }
// √2π · e^(y²/2)
Values ndtri_grad(GradContext& g) {
  return {mul(g.upstream(0), mul(exp(mul(square(g.output(0)), 0.5)), std::numbers::sqrt2 / std::numbers::inv_sqrtpi))};
}
Values digamma_grad(GradContext& g) { return {mul(g.upstream(0), emit1("Polygamma", {ones_like(g.input(0)), g.input(0)}))}; }
// The derivative by the order is not known, as in TensorFlow.
Values polygamma_grad(GradContext& g) {
  const Value slope = emit1("Polygamma", {add(g.input(0), 1.0), g.input(1)});
  return {Value(), unbroadcast(mul(g.upstream(0), slope), g.input(1), g.input(0))};
}
// To the next number from x1: it moves with x1.
Values next_after_grad(GradContext& g) { return unbroadcast_pair(g, g.upstream(0), zeros_like(g.upstream(0))); }
Values inv_grad_grad(GradContext& g) {
  const Value &y = g.input(0), &dy = g.input(1);
  return {mul(mul(mul(g.upstream(0), -2.0), dy), y), emit1("InvGrad", {y, g.upstream(0)})};
}
Values asinh_grad(GradContext& g) { return {div(g.upstream(0), emit1("Cosh", {g.output(0)}))}; }
Values acosh_grad(GradContext& g) { return {div(g.upstream(0), emit1("Sinh", {g.output(0)}))}; }
Values atanh_grad(GradContext& g) { return {div(g.upstream(0), sub(1.0, square(g.input(0))))}; }

Values xlog1py_grad(GradContext& g) {
  const Value &x = g.input(0), &y = g.input(1);
  const Value used = cast(emit1("NotEqual", {x, scalar_like(x, 0.0)}), x.dtype());
  return unbroadcast_pair(g, mul(emit1("Xlog1py", {used, y}), g.upstream(0)),
                          mul(emit1("Xdivy", {x, add(y, 1.0)}), g.upstream(0)));
}

constexpr OpDef kOps[] = {
    {.name = "Lgamma",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<ByDouble<log_gamma>>,
     .gradient = lgamma_grad,
     .js = "math.lgamma",
     .flags = kInPlace},
    {.name = "Digamma",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<ByDouble<digamma>>,
     .gradient = digamma_grad,
     .js = "math.digamma",
     .flags = kInPlace},
    {.name = "Polygamma",
     .signature = "(a: T, x: T) -> (z: T); T: {float, double}",
     .shape = shape::broadcast,
     .kernel = binary<Polygamma>,
     .gradient = polygamma_grad,
     .js = "math.polygamma",
     .flags = kInPlace},
    {.name = "Erfinv",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<ByDouble<inverse_erf>>,
     .gradient = erfinv_grad,
     .js = "math.erfinv",
     .flags = kInPlace},
    {.name = "Ndtri",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<ByDouble<normal_quantile>>,
     .gradient = ndtri_grad,
     .js = "math.ndtri",
     .flags = kInPlace},
    {.name = "Asinh",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<ByDouble<asinh_of>>,
     .gradient = asinh_grad,
     .js = "math.asinh",
     .flags = kInPlace},
    {.name = "Acosh",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<ByDouble<acosh_of>>,
     .gradient = acosh_grad,
     .js = "math.acosh",
     .flags = kInPlace},
    {.name = "Atanh",
     .signature = "(x: T) -> (y: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = unary<ByDouble<atanh_of>>,
     .gradient = atanh_grad,
     .js = "math.atanh",
     .flags = kInPlace},
    {.name = "Xlog1py",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, complex}",
     .shape = shape::broadcast,
     .kernel = binary<Xlog1py>,
     .gradient = xlog1py_grad,
     .js = "math.xlog1py",
     .flags = kInPlace},
    {.name = "NextAfter",
     .signature = "(x1: T, x2: T) -> (output: T); T: {double, float} = float",
     .shape = shape::broadcast,
     .kernel = binary<NextAfter>,
     .gradient = next_after_grad,
     .js = "math.nextafter",
     .flags = kInPlace},
    {.name = "Mod",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, int32, int64}",
     .shape = shape::broadcast,
     .kernel = binary<Remainder>,
     .flags = kInPlace},
    {.name = "TruncateMod",
     .signature = "(x: T, y: T) -> (z: T); T: {floating, int32, int64}",
     .shape = shape::broadcast,
     .kernel = binary<Remainder>,
     .js = "truncateMod",
     .flags = kInPlace},
    {.name = "InvGrad",
     .signature = "(y: T, dy: T) -> (z: T); T: {floating, complex}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::ReciprocalGrad>,
     .gradient = inv_grad_grad,
     .flags = kInPlace},
    {.name = "ApproximateEqual",
     .signature = "(x: T, y: T) -> (z: bool); T: {numeric}; tolerance: float = 1e-05",
     .shape = shape::same_as<0>,
     .kernel = approximate_equal_kernel,
     .js = "math.approximateEqual",
     .flags = kNoGradient},
    {.name = "BitwiseAnd",
     .signature = "(x: T, y: T) -> (z: T); T: {integer}",
     .shape = shape::broadcast,
     .kernel = binary<BitAnd>,
     .js = "bitwiseAnd",
     .flags = kInPlace | kNoGradient},
    {.name = "BitwiseOr",
     .signature = "(x: T, y: T) -> (z: T); T: {integer}",
     .shape = shape::broadcast,
     .kernel = binary<BitOr>,
     .js = "bitwiseOr",
     .flags = kInPlace | kNoGradient},
    {.name = "BitwiseXor",
     .signature = "(x: T, y: T) -> (z: T); T: {integer}",
     .shape = shape::broadcast,
     .kernel = binary<BitXor>,
     .js = "bitwiseXor",
     .flags = kInPlace | kNoGradient},
    {.name = "Invert",
     .signature = "(x: T) -> (y: T); T: {integer}",
     .shape = shape::same_as<0>,
     .kernel = unary<BitNot>,
     .js = "invert",
     .flags = kInPlace | kNoGradient},
    {.name = "LeftShift",
     .signature = "(x: T, y: T) -> (z: T); T: {integer}",
     .shape = shape::broadcast,
     .kernel = binary<ShiftLeft>,
     .js = "leftShift",
     .flags = kInPlace | kNoGradient},
    {.name = "RightShift",
     .signature = "(x: T, y: T) -> (z: T); T: {integer}",
     .shape = shape::broadcast,
     .kernel = binary<ShiftRight>,
     .js = "rightShift",
     .flags = kInPlace | kNoGradient},
};

}  // namespace

std::span<const OpDef> special_ops() { return kOps; }

}  // namespace keras
