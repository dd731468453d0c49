// Loops: sharing a long one among the threads, and how much code a short one is worth.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/kernels/context.h"

namespace keras::kernels {

/// body(i) for each i in [0, count). Loops over floats become vector code; those over other types, of which there are
/// hundreds in the download and few in a model, stay small.
template <class T, class Body>
inline void each(int64_t count, Body body) {
  if constexpr (std::is_same_v<T, float>) {
    for (int64_t i = 0; i < count; ++i) body(i);
  } else {
#pragma clang loop vectorize(disable) unroll(disable)
    for (int64_t i = 0; i < count; ++i) body(i);
  }
}

/// Into how many tasks work is cut at most: several for each thread, so that one that wakes late or is slower than the others
/// leaves its part to them.
inline int64_t most_tasks(const Context& context) {
  const int64_t width = context.parallel.width();
  return width > 1 ? 4 * width : 1;
}

/// Calls body(begin, end) for pieces of [0, count), at once where there are threads and at least two pieces of `grain`.
template <class Body>
void parallel_for(Context& context, int64_t count, int64_t grain, Body body) {
  const int64_t pieces = std::min(most_tasks(context), count / std::max<int64_t>(grain, 1));
  if (pieces <= 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
  context.parallel.run(pieces, [&](int64_t piece, int) { body(count * piece / pieces, count * (piece + 1) / pieces); });
}

/// Calls task(i, worker) for i in [0, tasks): on the threads where the work is worth it, else on this one.
template <class Task>
void run_tasks(Context& context, int64_t tasks, bool worth_sharing, Task task) {
  if (worth_sharing) return context.parallel.run(tasks, task);
  context.parallel.run(1, [&](int64_t, int worker) {
    for (int64_t i = 0; i < tasks; ++i) task(i, worker);
  });
}

}  // namespace keras::kernels
