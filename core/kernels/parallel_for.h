// Sharing a long loop among the threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/kernels/context.h"

namespace keras::kernels {

/// Calls body(begin, end) for pieces of [0, count), at once where there are threads and at least two pieces of `grain`.
template <class Body>
void parallel_for(Context& context, int64_t count, int64_t grain, Body body) {
  const int64_t pieces = std::min<int64_t>(context.parallel.width(), count / std::max<int64_t>(grain, 1));
  if (pieces <= 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
  context.parallel.run(pieces, [&](int64_t piece, int) { body(count * piece / pieces, count * (piece + 1) / pieces); });
}

}  // namespace keras::kernels
