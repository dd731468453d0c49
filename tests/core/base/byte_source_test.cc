// Byte sources: ranges that do not fit are typed errors, blocks are asked for once, windows stay inside.
#include "core/base/byte_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"

namespace keras {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::vector<std::byte> counting(int64_t count) {
  std::vector<std::byte> bytes(static_cast<size_t>(count));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 256);
  return bytes;
}

template <class F>
void expect_data_loss(F&& f, std::string_view file) {
  try {
    f();
    ADD_FAILURE() << "no error";
  } catch (const DataLossError& error) {
    EXPECT_EQ(error.path(), file);
    EXPECT_NE(error.message().find(file), std::string::npos);
  }
}

TEST(MemorySource, ReadsRangesAndRefusesOthers) {
  const MemorySource source("m", counting(10));
  EXPECT_EQ(source.read(3, 4), std::vector<std::byte>(source.bytes().begin() + 3, source.bytes().begin() + 7));
  EXPECT_TRUE(source.read(10, 0).empty());
  for (const auto& [offset, count] :
       {std::pair<int64_t, int64_t>{0, 11}, {10, 1}, {11, 0}, {-1, 1}, {0, -1}, {1, kMax}, {kMax, 1}}) {
    expect_data_loss([&, o = offset, c = count] { source.read(o, c); }, "m");
  }
}

TEST(BlockSource, AsksForWholeBlocksThenReads) {
  constexpr int64_t kBlock = BlockSource::kBlockBytes;
  const auto bytes = counting(3 * kBlock + 100);
  BlockSource source("b", static_cast<int64_t>(bytes.size()));
  std::vector<std::pair<int64_t, int64_t>> asked;
  const auto read = [&](int64_t offset, int64_t count) {
    for (int tries = 0; tries < 10; ++tries) {
      try {
        return source.read(offset, count);
      } catch (const NeedBytes& need) {
        EXPECT_EQ(need.file, "b");
        EXPECT_EQ(need.offset % kBlock, 0);
        asked.emplace_back(need.offset, need.count);
        source.add(need.offset, std::span(bytes).subspan(static_cast<size_t>(need.offset), static_cast<size_t>(need.count)));
      }
    }
    throw RuntimeError("asked again and again");
  };
  const auto part = [&](int64_t offset, int64_t count) {
    return std::vector<std::byte>(bytes.begin() + offset, bytes.begin() + offset + count);
  };
  EXPECT_EQ(read(kBlock - 1, 2), part(kBlock - 1, 2));
  EXPECT_EQ(asked, (std::vector<std::pair<int64_t, int64_t>>{{0, 2 * kBlock}}));
  EXPECT_EQ(read(5, 100), part(5, 100));
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_EQ(read(3 * kBlock + 99, 1), part(3 * kBlock + 99, 1));
  EXPECT_EQ(asked.back(), (std::pair<int64_t, int64_t>{3 * kBlock, 100}));
  EXPECT_EQ(read(0, 3 * kBlock + 100), bytes);
  expect_data_loss([&] { source.read(3 * kBlock + 100, 1); }, "b");
  expect_data_loss([&] { source.read(1, kMax); }, "b");
}

TEST(BlockSource, RefusesWhatAreNoWholeBlocks) {
  constexpr int64_t kBlock = BlockSource::kBlockBytes;
  BlockSource source("b", kBlock + 10);
  const auto bytes = counting(2 * kBlock);
  EXPECT_THROW(source.add(1, std::span(bytes).first(10)), InvalidArgumentError);
  EXPECT_THROW(source.add(0, std::span(bytes).first(10)), InvalidArgumentError);
  EXPECT_THROW(source.add(-kBlock, std::span(bytes).first(kBlock)), InvalidArgumentError);
  EXPECT_THROW(source.add(kBlock, std::span(bytes).first(11)), InvalidArgumentError);
  EXPECT_NO_THROW(source.add(kBlock, std::span(bytes).first(10)));
}

TEST(BlockSource, ClaimsOfTerabytesCostNothing) {
  BlockSource source("huge", int64_t{1} << 50);
  EXPECT_THROW(
      {
        std::byte byte;
        source.read((int64_t{1} << 50) - 1, std::span(&byte, 1));
      },
      NeedBytes);
}

TEST(GatherNeeds, AsksForAllPartsAtOnce) {
  constexpr int64_t kBlock = BlockSource::kBlockBytes;
  const BlockSource source("b", 10 * kBlock);
  const std::vector<int64_t> places = {2 * kBlock + 1, 7 * kBlock, 10 * kBlock, 5};  // the third is past the end
  const auto nested = [&](int64_t place) {
    gather_needs(std::vector{place, place + kBlock}, [&](int64_t offset) { source.read(offset, 1); });
  };
  std::vector<int64_t> asked;
  try {
    gather_needs(places, nested);
  } catch (const NeedBytes& need) {
    asked.push_back(need.offset);
    for (const NeedBytes& other : need.others) asked.push_back(other.offset);
  }
  std::ranges::sort(asked);
  EXPECT_EQ(asked, (std::vector<int64_t>{0, kBlock, 2 * kBlock, 3 * kBlock, 7 * kBlock, 8 * kBlock}));
  EXPECT_NO_THROW(gather_needs(std::vector{10 * kBlock}, [&](int64_t offset) { source.read(offset, 1); }));
}

TEST(WindowSource, StaysInsideItsPart) {
  const auto parent = std::make_shared<MemorySource>("p", counting(10));
  const WindowSource window("w", parent, 4, 3);
  EXPECT_EQ(window.size_bytes(), 3);
  EXPECT_EQ(window.offset_in_parent(), 4);
  EXPECT_EQ(window.read(1, 2), parent->read(5, 2));
  expect_data_loss([&] { window.read(1, 3); }, "w");
  expect_data_loss([&] { window.read(-1, 1); }, "w");
  expect_data_loss([&] { WindowSource("w", parent, 4, 7); }, "p");
  expect_data_loss([&] { WindowSource("w", parent, kMax, 1); }, "p");
  expect_data_loss([&] { WindowSource("w", parent, 0, -1); }, "p");
}

}  // namespace
}  // namespace keras
