// What a loader wants read: ranges of files, and what becomes of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/byte_source.h"
#include "core/tensor/variable.h"

namespace keras {

/// Gets the bytes of a range in order, in pieces of any size. Throws DataLossError.
using RangeDecoder = std::function<void(std::span<const std::byte>)>;

/// Values that stand in the file otherwise than in memory: compressed, in chunks, of another type.
struct EncodedValues {
  std::vector<std::pair<int64_t, int64_t>> ranges;  // offset and size of each, in the order in which they are to be read
  bool checked = false;                             // a decoder can tell that a range is damaged
  /// The decoders of the ranges. They put all values into `out`, or, where it is empty, only check what they get.
  std::function<std::vector<RangeDecoder>(std::span<std::byte> out)> decode;
};

/// A value of `variable`, or, where there is none, of `target`: memory that the load has made for it, and that stays valid until
/// the loader is gone. Its bytes stand at `offset`, or are what `encoded` (with a variable) makes of its ranges.
struct ReadItem {
  const ByteSource* source;
  int64_t offset;
  std::span<std::byte> target = {};
  VariablePtr variable = nullptr;
  std::function<void(uint32_t crc32c)> verify = nullptr;  // throws DataLossError; null where the file has no checksum
  std::shared_ptr<const EncodedValues> encoded = nullptr;

  /// Of the value.
  int64_t size_bytes() const {
    return variable ? tensor_bytes(variable->dtype(), variable->shape()) : static_cast<int64_t>(target.size());
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
