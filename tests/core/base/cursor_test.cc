// The cursor's bounds, integers and varints; checked arithmetic; pieces of written files.
#include "core/base/cursor.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/base/byte_sink.h"
#include "core/base/checked.h"

namespace keras {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Cursor, ReadsLittleEndianIntegers) {
  const auto bytes = bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xAA, 0xBB, 0xCC});
  Cursor cursor(bytes, "f");
  EXPECT_EQ(cursor.u8(), 1);
  EXPECT_EQ(cursor.u16(), 0x0302);
  EXPECT_EQ(cursor.u32(), 0x07060504u);
  EXPECT_EQ(cursor.u64(), 0x0F0E0D0C0B0A0908u);
  EXPECT_EQ(cursor.uint(3), 0xCCBBAAu);
  EXPECT_TRUE(cursor.at_end());
}

TEST(Cursor, ReadsPastTheEndNameFileAndOffset) {
  const auto bytes = bytes_of({1, 2, 3});
  for (const size_t count : {size_t{4}, SIZE_MAX, SIZE_MAX - 2}) {
    Cursor cursor(bytes, "f", 100);
    cursor.u8();
    try {
      cursor.bytes(count);
      ADD_FAILURE() << count;
    } catch (const DataLossError& error) {
      EXPECT_EQ(error.path(), "f");
      EXPECT_EQ(error.offset(), 101);
      EXPECT_EQ(cursor.position(), 1u);
    }
  }
  Cursor cursor(bytes, "f");
  EXPECT_THROW(cursor.seek(4), DataLossError);
  EXPECT_NO_THROW(cursor.seek(3));
  EXPECT_THROW(cursor.u8(), DataLossError);
  EXPECT_TRUE(cursor.bytes(0).empty());
}

TEST(Cursor, Varints) {
  const auto read = [](std::initializer_list<int> values) {
    const auto bytes = bytes_of(values);
    Cursor cursor(bytes, "f");
    return cursor.varint64();
  };
  EXPECT_EQ(read({0}), 0u);
  EXPECT_EQ(read({0x7F}), 127u);
  EXPECT_EQ(read({0xAC, 0x02}), 300u);
  EXPECT_EQ(read({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}), UINT64_MAX);
  EXPECT_THROW(read({0x80}), DataLossError);
  EXPECT_THROW(read({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}), DataLossError);
}

TEST(Checked, ReportsOverflow) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max(), kMin = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(checked_mul(3, -4), -12);
  EXPECT_EQ(checked_mul(kMax, 1), kMax);
  EXPECT_EQ(checked_mul(kMax, 2), std::nullopt);
  EXPECT_EQ(checked_mul(int64_t{1} << 32, int64_t{1} << 31), std::nullopt);
  EXPECT_EQ(checked_mul(kMin, -1), std::nullopt);
  EXPECT_EQ(checked_add(kMax, 0), kMax);
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_add(kMin, -1), std::nullopt);
}

TEST(OutputFile, CountsOwnedAndBorrowedBytes) {
  OutputFile file;
  file.add(bytes_of({1, 2, 3}));
  const auto kept = std::make_shared<std::vector<std::byte>>(5);
  file.add(std::span<const std::byte>(*kept), kept);
  EXPECT_EQ(file.size_bytes(), 8);
  EXPECT_EQ(file.pieces[1].bytes().data(), kept->data());
}

}  // namespace
}  // namespace keras
