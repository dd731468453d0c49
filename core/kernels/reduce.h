// Reductions over any axes.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/kernels/functors.h"
#include "core/kernels/parallel_for.h"

namespace keras::kernels {

struct SumOf {
  template <class T>
  static T start() {
    return T(0);
  }
  template <class T>
  static T join(T a, T b) {
    return Add::apply(a, b);
  }
};
struct ProdOf {
  template <class T>
  static T start() {
    return T(1);
  }
  template <class T>
  static T join(T a, T b) {
    return Mul::apply(a, b);
  }
};
struct MaxOf {
  template <class T>
  static T start() {
    return std::floating_point<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  }
  template <class T>
  static T join(T a, T b) {
    return Maximum::apply(a, b);
  }
};
struct MinOf {
  template <class T>
  static T start() {
    return std::floating_point<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  }
  template <class T>
  static T join(T a, T b) {
    return Minimum::apply(a, b);
  }
};
struct AllOf {
  template <class T>
  static T start() {
    return true;
  }
  template <class T>
  static T join(T a, T b) {
    return a && b;
  }
};
struct AnyOf {
  template <class T>
  static T start() {
    return false;
  }
  template <class T>
  static T join(T a, T b) {
    return a || b;
  }
};

/// Of a dense run, in pairs of halves, so that the rounding error of a sum grows with the logarithm of its length only.
template <class F, class T>
[[gnu::noinline]] T reduce_run(int64_t count, const T* x) {
  constexpr int64_t kBlock = 128, kLanes = 8;
  if (count > kBlock) {
    const int64_t half = (count / 2 + kLanes - 1) / kLanes * kLanes;
    return F::join(reduce_run<F>(half, x), reduce_run<F>(count - half, x + half));
  }
  if constexpr (!std::floating_point<T>) {  // no rounding, no order to keep
    T total = F::template start<T>();
    each<T>(count, [&](int64_t k) { total = F::join(total, x[k]); });
    return total;
  }
  T lanes[kLanes];
  std::fill_n(lanes, kLanes, F::template start<T>());
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] = F::join(lanes[lane], x[i + lane]);
  }
  T result = F::template start<T>();
  for (; i < count; ++i) result = F::join(result, x[i]);
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] = F::join(lanes[lane], lanes[lane + width]);
  }
  return F::join(result, lanes[0]);
}

/// Over rows of `columns` elements, `step` apart, halves first as above. `scratch` has room for a row per halving.
template <class F, class T>
[[gnu::noinline]] void reduce_rows(int64_t rows, int64_t columns, int64_t step, const T* x, T* y, T* scratch) {
  constexpr int64_t kBlock = 64;
  if (rows > kBlock) {
    const int64_t half = rows / 2;
    reduce_rows<F>(half, columns, step, x, y, scratch + columns);
    reduce_rows<F>(rows - half, columns, step, x + half * step, scratch, scratch + columns);
    each<T>(columns, [=](int64_t k) { y[k] = F::join(y[k], scratch[k]); });
    return;
  }
  std::fill_n(y, columns, F::template start<T>());
  for (int64_t row = 0; row < rows; ++row, x += step) {
    each<T>(columns, [=](int64_t k) { y[k] = F::join(y[k], x[k]); });
  }
}

/// The sum (or what F makes) of each column of a [rows, columns] array. Threads share the columns: so the order in which a
/// column is joined does not depend on them.
template <class F, class T>
void reduce_columns(Context& context, int64_t rows, int64_t columns, const T* x, T* y) {
  parallel_for(context, columns, 32768 / std::max<int64_t>(rows, 1) + 8, [=](int64_t begin, int64_t end) {
    std::vector<T> scratch(static_cast<size_t>(end - begin) * 64);
    reduce_rows<F>(rows, end - begin, columns, x + begin, y + begin, scratch.data());
  });
}

/// [outer, size, inner] over the middle axis → [outer, inner].
template <class F, class T>
void reduce_middle(Context& context, int64_t outer, int64_t size, int64_t inner, const T* x, T* y) {
  if (outer == 1 && inner > 1) return reduce_columns<F>(context, size, inner, x, y);
  const int64_t grain = 32768 / std::max<int64_t>(size * inner, 1) + 1;
  parallel_for(context, outer, grain, [=](int64_t begin, int64_t end) {
    std::vector<T> scratch(inner == 1 ? 0 : static_cast<size_t>(inner) * 64);
    for (int64_t i = begin; i < end; ++i) {
      if (inner == 1)
        y[i] = reduce_run<F>(size, x + i * size);
      else
        reduce_rows<F>(size, inner, inner, x + i * size * inner, y + i * inner, scratch.data());
    }
  });
}

/// A run of neighbouring axes that are all reduced, or all kept.
struct AxisGroup {
  int64_t size;
  bool reduced;
};

/// Neighbours joined, axes of size 1 left out.
std::vector<AxisGroup> group_axes(std::span<const int64_t> dims, const std::vector<bool>& reduced);

/// y = F over the reduced groups of x. One group at a time, the innermost first; sizes shrink from pass to pass.
template <class F, class T>
void reduce(Context& context, std::vector<AxisGroup> groups, const T* x, T* y) {
  std::vector<T> passes[2];
  const T* source = x;
  for (int pass = 0;; ++pass) {
    size_t at = groups.size();
    size_t left = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (groups[i].reduced) {
        at = i;
        ++left;
      }
    }
    int64_t outer = 1, inner = 1;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (i != at) (i < at ? outer : inner) *= groups[i].size;
    }
    if (left == 0) {
      if (source != y) std::copy_n(source, outer * inner, y);
      return;
    }
    T* target = y;
    if (left > 1) {
      passes[pass % 2].resize(static_cast<size_t>(outer * inner));
      target = passes[pass % 2].data();
    }
    reduce_middle<F>(context, outer, groups[at].size, inner, source, target);
    if (left == 1) return;
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(at));
    source = target;
  }
}

/// The first place of the largest (or smallest) element along the middle axis of [outer, size, inner].
template <bool kLargest, class T, class Index>
void arg_extreme(Context& context, int64_t outer, int64_t size, int64_t inner, const T* x, Index* y) {
  parallel_for(context, outer, 32768 / std::max<int64_t>(size * inner, 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t k = 0; k < inner; ++k) {
        const T* column = x + i * size * inner + k;
        int64_t best = 0;
        for (int64_t j = 1; j < size; ++j) {
          const T value = column[j * inner], record = column[best * inner];
          if (kLargest ? value > record : value < record) best = j;
        }
        y[i * inner + k] = static_cast<Index>(best);
      }
    }
  });
}

}  // namespace keras::kernels
