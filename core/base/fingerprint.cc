// FarmHash's Fingerprint64 by the length of the text, and SipHash-2-4.
#include "core/base/fingerprint.h"

#include <bit>
#include <cstring>
#include <utility>

namespace keras {
namespace {

constexpr uint64_t kPrime0 = 0xC3A5C85C97CB3127u, kPrime1 = 0xB492B66FBE98F273u, kPrime2 = 0x9AE16A3B2F90404Fu;

template <class T>
T load(const char* at) {  // little-endian
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
uint64_t word(const char* at) { return load<uint64_t>(at); }
uint64_t half(const char* at) { return load<uint32_t>(at); }
uint64_t right(uint64_t value, int by) { return std::rotr(value, by); }
uint64_t mixed(uint64_t value) { return value ^ value >> 47; }

uint64_t fold(uint64_t u, uint64_t v, uint64_t factor) {
  const uint64_t a = mixed((u ^ v) * factor);
  return mixed((v ^ a) * factor) * factor;
}

uint64_t hash_to_16(const char* s, size_t size) {
  const uint64_t factor = kPrime2 + size * 2;
  if (size >= 8) {
    const uint64_t a = word(s) + kPrime2, b = word(s + size - 8);
    return fold(right(b, 37) * factor + a, (right(a, 25) + b) * factor, factor);
  }
  if (size >= 4) return fold(size + (half(s) << 3), half(s + size - 4), factor);
  if (size == 0) return kPrime2;
  const auto byte = [s](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(s[i])); };
  const uint32_t y = byte(0) + (byte(size / 2) << 8), z = static_cast<uint32_t>(size) + (byte(size - 1) << 2);
  return mixed(y * kPrime2 ^ z * kPrime0) * kPrime2;
}

uint64_t hash_to_32(const char* s, size_t size) {
  const uint64_t factor = kPrime2 + size * 2;
  const uint64_t a = word(s) * kPrime1, b = word(s + 8), c = word(s + size - 8) * factor, d = word(s + size - 16) * kPrime2;
  return fold(right(a + b, 43) + right(c, 30) + d, a + right(b + kPrime2, 18) + c, factor);
}

uint64_t hash_to_64(const char* s, size_t size) {
  const uint64_t factor = kPrime2 + size * 2;
  const uint64_t a = word(s) * kPrime2, b = word(s + 8), c = word(s + size - 8) * factor, d = word(s + size - 16) * kPrime2;
  const uint64_t y = right(a + b, 43) + right(c, 30) + d, z = fold(y, a + right(b + kPrime2, 18) + c, factor);
  const uint64_t e = word(s + 16) * factor, f = word(s + 24);
  const uint64_t g = (y + word(s + size - 32)) * factor, h = (z + word(s + size - 24)) * factor;
  return fold(right(e + f, 43) + right(g, 30) + h, e + right(f + a, 18) + g, factor);
}

using Pair = std::pair<uint64_t, uint64_t>;

/// 32 bytes from `s` on.
Pair weak_hash(const char* s, uint64_t a, uint64_t b) {
  a += word(s);
  b = right(b + a + word(s + 24), 21);
  const uint64_t first = a;
  a += word(s + 8);
  a += word(s + 16);
  return {a + word(s + 24), b + right(a, 44) + first};
}

uint64_t hash_long(const char* s, size_t size) {
  uint64_t x = 81, y = 81 * kPrime1 + 113, z = mixed(y * kPrime2 + 113) * kPrime2;
  Pair v, w;
  x = x * kPrime2 + word(s);
  const auto round = [&](const char* at, uint64_t factor, uint64_t of_w, uint64_t of_v) {
    x = right(x + y + v.first + word(at + 8), 37) * factor;
    y = right(y + v.second + word(at + 48), 42) * factor;
    x ^= w.second * of_w;
    y += v.first * of_v + word(at + 40);
    z = right(z + w.first, 33) * factor;
    v = weak_hash(at, v.second * factor, x + w.first);
    w = weak_hash(at + 32, z + w.second, y + word(at + 16));
    std::swap(z, x);
  };
  const char* const last = s + (size - 1) / 64 * 64;
  for (; s != last; s += 64) round(s, kPrime1, 1, 1);
  const size_t rest = (size - 1) & 63;
  const uint64_t factor = kPrime1 + ((z & 0xFF) << 1);
  w.first += rest;
  v.first += w.first;
  w.first += v.first;
  round(last + rest - 63, factor, 9, 9);
  return fold(fold(v.first, w.first, factor) + mixed(y) * kPrime0 + z, fold(v.second, w.second, factor) + x, factor);
}

}  // namespace

uint64_t fingerprint64(std::string_view text) {
  const size_t size = text.size();
  if (size <= 16) return hash_to_16(text.data(), size);
  if (size <= 32) return hash_to_32(text.data(), size);
  return size <= 64 ? hash_to_64(text.data(), size) : hash_long(text.data(), size);
}

uint64_t sip_hash(uint64_t key_low, uint64_t key_high, std::string_view text) {
  uint64_t v0 = key_low ^ 0x736F6D6570736575u, v1 = key_high ^ 0x646F72616E646F6Du;
  uint64_t v2 = key_low ^ 0x6C7967656E657261u, v3 = key_high ^ 0x7465646279746573u;
  const auto rounds = [&](int count) {
    for (; count > 0; --count) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto take = [&](uint64_t message) {
    v3 ^= message;
    rounds(2);
    v0 ^= message;
  };
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) take(word(text.data() + at));
  uint64_t last = static_cast<uint64_t>(text.size()) << 56;
  for (size_t i = 0; at + i < text.size(); ++i)
    last |= static_cast<uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
  take(last);
  v2 ^= 0xFF;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace keras
