// Code points in UTF-8, and what stands where there is none (tables 3-7 and 3-8 of the Unicode standard).
#include "core/base/utf8.h"

#include <gtest/gtest.h>

#include <vector>

namespace keras {
namespace {

std::vector<int64_t> codes(std::string_view text) {
  std::vector<int64_t> result;
  while (!text.empty()) {
    const Utf8 one = next_utf8(text);
    result.push_back(one.valid ? one.code : -static_cast<int64_t>(one.bytes));
    text.remove_prefix(one.bytes);
  }
  return result;
}

TEST(Utf8, CodePointsAreWrittenAndReadBack) {
  for (const uint32_t code : {0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(text, code);
    EXPECT_EQ(codes(text), std::vector<int64_t>{code});
  }
}

TEST(Utf8, OneReplacementStandsForTheLongestBeginning) {
  EXPECT_EQ(codes("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            (std::vector<int64_t>{0x61, -3, -2, -1, 0x62, -1, 0x63, -1, -1, 0x64}));
}

TEST(Utf8, LongFormsSurrogatesAndTooLargeNumbersAreNone) {
  EXPECT_EQ(codes("\xC0\x80"), (std::vector<int64_t>{-1, -1}));
  EXPECT_EQ(codes("\xED\xA0\x80"), (std::vector<int64_t>{-1, -1, -1}));
  EXPECT_EQ(codes("\xF4\x90\x80\x80"), (std::vector<int64_t>{-1, -1, -1, -1}));
}

TEST(Utf8, AnEmptyTextHasNone) {
  EXPECT_EQ(next_utf8("").bytes, 0u);
  EXPECT_FALSE(next_utf8("").valid);
}

}  // namespace
}  // namespace keras
