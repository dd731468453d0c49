// Deflate streams, by zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/limits.h"

namespace keras {

enum class DeflateWrapper { kRaw, kZlib };

/// Inflates exactly `size` bytes. Throws DataLossError naming `where` if the stream is broken or of another size,
/// ResourceExhaustedError if `size` is over the limits. Memory grows with what is really there, not with what is claimed.
std::vector<std::byte> inflate_bytes(std::span<const std::byte> compressed, int64_t size, DeflateWrapper wrapper,
                                     std::string_view where, const Limits& limits);

/// CRC-32 as zip has it.
uint32_t crc32_of(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace keras
