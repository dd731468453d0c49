// Broadcasting undone.
#include "core/ops/gradient_helpers.h"

namespace keras {

Value unbroadcast(const Value& gradient, const Value& x, const Value& other) {
  if (x == other) return gradient;
  const Shape &from = gradient.shape(), &to = x.shape(), &beside = other.shape();
  if (!from.known_rank() || !to.known_rank() || !beside.known_rank() || from.rank() != to.rank()) {
    return unbroadcast(gradient, x);
  }
  // Where `other` has no dimension, or a 1, nothing was stretched: an unknown dimension of x is that of the result.
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis < to.rank(); ++axis) {
    const int64_t aligned = axis - (to.rank() - beside.rank());
    const int64_t other_size = aligned < 0 ? 1 : beside.dim(aligned);
    if (other_size == 1) continue;
    if (to.dim(axis) == kUnknownDim) return unbroadcast(gradient, x);
    if (to.dim(axis) == 1) axes.push_back(axis);
  }
  return axes.empty() ? gradient : reduce_sum(gradient, axes, true);
}

}  // namespace keras
