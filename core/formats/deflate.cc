// Deflating, by zlib.
#include "core/formats/deflate.h"

#include <zlib.h>

#include <algorithm>

#include "core/base/error.h"

namespace keras {
namespace {

constexpr int kLevel = 6, kMemoryLevel = 8;  // zlib's defaults
constexpr size_t kStepBytes = 1 << 18;
constexpr size_t kMostInput = 1 << 30;  // zlib counts in 32 bits

/// Frees zlib's state however the function is left.
struct DeflateState {
  z_stream stream{};
  DeflateState() {
    if (deflateInit2(&stream, kLevel, Z_DEFLATED, -MAX_WBITS, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw OutOfMemoryError("zlib could not allocate its state");
    }
  }
  ~DeflateState() { deflateEnd(&stream); }
  DeflateState(const DeflateState&) = delete;
  DeflateState& operator=(const DeflateState&) = delete;
};

/// Takes `input` and all that comes out; with `flush` Z_FINISH, up to the end of the stream.
void deflate_part(z_stream& stream, std::span<const std::byte> input, int flush, std::vector<std::byte>& out) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  do {
    const size_t done = out.size();
    out.resize(done + kStepBytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = static_cast<uInt>(kStepBytes);
    deflate(&stream, flush);  // cannot fail: the state is sound, and there is room
    out.resize(done + kStepBytes - stream.avail_out);
  } while (stream.avail_out == 0);
}

}  // namespace

std::vector<std::byte> deflate_pieces(const std::vector<FilePiece>& pieces) {
  DeflateState state;
  std::vector<std::byte> out;
  for (const FilePiece& piece : pieces) {
    const std::span<const std::byte> bytes = piece.bytes();
    for (size_t at = 0; at < bytes.size(); at += kMostInput)
      deflate_part(state.stream, bytes.subspan(at, std::min(kMostInput, bytes.size() - at)), Z_NO_FLUSH, out);
  }
  deflate_part(state.stream, {}, Z_FINISH, out);
  return out;
}

}  // namespace keras
