// Depthwise convolutions, channels innermost: each filter place is one multiply-add over all channels.
#include "core/kernels/depthwise.h"

#include <algorithm>
#include <span>
#include <type_traits>
#include <vector>

#include "core/kernels/parallel_for.h"
#include "core/kernels/simd/activate4.h"
#include "core/kernels/simd/float4.h"

namespace keras::kernels {
namespace {

/// Where in the input each place of the filter lies for one output place: calls body(input offset, filter offset).
template <class Body>
void for_taps(const ConvGeometry& g, int64_t image, int64_t y, int64_t x, Body body) {
  for (int64_t fy = 0; fy < g.filter_height; ++fy) {
    const int64_t in_y = y * g.stride_height - g.pad_top + fy * g.dilation_height;
    if (in_y < 0 || in_y >= g.in_height) continue;
    for (int64_t fx = 0; fx < g.filter_width; ++fx) {
      const int64_t in_x = x * g.stride_width - g.pad_left + fx * g.dilation_width;
      if (in_x < 0 || in_x >= g.in_width) continue;
      body(((image * g.in_height + in_y) * g.in_width + in_x) * g.in_channels, (fy * g.filter_width + fx) * g.out_channels);
    }
  }
}

/// z[c · m + k] += x[c] · w[c · m + k]
template <class T>
void multiply_add(int64_t channels, int64_t multiplier, const T* x, const T* w, T* z) {
  if (multiplier == 1) {
    for (int64_t c = 0; c < channels; ++c) z[c] += x[c] * w[c];
    return;
  }
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t k = 0; k < multiplier; ++k) z[c * multiplier + k] += x[c] * w[c * multiplier + k];
  }
}

/// One tap of a filter that lies within the image.
struct Tap {
  const float *x, *w;
};

/// kPlaces output places side by side, whose taps lie `step` elements apart: floats, multiplier 1. Sums of eight channels of each
/// stay in registers over all taps.
template <int kPlaces>
[[gnu::noinline]] void convolve_places(std::span<const Tap> taps, int64_t channels, int64_t step, float* to,
                                       const Epilogue& epilogue) {
  const Bounds4 bounded(epilogue.activation);
  int64_t c = 0;
  for (; c + 8 <= channels; c += 8) {
    Float4 low[kPlaces] = {}, high[kPlaces] = {};
    if (epilogue.bias != nullptr) {
      for (int i = 0; i < kPlaces; ++i) low[i] = load4(epilogue.bias + c), high[i] = load4(epilogue.bias + c + 4);
    }
    for (const Tap& tap : taps) {
      const Float4 w_low = load4(tap.w + c), w_high = load4(tap.w + c + 4);
      const float* x = tap.x + c;
      for (int i = 0; i < kPlaces; ++i, x += step) {
        low[i] = mul_add(load4(x), w_low, low[i]);
        high[i] = mul_add(load4(x + 4), w_high, high[i]);
      }
    }
    for (int i = 0; i < kPlaces; ++i) {
      store4(to + i * channels + c, bounded(low[i]));
      store4(to + i * channels + c + 4, bounded(high[i]));
    }
  }
  for (int i = 0; i < kPlaces && c < channels; ++i) {
    float* rest = to + i * channels;
    for (int64_t k = c; k < channels; ++k) {
      rest[k] = epilogue.bias != nullptr ? epilogue.bias[k] : 0.0f;
      for (const Tap& tap : taps) rest[k] += tap.x[i * step + k] * tap.w[k];
    }
    activate(epilogue.activation, epilogue.alpha, channels - c, rest + c);
  }
}

/// Rows of output, counted over the batch, of the common case: floats, multiplier 1, an activation made of vectors.
void convolve_rows_in_registers(const ConvGeometry& g, const float* input, const float* filter, float* output, int64_t begin,
                                int64_t end, const Epilogue& epilogue) {
  constexpr int64_t kWide = 4;
  // Output columns [inner, inner_end) see no side of the image, so that places beside each other have the same taps.
  const int64_t inner = (g.pad_left + g.stride_width - 1) / g.stride_width;
  const int64_t last_start = g.in_width - 1 - (g.filter_width - 1) * g.dilation_width + g.pad_left;
  const int64_t inner_end = last_start < 0 ? 0 : std::min(g.out_width, last_start / g.stride_width + 1);
  std::vector<Tap> taps;
  taps.reserve(static_cast<size_t>(g.filter_height * g.filter_width));
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t x = 0; x < g.out_width;) {
      taps.clear();
      for_taps(g, row / g.out_height, row % g.out_height, x,
               [&](int64_t in, int64_t tap) { taps.push_back({input + in, filter + tap}); });
      float* to = output + (row * g.out_width + x) * g.out_channels;
      const int64_t step = g.stride_width * g.in_channels;
      if (x >= inner && x + kWide <= inner_end) {
        convolve_places<kWide>(taps, g.in_channels, step, to, epilogue);
        x += kWide;
      } else {
        convolve_places<1>(taps, g.in_channels, step, to, epilogue);
        ++x;
      }
    }
  }
}

/// Rows of output, counted over the batch.
template <class T, class Finish>
void convolve_rows(const ConvGeometry& g, const T* input, const T* filter, T* output, int64_t begin, int64_t end, Finish finish) {
  const int64_t multiplier = g.out_channels / g.in_channels;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t x = 0; x < g.out_width; ++x) {
      T* to = output + (row * g.out_width + x) * g.out_channels;
      finish.start(to);
      for_taps(g, row / g.out_height, row % g.out_height, x,
               [&](int64_t in, int64_t tap) { multiply_add(g.in_channels, multiplier, input + in, filter + tap, to); });
      finish.end(to);
    }
  }
}

template <class T>
struct Plain {
  int64_t channels;
  void start(T* to) const { std::fill_n(to, channels, T(0)); }
  void end(T*) const {}
};

struct Fused {
  int64_t channels;
  const Epilogue& epilogue;
  void start(float* to) const {
    if (epilogue.bias != nullptr)
      std::copy_n(epilogue.bias, channels, to);
    else
      std::fill_n(to, channels, 0.0f);
  }
  void end(float* to) const { activate(epilogue.activation, epilogue.alpha, channels, to); }
};

int64_t row_grain(const ConvGeometry& g) {
  return 32768 / std::max<int64_t>(g.out_width * g.out_channels * g.filter_height * g.filter_width, 1) + 1;
}

}  // namespace

template <class T>
void depthwise(Context& context, const ConvGeometry& g, const T* input, const T* filter, T* output) {
  parallel_for(context, g.batch * g.out_height, row_grain(g), [&](int64_t begin, int64_t end) {
    if constexpr (std::is_same_v<T, float>) {
      if (g.out_channels == g.in_channels) return convolve_rows_in_registers(g, input, filter, output, begin, end, {});
    }
    convolve_rows(g, input, filter, output, begin, end, Plain<T>{g.out_channels});
  });
}

void depthwise_fused(Context& context, const ConvGeometry& g, const float* input, const float* filter, float* output,
                     const Epilogue& epilogue) {
  parallel_for(context, g.batch * g.out_height, row_grain(g), [&](int64_t begin, int64_t end) {
    if (g.out_channels == g.in_channels && is_vector_activation(epilogue.activation)) {
      return convolve_rows_in_registers(g, input, filter, output, begin, end, epilogue);
    }
    convolve_rows(g, input, filter, output, begin, end, Fused{g.out_channels, epilogue});
  });
}

template <class T>
void depthwise_backprop_input(Context& context, const ConvGeometry& g, const T* filter, const T* dy, T* dx) {
  const int64_t multiplier = g.out_channels / g.in_channels, image_size = g.in_height * g.in_width * g.in_channels;
  parallel_for(context, g.batch, 1, [&](int64_t begin, int64_t end) {
    std::fill_n(dx + begin * image_size, (end - begin) * image_size, T(0));
    for (int64_t place = begin * g.places(); place < end * g.places(); ++place) {
      const T* from = dy + place * g.out_channels;
      const int64_t y = place % g.places() / g.out_width, x = place % g.out_width;
      for_taps(g, place / g.places(), y, x, [&](int64_t in, int64_t tap) {
        T* to = dx + in;
        const T* w = filter + tap;
        if (multiplier == 1) {
          for (int64_t c = 0; c < g.in_channels; ++c) to[c] += from[c] * w[c];
        } else {
          for (int64_t c = 0; c < g.out_channels; ++c) to[c / multiplier] += from[c] * w[c];
        }
      });
    }
  });
}

// Sums over all places: threads share the channels, which keeps the order of each sum.
template <class T>
void depthwise_backprop_filter(Context& context, const ConvGeometry& g, const T* input, const T* dy, T* d_filter) {
  const int64_t multiplier = g.out_channels / g.in_channels;
  std::fill_n(d_filter, g.filter_height * g.filter_width * g.out_channels, T(0));
  const int64_t places = g.batch * g.places(), taps = g.filter_height * g.filter_width;
  parallel_for(context, g.in_channels, 32768 / std::max<int64_t>(places * taps, 1) + 8, [&](int64_t begin, int64_t end) {
    for (int64_t place = 0; place < places; ++place) {
      const T* from = dy + place * g.out_channels + begin * multiplier;
      const int64_t y = place % g.places() / g.out_width, x = place % g.out_width;
      for_taps(g, place / g.places(), y, x, [&](int64_t in, int64_t tap) {
        multiply_add(end - begin, multiplier, input + in + begin, from, d_filter + tap + begin * multiplier);
      });
    }
  });
}

template void depthwise<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
template void depthwise<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
template void depthwise_backprop_input<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
template void depthwise_backprop_input<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
template void depthwise_backprop_filter<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
template void depthwise_backprop_filter<double>(Context&, const ConvGeometry&, const double*, const double*, double*);

}  // namespace keras::kernels
