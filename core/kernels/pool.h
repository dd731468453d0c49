// Pools of [batch, height, width, channels] images. Places outside the image do not count, neither for maxima nor for
// averages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/kernels/conv.h"
#include "core/kernels/parallel_for.h"

namespace keras::kernels {

/// The part of a window that lies within the image.
struct PoolWindow {
  int64_t top, bottom, left, right;
  int64_t count() const { return (bottom - top) * (right - left); }
};

/// `g`: filter_height and filter_width are the window's; in_channels the number of channels.
inline PoolWindow pool_window(const ConvGeometry& g, int64_t y, int64_t x) {
  const int64_t top = y * g.stride_height - g.pad_top, left = x * g.stride_width - g.pad_left;
  return {std::max<int64_t>(top, 0), std::min(top + g.filter_height, g.in_height), std::max<int64_t>(left, 0),
          std::min(left + g.filter_width, g.in_width)};
}

/// Calls body(window, image, output offset) for output rows [begin, end), counted over the batch.
template <class Body>
void for_windows(const ConvGeometry& g, int64_t begin, int64_t end, Body body) {
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t x = 0; x < g.out_width; ++x) {
      body(pool_window(g, row % g.out_height, x), row / g.out_height, (row * g.out_width + x) * g.in_channels);
    }
  }
}

/// Rows of output that are worth a thread.
inline int64_t pool_row_grain(const ConvGeometry& g) {
  return 32768 / std::max<int64_t>(g.out_width * g.in_channels * g.filter_height * g.filter_width, 1) + 1;
}

/// Images that are: windows of one image may overlap, so that their gradients cannot be shared.
inline int64_t pool_image_grain(const ConvGeometry& g) { return pool_row_grain(g) / std::max<int64_t>(g.out_height, 1) + 1; }

/// Calls body(input offset) for the places of a window.
template <class Body>
void for_places(const ConvGeometry& g, const PoolWindow& window, int64_t image, Body body) {
  for (int64_t y = window.top; y < window.bottom; ++y) {
    for (int64_t x = window.left; x < window.right; ++x) {
      body(((image * g.in_height + y) * g.in_width + x) * g.in_channels);
    }
  }
}

template <class T>
void max_pool(Context& context, const ConvGeometry& g, const T* input, T* output) {
  parallel_for(context, g.batch * g.out_height, pool_row_grain(g), [&](int64_t begin, int64_t end) {
    for_windows(g, begin, end, [&](const PoolWindow& window, int64_t image, int64_t at) {
      T* to = output + at;
      std::fill_n(to, g.in_channels, std::numeric_limits<T>::lowest());
      for_places(g, window, image, [&](int64_t in) {
        const T* from = input + in;
        for (int64_t c = 0; c < g.in_channels; ++c) to[c] = from[c] > to[c] || from[c] != from[c] ? from[c] : to[c];
      });
    });
  });
}

/// The first maximum of each window gets its gradient.
template <class T>
void max_pool_grad(Context& context, const ConvGeometry& g, const T* input, const T* output, const T* dy, T* dx) {
  const int64_t image_size = g.in_height * g.in_width * g.in_channels;
  parallel_for(context, g.batch, pool_image_grain(g), [&](int64_t begin, int64_t end) {
    std::fill_n(dx + begin * image_size, (end - begin) * image_size, T(0));
    std::vector<T> open(static_cast<size_t>(g.in_channels));  // 1 until the maximum is found: no branch in the loop
    for_windows(g, begin * g.out_height, end * g.out_height, [&](const PoolWindow& window, int64_t image, int64_t at) {
      std::fill(open.begin(), open.end(), T(1));
      T* still = open.data();
      for_places(g, window, image, [&](int64_t in) {
        const T *x = input + in, *y = output + at, *up = dy + at;
        T* to = dx + in;
        for (int64_t c = 0; c < g.in_channels; ++c) {
          const T hit = x[c] == y[c] ? still[c] : T(0);
          to[c] += hit != 0 ? up[c] : T(0);
          still[c] -= hit;
        }
      });
    });
  });
}

/// The transposed: each window gets what stands where its first maximum is; 0 where `output` is no maximum of `input`'s.
template <class T>
void max_pool_grad_grad(Context& context, const ConvGeometry& g, const T* input, const T* output, const T* ddx, T* ddy) {
  parallel_for(context, g.batch * g.out_height, pool_row_grain(g), [&](int64_t begin, int64_t end) {
    std::vector<char> open(static_cast<size_t>(g.in_channels));
    for_windows(g, begin, end, [&](const PoolWindow& window, int64_t image, int64_t at) {
      std::fill(open.begin(), open.end(), char{1});
      std::fill_n(ddy + at, g.in_channels, T(0));
      for_places(g, window, image, [&](int64_t in) {
        for (int64_t c = 0; c < g.in_channels; ++c) {
          if (open[static_cast<size_t>(c)] == 0 || input[in + c] != output[at + c]) continue;
          ddy[at + c] = ddx[in + c];
          open[static_cast<size_t>(c)] = 0;
        }
      });
    });
  });
}

template <class T>
void avg_pool(Context& context, const ConvGeometry& g, const T* input, T* output) {
  parallel_for(context, g.batch * g.out_height, pool_row_grain(g), [&](int64_t begin, int64_t end) {
    for_windows(g, begin, end, [&](const PoolWindow& window, int64_t image, int64_t at) {
      T* to = output + at;
      std::fill_n(to, g.in_channels, T(0));
      for_places(g, window, image, [&](int64_t in) {
        for (int64_t c = 0; c < g.in_channels; ++c) to[c] += input[in + c];
      });
      const T count = static_cast<T>(window.count());
      for (int64_t c = 0; c < g.in_channels; ++c) to[c] /= count;
    });
  });
}

template <class T>
void avg_pool_grad(Context& context, const ConvGeometry& g, const T* dy, T* dx) {
  const int64_t image_size = g.in_height * g.in_width * g.in_channels;
  parallel_for(context, g.batch, pool_image_grain(g), [&](int64_t begin, int64_t end) {
    std::fill_n(dx + begin * image_size, (end - begin) * image_size, T(0));
    for_windows(g, begin * g.out_height, end * g.out_height, [&](const PoolWindow& window, int64_t image, int64_t at) {
      const T share = T(1) / static_cast<T>(window.count());
      for_places(g, window, image, [&](int64_t in) {
        for (int64_t c = 0; c < g.in_channels; ++c) dx[in + c] += dy[at + c] * share;
      });
    });
  });
}

}  // namespace keras::kernels
