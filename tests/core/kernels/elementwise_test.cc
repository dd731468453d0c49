// Errors of the float formulas in ulp against double; integer arithmetic at its limits; broadcasting against plain indexing.
#include "core/kernels/elementwise.h"

#include <bit>
#include <limits>
#include <random>

#include "tests/core/kernels/support.h"

namespace keras::kernels {
namespace {

/// |value − exact| in units of the last place of the float nearest to `exact`.
double ulps(float value, double exact) {
  const auto nearest = static_cast<float>(exact);
  if (std::isnan(exact) || std::isinf(nearest)) return std::isnan(exact) ? !std::isnan(value) : value != nearest;
  const float magnitude = std::max(std::abs(nearest), std::numeric_limits<float>::min());
  const double unit = std::nextafter(magnitude, INFINITY) - static_cast<double>(magnitude);
  return std::abs(static_cast<double>(value) - exact) / unit;
}

/// The largest error over a fine walk from `low` to `high`.
template <class F, class Exact>
double worst(float low, float high, Exact exact) {
  double result = 0;
  constexpr int kSteps = 400'000;
  for (int i = 0; i <= kSteps; ++i) {
    const float x = low + (high - low) * (static_cast<float>(i) / kSteps);
    result = std::max(result, ulps(F::apply(x), exact(static_cast<double>(x))));
  }
  return result;
}

/// The largest error over all magnitudes that floats have, both signs.
template <class F, class Exact>
double worst_by_bits(Exact exact, float limit) {
  double result = 0;
  for (uint64_t bits = 0; bits < 0x7F800000u; bits += 9973) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (x > limit) break;
    for (const float signed_x : {x, -x})
      result = std::max(result, ulps(F::apply(signed_x), exact(static_cast<double>(signed_x))));
  }
  return result;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Ulp, ExpIsWithinTwo) {
  EXPECT_LE(worst<Exp>(-87, 88.7f, [](double x) { return std::exp(x); }), 2);
  EXPECT_LE(worst_by_bits<Exp>([](double x) { return std::exp(x); }, 87), 2);
  EXPECT_EQ(Exp::apply(0.0f), 1.0f);
  EXPECT_EQ(Exp::apply(100.0f), INFINITY);
  EXPECT_EQ(Exp::apply(INFINITY), INFINITY);
  EXPECT_EQ(Exp::apply(-INFINITY), 0.0f);
  EXPECT_EQ(Exp::apply(-200.0f), 0.0f);
  EXPECT_TRUE(std::isnan(Exp::apply(std::numeric_limits<float>::quiet_NaN())));
}

// Eigen's quotient, whose error this is: 6.6 measured where it bends into its limit.
TEST(Ulp, TanhIsWithinSeven) {
  EXPECT_LE(worst<Tanh>(-10, 10, [](double x) { return std::tanh(x); }), 7);
  EXPECT_LE(worst_by_bits<Tanh>([](double x) { return std::tanh(x); }, 1e30f), 7);
  EXPECT_EQ(Tanh::apply(INFINITY), Tanh::apply(100.0f));
  EXPECT_NEAR(Tanh::apply(INFINITY), 1.0f, 1e-6);
  EXPECT_EQ(Tanh::apply(-3.0f), -Tanh::apply(3.0f));
  EXPECT_TRUE(std::isnan(Tanh::apply(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Ulp, SigmoidIsWithinThree) {
  EXPECT_LE(worst<Sigmoid>(-80, 80, sigmoid), 3);
  EXPECT_LE(worst_by_bits<Sigmoid>(sigmoid, 80), 3);
  EXPECT_EQ(Sigmoid::apply(-INFINITY), 0.0f);
  EXPECT_EQ(Sigmoid::apply(INFINITY), 1.0f);
  EXPECT_EQ(Sigmoid::apply(0.0f), 0.5f);
}

TEST(Ulp, LogAndItsKinAreWithinOne) {
  EXPECT_LE(worst<Log>(1e-30f, 1e6f, [](double x) { return std::log(x); }), 1);
  EXPECT_LE(worst<Log>(0.5f, 2, [](double x) { return std::log(x); }), 1);
  EXPECT_LE(worst<Log1p>(-0.99f, 10, [](double x) { return std::log1p(x); }), 1);
  EXPECT_LE(worst<Expm1>(-20, 20, [](double x) { return std::expm1(x); }), 1);
  EXPECT_EQ(Log::apply(0.0f), -INFINITY);
  EXPECT_TRUE(std::isnan(Log::apply(-1.0f)));
}

TEST(Ulp, SoftplusKeepsItsDigitsAtBothEnds) {
  EXPECT_LE(worst<Softplus>(-80, 80, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }), 4);
  EXPECT_EQ(Softplus::apply(1000.0f), 1000.0f);
  EXPECT_EQ(Softplus::apply(-1000.0f), 0.0f);
}

TEST(Integers, WrapAroundAndNeverTrap) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min(), kMax = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(Add::apply(kMax, 1), kMin);
  EXPECT_EQ(Sub::apply(kMin, 1), kMax);
  EXPECT_EQ(Mul::apply(kMin, -1), kMin);
  EXPECT_EQ(Div::apply(kMin, -1), kMin);
  EXPECT_EQ(FloorDiv::apply(kMin, -1), kMin);
  EXPECT_EQ(FloorMod::apply(kMin, -1), 0);
  EXPECT_EQ(Abs::apply(kMin), kMin);
  EXPECT_EQ(Neg::apply(kMin), kMin);
  EXPECT_EQ(Square::apply(INT64_MAX), 1);
  EXPECT_EQ(Add::apply<int8_t>(127, 1), -128);
  EXPECT_EQ(Mul::apply<uint16_t>(65535, 65535), 1);
  EXPECT_EQ(Pow::apply<int64_t>(3, 5), 243);
  EXPECT_EQ(Pow::apply<int32_t>(2, 40), 0);
}

TEST(Integers, FloorDivAndFloorModGoDown) {
  for (int a = -7; a <= 7; ++a) {
    for (int b = -3; b <= 3; ++b) {
      if (b == 0) continue;
      EXPECT_EQ(FloorDiv::apply(a, b), static_cast<int>(std::floor(static_cast<double>(a) / b))) << a << " / " << b;
      EXPECT_EQ(FloorMod::apply(a, b), a - b * FloorDiv::apply(a, b)) << a << " % " << b;
      EXPECT_EQ(FloorMod::apply<double>(a, b), FloorMod::apply(a, b)) << a << " % " << b;
    }
  }
}

TEST(Broadcast, IsPlainIndexing) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const size_t rank = random() % 5;
    std::vector<int64_t> dims(rank), x_dims, y_dims;
    for (int64_t& dim : dims) dim = 1 + random() % 4;
    x_dims = y_dims = dims;
    for (size_t i = 0; i < rank; ++i) {
      if (random() % 3 == 0)
        x_dims[i] = 1;
      else if (random() % 3 == 0)
        y_dims[i] = 1;
    }
    if (rank > 0 && random() % 3 == 0) x_dims.erase(x_dims.begin(), x_dims.begin() + 1), dims[0] = y_dims[0];
    const auto count = [](const std::vector<int64_t>& d) {
      int64_t product = 1;
      for (const int64_t dim : d) product *= dim;
      return product;
    };
    const std::vector<float> x = noise(count(x_dims), 1), y = noise(count(y_dims), 2);
    std::vector<float> z(static_cast<size_t>(count(dims)), NAN);
    TestContext context(2);
    zip<Sub>(context, x_dims, y_dims, x.data(), y.data(), z.data());
    const auto at = [&](const std::vector<int64_t>& own, int64_t flat) {
      int64_t index = 0, stride = 1;
      for (size_t back = 1; back <= rank; ++back) {
        const int64_t place = flat % dims[rank - back];
        flat /= dims[rank - back];
        if (back > own.size()) continue;
        if (own[own.size() - back] > 1) index += place * stride;
        stride *= own[own.size() - back];
      }
      return static_cast<size_t>(index);
    };
    for (size_t i = 0; i < z.size(); ++i) {
      const auto flat = static_cast<int64_t>(i);
      ASSERT_EQ(z[i], x[at(x_dims, flat)] - y[at(y_dims, flat)]) << "round " << round;
    }
  }
}

TEST(Broadcast, OfEmptyTensorsIsEmpty) {
  TestContext context(1);
  const float one = 1;
  zip<Add>(context, std::vector<int64_t>{0, 3}, std::vector<int64_t>{3}, &one, &one, static_cast<float*>(nullptr));
}

}  // namespace
}  // namespace keras::kernels
