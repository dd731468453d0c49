// Matrix products against sums in double: every transposition, odd sizes, packed and not, every epilogue.
#include "core/kernels/gemm.h"

#include "core/base/format.h"
#include "tests/core/kernels/support.h"

namespace keras::kernels {
namespace {

struct Sizes {
  int64_t m, n, k;
};

constexpr Sizes kSizes[] = {{1, 1, 1},   {1, 8, 4},   {4, 8, 1},    {3, 7, 5},    {5, 9, 17},   {4, 16, 64},
                            {13, 31, 7}, {64, 1, 33}, {1, 100, 50}, {33, 40, 65}, {7, 3, 1000}, {130, 20, 300},
                            {2, 9, 3},   {6, 17, 2},  {7, 24, 6},   {11, 8, 4}};

double activated(Activation activation, double alpha, double x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return std::max(x, 0.0);
    case Activation::kRelu6: return std::min(std::max(x, 0.0), 6.0);
    case Activation::kLeakyRelu: return x > 0 ? x : alpha * x;
    case Activation::kElu: return x > 0 ? x : std::expm1(x);
    case Activation::kSigmoid: return 1 / (1 + std::exp(-x));
    case Activation::kTanh: return std::tanh(x);
  }
  return 0;
}

class Gemm : public ::testing::TestWithParam<Sizes> {
 protected:
  const int64_t m = GetParam().m, n = GetParam().n, k = GetParam().k;
  const std::vector<float> a = noise(m * k, 1), b = noise(k * n, 2);

  /// Rounding adds up with the square root of the number of terms.
  const double tolerance = 1e-6 * (1 + std::sqrt(static_cast<double>(k)) / 10);

  std::vector<double> product(MatrixView<float> x, MatrixView<float> y) const {
    std::vector<double> c(static_cast<size_t>(m * n));
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < k; ++p)
          sum += static_cast<double>(x.data[i * x.row_step + p * x.column_step]) * y.data[p * y.row_step + j * y.column_step];
        c[static_cast<size_t>(i * n + j)] = sum;
      }
    }
    return c;
  }
};
INSTANTIATE_TEST_SUITE_P(Sizes, Gemm, ::testing::ValuesIn(kSizes), [](const auto& info) {
  return std::to_string(info.param.m) + "x" + std::to_string(info.param.n) + "x" + std::to_string(info.param.k);
});

TEST_P(Gemm, EveryTranspositionOnEveryNumberOfWorkers) {
  for (const int width : {1, 3}) {
    TestContext context(width);
    for (const bool a_transposed : {false, true}) {
      for (const bool b_transposed : {false, true}) {
        const MatrixView<float> x = a_transposed ? MatrixView<float>{a.data(), 1, m} : MatrixView<float>{a.data(), k, 1};
        const MatrixView<float> y = b_transposed ? MatrixView<float>{b.data(), 1, k} : MatrixView<float>{b.data(), n, 1};
        const std::vector<double> expected = product(x, y);
        const std::string what = format("workers {}, a^T {}, b^T {}", width, a_transposed, b_transposed);
        std::vector<float> c(static_cast<size_t>(m * n), NAN);
        gemm(context, m, n, k, x, y, c.data(), n);
        expect_near(c, expected, tolerance, what);
        std::vector<float> packed(static_cast<size_t>(packed_floats(k, n)));
        pack_matrix(k, n, y, packed.data());
        std::vector<float> from_packed(c.size(), NAN);
        gemm_packed(context, m, n, k, x, packed.data(), from_packed.data(), n);
        EXPECT_EQ(from_packed, c) << what;
        std::vector<float> unpacked(b.size(), NAN);
        unpack_matrix(k, n, packed.data(), unpacked.data(), y.row_step, y.column_step);
        EXPECT_EQ(unpacked, b) << what;
        std::vector<float> plain(c.size(), NAN);
        gemm_plain(m, n, k, x, y, plain.data(), n);
        expect_near(plain, expected, tolerance, what + ", plain");
      }
    }
  }
}

TEST_P(Gemm, StepsOfTheResultLeaveTheGapsAlone) {
  TestContext context(1);
  const int64_t step = n + 3;
  std::vector<float> c(static_cast<size_t>(m * step), 77.0f), dense(static_cast<size_t>(m * n));
  gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), step);
  gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, dense.data(), n);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < step; ++j)
      ASSERT_EQ(c[static_cast<size_t>(i * step + j)], j < n ? dense[static_cast<size_t>(i * n + j)] : 77.0f);
  }
}

TEST_P(Gemm, EpiloguesAreAppliedToTheWholeProduct) {
  TestContext context(3);
  const std::vector<float> bias = noise(n, 3), residual = noise(m * n, 4);
  const std::vector<double> expected = product({a.data(), k, 1}, {b.data(), n, 1});
  for (const Activation activation : {Activation::kNone, Activation::kRelu, Activation::kRelu6, Activation::kLeakyRelu,
                                      Activation::kElu, Activation::kSigmoid, Activation::kTanh}) {
    for (const bool with_bias : {false, true}) {
      for (const bool with_residual : {false, true}) {
        std::vector<double> wanted = expected;
        for (size_t i = 0; i < wanted.size(); ++i) {
          if (with_bias) wanted[i] += bias[i % static_cast<size_t>(n)];
          if (with_residual) wanted[i] += residual[i];
          wanted[i] = activated(activation, 0.3f, wanted[i]);
        }
        std::vector<float> c(wanted.size(), NAN);
        gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), n,
             {with_bias ? bias.data() : nullptr, with_residual ? residual.data() : nullptr, activation, 0.3f});
        expect_near(c, wanted, 2 * tolerance,
                    format("activation {}, {}, {}", static_cast<int>(activation), with_bias, with_residual));
      }
    }
  }
}

TEST_P(Gemm, FactorsGoBeforeTheRestOfTheEpilogue) {
  TestContext context(3);
  const std::vector<float> bias = noise(n, 3), residual = noise(m * n, 4), scale = noise(n, 5);
  std::vector<double> wanted = product({a.data(), k, 1}, {b.data(), n, 1});
  for (size_t i = 0; i < wanted.size(); ++i) {
    const size_t column = i % static_cast<size_t>(n);
    wanted[i] = std::max(wanted[i] * scale[column] + bias[column] + residual[i], 0.0);
  }
  std::vector<float> c(wanted.size(), NAN);
  Epilogue epilogue{bias.data(), residual.data(), Activation::kRelu};
  epilogue.scale = scale.data();
  gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), n, epilogue);
  expect_near(c, wanted, 2 * tolerance, "scaled");
}

TEST_P(Gemm, Accumulates) {
  TestContext context(1);
  std::vector<float> c(static_cast<size_t>(m * n), 2.0f);
  std::vector<double> expected = product({a.data(), k, 1}, {b.data(), n, 1});
  for (double& value : expected) value += 2;
  Epilogue epilogue;
  epilogue.accumulate = true;
  gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), n, epilogue);
  expect_near(c, expected, tolerance, "accumulated");
}

TEST(GemmEdge, TallBlocksOfOneThreadComputeWhatThreadsCompute) {
  const int64_t m = 261, n = 1028, k = 512;
  const std::vector<float> a = noise(m * k, 1), b = noise(k * n, 2);
  std::vector<std::vector<float>> results;
  for (const int width : {1, 3}) {
    TestContext context(width);
    results.emplace_back(static_cast<size_t>(m * n), NAN);
    gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, results.back().data(), n);
  }
  EXPECT_EQ(results[0], results[1]) << "bit for bit";
  for (int64_t i = 0; i < m; ++i) {
    const int64_t j = i * 331 % n;
    double sum = 0;
    for (int64_t p = 0; p < k; ++p)
      sum += static_cast<double>(a[static_cast<size_t>(i * k + p)]) * b[static_cast<size_t>(p * n + j)];
    EXPECT_NEAR(results[0][static_cast<size_t>(i * n + j)], sum, 1e-4) << i << ", " << j;
  }
}

TEST(GemmEdge, ARowsResultsDoNotDependOnTheTileThatItIsIn) {
  const int64_t most = 70, n = 43;
  TestContext context(1);
  for (int64_t k = 1; k <= 9; ++k) {
    const std::vector<float> a = noise(most * k, 1), b = noise(k * n, 2);
    std::vector<float> alone(static_cast<size_t>(most * n), NAN);
    for (int64_t i = 0; i < most; ++i)
      gemm(context, 1, n, k, {a.data() + i * k, k, 1}, {b.data(), n, 1}, alone.data() + i * n, n);
    for (int64_t m = 1; m <= most; ++m) {
      std::vector<float> together(static_cast<size_t>(m * n), NAN);
      gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, together.data(), n);
      ASSERT_TRUE(std::equal(together.begin(), together.end(), alone.begin())) << m << " rows, k = " << k;
    }
  }
}

TEST(GemmEdge, AnEmptySumIsZeroAndNothingIsNothing) {
  TestContext context(1);
  std::vector<float> c(6, NAN);
  gemm(context, 2, 3, 0, {nullptr, 0, 1}, {nullptr, 3, 1}, c.data(), 3);
  EXPECT_EQ(c, std::vector<float>(6, 0.0f));
  gemm(context, 0, 3, 2, {nullptr, 2, 1}, {c.data(), 3, 1}, nullptr, 3);
  gemm(context, 2, 0, 2, {c.data(), 2, 1}, {nullptr, 0, 1}, nullptr, 0);
}

TEST(GemmEdge, NanAndInfinityReachTheResultThroughZeros) {
  TestContext context(1);
  const std::vector<float> a = {0, 1, 2, 0}, b = {INFINITY, 1, NAN, 2};
  std::vector<float> c(4);
  gemm(context, 2, 2, 2, {a.data(), 2, 1}, {b.data(), 2, 1}, c.data(), 2);
  EXPECT_TRUE(std::isnan(c[0]));  // 0 · inf + 1 · nan
  EXPECT_EQ(c[1], 2);
  EXPECT_TRUE(std::isnan(c[2]));  // 2 · inf + 0 · nan
  EXPECT_EQ(c[3], 2);
}

}  // namespace
}  // namespace keras::kernels
