#include "core/formats/hdf5/checksum.h"

#include <bit>

namespace keras::hdf5 {
namespace {

/// Up to four bytes, little-endian; those past the end count as zeros.
uint32_t word(std::span<const std::byte> data, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4 && at + i < data.size(); ++i) value |= std::to_integer<uint32_t>(data[at + i]) << (8 * i);
  return value;
}

}  // namespace

uint32_t lookup3(std::span<const std::byte> data) {
  uint32_t a = 0xDEADBEEF + static_cast<uint32_t>(data.size()), b = a, c = a;
  if (data.empty()) return c;
  for (; data.size() > 12; data = data.subspan(12)) {
    a += word(data, 0), b += word(data, 4), c += word(data, 8);
    a -= c, a ^= std::rotl(c, 4), c += b;
    b -= a, b ^= std::rotl(a, 6), a += c;
    c -= b, c ^= std::rotl(b, 8), b += a;
    a -= c, a ^= std::rotl(c, 16), c += b;
    b -= a, b ^= std::rotl(a, 19), a += c;
    c -= b, c ^= std::rotl(b, 4), b += a;
  }
  a += word(data, 0), b += word(data, 4), c += word(data, 8);
  c ^= b, c -= std::rotl(b, 14);
  a ^= c, a -= std::rotl(c, 11);
  b ^= a, b -= std::rotl(a, 25);
  c ^= b, c -= std::rotl(b, 16);
  a ^= c, a -= std::rotl(c, 4);
  b ^= a, b -= std::rotl(a, 14);
  c ^= b, c -= std::rotl(b, 24);
  return c;
}

uint32_t fletcher32(std::span<const std::byte> data) {
  uint32_t sum1 = 0, sum2 = 0;
  for (size_t i = 0; i < data.size(); i += 2) {
    const uint32_t high = std::to_integer<uint32_t>(data[i]);
    const uint32_t low = i + 1 < data.size() ? std::to_integer<uint32_t>(data[i + 1]) : 0;
    sum1 = (sum1 + (high << 8 | low)) % 65535;
    sum2 = (sum2 + sum1) % 65535;
  }
  return sum2 << 16 | sum1;
}

bool lookup3_matches(std::span<const std::byte> data, uint32_t stored) { return lookup3(data) == stored; }

bool fletcher32_matches(std::span<const std::byte> data, uint32_t stored) { return fletcher32(data) == stored; }

}  // namespace keras::hdf5
