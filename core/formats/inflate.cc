// Inflating with bounds.
#include "core/formats/inflate.h"

#include <zlib.h>

#include <algorithm>

#include "core/base/error.h"

namespace keras {
namespace {

constexpr int64_t kStepBytes = 1 << 20;

/// Frees zlib's state however the function is left.
struct InflateState {
  z_stream stream{};
  explicit InflateState(DeflateWrapper wrapper) {
    if (inflateInit2(&stream, wrapper == DeflateWrapper::kRaw ? -MAX_WBITS : MAX_WBITS) != Z_OK) {
      throw OutOfMemoryError("zlib could not allocate its state");
    }
  }
  ~InflateState() { inflateEnd(&stream); }
  InflateState(const InflateState&) = delete;
  InflateState& operator=(const InflateState&) = delete;
};

}  // namespace

std::vector<std::byte> inflate_bytes(std::span<const std::byte> compressed, int64_t size, DeflateWrapper wrapper,
                                     std::string_view where, const Limits& limits) {
  if (size > limits.inflated_bytes) {
    throw ResourceExhaustedError("{}: inflates to {} bytes, more than limits.inflatedBytes ({})", where, size,
                                 limits.inflated_bytes)
        .at(where);
  }
  if (size / limits.inflate_ratio > static_cast<int64_t>(compressed.size()) + 1) {
    throw DataLossError("{}: {} bytes cannot inflate to {}", where, compressed.size(), size).at(where);
  }
  InflateState state(wrapper);
  z_stream& stream = state.stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::vector<std::byte> out;
  int result = Z_OK;
  while (result == Z_OK) {
    const auto done = static_cast<int64_t>(out.size());
    // One byte more than promised shows a stream that is longer.
    const int64_t step = std::min(kStepBytes, size + 1 - done);
    if (step <= 0) break;
    out.resize(static_cast<size_t>(done + step));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = static_cast<uInt>(step);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(static_cast<size_t>(done + step - static_cast<int64_t>(stream.avail_out)));
    if (result == Z_BUF_ERROR) break;
  }
  if (result != Z_STREAM_END || static_cast<int64_t>(out.size()) != size) {
    throw DataLossError("{}: a broken deflate stream", where).at(where);
  }
  return out;
}

uint32_t crc32_of(std::span<const std::byte> bytes, uint32_t crc) {
  uLong value = crc;
  // zlib counts in 32 bits.
  for (size_t i = 0; i < bytes.size(); i += 1u << 30) {
    const size_t count = std::min<size_t>(1u << 30, bytes.size() - i);
    value = ::crc32(value, reinterpret_cast<const Bytef*>(bytes.data() + i), static_cast<uInt>(count));
  }
  return static_cast<uint32_t>(value);
}

}  // namespace keras
