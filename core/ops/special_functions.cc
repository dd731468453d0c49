// The gamma function and its relatives.
#include "core/ops/special_functions.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace keras {

// By the reflection and Stirling's series. (std::lgamma writes a global sign.)
double log_gamma(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x) || (x <= 0 && x == std::floor(x))) return HUGE_VAL;
  if (x < 0.5) return std::log(std::numbers::pi / std::abs(std::sin(std::numbers::pi * x))) - log_gamma(1 - x);
  if (x == 1 || x == 2) return 0;
  double shift = 1;
  for (; x < 12; ++x) shift *= x;
  const double y = 1 / (x * x);
  const double series = (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))) / x;
  return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) + series - std::log(shift);
}

// Likewise.
double digamma(double x) {
  if (x <= 0 && x == std::floor(x)) return std::nan("");
  if (x < 0) return digamma(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * x);
  double shift = 0;
  for (; x < 12; ++x) shift += 1 / x;
  const double y = 1 / (x * x);
  return std::log(x) - 0.5 / x - y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y / 132)))) - shift;
}

// By Euler and Maclaurin: ten terms, the integral of the rest, and its corrections with Bernoulli
// numbers (as Cephes does it). Infinite at the poles x = 0, -1, …; for other negative x of an integer s, the terms reach up.
double hurwitz_zeta(double s, double x) {
  constexpr double kEvenBernoulli[] = {1.0 / 12,           -1.0 / 720,     1.0 / 30240,
                                       -1.0 / 1209600,     1.0 / 47900160, -691.0 / 1307674368000.0,
                                       1.0 / 74724249600.0};  // B₂ⱼ / (2j)!
  if (x <= 0 && x == std::floor(x)) {                         // the pole has two signs where s is not even
    return std::fmod(s, 2.0) == 0 || std::isinf(s) ? std::numeric_limits<double>::infinity()
                                                   : std::numeric_limits<double>::quiet_NaN();
  }
  if (std::isinf(s) && x >= 1) return x == 1 ? 1 : 0;
  if (std::isinf(s)) return std::isnan(x) ? x : std::numeric_limits<double>::infinity();
  if (x <= 0 && s != std::floor(s)) return std::numeric_limits<double>::quiet_NaN();
  if (x < -1e6) return std::numeric_limits<double>::quiet_NaN();  // too many terms below zero
  double sum = 0;
  int terms = 0;
  for (; terms < 10 || x < 10; ++terms, ++x) sum += std::pow(x, -s);
  sum += std::pow(x, 1 - s) / (s - 1) + 0.5 * std::pow(x, -s);
  double factor = s * std::pow(x, -s - 1);
  for (int j = 0; j < 7; ++j) {
    sum += kEvenBernoulli[j] * factor;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (x * x);
  }
  return sum;
}

}  // namespace keras
