// A reader over bytes in memory that owns the bounds check. Little-endian, as all our formats are.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace keras {

/// Walks over `bytes`, which must outlive it. `file` and `base_offset` only serve error messages.
/// Every read past the end throws DataLossError with file and offset.
class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, std::string_view file, int64_t base_offset = 0)
      : bytes_(bytes), file_(file), base_offset_(base_offset) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  bool at_end() const { return remaining() == 0; }
  int64_t file_offset() const { return base_offset_ + static_cast<int64_t>(position_); }

  void seek(size_t position) {
    if (position > bytes_.size()) fail("position is past the end");
    position_ = position;
  }
  void skip(size_t count) { bytes(count); }

  std::span<const std::byte> bytes(size_t count) {
    if (remaining() < count) fail("needs more bytes than there are");
    const auto part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }
  std::string_view text(size_t count) {
    const auto part = bytes(count);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  /// An unsigned integer of 1 to 8 bytes.
  uint64_t uint(size_t byte_count) {
    const auto part = bytes(byte_count);
    uint64_t value = 0;
    for (size_t i = part.size(); i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(part[i]);
    return value;
  }
  /// A base-128 varint of at most 10 bytes.
  uint64_t varint64() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = u8();
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail("a varint is longer than 10 bytes");
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw DataLossError("{}: {} (at byte {})", file_, what, file_offset()).at(file_, file_offset());
  }

 private:
  template <class T>
  T fixed() {
    static_assert(std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  std::string_view file_;
  int64_t base_offset_;
};

}  // namespace keras
