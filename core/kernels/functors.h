// The formulas of elementwise ops, once for every element type. Integers wrap around, as TensorFlow's do; NaN and
// infinities give what TensorFlow gives (tests/fixtures/ops/math.json).
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>

namespace keras::kernels {

template <class T>
concept Floating = std::floating_point<T>;
template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Number = Floating<T> || Integer<T>;

/// f on unsigned numbers as wide as T (at least int), whose overflow is defined.
template <class T, class F>
T wrapping(T a, T b, F f) {
  using U = std::make_unsigned_t<std::common_type_t<T, int>>;
  return static_cast<T>(f(static_cast<U>(a), static_cast<U>(b)));
}

struct Add {
  template <Number T>
  static T apply(T a, T b) {
    if constexpr (Integer<T>)
      return wrapping(a, b, [](auto x, auto y) { return x + y; });
    else
      return a + b;
  }
};
struct Sub {
  template <Number T>
  static T apply(T a, T b) {
    if constexpr (Integer<T>)
      return wrapping(a, b, [](auto x, auto y) { return x - y; });
    else
      return a - b;
  }
};
struct Mul {
  template <Number T>
  static T apply(T a, T b) {
    if constexpr (Integer<T>)
      return wrapping(a, b, [](auto x, auto y) { return x * y; });
    else
      return a * b;
  }
};

/// Towards zero for integers. REQUIRES: an integer b is not 0.
struct Div {
  static constexpr bool kRefusesZero = true;
  template <Number T>
  static T apply(T a, T b) {
    if constexpr (std::signed_integral<T>) {
      if (b == -1) return Sub::apply(T(0), a);  // the one quotient that can overflow
    }
    return static_cast<T>(a / b);
  }
};
using TruncateDiv = Div;

struct FloorDiv {
  static constexpr bool kRefusesZero = true;
  template <Number T>
  static T apply(T a, T b) {
    if constexpr (Floating<T>) {
      return std::floor(a / b);
    } else {
      const T quotient = Div::apply(a, b);
      if constexpr (std::signed_integral<T>) {
        if (b != -1 && a % b != 0 && (a < 0) != (b < 0)) return static_cast<T>(quotient - 1);
      }
      return quotient;
    }
  }
};

/// The remainder that has the sign of b.
struct FloorMod {
  static constexpr bool kRefusesZero = true;
  template <Number T>
  static T apply(T a, T b) {
    if constexpr (Floating<T>) {
      const T rest = std::fmod(a, b);
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    } else {
      if constexpr (std::signed_integral<T>) {
        if (b == -1) return 0;
      }
      const T rest = static_cast<T>(a % b);
      return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
    }
  }
};

struct DivNoNan {
  template <Floating T>
  static T apply(T a, T b) {
    return b == 0 ? T(0) : a / b;
  }
};
struct MulNoNan {
  template <Floating T>
  static T apply(T a, T b) {
    return b == 0 ? T(0) : a * b;
  }
};

/// NaN in either gives NaN.
struct Maximum {
  template <Number T>
  static T apply(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
struct Minimum {
  template <Number T>
  static T apply(T a, T b) {
    return a < b || a != a ? a : b;
  }
};
struct SquaredDifference {
  template <Number T>
  static T apply(T a, T b) {
    return Mul::apply(Sub::apply(a, b), Sub::apply(a, b));
  }
};

/// Integers by squaring. REQUIRES: an integer exponent is not negative.
struct Pow {
  static constexpr bool kRefusesNegative = true;
  template <Number T>
  static T apply(T a, T b) {
    if constexpr (Floating<T>) {
      return std::pow(a, b);
    } else {
      T result = 1;
      for (; b > 0; b = static_cast<T>(b / 2), a = Mul::apply(a, a)) {
        if (b % 2 != 0) result = Mul::apply(result, a);
      }
      return result;
    }
  }
};
struct Atan2 {
  template <Floating T>
  static T apply(T y, T x) {
    return std::atan2(y, x);
  }
};
struct Xlogy {
  template <Floating T>
  static T apply(T x, T y) {
    return x == 0 ? T(0) : x * std::log(y);
  }
};
struct Xdivy {
  template <Floating T>
  static T apply(T x, T y) {
    return x == 0 ? T(0) : x / y;
  }
};

struct Equal {
  template <class T>
  static bool apply(const T& a, const T& b) {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  static bool apply(const T& a, const T& b) {
    return a != b;
  }
};
struct Less {
  template <Number T>
  static bool apply(T a, T b) {
    return a < b;
  }
};
struct LessEqual {
  template <Number T>
  static bool apply(T a, T b) {
    return a <= b;
  }
};
struct Greater {
  template <Number T>
  static bool apply(T a, T b) {
    return a > b;
  }
};
struct GreaterEqual {
  template <Number T>
  static bool apply(T a, T b) {
    return a >= b;
  }
};
struct LogicalAnd {
  static bool apply(bool a, bool b) { return a && b; }
};
struct LogicalOr {
  static bool apply(bool a, bool b) { return a || b; }
};

struct IsNan {
  template <Floating T>
  static bool apply(T x) {
    return std::isnan(x);
  }
};
struct IsInf {
  template <Floating T>
  static bool apply(T x) {
    return std::isinf(x);
  }
};
struct IsFinite {
  template <Floating T>
  static bool apply(T x) {
    return std::isfinite(x);
  }
};

struct Abs {
  template <Number T>
  static T apply(T x) {
    if constexpr (Floating<T>)
      return std::abs(x);
    else
      return x < 0 ? Sub::apply(T(0), x) : x;
  }
};
struct Neg {
  template <Number T>
  static T apply(T x) {
    if constexpr (Floating<T>)
      return -x;
    else
      return Sub::apply(T(0), x);
  }
};
struct Sign {
  template <Number T>
  static T apply(T x) {
    return x > 0 ? T(1) : x < 0 ? static_cast<T>(-1) : x;
  }
};
struct Square {
  template <Number T>
  static T apply(T x) {
    return Mul::apply(x, x);
  }
};

/// e^x. For floats the polynomial of Cephes (S. Moshier, expf.c), written without branches so that loops over it become
/// vector code: x = n ln 2 + r, e^x = 2^n e^r. Within 1 ulp or so; overflows to infinity and underflows to 0 as exp does.
struct Exp {
  template <Floating T>
  static T apply(T x) {
    if constexpr (std::same_as<T, double>)
      return std::exp(x);
    else
      return of_float(x);
  }

 private:
  static float of_float(float x) {
    constexpr float kMost = 89.0f, kLeast = -104.0f;  // beyond, the result is infinite or 0 anyway
    const float bounded = x > kMost ? kMost : x < kLeast ? kLeast : x;
    constexpr float kRound = 12582912.0f;  // 1.5 · 2^23: adding it rounds to a whole number
    const float shifted = bounded * 1.44269504088896341f + kRound;
    const float n = shifted - kRound;
    const float r = bounded - n * 0.693359375f - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    for (const float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
      p = p * r + c;
    const float e = p * r * r + r + 1.0f;
    // 2^n in two factors, so that neither leaves the range of normal numbers. The whole number sits in the low bits.
    const auto whole = static_cast<int32_t>(std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(kRound));
    const int32_t half = whole >> 1, rest = whole - half;
    return e * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((rest + 127) << 23);
  }
};

#define KERAS_FLOAT_FUNCTOR(name, expression) \
  struct name {                               \
    template <Floating T>                     \
    static T apply(T x) {                     \
      return expression;                      \
    }                                         \
  };
KERAS_FLOAT_FUNCTOR(Sqrt, std::sqrt(x))
KERAS_FLOAT_FUNCTOR(Rsqrt, T(1) / std::sqrt(x))
KERAS_FLOAT_FUNCTOR(Expm1, std::expm1(x))
KERAS_FLOAT_FUNCTOR(Log, std::log(x))
KERAS_FLOAT_FUNCTOR(Log1p, std::log1p(x))
KERAS_FLOAT_FUNCTOR(Sin, std::sin(x))
KERAS_FLOAT_FUNCTOR(Cos, std::cos(x))
KERAS_FLOAT_FUNCTOR(Tan, std::tan(x))
KERAS_FLOAT_FUNCTOR(Sinh, std::sinh(x))
KERAS_FLOAT_FUNCTOR(Cosh, std::cosh(x))
KERAS_FLOAT_FUNCTOR(Asin, std::asin(x))
KERAS_FLOAT_FUNCTOR(Acos, std::acos(x))
KERAS_FLOAT_FUNCTOR(Atan, std::atan(x))
KERAS_FLOAT_FUNCTOR(Erf, std::erf(x))
KERAS_FLOAT_FUNCTOR(Erfc, std::erfc(x))
KERAS_FLOAT_FUNCTOR(Reciprocal, T(1) / x)
KERAS_FLOAT_FUNCTOR(Softsign, x / (T(1) + std::abs(x)))
/// An infinite e^-x gives 0, as it should.
KERAS_FLOAT_FUNCTOR(Sigmoid, T(1) / (T(1) + Exp::apply(-x)))
/// log(1 + e^x), arranged so that neither large nor very negative x overflows or loses digits.
KERAS_FLOAT_FUNCTOR(Softplus, Maximum::apply(x, T(0)) + std::log1p(Exp::apply(-std::abs(x))))
KERAS_FLOAT_FUNCTOR(Elu, x < 0 ? std::expm1(x) : x)
KERAS_FLOAT_FUNCTOR(Selu, x < 0 ? T(1.7580993408473768599) * std::expm1(x) : T(1.0507009873554804934) * x)
KERAS_FLOAT_FUNCTOR(RoundHalfToEven, std::nearbyint(x))
KERAS_FLOAT_FUNCTOR(FloorOfFloat, std::floor(x))
KERAS_FLOAT_FUNCTOR(CeilOfFloat, std::ceil(x))
#undef KERAS_FLOAT_FUNCTOR

/// Floats by the quotient of two polynomials that Eigen's generic_fast_tanh_float uses, so that the loop becomes vector code
/// and saturates where TensorFlow's does.
struct Tanh {
  template <Floating T>
  static T apply(T x) {
    if constexpr (std::same_as<T, double>) {
      return std::tanh(x);
    } else {
      constexpr float kLimit = 7.90531110763549805f;
      const float bounded = x > kLimit ? kLimit : x < -kLimit ? -kLimit : x;
      const float s = bounded * bounded;
      float p = -2.76076847742355e-16f;
      for (const float c : {2.00018790482477e-13f, -8.60467152213735e-11f, 5.12229709037114e-08f, 1.48572235717979e-05f,
                            6.37261928875436e-04f, 4.89352455891786e-03f}) {
        p = p * s + c;
      }
      float q = 1.19825839466702e-06f;
      for (const float c : {1.18534705686654e-04f, 2.26843463243900e-03f, 4.89352518554385e-03f}) q = q * s + c;
      const float magnitude = x < 0 ? -x : x;
      return magnitude < 0.0004f ? x : bounded * p / q;
    }
  }
};

/// Integers are whole already.
struct Round {
  template <Number T>
  static T apply(T x) {
    if constexpr (Floating<T>)
      return RoundHalfToEven::apply(x);
    else
      return x;
  }
};
using Floor = FloorOfFloat;
using Ceil = CeilOfFloat;

struct Relu {
  template <Number T>
  static T apply(T x) {
    return Maximum::apply(x, T(0));
  }
};
struct Relu6 {
  template <Number T>
  static T apply(T x) {
    return Minimum::apply(Maximum::apply(x, T(0)), T(6));
  }
};

// Gradients. Those of functions written in their own value take (y, dy), as TensorFlow's ops do; those of activations take
// (dy, features or outputs).
struct SqrtGrad {
  template <Floating T>
  static T apply(T y, T dy) {
    return dy * T(0.5) / y;
  }
};
struct RsqrtGrad {
  template <Floating T>
  static T apply(T y, T dy) {
    return T(-0.5) * dy * y * y * y;
  }
};
struct TanhGrad {
  template <Floating T>
  static T apply(T y, T dy) {
    return dy * (T(1) - y * y);
  }
};
struct SigmoidGrad {
  template <Floating T>
  static T apply(T y, T dy) {
    return dy * y * (T(1) - y);
  }
};
struct ReciprocalGrad {
  template <Floating T>
  static T apply(T y, T dy) {
    return -dy * y * y;
  }
};
struct ReluGrad {
  template <Number T>
  static T apply(T dy, T x) {
    return x > 0 ? dy : T(0);
  }
};
struct Relu6Grad {
  template <Number T>
  static T apply(T dy, T x) {
    return x > 0 && x < 6 ? dy : T(0);
  }
};
struct EluGrad {
  template <Floating T>
  static T apply(T dy, T y) {
    return y < 0 ? dy * (y + T(1)) : dy;
  }
};
struct SeluGrad {
  template <Floating T>
  static T apply(T dy, T y) {
    return y < 0 ? dy * (y + T(1.7580993408473768599)) : dy * T(1.0507009873554804934);
  }
};
struct SoftplusGrad {
  template <Floating T>
  static T apply(T dy, T x) {
    return dy / (Exp::apply(-x) + T(1));
  }
};
struct SoftsignGrad {
  template <Floating T>
  static T apply(T dy, T x) {
    return dy / ((T(1) + std::abs(x)) * (T(1) + std::abs(x)));
  }
};

}  // namespace keras::kernels
