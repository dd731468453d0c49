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

void Fletcher32::add(std::span<const std::byte> data) {
  size_t at = 0;
  if (odd_ && !data.empty()) {
    add_word(std::to_integer<uint32_t>(*odd_) << 8 | std::to_integer<uint32_t>(data[0]));
    odd_.reset();
    at = 1;
  }
  for (; at + 2 <= data.size(); at += 2)
    add_word(std::to_integer<uint32_t>(data[at]) << 8 | std::to_integer<uint32_t>(data[at + 1]));
  if (at < data.size()) odd_ = data[at];
}

void Fletcher32::add_word(uint32_t word) {
  // Sums modulo 65535 by adding the carry: a sum that is not 0 never becomes 0, but 65535.
  sum1_ += word;
  sum1_ = (sum1_ & 0xFFFF) + (sum1_ >> 16);
  sum2_ += sum1_;
  sum2_ = (sum2_ & 0xFFFF) + (sum2_ >> 16);
}

uint32_t Fletcher32::value() const {
  Fletcher32 whole = *this;
  if (odd_) whole.add_word(std::to_integer<uint32_t>(*odd_) << 8);
  return whole.sum2_ << 16 | whole.sum1_;
}

bool lookup3_matches(std::span<const std::byte> data, uint32_t stored) { return lookup3(data) == stored; }

bool fletcher32_matches(const Fletcher32& sum, uint32_t stored) { return sum.value() == stored; }

}  // namespace keras::hdf5
