// Loops over elements, with and without broadcasting. The output may be an input of the same size: each element is read
// before it is written.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/kernels/functors.h"
#include "core/kernels/parallel_for.h"

namespace keras::kernels {

constexpr int64_t kElementGrain = 16384;  // elements that are worth a thread

/// y = F(x)
template <class F, class T, class R>
void map(Context& context, int64_t count, const T* x, R* y) {
  parallel_for(context, count, kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = F::apply(x[i]);
  });
}

/// y = f(x), f with a state of its own.
template <class T, class R, class F>
void map_with(Context& context, int64_t count, const T* x, R* y, F f) {
  parallel_for(context, count, kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = f(x[i]);
  });
}

/// z = f(x, y), all of one shape.
template <class T, class R, class F>
void zip_with(Context& context, int64_t count, const T* x, const T* y, R* z, F f) {
  parallel_for(context, count, kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) z[i] = f(x[i], y[i]);
  });
}

/// One axis of a broadcast: its size and the steps of the operands (0 where an operand repeats).
struct BroadcastAxis {
  int64_t size, x, y;
};

/// The axes of the broadcast of two shapes, outermost first; neighbours that walk alike are one.
std::vector<BroadcastAxis> broadcast_axes(std::span<const int64_t> x, std::span<const int64_t> y);

template <class F, class T, class R>
void zip_run(const BroadcastAxis& axis, const T* x, const T* y, R* z) {
  if (axis.x == 1 && axis.y == 1) {
    for (int64_t i = 0; i < axis.size; ++i) z[i] = F::apply(x[i], y[i]);
  } else if (axis.x == 1 && axis.y == 0) {
    const T fixed = *y;
    for (int64_t i = 0; i < axis.size; ++i) z[i] = F::apply(x[i], fixed);
  } else if (axis.x == 0 && axis.y == 1) {
    const T fixed = *x;
    for (int64_t i = 0; i < axis.size; ++i) z[i] = F::apply(fixed, y[i]);
  } else {
    const T result = F::apply(*x, *y);
    for (int64_t i = 0; i < axis.size; ++i) z[i] = result;
  }
}

template <class F, class T, class R>
R* zip_axes(std::span<const BroadcastAxis> axes, const T* x, const T* y, R* z) {
  if (axes.size() == 1) {
    zip_run<F>(axes[0], x, y, z);
    return z + axes[0].size;
  }
  for (int64_t i = 0; i < axes[0].size; ++i) z = zip_axes<F>(axes.subspan(1), x + i * axes[0].x, y + i * axes[0].y, z);
  return z;
}

/// z = F(x, y) over the broadcast of the two.
template <class F, class T, class R>
void zip(Context& context, std::span<const int64_t> x_dims, std::span<const int64_t> y_dims, const T* x, const T* y, R* z) {
  const std::vector<BroadcastAxis> axes = broadcast_axes(x_dims, y_dims);
  int64_t rows = 1, columns = axes.back().size;
  for (size_t i = 0; i + 1 < axes.size(); ++i) rows *= axes[i].size;
  if (rows * columns == 0) return;
  if (axes.size() == 1) {
    const BroadcastAxis axis = axes[0];
    parallel_for(context, columns, kElementGrain, [=](int64_t begin, int64_t end) {
      zip_run<F>(BroadcastAxis{end - begin, axis.x, axis.y}, x + begin * axis.x, y + begin * axis.y, z + begin);
    });
    return;
  }
  const int64_t inner = rows / axes[0].size * columns;  // elements of one step of the outermost axis
  parallel_for(context, axes[0].size, kElementGrain / inner + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      zip_axes<F>(std::span(axes).subspan(1), x + i * axes[0].x, y + i * axes[0].y, z + i * inner);
    }
  });
}

}  // namespace keras::kernels
