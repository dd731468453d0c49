// Batch normalization of [rows, channels]: rows are all places of all images.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/kernels/reduce.h"

namespace keras::kernels {

/// sums[c] = Σ term(place, c) over the rows' places in channel c, in blocks of rows: the terms of a block are added up before
/// they join the total. Threads share the channels, as in reduce_columns().
template <class T, class Term>
void sum_channels(Context& context, int64_t rows, int64_t channels, T* sums, Term term) {
  parallel_for(context, channels, 32768 / std::max<int64_t>(rows, 1) + 8, [=](int64_t begin, int64_t end) {
    std::vector<T> memory(static_cast<size_t>(end - begin));
    T* block = memory.data();
    std::fill(sums + begin, sums + end, T(0));
    for (int64_t first = 0; first < rows; first += 64) {
      std::fill(memory.begin(), memory.end(), T(0));
      for (int64_t row = first; row < std::min(first + 64, rows); ++row) {
        for (int64_t c = begin; c < end; ++c) block[c - begin] += term(row * channels + c, c);
      }
      for (int64_t c = begin; c < end; ++c) sums[c] += block[c - begin];
    }
  });
}

/// Mean and biased variance of each channel; two passes, so that a large mean costs no digits.
template <class T>
void channel_moments(Context& context, int64_t rows, int64_t channels, const T* x, T* mean, T* variance) {
  const T count = static_cast<T>(rows);
  reduce_columns<SumOf>(context, rows, channels, x, mean);
  for (int64_t c = 0; c < channels; ++c) mean[c] /= count;
  sum_channels(context, rows, channels, variance,
               [=](int64_t place, int64_t c) { return (x[place] - mean[c]) * (x[place] - mean[c]); });
  for (int64_t c = 0; c < channels; ++c) variance[c] /= count;
}

/// y = (x − mean) · scale / √(variance + epsilon) + offset. y may be x.
template <class T>
void batch_norm(Context& context, int64_t rows, int64_t channels, const T* x, const T* mean, const T* variance, const T* scale,
                const T* offset, T epsilon, T* y) {
  std::vector<T> factor(static_cast<size_t>(channels));
  for (int64_t c = 0; c < channels; ++c) factor[static_cast<size_t>(c)] = scale[c] / std::sqrt(variance[c] + epsilon);
  parallel_for(context, rows, 16384 / std::max<int64_t>(channels, 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* from = x + row * channels;
      T* to = y + row * channels;
      for (int64_t c = 0; c < channels; ++c) to[c] = (from[c] - mean[c]) * factor[static_cast<size_t>(c)] + offset[c];
    }
  });
}

/// One image with its channels first, [channels, places], by its own statistics: moments and batch_norm() in one. y may be x.
template <class T>
void batch_norm_planes(Context& context, int64_t channels, int64_t places, const T* x, const T* scale, const T* offset, T epsilon,
                       T* mean, T* variance, T* y) {
  parallel_for(context, channels, 16384 / std::max<int64_t>(places, 1) + 1, [=](int64_t begin, int64_t end) {
    std::vector<T> memory(static_cast<size_t>(places));
    T* squares = memory.data();
    for (int64_t c = begin; c < end; ++c) {
      const T* from = x + c * places;
      T* to = y + c * places;
      const T middle = reduce_run<SumOf>(places, from) / static_cast<T>(places);
      each<T>(places, [=](int64_t i) { squares[i] = (from[i] - middle) * (from[i] - middle); });
      mean[c] = middle;
      variance[c] = reduce_run<SumOf>(places, squares) / static_cast<T>(places);
      const T factor = scale[c] / std::sqrt(variance[c] + epsilon), shift = offset[c];
      each<T>(places, [=](int64_t i) { to[i] = (from[i] - middle) * factor + shift; });
    }
  });
}

/// Gradients of x, scale and offset. In training mean and variance depend on x:
///   dx = scale / σ · (dy − mean(dy) − (x − μ) · mean(dy · (x − μ)) / σ²),  σ² = variance + epsilon
/// in inference they are constants: dx = scale / σ · dy.
template <class T>
void batch_norm_grad(Context& context, bool training, int64_t rows, int64_t channels, const T* dy, const T* x, const T* scale,
                     const T* mean, const T* variance, T epsilon, T* dx, T* d_scale, T* d_offset) {
  const auto size = static_cast<size_t>(channels);
  reduce_columns<SumOf>(context, rows, channels, dy, d_offset);
  sum_channels(context, rows, channels, d_scale, [=](int64_t place, int64_t c) { return dy[place] * (x[place] - mean[c]); });
  std::vector<T> factor(size), of_mean(size), of_x(size);
  for (int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<size_t>(c);
    const T inverse = T(1) / std::sqrt(variance[c] + epsilon);
    factor[i] = scale[c] * inverse;
    of_mean[i] = training ? d_offset[c] / static_cast<T>(rows) : T(0);
    of_x[i] = training ? d_scale[c] / static_cast<T>(rows) * inverse * inverse : T(0);
    d_scale[c] *= inverse;
  }
  parallel_for(context, rows, 16384 / std::max<int64_t>(channels, 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T *from = x + row * channels, *up = dy + row * channels;
      T* to = dx + row * channels;
      for (int64_t c = 0; c < channels; ++c) {
        const auto i = static_cast<size_t>(c);
        to[c] = factor[i] * (up[c] - of_mean[i] - (from[c] - mean[c]) * of_x[i]);
      }
    }
  });
}

}  // namespace keras::kernels
