// Which ranges of which files a loader asks for.
#include "core/saving/file_set.h"

#include <gtest/gtest.h>

#include <tuple>

namespace keras {
namespace {

constexpr int64_t kBlock = BlockSource::kBlockBytes;

TEST(FileSet, JoinsWhatIsWantedOfNeighbouringBlocks) {
  FileSet files;
  files.add("a", 100 * kBlock);
  files.add("b", 100 * kBlock);
  NeedBytes need{"b", 3 * kBlock, kBlock};
  need.others = {{"a", 9 * kBlock, kBlock}, {"b", kBlock, kBlock},      {"b", 2 * kBlock, 2 * kBlock},
                 {"b", kBlock, kBlock},     {"a", 11 * kBlock, kBlock}, {"b", 3 * kBlock, kBlock}};
  std::vector<std::tuple<int, int64_t, int64_t>> wanted;
  for (const auto& [file, offset, count] : files.wanted(need)) wanted.emplace_back(file, offset / kBlock, count / kBlock);
  EXPECT_EQ(wanted, (std::vector<std::tuple<int, int64_t, int64_t>>{{0, 9, 1}, {0, 11, 1}, {1, 1, 3}}));
}

TEST(FileSet, KnowsItsFiles) {
  FileSet files;
  files.add("a", 10);
  EXPECT_THROW(files.wanted({"b", 0, 10}), RuntimeError);
}

}  // namespace
}  // namespace keras
