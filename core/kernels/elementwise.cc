// What stands around the loops: broadcasting, reduced to as few axes as it takes, and threads.
#include "core/kernels/elementwise.h"

#include <algorithm>

namespace keras::kernels {
namespace {

struct Zip {
  size_t operand_bytes, z_bytes;
  ZipRun run;

  std::byte* over(std::span<const BroadcastAxis> axes, const std::byte* x, const std::byte* y, std::byte* z) const {
    const BroadcastAxis& axis = axes[0];
    if (axes.size() == 1) {
      run(axis, x, y, z);
      return z + static_cast<size_t>(axis.size) * z_bytes;
    }
    for (int64_t i = 0; i < axis.size; ++i) {
      z = over(axes.subspan(1), x, y, z);
      x += static_cast<size_t>(axis.x) * operand_bytes;
      y += static_cast<size_t>(axis.y) * operand_bytes;
    }
    return z;
  }
};

}  // namespace

void map(Context& context, int64_t count, const void* x, size_t x_bytes, void* y, size_t y_bytes, MapRun run) {
  parallel_for(context, count, kElementGrain, [=](int64_t begin, int64_t end) {
    run(end - begin, static_cast<const std::byte*>(x) + static_cast<size_t>(begin) * x_bytes,
        static_cast<std::byte*>(y) + static_cast<size_t>(begin) * y_bytes);
  });
}

void zip(Context& context, std::span<const int64_t> x_dims, std::span<const int64_t> y_dims, const void* x, const void* y,
         size_t operand_bytes, void* z, size_t z_bytes, ZipRun run) {
  const std::vector<BroadcastAxis> axes = broadcast_axes(x_dims, y_dims);
  int64_t inner = 1;  // elements of one step of the outermost axis
  for (size_t i = 1; i < axes.size(); ++i) inner *= axes[i].size;
  if (inner * axes[0].size == 0) return;
  const Zip zip{operand_bytes, z_bytes, run};
  parallel_for(context, axes[0].size, kElementGrain / inner + 1, [&](int64_t begin, int64_t end) {
    std::vector<BroadcastAxis> part = axes;
    part[0].size = end - begin;
    zip.over(part, static_cast<const std::byte*>(x) + static_cast<size_t>(begin * part[0].x) * operand_bytes,
             static_cast<const std::byte*>(y) + static_cast<size_t>(begin * part[0].y) * operand_bytes,
             static_cast<std::byte*>(z) + static_cast<size_t>(begin * inner) * z_bytes);
  });
}

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
