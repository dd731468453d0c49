// Loops over elements, with and without broadcasting. The output may be an input of the same size: each element is read
// before it is written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/kernels/functors.h"
#include "core/kernels/parallel_for.h"

namespace keras::kernels {

constexpr int64_t kElementGrain = 16384;  // elements that are worth a thread

/// One loop of an elementwise op, its types erased: what is around the loop is then compiled once, not for every formula.
using MapRun = void (*)(int64_t count, const void* x, void* y);

template <class F, class T, class R>
void map_run(int64_t count, const void* x, void* y) {
  const T* from = static_cast<const T*>(x);
  R* to = static_cast<R*>(y);
  each<T>(count, [=](int64_t i) { to[i] = F::apply(from[i]); });
}

/// y = F(x) for elements of these sizes.
void map(Context& context, int64_t count, const void* x, size_t x_bytes, void* y, size_t y_bytes, MapRun run);

template <class F, class T, class R>
void map(Context& context, int64_t count, const T* x, R* y) {
  map(context, count, x, sizeof(T), y, sizeof(R), map_run<F, T, R>);
}

/// y = f(x), f with a state of its own.
template <class T, class R, class F>
void map_with(Context& context, int64_t count, const T* x, R* y, F f) {
  parallel_for(context, count, kElementGrain,
               [=](int64_t begin, int64_t end) { each<T>(end - begin, [=](int64_t i) { y[begin + i] = f(x[begin + i]); }); });
}

/// z = f(x, y), all of one shape.
template <class T, class R, class F>
void zip_with(Context& context, int64_t count, const T* x, const T* y, R* z, F f) {
  parallel_for(context, count, kElementGrain, [=](int64_t begin, int64_t end) {
    each<T>(end - begin, [=](int64_t i) { z[begin + i] = f(x[begin + i], y[begin + i]); });
  });
}

/// One axis of a broadcast: its size and the steps of the operands (0 where an operand repeats).
struct BroadcastAxis {
  int64_t size, x, y;
};

/// The axes of the broadcast of two shapes, outermost first; neighbours that walk alike are one.
std::vector<BroadcastAxis> broadcast_axes(std::span<const int64_t> x, std::span<const int64_t> y);

using ZipRun = void (*)(const BroadcastAxis& axis, const void* x, const void* y, void* z);

template <class F, class T, class R>
void zip_run(const BroadcastAxis& axis, const void* x_data, const void* y_data, void* z_data) {
  const T *x = static_cast<const T*>(x_data), *y = static_cast<const T*>(y_data);
  R* z = static_cast<R*>(z_data);
  if (axis.x == 1 && axis.y == 1) {
    each<T>(axis.size, [=](int64_t i) { z[i] = F::apply(x[i], y[i]); });
  } else if (axis.x == 1 && axis.y == 0) {
    const T fixed = *y;
    each<T>(axis.size, [=](int64_t i) { z[i] = F::apply(x[i], fixed); });
  } else if (axis.x == 0 && axis.y == 1) {
    const T fixed = *x;
    each<T>(axis.size, [=](int64_t i) { z[i] = F::apply(fixed, y[i]); });
  } else {
    std::fill_n(z, axis.size, static_cast<R>(F::apply(*x, *y)));
  }
}

/// z = F(x, y) over the broadcast of the two, for elements of these sizes.
void zip(Context& context, std::span<const int64_t> x_dims, std::span<const int64_t> y_dims, const void* x, const void* y,
         size_t operand_bytes, void* z, size_t z_bytes, ZipRun run);

template <class F, class T, class R>
void zip(Context& context, std::span<const int64_t> x_dims, std::span<const int64_t> y_dims, const T* x, const T* y, R* z) {
  zip(context, x_dims, y_dims, x, y, sizeof(T), z, sizeof(R), zip_run<F, T, R>);
}

}  // namespace keras::kernels
