// Inflating with bounds.
#include "core/formats/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "core/base/error.h"

namespace keras {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;
constexpr size_t kMostAtOnce = size_t{1} << 30;  // zlib counts in 32 bits

}  // namespace

struct InflateStream::State {
  z_stream stream{};
  std::array<std::byte, kBufferBytes> buffer;

  explicit State(DeflateWrapper wrapper) {
    if (inflateInit2(&stream, wrapper == DeflateWrapper::kRaw ? -MAX_WBITS : MAX_WBITS) != Z_OK)
      throw OutOfMemoryError("zlib could not allocate its state");
  }
  ~State() { inflateEnd(&stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

InflateStream::InflateStream(int64_t compressed, int64_t size, DeflateWrapper wrapper, std::string where, const Limits& limits)
    : where_(std::move(where)), size_(size) {
  if (size > limits.inflated_bytes) {
    throw ResourceExhaustedError("{}: inflates to {} bytes, more than limits.inflatedBytes ({})", where_, size,
                                 limits.inflated_bytes);
  }
  if (size / limits.inflate_ratio > compressed + 1)
    throw DataLossError("{}: {} bytes cannot inflate to {}", where_, compressed, size);
  state_ = std::make_unique<State>(wrapper);
}

InflateStream::~InflateStream() = default;

void InflateStream::fail() const { throw DataLossError("{}: a broken deflate stream", where_); }

void InflateStream::add(std::span<const std::byte> compressed, const Output& out) {
  z_stream& stream = state_->stream;
  std::array<std::byte, kBufferBytes>& buffer = state_->buffer;
  while (!ended_ && !compressed.empty()) {
    const auto piece = compressed.first(std::min(compressed.size(), kMostAtOnce));
    compressed = compressed.subspan(piece.size());
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = kBufferBytes;
      const int result = inflate(&stream, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) fail();
      ended_ = result == Z_STREAM_END;
      const size_t count = kBufferBytes - stream.avail_out;
      done_ += static_cast<int64_t>(count);
      if (done_ > size_) fail();
      if (count > 0) out(std::span(buffer).first(count));
    } while (!ended_ && stream.avail_out == 0);
  }
}

void InflateStream::finish() const {
  if (!ended_ || done_ != size_) fail();
}

std::vector<std::byte> inflate_bytes(std::span<const std::byte> compressed, int64_t size, DeflateWrapper wrapper,
                                     std::string_view where, const Limits& limits) {
  try {
    InflateStream stream(static_cast<int64_t>(compressed.size()), size, wrapper, std::string(where), limits);
    std::vector<std::byte> result;
    stream.add(compressed, [&](std::span<const std::byte> bytes) { result.insert(result.end(), bytes.begin(), bytes.end()); });
    stream.finish();
    return result;
  } catch (Error& error) {
    error.set_path(where);
    throw;
  }
}

uint32_t crc32_of(std::span<const std::byte> bytes, uint32_t crc) {
  uLong value = crc;
  for (size_t i = 0; i < bytes.size(); i += kMostAtOnce) {
    const size_t count = std::min(kMostAtOnce, bytes.size() - i);
    value = ::crc32(value, reinterpret_cast<const Bytef*>(bytes.data() + i), static_cast<uInt>(count));
  }
  return static_cast<uint32_t>(value);
}

}  // namespace keras
