// Reductions, softmax and batch normalization against sums in double; copies between strided views; Philox's vectors.
#include "core/kernels/reduce.h"

#include <numeric>
#include <random>

#include "core/kernels/batch_norm.h"
#include "core/kernels/philox.h"
#include "core/kernels/softmax.h"
#include "core/kernels/strided_copy.h"
#include "tests/core/kernels/support.h"

namespace keras::kernels {
namespace {

int64_t product(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

TEST(Reduce, OverAnyAxesIsTheSumAndTheMaximum) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<int64_t> dims(random() % 5);
    std::vector<bool> reduced(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) dims[i] = 1 + random() % (round % 10 == 0 ? 40 : 5), reduced[i] = random() % 2 == 0;
    const std::vector<float> x = noise(product(dims), static_cast<uint32_t>(round));
    int64_t kept = 1;
    for (size_t i = 0; i < dims.size(); ++i) kept *= reduced[i] ? 1 : dims[i];
    std::vector<double> sum(static_cast<size_t>(kept)), largest(sum.size(), -INFINITY);
    for (size_t flat = 0; flat < x.size(); ++flat) {
      int64_t rest = static_cast<int64_t>(flat), index = 0, stride = 1;
      for (size_t i = dims.size(); i-- > 0;) {
        if (!reduced[i]) index += rest % dims[i] * stride, stride *= dims[i];
        rest /= dims[i];
      }
      sum[static_cast<size_t>(index)] += x[flat];
      largest[static_cast<size_t>(index)] = std::max(largest[static_cast<size_t>(index)], static_cast<double>(x[flat]));
    }
    TestContext context(3);
    std::vector<float> y(sum.size(), NAN);
    reduce<SumOf>(context, group_axes(dims, reduced), x.data(), y.data());
    expect_near(y, sum, 1e-6, "round " + std::to_string(round));
    reduce<MaxOf>(context, group_axes(dims, reduced), x.data(), y.data());
    expect_near(y, largest, 0, "round " + std::to_string(round));
  }
}

TEST(Reduce, LongSumsLoseFewDigits) {
  constexpr int64_t kCount = 1 << 20;
  const std::vector<float> x(kCount, 0.1f);
  TestContext context(1);
  float run = 0, column = 0;
  reduce_middle<SumOf>(context, 1, kCount, 1, x.data(), &run);
  std::vector<float> scratch(64);
  reduce_rows<SumOf>(kCount, 1, 1, x.data(), &column, scratch.data());
  const double exact = static_cast<double>(0.1f) * kCount;
  EXPECT_NEAR(run, exact, exact * 1e-6);
  EXPECT_NEAR(column, exact, exact * 1e-6);
}

TEST(Reduce, EmptySumsHaveTheirStart) {
  TestContext context(1);
  float y = NAN;
  reduce_middle<SumOf>(context, 1, 0, 1, static_cast<const float*>(nullptr), &y);
  EXPECT_EQ(y, 0);
  reduce_middle<MaxOf>(context, 1, 0, 1, static_cast<const float*>(nullptr), &y);
  EXPECT_EQ(y, -INFINITY);
}

TEST(Reduce, NanReachesMaximumAndMinimum) {
  for (int at = 0; at < 20; ++at) {
    std::vector<float> x = noise(20);
    x[static_cast<size_t>(at)] = NAN;
    EXPECT_TRUE(std::isnan(reduce_run<MaxOf>(20, x.data()))) << at;
    EXPECT_TRUE(std::isnan(reduce_run<MinOf>(20, x.data()))) << at;
  }
}

TEST(ArgExtreme, IsTheFirstOfEqualOnes) {
  TestContext context(1);
  const std::vector<float> x = {1, 3, 3, 0, 0, 2};
  int64_t largest[1], smallest[1];
  arg_extreme<true>(context, 1, 6, 1, x.data(), largest);
  arg_extreme<false>(context, 1, 6, 1, x.data(), smallest);
  EXPECT_EQ(largest[0], 1);
  EXPECT_EQ(smallest[0], 3);
}

TEST(Softmax, SumsToOneAndSurvivesLargeLogits) {
  for (const int64_t columns : {1, 2, 7, 10, 1000}) {
    const int64_t rows = 5;
    std::vector<float> x = noise(rows * columns), y(x.size());
    for (float& value : x) value *= 300;
    TestContext context(2);
    softmax(context, rows, columns, x.data(), y.data());
    std::vector<double> expected(x.size());
    for (int64_t row = 0; row < rows; ++row) {
      const auto begin = static_cast<size_t>(row * columns);
      double sum = 0, largest = -INFINITY;
      for (size_t k = 0; k < static_cast<size_t>(columns); ++k) largest = std::max<double>(largest, x[begin + k]);
      for (size_t k = 0; k < static_cast<size_t>(columns); ++k) sum += expected[begin + k] = std::exp(x[begin + k] - largest);
      for (size_t k = 0; k < static_cast<size_t>(columns); ++k) expected[begin + k] /= sum;
    }
    expect_near(y, expected, 2e-6, std::to_string(columns));
    log_softmax(context, rows, columns, x.data(), y.data());
    for (size_t i = 0; i < y.size(); ++i) {
      if (expected[i] > 1e-30) EXPECT_NEAR(y[i], std::log(expected[i]), 1e-4);
    }
  }
}

TEST(BatchNorm, MomentsOfALargeMeanKeepTheirDigits) {
  const int64_t rows = 1000, channels = 3;
  std::vector<float> x = noise(rows * channels);
  for (float& value : x) value += 1000;
  std::vector<float> mean(3), variance(3);
  TestContext context(2);
  channel_moments(context, rows, channels, x.data(), mean.data(), variance.data());
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (size_t r = 0; r < 1000; ++r) sum += x[r * 3 + c];
    for (size_t r = 0; r < 1000; ++r) squares += (x[r * 3 + c] - sum / 1000) * (x[r * 3 + c] - sum / 1000);
    EXPECT_NEAR(mean[c], sum / 1000, 1e-3);
    EXPECT_NEAR(variance[c], squares / 1000, 1e-5);
  }
}

TEST(BatchNorm, GradientIsThatOfFiniteDifferences) {
  const int64_t rows = 6, channels = 2;
  const double epsilon = 1e-3;
  std::vector<double> x = noise<double>(12, 1), scale = {1.5, -0.5}, offset = {0.1, 0.2};
  const std::vector<double> dy = noise<double>(12, 2);
  TestContext context(1);
  for (const bool training : {true, false}) {
    std::vector<double> fixed_mean = {0.1, 0.2}, fixed_variance = {0.5, 0.7};
    const auto loss = [&](const std::vector<double>& input) {
      std::vector<double> mean = fixed_mean, variance = fixed_variance, y(12);
      if (training) channel_moments(context, rows, channels, input.data(), mean.data(), variance.data());
      batch_norm(context, rows, channels, input.data(), mean.data(), variance.data(), scale.data(), offset.data(), epsilon,
                 y.data());
      return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
    };
    std::vector<double> mean = fixed_mean, variance = fixed_variance, dx(12), d_scale(2), d_offset(2);
    if (training) channel_moments(context, rows, channels, x.data(), mean.data(), variance.data());
    batch_norm_grad(context, training, rows, channels, dy.data(), x.data(), scale.data(), mean.data(), variance.data(), epsilon,
                    dx.data(), d_scale.data(), d_offset.data());
    const auto difference = [&](double& value) {
      const double kept = value, step = 1e-5;
      value = kept + step;
      const double above = loss(x);
      value = kept - step;
      const double below = loss(x);
      value = kept;
      return (above - below) / (2 * step);
    };
    for (size_t i = 0; i < 12; ++i) EXPECT_NEAR(dx[i], difference(x[i]), 1e-7) << training;
    for (size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(d_scale[c], difference(scale[c]), 1e-7) << training;
      EXPECT_NEAR(d_offset[c], difference(offset[c]), 1e-7) << training;
    }
  }
}

TEST(StridedCopy, IsPlainIndexingForAnyStrides) {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    const size_t rank = random() % 5;
    std::vector<int64_t> dims(rank), order(rank);
    for (int64_t& dim : dims) dim = 1 + random() % 5;
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    // `from`: a permuted array, some axes walked backwards, some repeated; `to`: dense with gaps in the last axis.
    std::vector<int64_t> from_strides(rank), to_strides(rank);
    int64_t size = 1, start = 0, gap = 1 + random() % 2;
    for (const int64_t axis : order) {
      const auto i = static_cast<size_t>(axis);
      const int kind = static_cast<int>(random() % 4);
      from_strides[i] = kind == 0 ? 0 : kind == 1 ? -size : size;
      if (kind == 1) start += size * (dims[i] - 1);
      if (kind != 0) size *= dims[i];
    }
    int64_t target = gap;
    for (size_t i = rank; i-- > 0;) to_strides[i] = target, target *= dims[i];
    for (const DType dtype : {DType::kFloat32, DType::kFloat64, DType::kUint8, DType::kInt16, DType::kString}) {
      Tensor from = Tensor::allocate(dtype, Shape{size}), to = Tensor::allocate(dtype, Shape{target});
      const bool strings = dtype == DType::kString;
      const auto bytes = static_cast<size_t>(dtype_bytes(dtype));
      for (int64_t i = 0; i < size; ++i) {
        if (strings)
          from.data<std::string>()[i] = std::string(static_cast<size_t>(i % 40), 'x');
        else
          for (size_t b = 0; b < bytes; ++b)
            from.raw()[static_cast<size_t>(i) * bytes + b] = static_cast<std::byte>(i * 7 + static_cast<int64_t>(b));
      }
      ConstView source = view_of(static_cast<const Tensor&>(from), start);
      View sink = view_of(to);
      source.strides = from_strides;
      sink.strides = to_strides;
      copy_strided(dtype, dims, sink, source);
      for (int64_t flat = 0; flat < product(dims); ++flat) {
        int64_t rest = flat, f = start, t = 0;
        for (size_t i = rank; i-- > 0;) {
          f += rest % dims[i] * from_strides[i];
          t += rest % dims[i] * to_strides[i];
          rest /= dims[i];
        }
        if (strings) {
          ASSERT_EQ(to.data<std::string>()[t], from.data<std::string>()[f]) << "round " << round;
        } else {
          ASSERT_TRUE(std::equal(to.raw() + t * static_cast<int64_t>(bytes), to.raw() + (t + 1) * static_cast<int64_t>(bytes),
                                 from.raw() + f * static_cast<int64_t>(bytes)))
              << "round " << round << ", dtype " << dtype_name(dtype);
        }
      }
    }
  }
}

TEST(StridedCopy, FillAndZero) {
  Tensor floats = Tensor::allocate(DType::kFloat32, {3, 2});
  const float value = 2.5f;
  fill(floats, &value);
  for (const float x : floats.values<float>()) EXPECT_EQ(x, 2.5f);
  set_zero(floats);
  for (const float x : floats.values<float>()) EXPECT_EQ(x, 0);
  Tensor texts = Tensor::vector<std::string>({"a", "b"});
  set_zero(texts);
  EXPECT_EQ(texts.data<std::string>()[1], "");
}

// The vectors of Random123's kat_vectors for philox4x32-10.
TEST(Philox, KnownVectors) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ((Philox{{0, 0, 0, 0}, {0, 0}}).block(0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ((Philox{{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}}).block(0), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ((Philox{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}}).block(0),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, TheCounterCarriesThroughAllItsWords) {
  const Philox low{{~0u, ~0u, 7, 0}, {1, 2}}, carried{{0, 0, 8, 0}, {1, 2}};
  EXPECT_EQ(low.block(1), carried.block(0));
  const Philox full{{~0u, ~0u, ~0u, ~0u}, {1, 2}};
  EXPECT_EQ(full.block(1), (Philox{{0, 0, 0, 0}, {1, 2}}).block(0));
}

TEST(Philox, DistributionsHaveTheirMomentsAndBounds) {
  const Philox generator = Philox::from_seed(12, 34);
  std::vector<float> uniform(100'001), normal(uniform.size()), truncated(uniform.size());
  random_uniform(generator, uniform);
  random_normal(generator, normal);
  random_truncated_normal(generator, truncated);
  const auto moments = [](const std::vector<float>& values) {
    double sum = 0, squares = 0;
    for (const float value : values) sum += value, squares += static_cast<double>(value) * value;
    const double count = static_cast<double>(values.size()), mean = sum / count;
    return std::pair(mean, squares / count - mean * mean);
  };
  EXPECT_NEAR(moments(uniform).first, 0.5, 0.005);
  EXPECT_NEAR(moments(uniform).second, 1.0 / 12, 0.002);
  EXPECT_NEAR(moments(normal).first, 0, 0.02);
  EXPECT_NEAR(moments(normal).second, 1, 0.02);
  EXPECT_NEAR(moments(truncated).first, 0, 0.02);
  EXPECT_NEAR(moments(truncated).second, 0.7737, 0.02);
  EXPECT_TRUE(std::all_of(uniform.begin(), uniform.end(), [](float x) { return x >= 0 && x < 1; }));
  EXPECT_TRUE(std::all_of(truncated.begin(), truncated.end(), [](float x) { return std::abs(x) < 2; }));
}

TEST(Philox, ShorterDrawsAreTheBeginningOfLongerOnes) {
  const Philox generator = Philox::from_seed(1, 2);
  for (const auto draw : {random_uniform, random_normal, random_truncated_normal}) {
    std::vector<float> all(50), part(13);
    draw(generator, all);
    draw(generator, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin()));
  }
}

}  // namespace
}  // namespace keras::kernels
