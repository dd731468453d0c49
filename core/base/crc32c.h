// CRC-32C (Castagnoli), as tensor bundles and TFRecord files use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace keras {

/// Extends `crc` (0 for a start) by `bytes`.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);

/// The rotated and offset form that LevelDB-style files store, so that a checksum of checksums stays meaningful.
constexpr uint32_t mask_crc32c(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; }
constexpr uint32_t unmask_crc32c(uint32_t masked) {
  const uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace keras
