// 3 × 3 convolutions by Winograd's transforms against sums in double.
#include "core/kernels/winograd.h"

#include <limits>

#include "core/base/format.h"
#include "tests/core/kernels/support.h"

namespace keras::kernels {
namespace {

ConvGeometry geometry(int64_t batch, int64_t height, int64_t width, int64_t in, int64_t out, int64_t pad) {
  ConvGeometry g = images(batch, height, width, in, out);
  g.filter_height = g.filter_width = 3;
  g.pad_top = g.pad_left = pad;
  g.out_height = height + 2 * pad - 2;
  g.out_width = width + 2 * pad - 2;
  return g;
}

/// A padding on the lower and right side only, as SAME has it where it is odd.
ConvGeometry padded_after(ConvGeometry g) {
  g.pad_top = g.pad_left = 0;
  g.out_height = g.in_height - 1;
  g.out_width = g.in_width - 1;
  return g;
}

std::vector<ConvGeometry> cases() {
  return {
      geometry(1, 26, 26, 32, 64, 0),  // VALID, whole tiles
      geometry(1, 56, 56, 64, 16, 1),  // SAME, several blocks
      geometry(1, 7, 7, 512, 24, 1),   // one column of outputs and one row missing in the last tiles
      geometry(3, 13, 18, 36, 19, 1),  // batch, odd sides, channels that fill no vector
      geometry(2, 15, 13, 44, 21, 0),
      geometry(1, 21, 33, 12, 9, 2),  // more padding than SAME has
      padded_after(geometry(2, 18, 22, 20, 8, 1)),
      geometry(33, 8, 7, 16, 11, 1),
  };
}

std::string name_of(const ConvGeometry& g) {
  return format("{}x{}x{}x{}, {} filters, pad {}", g.batch, g.in_height, g.in_width, g.in_channels, g.out_channels, g.pad_top);
}

struct Data {
  std::vector<float> input, filter, packed, scale, bias, residual;

  explicit Data(const ConvGeometry& g)
      : input(noise(g.batch * g.in_height * g.in_width * g.in_channels, 1)),
        filter(noise(g.patch() * g.out_channels, 2)),
        packed(static_cast<size_t>(packed_filter_floats(g))),
        scale(noise(g.out_channels, 3)),
        bias(noise(g.out_channels, 4)),
        residual(noise(g.batch * g.places() * g.out_channels, 5)) {
    pack_filter(g, filter.data(), packed.data());
  }
};

/// The plain convolution in double.
std::vector<double> naive(const ConvGeometry& g, const Data& data) {
  std::vector<double> sums(data.residual.size());
  for (int64_t place = 0; place < g.batch * g.places(); ++place) {
    const int64_t image = place / g.places(), y = place % g.places() / g.out_width, x = place % g.out_width;
    for (int64_t tap = 0; tap < 9; ++tap) {
      const int64_t in_y = y - g.pad_top + tap / 3, in_x = x - g.pad_left + tap % 3;
      if (in_y < 0 || in_y >= g.in_height || in_x < 0 || in_x >= g.in_width) continue;
      const float* from = data.input.data() + ((image * g.in_height + in_y) * g.in_width + in_x) * g.in_channels;
      for (int64_t c = 0; c < g.in_channels; ++c) {
        const float* filter = data.filter.data() + (tap * g.in_channels + c) * g.out_channels;
        double* to = sums.data() + place * g.out_channels;
        for (int64_t o = 0; o < g.out_channels; ++o) to[o] += static_cast<double>(from[c]) * filter[o];
      }
    }
  }
  return sums;
}

/// Of the rows of the three transforms A, G and B at the points 0, ±3/4, ±3/2 and infinity: Σ A² (Σ G²) (Σ B²) over the six
/// products is at most 26.3 for one of the four outputs, whose own variance is 3 products: sums of products are so 26.3 / 3 = 8.8
/// times as large as the results, in two dimensions. Each of the C sums on the way is rounded by at most 2⁻²⁴ (by .58 of that,
/// root mean square), the sums being half as large in the mean square as the last; some ten roundings of transforms come to that.
/// So errors are about 8.8 · .58 · 2⁻²⁴ · sqrt(C / 2 + 10) of the results; 1.6 times that is allowed for the largest of them.
double tolerance(const ConvGeometry& g) { return 5e-7 * std::sqrt(static_cast<double>(g.in_channels) / 2 + 10); }

TEST(Winograd, IsTheSumOverThePatch) {
  for (const ConvGeometry& g : cases()) {
    ASSERT_TRUE(suits_winograd(g, {})) << name_of(g);
    const Data data(g);
    TestContext context(1);
    std::vector<float> output(data.residual.size(), NAN);
    conv2d_winograd(context, g, data.input.data(), data.packed.data(), output.data(), {});
    expect_near(output, naive(g, data), tolerance(g), name_of(g));
  }
}

TEST(Winograd, FactorsBiasResidualAndActivationFollow) {
  for (const ConvGeometry& g : cases()) {
    const Data data(g);
    const std::vector<double> plain = naive(g, data);
    for (const Activation activation : {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu}) {
      std::vector<double> expected = plain;
      for (size_t i = 0; i < expected.size(); ++i) {
        const size_t channel = i % data.bias.size();
        expected[i] = plain[i] * data.scale[channel] + data.bias[channel] + data.residual[i];
        if (activation == Activation::kRelu) expected[i] = std::max(expected[i], 0.0);
        if (activation == Activation::kLeakyRelu && expected[i] < 0) expected[i] *= .25;
      }
      Epilogue epilogue{.bias = data.bias.data(), .residual = data.residual.data(), .activation = activation, .alpha = .25f};
      epilogue.scale = data.scale.data();
      TestContext context(2);
      std::vector<float> output(expected.size(), NAN);
      conv2d_winograd(context, g, data.input.data(), data.packed.data(), output.data(), epilogue);
      expect_near(output, expected, tolerance(g), name_of(g));
    }
  }
}

TEST(Winograd, AnyNumberOfThreadsGivesTheSameBits) {
  for (const ConvGeometry& g : cases()) {
    const Data data(g);
    std::vector<float> alone(data.residual.size(), NAN);
    TestContext one(1);
    conv2d_winograd(one, g, data.input.data(), data.packed.data(), alone.data(), {});
    for (const int width : {2, 3, 5, 64}) {
      std::vector<float> output(alone.size(), NAN);
      TestContext context(width);
      conv2d_winograd(context, g, data.input.data(), data.packed.data(), output.data(), {});
      EXPECT_EQ(output, alone) << name_of(g) << ", " << width << " threads";
    }
  }
}

TEST(Winograd, AValueThatIsNotFiniteStaysInItsTiles) {
  const ConvGeometry g = geometry(1, 26, 26, 32, 8, 0);
  Data data(g);
  data.input[static_cast<size_t>((13 * 26 + 13) * 32)] = std::numeric_limits<float>::infinity();
  TestContext context(1);
  std::vector<float> output(data.residual.size(), 0);
  conv2d_winograd(context, g, data.input.data(), data.packed.data(), output.data(), {});
  for (int64_t y = 0; y < g.out_height; ++y) {
    for (int64_t x = 0; x < g.out_width; ++x) {
      const bool finite = std::isfinite(output[static_cast<size_t>((y * g.out_width + x) * g.out_channels)]);
      const bool sees_it = y >= 11 && y <= 13 && x >= 11 && x <= 13;  // its patch
      const bool far = y < 8 || y >= 16 || x < 8 || x >= 16;          // not in the four tiles whose inputs have it
      if (sees_it) EXPECT_FALSE(finite) << y << ", " << x;
      if (far) EXPECT_TRUE(finite) << y << ", " << x;
    }
  }
}

TEST(Winograd, OtherConvolutionsDoNotSuitIt) {
  const ConvGeometry suits = geometry(1, 14, 14, 64, 64, 1);
  ASSERT_TRUE(suits_winograd(suits, {}));
  const auto without = [&](auto change) {
    ConvGeometry g = suits;
    change(g);
    return !suits_winograd(g, {});
  };
  EXPECT_TRUE(without([](ConvGeometry& g) { g.stride_width = 2; }));
  EXPECT_TRUE(without([](ConvGeometry& g) { g.dilation_height = 2; }));
  EXPECT_TRUE(without([](ConvGeometry& g) { g.groups = 2; }));
  EXPECT_TRUE(without([](ConvGeometry& g) { g.filter_width = 5; }));
  EXPECT_TRUE(without([](ConvGeometry& g) { g.in_channels = 66; }));
  EXPECT_TRUE(without([](ConvGeometry& g) { g.out_channels = 4; }));
  EXPECT_TRUE(without([](ConvGeometry& g) { g.out_height = g.out_width = 5; }));
  EXPECT_TRUE(without([](ConvGeometry& g) { g.batch = 0; }));
  Epilogue epilogue;
  epilogue.accumulate = true;
  EXPECT_FALSE(suits_winograd(suits, epilogue));
}

}  // namespace
}  // namespace keras::kernels
