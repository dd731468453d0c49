// Deflate streams, by zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/limits.h"

namespace keras {

enum class DeflateWrapper { kRaw, kZlib };

/// A stream that comes in pieces and inflates to exactly `size` bytes, handed on in pieces: little memory, whatever the size.
/// `where` begins the messages of errors; their place is the caller's to add.
class InflateStream {
 public:
  using Output = std::function<void(std::span<const std::byte>)>;

  /// `compressed`: bytes of the whole stream. Throws ResourceExhaustedError if `size` is over the limits, DataLossError if so
  /// few bytes cannot inflate to it.
  InflateStream(int64_t compressed, int64_t size, DeflateWrapper wrapper, std::string where, const Limits& limits);
  ~InflateStream();
  /// The next piece. What stands behind the stream's end is left. Throws DataLossError: broken, or longer than `size`.
  void add(std::span<const std::byte> compressed, const Output& out);
  /// Throws DataLossError if the stream has not come to its end, or is shorter than `size`.
  void finish() const;

 private:
  struct State;
  [[noreturn]] void fail() const;

  std::unique_ptr<State> state_;
  std::string where_;
  int64_t size_, done_ = 0;
  bool ended_ = false;
};

/// Inflates exactly `size` bytes. Throws as InflateStream does, naming `where`. Memory grows with what is really there, not
/// with what is claimed.
std::vector<std::byte> inflate_bytes(std::span<const std::byte> compressed, int64_t size, DeflateWrapper wrapper,
                                     std::string_view where, const Limits& limits);

/// CRC-32 as zip has it.
uint32_t crc32_of(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace keras
