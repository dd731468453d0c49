// Deflate streams: exact sizes, broken streams, streams that lie about their size.
#include "core/formats/inflate.h"

#include "tests/core/formats/support.h"

namespace keras {
namespace {

using namespace keras::testing;

FileBytes noise(size_t count) {
  FileBytes bytes(count);
  uint32_t state = 1;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((state = state * 1664525u + 1013904223u) >> 27);
  return bytes;
}

TEST(Inflate, GivesBackWhatWasDeflated) {
  for (const DeflateWrapper wrapper : {DeflateWrapper::kRaw, DeflateWrapper::kZlib}) {
    for (const size_t count : {size_t{0}, size_t{1}, size_t{1000}, (size_t{1} << 20) - 1, size_t{1} << 20, size_t{2500000}}) {
      const FileBytes bytes = noise(count);
      EXPECT_EQ(inflate_bytes(deflated(bytes, wrapper), static_cast<int64_t>(count), wrapper, "x", Limits{}), bytes) << count;
    }
  }
}

TEST(Inflate, RefusesStreamsOfAnotherSize) {
  const FileBytes stream = deflated(noise(1000), DeflateWrapper::kZlib);
  for (const int64_t size : {0, 999, 1001, 100000}) {
    EXPECT_THROW(inflate_bytes(stream, size, DeflateWrapper::kZlib, "x", Limits{}), DataLossError) << size;
  }
}

TEST(Inflate, ClaimsAreRefusedBeforeMemoryIsAsked) {
  const FileBytes stream = deflated(noise(1000), DeflateWrapper::kZlib);
  EXPECT_THROW(inflate_bytes(stream, int64_t{1} << 40, DeflateWrapper::kZlib, "x", Limits{}), ResourceExhaustedError);
  EXPECT_THROW(inflate_bytes(stream, int64_t{3} << 30, DeflateWrapper::kZlib, "x", Limits{}), DataLossError);
}

TEST(Inflate, CutAndFlippedStreamsAreTypedErrorsThatNameThePlace) {
  const FileBytes good = deflated(noise(300), DeflateWrapper::kZlib);
  const int accepted = expect_hostile_bytes_survived(
      good, [](const FileBytes& bytes) { inflate_bytes(bytes, 300, DeflateWrapper::kZlib, "member", Limits{}); });
  EXPECT_EQ(accepted, 0);
  try {
    inflate_bytes({}, 1, DeflateWrapper::kRaw, "member", Limits{});
    FAIL();
  } catch (const DataLossError& error) {
    EXPECT_EQ(error.path(), "member");
  }
}

TEST(Crc32, KnownVectorAndPieces) {
  const FileBytes text = to_bytes("123456789");
  EXPECT_EQ(crc32_of(text), 0xCBF43926u);
  EXPECT_EQ(crc32_of({}), 0u);
  EXPECT_EQ(crc32_of(std::span(text).subspan(4), crc32_of(std::span(text).first(4))), 0xCBF43926u);
}

}  // namespace
}  // namespace keras
