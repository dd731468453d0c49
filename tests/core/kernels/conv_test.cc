// Convolutions, depthwise convolutions and pools against naive loops in double, with their gradients.
#include "core/kernels/conv.h"

#include "core/base/format.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/pool.h"
#include "tests/core/kernels/support.h"

namespace keras::kernels {
namespace {

ConvGeometry geometry(int64_t batch, int64_t height, int64_t width, int64_t in, int64_t out, int64_t filter, int64_t stride,
                      int64_t dilation, int64_t pad, int64_t groups = 1) {
  ConvGeometry g = images(batch, height, width, in, out);
  g.filter_height = filter;
  g.filter_width = filter == 1 ? 1 : filter - 1;  // not square
  g.stride_height = stride;
  g.stride_width = stride;
  g.dilation_height = dilation;
  g.dilation_width = dilation;
  g.pad_top = pad;
  g.pad_left = pad;
  g.groups = groups;
  g.out_height = (height + 2 * pad - (g.filter_height - 1) * dilation - 1) / stride + 1;
  g.out_width = (width + 2 * pad - (g.filter_width - 1) * dilation - 1) / stride + 1;
  return g;
}

/// Calls body(batch, y, x, filter row, filter column, input row, input column) for all pairs inside the image.
template <class Body>
void for_pairs(const ConvGeometry& g, Body body) {
  for (int64_t b = 0; b < g.batch; ++b)
    for (int64_t y = 0; y < g.out_height; ++y)
      for (int64_t x = 0; x < g.out_width; ++x)
        for (int64_t i = 0; i < g.filter_height; ++i)
          for (int64_t j = 0; j < g.filter_width; ++j) {
            const int64_t row = y * g.stride_height - g.pad_top + i * g.dilation_height;
            const int64_t column = x * g.stride_width - g.pad_left + j * g.dilation_width;
            if (row < 0 || row >= g.in_height || column < 0 || column >= g.in_width) continue;
            body((b * g.out_height + y) * g.out_width + x, i * g.filter_width + j, (b * g.in_height + row) * g.in_width + column);
          }
}

struct Sums {
  std::vector<double> output, d_input, d_filter;
};

/// All three sums of a grouped convolution: places are (output, filter, input) numbers of pixels.
template <class T>
Sums naive_conv(const ConvGeometry& g, const std::vector<T>& input, const std::vector<T>& filter, const std::vector<T>& dy) {
  Sums sums{std::vector<double>(dy.size()), std::vector<double>(input.size()), std::vector<double>(filter.size())};
  for_pairs(g, [&](int64_t out, int64_t tap, int64_t in) {
    for (int64_t o = 0; o < g.out_channels; ++o) {
      const int64_t group = o / g.group_out();
      for (int64_t c = 0; c < g.group_in(); ++c) {
        const auto y = static_cast<size_t>(out * g.out_channels + o);
        const auto x = static_cast<size_t>(in * g.in_channels + group * g.group_in() + c);
        const auto f = static_cast<size_t>((tap * g.group_in() + c) * g.out_channels + o);
        sums.output[y] += static_cast<double>(input[x]) * filter[f];
        sums.d_input[x] += static_cast<double>(dy[y]) * filter[f];
        sums.d_filter[f] += static_cast<double>(dy[y]) * input[x];
      }
    }
  });
  return sums;
}

template <class T>
Sums naive_depthwise(const ConvGeometry& g, const std::vector<T>& input, const std::vector<T>& filter, const std::vector<T>& dy) {
  Sums sums{std::vector<double>(dy.size()), std::vector<double>(input.size()), std::vector<double>(filter.size())};
  const int64_t multiplier = g.out_channels / g.in_channels;
  for_pairs(g, [&](int64_t out, int64_t tap, int64_t in) {
    for (int64_t o = 0; o < g.out_channels; ++o) {
      const auto y = static_cast<size_t>(out * g.out_channels + o);
      const auto x = static_cast<size_t>(in * g.in_channels + o / multiplier);
      const auto f = static_cast<size_t>(tap * g.out_channels + o);
      sums.output[y] += static_cast<double>(input[x]) * filter[f];
      sums.d_input[x] += static_cast<double>(dy[y]) * filter[f];
      sums.d_filter[f] += static_cast<double>(dy[y]) * input[x];
    }
  });
  return sums;
}

std::string name_of(const ConvGeometry& g) {
  return format("{}x{}x{}x{} * {}x{}x{}, stride {}, dilation {}, pad {}, groups {}", g.batch, g.in_height, g.in_width,
                g.in_channels, g.filter_height, g.filter_width, g.out_channels, g.stride_height, g.dilation_height, g.pad_top,
                g.groups);
}

std::vector<ConvGeometry> conv_cases() {
  std::vector<ConvGeometry> cases;
  for (const int64_t channels : {1, 3, 4, 8, 19}) {
    for (const int64_t filter : {1, 2, 3, 5}) {
      for (const int64_t stride : {1, 2}) {
        for (const int64_t dilation : {1, 2}) {
          if (stride > 1 && dilation > 1) continue;
          for (const int64_t pad : {0, 1, 2}) cases.push_back(geometry(2, 11, 9, channels, 7, filter, stride, dilation, pad));
        }
      }
    }
  }
  cases.push_back(geometry(1, 8, 8, 6, 9, 3, 1, 1, 1, 3));
  cases.push_back(geometry(2, 7, 5, 8, 16, 3, 2, 1, 1, 4));
  cases.push_back(geometry(3, 1, 1, 33, 40, 1, 1, 1, 0));
  cases.push_back(geometry(1, 40, 40, 3, 8, 3, 2, 1, 1));
  // Channels enough to be read in place.
  cases.push_back(geometry(2, 7, 6, 20, 9, 3, 2, 1, 1));
  cases.push_back(geometry(1, 9, 8, 16, 24, 3, 1, 2, 2));
  cases.push_back(geometry(1, 6, 7, 32, 34, 3, 1, 1, 1, 2));
  cases.push_back(geometry(3, 8, 7, 18, 5, 1, 2, 1, 0));
  cases.push_back(geometry(1, 3, 2, 17, 8, 5, 1, 1, 2));
  return cases;
}

template <class T>
void check_conv(const ConvGeometry& g, double tolerance) {
  const std::vector<T> input = noise<T>(g.batch * g.in_height * g.in_width * g.in_channels, 1);
  const std::vector<T> filter = noise<T>(g.patch() * g.out_channels, 2);
  const std::vector<T> dy = noise<T>(g.batch * g.places() * g.out_channels, 3);
  const Sums expected = naive_conv(g, input, filter, dy);
  for (const int width : {1, 3}) {
    TestContext context(width);
    std::vector<T> output(dy.size(), NAN), dx(input.size(), NAN), d_filter(filter.size(), NAN);
    conv2d(context, g, input.data(), filter.data(), output.data());
    expect_near(output, expected.output, tolerance, name_of(g));
    conv2d_backprop_input(context, g, filter.data(), dy.data(), dx.data());
    expect_near(dx, expected.d_input, tolerance, name_of(g) + ", dx");
    conv2d_backprop_filter(context, g, input.data(), dy.data(), d_filter.data());
    expect_near(d_filter, expected.d_filter, tolerance, name_of(g) + ", d_filter");
  }
}

TEST(Conv2D, IsTheSumOverThePatchAndSoAreItsGradients) {
  for (const ConvGeometry& g : conv_cases()) {
    check_conv<float>(g, 1e-6);
    check_conv<double>(g, 1e-14);
  }
}

TEST(Conv2D, PackedFiltersWithFactorsBiasAndActivationGiveTheSame) {
  for (const ConvGeometry& g : conv_cases()) {
    const std::vector<float> input = noise(g.batch * g.in_height * g.in_width * g.in_channels, 1);
    const std::vector<float> filter = noise(g.patch() * g.out_channels, 2), bias = noise(g.out_channels, 4);
    const std::vector<float> scale = noise(g.out_channels, 5);
    const std::vector<double> plain =
        naive_conv(g, input, filter, std::vector<float>(static_cast<size_t>(g.batch * g.places() * g.out_channels))).output;
    std::vector<double> expected = plain, scaled = plain;
    for (size_t i = 0; i < expected.size(); ++i) {
      const size_t channel = i % static_cast<size_t>(g.out_channels);
      expected[i] = std::max(plain[i] + bias[channel], 0.0);
      scaled[i] = plain[i] * scale[channel] + bias[channel];
    }
    TestContext context(2);
    std::vector<float> packed(static_cast<size_t>(packed_filter_floats(g))), output(expected.size(), NAN);
    pack_filter(g, filter.data(), packed.data());
    conv2d_packed(context, g, input.data(), packed.data(), output.data(), {bias.data(), nullptr, Activation::kRelu});
    expect_near(output, expected, 1e-6, name_of(g));
    Epilogue factors{.bias = bias.data()};
    factors.scale = scale.data();
    conv2d_packed(context, g, input.data(), packed.data(), output.data(), factors);
    expect_near(output, scaled, 1e-6, name_of(g) + ", scaled");
    std::vector<float> unpacked(filter.size(), NAN);
    unpack_filter(g, packed.data(), unpacked.data());
    EXPECT_EQ(unpacked, filter) << name_of(g);
  }
}

template <class T>
void check_depthwise(const ConvGeometry& g, double tolerance) {
  const std::vector<T> input = noise<T>(g.batch * g.in_height * g.in_width * g.in_channels, 1);
  const std::vector<T> filter = noise<T>(g.filter_height * g.filter_width * g.out_channels, 2);
  const std::vector<T> dy = noise<T>(g.batch * g.places() * g.out_channels, 3);
  const Sums expected = naive_depthwise(g, input, filter, dy);
  TestContext context(2);
  std::vector<T> output(dy.size(), NAN), dx(input.size(), NAN), d_filter(filter.size(), NAN);
  depthwise(context, g, input.data(), filter.data(), output.data());
  expect_near(output, expected.output, tolerance, name_of(g));
  depthwise_backprop_input(context, g, filter.data(), dy.data(), dx.data());
  expect_near(dx, expected.d_input, tolerance, name_of(g) + ", dx");
  depthwise_backprop_filter(context, g, input.data(), dy.data(), d_filter.data());
  expect_near(d_filter, expected.d_filter, tolerance, name_of(g) + ", d_filter");
  if constexpr (std::is_same_v<T, float>) {
    const std::vector<float> bias = noise(g.out_channels, 4);
    std::vector<double> wanted = expected.output;
    for (size_t i = 0; i < wanted.size(); ++i)
      wanted[i] = std::min(std::max(wanted[i] + bias[i % static_cast<size_t>(g.out_channels)], 0.0), 6.0);
    depthwise_fused(context, g, input.data(), filter.data(), output.data(), {bias.data(), nullptr, Activation::kRelu6});
    expect_near(output, wanted, tolerance, name_of(g) + ", fused");
  }
}

TEST(Depthwise, IsTheSumOfEachChannelAndSoAreItsGradients) {
  for (const int64_t channels : {1, 3, 4, 8, 13}) {
    for (const int64_t multiplier : {1, 2, 3}) {
      for (const int64_t filter : {1, 2, 3}) {
        for (const int64_t stride : {1, 2}) {
          for (const int64_t pad : {0, 1}) {
            const ConvGeometry g = geometry(2, 8, 7, channels, channels * multiplier, filter, stride, 1, pad);
            check_depthwise<float>(g, 1e-6);
            check_depthwise<double>(g, 1e-14);
          }
        }
      }
    }
  }
  check_depthwise<float>(geometry(1, 12, 12, 4, 4, 3, 1, 2, 2), 1e-6);
  check_depthwise<float>(geometry(1, 9, 25, 13, 13, 3, 2, 1, 1), 1e-6);
}

TEST(Pools, CountOnlyPlacesInsideTheImage) {
  for (const int64_t channels : {1, 3, 8}) {
    for (const int64_t filter : {3, 4}) {
      for (const int64_t stride : {1, 2, 3}) {
        for (const int64_t pad : {0, 1}) {
          const ConvGeometry g = geometry(3, 9, 8, channels, channels, filter, stride, 1, pad);
          const std::vector<float> input = noise(g.batch * g.in_height * g.in_width * channels, 1);
          const std::vector<float> dy = noise(g.batch * g.places() * channels, 2);
          std::vector<double> largest(dy.size(), -INFINITY), sum(dy.size()), count(dy.size()), d_max(input.size()),
              d_avg(input.size());
          std::vector<size_t> where(dy.size());
          for_pairs(g, [&](int64_t out, int64_t, int64_t in) {
            for (int64_t c = 0; c < channels; ++c) {
              const auto y = static_cast<size_t>(out * channels + c), x = static_cast<size_t>(in * channels + c);
              if (input[x] > largest[y]) largest[y] = input[x], where[y] = x;
              sum[y] += input[x];
              count[y] += 1;
            }
          });
          for (size_t y = 0; y < dy.size(); ++y) d_max[where[y]] += dy[y];
          for_pairs(g, [&](int64_t out, int64_t, int64_t in) {
            for (int64_t c = 0; c < channels; ++c) {
              const auto y = static_cast<size_t>(out * channels + c);
              d_avg[static_cast<size_t>(in * channels + c)] += dy[y] / count[y];
            }
          });
          for (size_t y = 0; y < dy.size(); ++y) sum[y] /= count[y];
          TestContext context(2);
          std::vector<float> max(dy.size(), NAN), avg(dy.size(), NAN), dx(input.size(), NAN);
          max_pool(context, g, input.data(), max.data());
          expect_near(max, largest, 0, name_of(g));
          avg_pool(context, g, input.data(), avg.data());
          expect_near(avg, sum, 1e-6, name_of(g));
          max_pool_grad(context, g, input.data(), max.data(), dy.data(), dx.data());
          expect_near(dx, d_max, 1e-6, name_of(g) + ", gradient of max");
          avg_pool_grad(context, g, dy.data(), dx.data());
          expect_near(dx, d_avg, 1e-6, name_of(g) + ", gradient of average");
        }
      }
    }
  }
}

TEST(Pools, NanWinsAMaximumAndTheFirstOfEqualMaximaGetsTheGradient) {
  TestContext context(1);
  const ConvGeometry g = [] {
    ConvGeometry one = geometry(1, 2, 2, 1, 1, 2, 2, 1, 0);
    one.filter_width = 2;
    one.out_width = 1;
    return one;
  }();
  const std::vector<float> with_nan = {1, NAN, 3, 2}, equal = {5, 5, 5, 1}, dy = {2};
  std::vector<float> y(1), dx(4);
  max_pool(context, g, with_nan.data(), y.data());
  EXPECT_TRUE(std::isnan(y[0]));
  max_pool(context, g, equal.data(), y.data());
  max_pool_grad(context, g, equal.data(), y.data(), dy.data(), dx.data());
  EXPECT_EQ(dx, (std::vector<float>{2, 0, 0, 0}));
}

}  // namespace
}  // namespace keras::kernels
