// CRC-32C by sixteen tables (slicing by 16; by 8: M. Kounavis, F. Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005). The tables are made at first use: in the download they would take what cannot be
// compressed. Of long inputs the tables see the end only: a sparse multiple of the polynomial moves everything there by
// exclusive ors of whole vectors (as S. Russell, "Chorba: A novel CRC32 implementation", 2024, does with words).
#include "core/base/crc32c.h"

#include <algorithm>
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

uint32_t extend_by_tables(uint32_t crc, std::span<const std::byte> bytes) {
  static const Tables tables = make_tables();
  const std::byte* p = bytes.data();
  size_t count = bytes.size();
  for (; count >= 16; count -= 16, p += 16) {
    uint32_t words[4];
    std::memcpy(words, p, 16);
    crc = step(tables, 15, words[0] ^ crc) ^ step(tables, 11, words[1]) ^ step(tables, 7, words[2]) ^ step(tables, 3, words[3]);
  }
  for (; count > 0; --count, ++p) crc = (crc >> 8) ^ tables[0][(crc ^ std::to_integer<uint32_t>(*p)) & 0xFF];
  return crc;
}

/// The polynomial divides x^209 + x^144 + x^54 + x^39 + x^14 + 1, of its multiples of six terms the one of the smallest degree,
/// and so the same in x^128: squaring doubles exponents. A vector of 128 bits may thus be added to those that come this many
/// words of 64 bits after it, and be zero itself.
constexpr size_t kReach = 2 * 209;
constexpr size_t kDistances[] = {2 * (209 - 144), 2 * (209 - 54), 2 * (209 - 39), 2 * (209 - 14), kReach};
constexpr size_t kBlock = 1024;  // words that are moved at once; with kReach before them they stay in the nearest cache

/// bytes[8 * i] and those that follow, and what is moved there; `words[i]` is its place among the words that were moved before.
inline uint64_t moved_to(const uint64_t* words, const std::byte* bytes, size_t i) {
  const auto [a, b, c, d, e] = kDistances;
  uint64_t word;
  std::memcpy(&word, bytes + 8 * i, 8);
  words += i;
  return word ^ *(words - a) ^ *(words - b) ^ *(words - c) ^ *(words - d) ^ *(words - e);
}

/// Takes all from the front of `bytes` but the last few.
uint32_t extend_by_moves(uint32_t crc, std::span<const std::byte>& bytes) {
  std::array<uint64_t, kReach + kBlock> moved{crc};  // the first word there is only moved to where the first of the bytes stand
  uint64_t* block = moved.data() + kReach;
  while (const size_t count = std::min(kBlock, bytes.size() / 8 - kReach)) {
    for (size_t i = 0; i < count; ++i) block[i] = moved_to(block, bytes.data(), i);
    std::copy_n(block + count - kReach, kReach, moved.data());
    bytes = bytes.subspan(8 * count);
  }
  std::array<uint64_t, kReach> end;
  std::fill_n(block, kReach, 0);  // these stay
  for (size_t i = 0; i < kReach; ++i) end[i] = moved_to(block, bytes.data(), i);
  bytes = bytes.subspan(8 * kReach);
  return extend_by_tables(0, std::as_bytes(std::span(end)));
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
  crc = ~crc;
  if (bytes.size() > 8 * (kReach + kBlock)) crc = extend_by_moves(crc, bytes);
  return ~extend_by_tables(crc, bytes);
}

}  // namespace keras
