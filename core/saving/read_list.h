// What a loader wants read: ranges of files that go straight into the memory of tensors.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/byte_source.h"
#include "core/tensor/variable.h"

namespace keras {

/// One range. `target` stays valid until the loader is gone.
struct ReadItem {
  const ByteSource* source;
  int64_t offset;
  std::span<std::byte> target;
};

/// Ranges to be read by the caller, and what has to be done when all are there (checksums, conversions).
struct ReadList {
  std::vector<ReadItem> items;
  std::vector<std::function<void()>> checks;
};

/// The memory of a variable that a file's values go into; its version goes up.
std::span<std::byte> variable_bytes(Variable& variable);

}  // namespace keras
