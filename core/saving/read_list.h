// What a loader wants read: ranges of files that go straight into the memory of tensors, or through a decoder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/byte_source.h"
#include "core/tensor/variable.h"

namespace keras {

/// What makes values of a range that does not hold them as they are: gets its bytes in order, in pieces of any size.
using RangeDecoder = std::function<void(std::span<const std::byte>)>;

/// One range. `target` stays valid until the loader is gone; where there is a decoder, it takes its place.
struct ReadItem {
  const ByteSource* source;
  int64_t offset;
  std::span<std::byte> target;
  RangeDecoder decode = {};
  int64_t encoded_bytes = 0;  // of the range, where there is a decoder

  int64_t bytes() const { return decode ? encoded_bytes : static_cast<int64_t>(target.size()); }
};

/// Ranges to be read by the caller, and what has to be done when all are there (checksums, conversions).
struct ReadList {
  std::vector<ReadItem> items;
  std::vector<std::function<void()>> checks;
};

/// The memory of a variable that a file's values go into; its version goes up.
std::span<std::byte> variable_bytes(Variable& variable);

}  // namespace keras
