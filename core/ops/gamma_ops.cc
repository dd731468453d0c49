// Incomplete gamma and beta functions, the zeta function, modified Bessel functions: computed in double for every dtype.
#include <cmath>
#include <limits>
#include <numbers>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/special_functions.h"

namespace keras {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kMaxTerms = 100'000;

template <double (*kFunction)(double)>
struct OfOne {
  template <kernels::Floating T>
  static T apply(T x) {
    return static_cast<T>(kFunction(static_cast<double>(x)));
  }
};
template <double (*kFunction)(double, double)>
struct OfTwo {
  template <kernels::Floating T>
  static T apply(T a, T b) {
    return static_cast<T>(kFunction(static_cast<double>(a), static_cast<double>(b)));
  }
};

// Incomplete gamma functions

/// A value and its derivative by a.
struct Dual {
  double value = 0, slope = 0;
};

/// P(a, x) = xᵃ e⁻ˣ / Γ(a + 1) · Σ xⁿ / ((a + 1) … (a + n)); all terms are positive.
Dual lower_series(double a, double x) {
  double term = 1, term_slope = 0, sum = 1, sum_slope = 0;
  for (int n = 1; n < kMaxTerms; ++n) {
    term_slope = (term_slope - term / (a + n)) * x / (a + n);
    term *= x / (a + n);
    sum += term;
    sum_slope += term_slope;
    if (term <= kEpsilon * sum && std::abs(term_slope) <= kEpsilon * std::abs(sum_slope)) break;
  }
  const double factor = std::exp(a * std::log(x) - x - log_gamma(a + 1));
  return {factor * sum, factor * ((std::log(x) - digamma(a + 1)) * sum + sum_slope)};
}

/// Q(a, x) by Legendre's continued fraction, evaluated as W. J. Lentz does ("Applied Optics" 15, 1976).
double upper_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, product = d;
  for (int n = 1; n < kMaxTerms; ++n) {
    const double numerator = -n * (n - a);
    b += 2;
    d = numerator * d + b;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    c = b + numerator / c;
    if (std::abs(c) < kTiny) c = kTiny;
    product *= c * d;
    if (std::abs(c * d - 1) < kEpsilon) break;
  }
  return std::exp(a * std::log(x) - x - log_gamma(a)) * product;
}

bool outside(double a, double x) { return !(x >= 0 && a > 0); }
bool by_series(double a, double x) { return x <= 1 || x <= a; }

double lower_gamma(double a, double x) {
  if (x == 0) return 0;  // whatever a is, as in TensorFlow
  if (outside(a, x)) return kNaN;
  if (std::isinf(a)) return 0;
  if (std::isinf(x)) return 1;
  return by_series(a, x) ? lower_series(a, x).value : 1 - upper_fraction(a, x);
}
double upper_gamma(double a, double x) {
  if (outside(a, x)) return kNaN;
  if (x == 0) return 1;
  if (std::isinf(x)) return 0;
  if (std::isinf(a)) return 1;
  return by_series(a, x) ? 1 - lower_series(a, x).value : upper_fraction(a, x);
}
double lower_gamma_slope(double a, double x) {
  if (outside(a, x)) return kNaN;
  return x == 0 || std::isinf(x) || std::isinf(a) ? 0 : lower_series(a, x).slope;
}

double zeta(double s, double x) {
  if (s == 1) return HUGE_VAL;
  return s < 1 ? kNaN : hurwitz_zeta(s, x);
}

/// 1 / x · xᵃ e⁻ˣ / Γ(a)
Value gamma_density(const Value& a, const Value& x) { return exp(sub(sub(mul(sub(a, 1.0), log(x)), x), emit1("Lgamma", {a}))); }
Values lower_gamma_grad(GradContext& g) {
  const Value &a = g.input(0), &x = g.input(1), &up = g.upstream(0);
  return unbroadcast_pair(g, mul(up, emit1("IgammaGradA", {a, x})), mul(up, gamma_density(a, x)));
}
Values upper_gamma_grad(GradContext& g) {
  const Value &a = g.input(0), &x = g.input(1), up = neg(g.upstream(0));
  return unbroadcast_pair(g, mul(up, emit1("IgammaGradA", {a, x})), mul(up, gamma_density(a, x)));
}
// By s it is not known, as in TensorFlow.
Values zeta_grad(GradContext& g) {
  const Value &s = g.input(0), &x = g.input(1);
  const Value slope = mul(neg(s), emit1("Zeta", {add(s, 1.0), x}));
  return {Value(), unbroadcast(mul(g.upstream(0), slope), x, s)};
}

// The incomplete beta function

/// The continued fraction of I(a, b, x), which is fast where x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto safe = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / safe(1 - (a + b) * x / (a + 1)), product = d;
  const auto step = [&](double numerator) {
    d = 1 / safe(1 + numerator * d);
    c = safe(1 + numerator / c);
    product *= c * d;
    return std::abs(c * d - 1) < kEpsilon;
  };
  for (int m = 1; m < kMaxTerms; ++m) {
    step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    if (step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)))) break;
  }
  return product;
}

double log_beta(double a, double b) { return log_gamma(a) + log_gamma(b) - log_gamma(a + b); }

double incomplete_beta(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return kNaN;
  if (x == 0 || x == 1) return x;
  const double factor = std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta(a, b));
  if (x < (a + 1) / (a + b + 2)) return factor * beta_fraction(a, b, x) / a;
  return 1 - factor * beta_fraction(b, a, 1 - x) / b;
}

void betainc_shape(ShapeContext& c) {
  Shape shape;
  for (int i = 0; i < 3; ++i) {
    const Shape& its = c.input(i);
    if (!its.known_rank()) return c.set_output(0, Shape::unknown_rank());
    if (its.rank() > 0) shape = shape.rank() > 0 ? shape::same_shape(shape, its, "a, b and x") : its;
  }
  c.set_output(0, shape);
}

void betainc_kernel(KernelContext& c) {
  Shape shape;
  for (int i = 0; i < 3; ++i) {
    const Shape& its = c.input(i).shape();
    if (its.rank() == 0) continue;
    if (shape.rank() > 0 && shape != its)
      throw InvalidArgumentError("a, b and x must have one shape, found {} and {}", shape, its);
    shape = its;
  }
  const auto at = [&](int input, int64_t i) { return c.input(input).number_at(c.input(input).rank() == 0 ? 0 : i); };
  Tensor& output = c.output(0, shape);
  with_float_type(output.dtype(), "Betainc", [&]<class T>(T) {
    for (int64_t i = 0; i < output.elements(); ++i) {
      output.data<T>()[i] = static_cast<T>(incomplete_beta(at(0, i), at(1, i), at(2, i)));
    }
  });
}

// By a and b it is not known, as in TensorFlow.
Values betainc_grad(GradContext& g) {
  const Value &a = g.input(0), &b = g.input(1), &x = g.input(2);
  const auto log_gamma_of = [](const Value& value) { return emit1("Lgamma", {value}); };
  const Value beta = sub(add(log_gamma_of(a), log_gamma_of(b)), log_gamma_of(add(a, b)));
  const Value slope = exp(sub(add(mul(sub(b, 1.0), log1p(neg(x))), mul(sub(a, 1.0), log(x))), beta));
  return {Value(), Value(), unbroadcast(mul(g.upstream(0), slope), x)};
}

// Modified Bessel functions of the first kind

/// e^-|x| Iₙ(x): the power series, or Hankel's expansion where x is large.
template <int kOrder>
double scaled_bessel(double x) {
  const double size = std::abs(x);
  double sum = 1, term = 1;
  if (size > 40) {
    for (int k = 1; k < 40; ++k) {
      const double next = -term * (4.0 * kOrder * kOrder - (2 * k - 1) * (2 * k - 1)) / (8 * k * size);
      if (std::abs(next) > std::abs(term) || std::abs(next) < kEpsilon) break;
      sum += term = next;
    }
    sum /= std::sqrt(2 * std::numbers::pi * size);
  } else {
    for (int k = 1; term > kEpsilon * sum; ++k) sum += term *= size * size / 4 / (k * (k + kOrder));
    sum *= std::exp(-size) * (kOrder == 1 ? size / 2 : 1.0);
  }
  return kOrder == 1 && x < 0 ? -sum : sum;
}
template <int kOrder>
double bessel(double x) {
  return scaled_bessel<kOrder>(x) * std::exp(std::abs(x));
}

/// `at_zero` where x is 0.
Value unless_zero(const Value& x, double at_zero, const Value& slope) {
  return select(equal(x, scalar_like(x, 0.0)), scalar_like(x, at_zero), slope);
}
Values i0_grad(GradContext& g) { return {mul(g.upstream(0), emit1("BesselI1", {g.input(0)}))}; }
// At 0 TensorFlow has twice the derivative.
Values i1_grad(GradContext& g) {
  const Value& x = g.input(0);
  const Value slope = sub(emit1("BesselI0", {x}), emit1("DivNoNan", {g.output(0), x}));
  return {mul(g.upstream(0), unless_zero(x, 1.0, slope))};
}
Values i0e_grad(GradContext& g) {
  const Value& x = g.input(0);
  return {mul(g.upstream(0), sub(emit1("BesselI1e", {x}), mul(sign(x), g.output(0))))};
}
Values i1e_grad(GradContext& g) {
  const Value &x = g.input(0), &y = g.output(0);
  const Value slope = sub(emit1("BesselI0e", {x}), add(mul(sign(x), y), emit1("DivNoNan", {y, x})));
  return {mul(g.upstream(0), unless_zero(x, 0.5, slope))};
}

constexpr OpDef kOps[] = {
    {.name = "Igamma",
     .signature = "(a: T, x: T) -> (z: T); T: {floating}",
     .shape = shape::broadcast,
     .kernel = binary<OfTwo<lower_gamma>>,
     .gradient = lower_gamma_grad,
     .js = "math.igamma",
     .flags = kInPlace},
    {.name = "Igammac",
     .signature = "(a: T, x: T) -> (z: T); T: {floating}",
     .shape = shape::broadcast,
     .kernel = binary<OfTwo<upper_gamma>>,
     .gradient = upper_gamma_grad,
     .js = "math.igammac",
     .flags = kInPlace},
    {.name = "IgammaGradA",
     .signature = "(a: T, x: T) -> (z: T); T: {float, double}",
     .shape = shape::broadcast,
     .kernel = binary<OfTwo<lower_gamma_slope>>,
     .flags = kInPlace},
    {.name = "Zeta",
     .signature = "(x: T, q: T) -> (z: T); T: {float, double}",
     .shape = shape::broadcast,
     .kernel = binary<OfTwo<zeta>>,
     .gradient = zeta_grad,
     .js = "math.zeta",
     .flags = kInPlace},
    {.name = "Betainc",
     .signature = "(a: T, b: T, x: T) -> (z: T); T: {float, double}",
     .shape = betainc_shape,
     .kernel = betainc_kernel,
     .gradient = betainc_grad,
     .js = "math.betainc"},
    {.name = "BesselI0",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<OfOne<bessel<0>>>,
     .gradient = i0_grad,
     .js = "math.besselI0",
     .flags = kInPlace},
    {.name = "BesselI1",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<OfOne<bessel<1>>>,
     .gradient = i1_grad,
     .js = "math.besselI1",
     .flags = kInPlace},
    {.name = "BesselI0e",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<OfOne<scaled_bessel<0>>>,
     .gradient = i0e_grad,
     .js = "math.besselI0e",
     .flags = kInPlace},
    {.name = "BesselI1e",
     .signature = "(x: T) -> (y: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<OfOne<scaled_bessel<1>>>,
     .gradient = i1e_grad,
     .js = "math.besselI1e",
     .flags = kInPlace},
};

}  // namespace

std::span<const OpDef> gamma_ops() { return kOps; }

}  // namespace keras
