// How the values of a ragged axis are split into rows.
#pragma once

#include <algorithm>
#include <vector>

#include "core/base/error.h"

namespace keras {

/// Throws InvalidArgumentError if they are no splits of `count` values.
inline void check_splits(const std::vector<int64_t>& splits, int64_t count) {
  if (splits.empty() || splits.front() != 0 || splits.back() != count || !std::is_sorted(splits.begin(), splits.end())) {
    throw InvalidArgumentError("Row splits must rise from 0 to {}, the number of values, found {}", count, splits);
  }
}

}  // namespace keras
