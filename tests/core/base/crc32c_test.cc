// CRC-32C against the vectors of RFC 3720, B.4.
#include "core/base/crc32c.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace keras {
namespace {

uint32_t crc_of(std::string_view text, uint32_t crc = 0) { return crc32c(std::as_bytes(std::span(text)), crc); }

TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc_of(""), 0u);
  EXPECT_EQ(crc_of("123456789"), 0xE3069283u);
  EXPECT_EQ(crc_of(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc_of(std::string(32, '\xFF')), 0x62A8AB43u);
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i), falling += static_cast<char>(31 - i);
  EXPECT_EQ(crc_of(rising), 0x46DD794Eu);
  EXPECT_EQ(crc_of(falling), 0x113FDB5Cu);
}

/// By the definition: the remainder of a division, bit by bit.
uint32_t divided(std::string_view text, uint32_t crc) {
  crc = ~crc;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
  }
  return ~crc;
}

TEST(Crc32c, LongInputsHaveTheRemainderOfTheDivision) {
  std::string text;
  uint32_t random = 1;
  for (int i = 0; i < 40'000; ++i) text += static_cast<char>((random = random * 1664525 + 1013904223) >> 24);
  for (const size_t size : {3344u, 8192u, 11535u, 11536u, 11537u, 11543u, 11544u, 11552u, 19728u, 19737u, 39'999u}) {
    for (const size_t start : {0u, 1u}) {
      const std::string_view part = std::string_view(text).substr(start, size);
      EXPECT_EQ(crc_of(part), divided(part, 0)) << size << " from " << start;
      EXPECT_EQ(crc_of(part, 0xE3069283u), divided(part, 0xE3069283u)) << size << " from " << start;
    }
  }
  EXPECT_EQ(crc_of(std::string(100'000, '\0')), divided(std::string(100'000, '\0'), 0));
}

TEST(Crc32c, ExtendsAtEverySplit) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += static_cast<char>(i * 37);
  const uint32_t whole = crc_of(text);
  for (size_t i = 0; i <= text.size(); ++i) {
    EXPECT_EQ(crc_of(std::string_view(text).substr(i), crc_of(std::string_view(text).substr(0, i))), whole);
  }
}

TEST(Crc32c, MaskingIsUndoneAndChangesTheValue) {
  for (const uint32_t crc : {0u, 1u, 0xFFFFFFFFu, 0xE3069283u, 0x80000000u}) {
    EXPECT_NE(mask_crc32c(crc), crc);
    EXPECT_EQ(unmask_crc32c(mask_crc32c(crc)), crc);
  }
}

}  // namespace
}  // namespace keras
