// Batches of reads: a variable has its old value or the new one, and never what is damaged.
#include "core/saving/read_batches.h"

#include <gtest/gtest.h>

#include "core/base/crc32c.h"
#include "core/base/error.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

constexpr int64_t kLarge = ReadBatches::kStagedBytes / 4 + 16;  // floats that do not fit beside their variable

/// A file of floats that are all 1, variables that are all 0, and what reads the ones into the others.
class File {
 public:
  explicit File(const std::vector<int64_t>& sizes) {
    for (const int64_t size : sizes) total_ += size;
    values_.assign(static_cast<size_t>(total_), 1.0f);
    files_.add("f", total_ * 4);
    int64_t at = 0;
    for (const int64_t size : sizes) {
      variables.push_back(std::make_shared<Variable>("v", Tensor::zeros(DType::kFloat32, {size}), true));
      const uint32_t right = crc32c(bytes().subspan(static_cast<size_t>(at * 4), static_cast<size_t>(size * 4)));
      list.items.push_back({files_.file(0).get(), at * 4, {}, variables.back(), [right](uint32_t crc) {
                              if (crc != right) throw DataLossError("damaged");
                            }});
      at += size;
    }
  }

  ReadBatches batches() const { return {files_, list}; }
  /// Reads everything; false where that throws DataLossError.
  bool read() {
    ReadBatches reads = batches();
    try {
      read_all(reads, [&](int) { return bytes(); });
      return true;
    } catch (const DataLossError&) {
      return false;
    }
  }
  /// Damages the file.
  void set(int64_t index, float value) { values_[static_cast<size_t>(index)] = value; }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(values_)); }
  /// The value that all elements of each variable have; -1 where they differ.
  std::vector<float> all() const {
    std::vector<float> result;
    for (const VariablePtr& variable : variables) {
      const auto values = variable->value().values<float>();
      const bool same = std::ranges::all_of(values, [&](float v) { return v == values[0]; });
      result.push_back(same ? values[0] : -1);
    }
    return result;
  }

  std::vector<VariablePtr> variables;
  ReadList list;

 private:
  int64_t total_ = 0;
  std::vector<float> values_;
  FileSet files_;
};

TEST(ReadBatches, OneDamagedValueOfASmallFileChangesNothing) {
  File file({5, 7, 3});
  file.set(13, 2);
  EXPECT_FALSE(file.read());
  EXPECT_EQ(file.all(), (std::vector<float>{0, 0, 0}));
  file.set(13, 1);
  EXPECT_TRUE(file.read());
  EXPECT_EQ(file.all(), (std::vector<float>{1, 1, 1}));
}

TEST(ReadBatches, ADamagedValueThatIsTooLargeToWaitBesideItsVariableIsNeverInIt) {
  File file({5, kLarge, 3});
  EXPECT_EQ(file.batches().total_bytes(), (5 + 2 * kLarge + 3) * 4) << "it is read twice";
  file.set(5 + kLarge - 1, 2);
  EXPECT_FALSE(file.read());
  EXPECT_EQ(file.all(), (std::vector<float>{1, 0, 0})) << "earlier batches have been taken over, as in TensorFlow";
  file.set(5 + kLarge - 1, 1);
  EXPECT_TRUE(file.read());
  EXPECT_EQ(file.all(), (std::vector<float>{1, 1, 1}));
}

TEST(ReadBatches, ManyValuesTakeTurnsBesideTheirVariables) {
  File file({kLarge / 2, kLarge / 2, kLarge / 2, 1});
  file.set(kLarge / 2 * 3, 2);
  EXPECT_FALSE(file.read());
  EXPECT_EQ(file.all(), (std::vector<float>{1, 1, 0, 0})) << "the last two are one batch";
}

TEST(ReadBatches, WhatIsReadInPlaceIsVerifiedAtTheEnd) {
  File file({5, kLarge});
  file.list.in_place = true;
  EXPECT_EQ(file.batches().total_bytes(), (5 + kLarge) * 4);
  const uint64_t version = file.variables[0]->version();
  EXPECT_TRUE(file.read());
  EXPECT_EQ(file.all(), (std::vector<float>{1, 1}));
  EXPECT_GT(file.variables[0]->version(), version);
  file.set(0, 2);
  EXPECT_FALSE(file.read());
}

TEST(ReadBatches, ALoadThatStopsHalfWayChangesNothing) {
  File file({5, 7});
  ReadBatches reads = file.batches();
  ASSERT_EQ(reads.next().size(), 2u);
  std::ranges::fill(reads.target(0, 0, 20), std::byte{0x55});
  EXPECT_THROW(reads.next(), RuntimeError);
  EXPECT_EQ(file.all(), (std::vector<float>{0, 0}));
}

TEST(ReadBatches, OtherBytesThanThoseAskedForAreRefused) {
  File file({5, kLarge});
  ReadBatches reads = file.batches();
  ASSERT_EQ(reads.next().size(), 1u);
  EXPECT_THROW(reads.target(0, 4, 16), RuntimeError);
  EXPECT_THROW(reads.target(0, 0, 24), RuntimeError);
  EXPECT_THROW(reads.target(0, 0, -1), RuntimeError);
  EXPECT_THROW(reads.target(1, 0, 4), std::out_of_range);
}

TEST(ReadBatches, WhatIsInMemoryAndHasNoChecksumIsReadInPlace) {
  File file({5, 7});
  file.list.items[0].verify = nullptr;
  ReadBatches reads = file.batches();
  ASSERT_EQ(reads.next(true).size(), 2u);
  EXPECT_EQ(reads.target(0, 0, 4).data(), file.variables[0]->value().raw());
  EXPECT_NE(reads.target(1, 0, 4).data(), file.variables[1]->value().raw());
}

/// The file's first `bytes` as one value that is stored upside down, in two ranges; 2 where there should be a 1 is damage.
std::shared_ptr<const EncodedValues> upside_down(int64_t bytes) {
  EncodedValues values;
  values.ranges = {{0, bytes / 2}, {bytes / 2, bytes - bytes / 2}};
  values.checked = true;
  values.decode = [bytes](std::span<std::byte> out) {
    const auto at = std::make_shared<int64_t>(bytes);
    const RangeDecoder decode = [out, at](std::span<const std::byte> piece) {
      for (size_t i = 3; i < piece.size(); i += 4) {
        if (piece[i] != std::byte{0x3F}) throw DataLossError("damaged");
      }
      *at -= std::ssize(piece);
      if (!out.empty()) std::ranges::copy(piece, out.begin() + *at);
    };
    return std::vector<RangeDecoder>{decode, decode};
  };
  return std::make_shared<const EncodedValues>(std::move(values));
}

TEST(ReadBatches, EncodedValuesAreCheckedBeforeAVariableHasThem) {
  for (const int64_t size : {int64_t{8}, kLarge / 2 * 2}) {
    File file({size});
    file.list.items[0].verify = nullptr;
    file.list.items[0].encoded = upside_down(size * 4);
    EXPECT_EQ(file.batches().total_bytes(), size * 4 * (size == 8 ? 1 : 2)) << "a large one is read twice";
    const Tensor before = file.variables[0]->value();
    file.set(size - 1, 2);
    EXPECT_FALSE(file.read());
    EXPECT_EQ(file.all(), std::vector<float>{0}) << size;
    file.set(size - 1, 1);
    EXPECT_TRUE(file.read());
    EXPECT_EQ(file.all(), std::vector<float>{1}) << size;
    EXPECT_EQ(before.values<float>()[0], 0.0f) << "who has taken the value before keeps it";
  }
}

TEST(ReadBatches, SourcesInMemoryTargetsAndAssignmentsNeedNoCaller) {
  const std::vector<float> ones(static_cast<size_t>(kLarge), 1.0f);
  const MemorySource source("m", std::as_bytes(std::span(ones)));
  const auto large = std::make_shared<Variable>("v", Tensor::zeros(DType::kFloat32, {kLarge}), true);
  std::vector<std::byte> target(8);
  std::string order;
  ReadList list;
  list.items.push_back({&source, 0, {}, large, [&](uint32_t) { order += "v"; }});
  list.items.push_back({&source, 4, target, nullptr, [&](uint32_t) { order += "t"; }});
  list.checks.push_back([&] { order += "c"; });
  list.assignments.push_back([&] { order += "a"; });
  ReadBatches reads(FileSet{}, list);
  EXPECT_TRUE(reads.next().empty());
  EXPECT_EQ(order, "tcvva");
  EXPECT_EQ(large->value().values<float>()[static_cast<size_t>(kLarge) - 1], 1.0f);
  EXPECT_TRUE(std::ranges::equal(target, std::as_bytes(std::span(ones)).first(8)));
}

TEST(ReadBatches, FilesThatEndTooEarlyAreFoundBeforeAnythingIsRead) {
  FileSet files;
  files.add("short", 19);
  const auto variable = std::make_shared<Variable>("v", Tensor::zeros(DType::kFloat32, {5}), true);
  for (const int64_t offset : {int64_t{0}, int64_t{-1}, int64_t{100}}) {
    ReadList list;
    list.items.push_back({files.file(0).get(), offset, {}, variable});
    EXPECT_THROW(ReadBatches(files, list), DataLossError) << offset;
  }
}

}  // namespace
}  // namespace keras::testing
