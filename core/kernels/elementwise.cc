// Broadcasting, reduced to as few axes as it takes.
#include "core/kernels/elementwise.h"

#include <algorithm>

namespace keras::kernels {

std::vector<BroadcastAxis> broadcast_axes(std::span<const int64_t> x, std::span<const int64_t> y) {
  const size_t rank = std::max(x.size(), y.size());
  std::vector<BroadcastAxis> axes;  // innermost first, until the end
  int64_t x_step = 1, y_step = 1;
  for (size_t i = 1; i <= rank; ++i) {
    const int64_t x_size = i <= x.size() ? x[x.size() - i] : 1;
    const int64_t y_size = i <= y.size() ? y[y.size() - i] : 1;
    const int64_t size = x_size == 1 ? y_size : x_size;
    if (size == 1) continue;
    const BroadcastAxis axis{size, x_size == 1 ? 0 : x_step, y_size == 1 ? 0 : y_step};
    x_step *= x_size;
    y_step *= y_size;
    const bool joins = !axes.empty() && (axes.back().x == 0) == (axis.x == 0) && (axes.back().y == 0) == (axis.y == 0);
    if (joins)
      axes.back().size *= size;
    else
      axes.push_back(axis);
  }
  if (axes.empty()) axes.push_back({1, 1, 1});
  std::reverse(axes.begin(), axes.end());
  return axes;
}

}  // namespace keras::kernels
