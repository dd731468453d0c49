// Grouping of axes.
#include "core/kernels/reduce.h"

namespace keras::kernels {

std::vector<AxisGroup> group_axes(std::span<const int64_t> dims, const std::vector<bool>& reduced) {
  std::vector<AxisGroup> groups;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    if (!groups.empty() && groups.back().reduced == reduced[i])
      groups.back().size *= dims[i];
    else
      groups.push_back({dims[i], reduced[i]});
  }
  return groups;
}

}  // namespace keras::kernels
