// CRC-32C by sixteen tables (slicing by 16; by 8: M. Kounavis, F. Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005). The tables are made at first use: in the download they would take what cannot be
// compressed.
#include "core/base/crc32c.h"

#include <array>
#include <cstring>

namespace keras {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78u;  // reversed

using Tables = std::array<std::array<uint32_t, 256>, 16>;

Tables make_tables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][i] = crc;
  }
  for (size_t t = 1; t < tables.size(); ++t) {
    for (size_t i = 0; i < 256; ++i) tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFF];
  }
  return tables;
}

/// What the next four bytes change, `first` tables before the end of the block.
inline uint32_t step(const Tables& tables, size_t first, uint32_t word) {
  return tables[first][word & 0xFF] ^ tables[first - 1][word >> 8 & 0xFF] ^ tables[first - 2][word >> 16 & 0xFF] ^
         tables[first - 3][word >> 24];
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
  static const Tables tables = make_tables();
  const std::byte* p = bytes.data();
  size_t count = bytes.size();
  crc = ~crc;
  for (; count >= 16; count -= 16, p += 16) {
    uint32_t words[4];
    std::memcpy(words, p, 16);
    crc = step(tables, 15, words[0] ^ crc) ^ step(tables, 11, words[1]) ^ step(tables, 7, words[2]) ^ step(tables, 3, words[3]);
  }
  for (; count > 0; --count, ++p) crc = (crc >> 8) ^ tables[0][(crc ^ std::to_integer<uint32_t>(*p)) & 0xFF];
  return ~crc;
}

}  // namespace keras
