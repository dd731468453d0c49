// What a loader wants read: ranges of files, and what becomes of them.
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

/// A range that is the value of `variable`, or goes through `decode`, or, where there is neither, into `target`: memory that the
/// load has made for it, and that stays valid until the loader is gone.
struct ReadItem {
  const ByteSource* source;
  int64_t offset;
  std::span<std::byte> target = {};
  VariablePtr variable = nullptr;
  std::function<void(uint32_t crc32c)> verify = nullptr;  // throws DataLossError; null where the file has no checksum
  RangeDecoder decode = nullptr;
  int64_t encoded_bytes = 0;  // of the range, where there is a decoder

  int64_t size_bytes() const {
    if (decode) return encoded_bytes;
    return variable ? variable->value().size_bytes() : static_cast<int64_t>(target.size());
  }
};

struct ReadList {
  /// Straight into variables: of objects that nobody sees where the load fails.
  bool in_place = false;
  std::vector<ReadItem> items;
  /// Make values of what has been read into targets. May throw.
  std::vector<std::function<void()>> checks;
  /// Give variables values that are no range of a file. Run last, and do not throw.
  std::vector<std::function<void()>> assignments;
};

}  // namespace keras
