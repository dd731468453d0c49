// Elements of a stream: literals, and copies of what has been written already.
#include "core/formats/snappy.h"

#include "core/base/cursor.h"
#include "core/base/error.h"

namespace keras {
namespace {

/// What three bytes (a copy with an offset of two) can stand for at most is 64.
constexpr uint64_t kMostBytesPerByte = 22;

void copy_literal(Cursor& cursor, uint8_t tag, std::vector<std::byte>& out) {
  uint64_t length = tag >> 2;
  if (length >= 60) length = cursor.uint(length - 59);  // 1 to 4 bytes
  const auto bytes = cursor.bytes(length + 1);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void copy_earlier(Cursor& cursor, uint8_t tag, std::vector<std::byte>& out) {
  uint64_t length = (tag >> 2) + 1u, distance;
  if ((tag & 3) == 1) {
    length = ((tag >> 2) & 7) + 4u;
    distance = (static_cast<uint64_t>(tag) >> 5) << 8 | cursor.u8();
  } else {
    distance = (tag & 3) == 2 ? cursor.u16() : cursor.u32();
  }
  if (distance == 0 || distance > out.size()) cursor.fail("a copy reaches before the start of its block");
  // Byte by byte: a copy may read what it writes.
  for (uint64_t i = 0; i < length; ++i) out.push_back(out[out.size() - distance]);
}

}  // namespace

std::vector<std::byte> uncompress_snappy(std::span<const std::byte> compressed, std::string_view file, int64_t base_offset,
                                         int64_t max_bytes) {
  Cursor cursor(compressed, file, base_offset);
  const uint64_t size = cursor.varint64();
  if (size > compressed.size() * kMostBytesPerByte) cursor.fail("a compressed block claims more than its bytes can hold");
  if (size > static_cast<uint64_t>(max_bytes)) {
    throw ResourceExhaustedError("{}: a block of {} bytes, more than limits.metadataBytes ({})", file, size, max_bytes)
        .at(std::string(file), base_offset);
  }
  std::vector<std::byte> out;
  out.reserve(size);
  while (!cursor.at_end()) {
    const uint8_t tag = cursor.u8();
    if ((tag & 3) == 0)
      copy_literal(cursor, tag, out);
    else
      copy_earlier(cursor, tag, out);
    if (out.size() > size) cursor.fail("a compressed block holds more than it says");
  }
  if (out.size() != size) cursor.fail("a compressed block holds less than it says");
  return out;
}

}  // namespace keras
