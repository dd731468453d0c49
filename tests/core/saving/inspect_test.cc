// What the inspector tells of the fixtures' models, and that it reads no more than it must.
#include "core/saving/inspect/inspector.h"

#include <gtest/gtest.h>

#include "core/base/sha256.h"
#include "tests/core/keras/fixtures.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

const std::filesystem::path kModels = std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/models";
const std::filesystem::path kCheckpoints = std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/checkpoints";

Json inspect(const std::filesystem::path& path) { return inspect_files(Limits{}, read_files(path)); }

TEST(Inspector, WholeModelsInEveryFormatHaveTheSameConfig) {
  const Json h5 = inspect(kModels / "train_adam_mse.h5"), folder = inspect(kModels / "train_adam_mse");
  EXPECT_EQ(h5["format"], "h5");
  EXPECT_EQ(folder["format"], "saved_model");
  EXPECT_EQ(h5["versions"]["keras"], "2.15.0");
  EXPECT_EQ(folder["versions"], (Json{{"tensorflow", "2.15.1"}, {"keras", "2.15.0"}, {"backend", "tensorflow"}}));
  EXPECT_EQ(h5["config"]["class_name"], folder["config"]["class_name"]);
  EXPECT_EQ(h5["compile"]["optimizer_config"]["class_name"], "Custom>Adam");
  EXPECT_EQ(folder["compile"]["loss"], h5["compile"]["loss"]);
  EXPECT_TRUE(folder["signatures"].contains("serving_default"));
  EXPECT_EQ(folder["tags"], (Json{"serve"}));
}

TEST(Inspector, ZippedAndUnzippedSavedModelsTellTheSame) {
  EXPECT_EQ(inspect(kModels / "dense_softmax"), inspect(kModels / "dense_softmax.zip"));
}

TEST(Inspector, NamesWeightsAndOptimizerInTheFilesOrder) {
  const Json told = inspect(kModels / "train_adam_mse.h5");
  std::vector<std::string> names;
  for (const Json& row : told["optimizerWeights"]) names.push_back(row["name"]);
  ASSERT_GE(names.size(), 3u);
  EXPECT_EQ(names[0], "iteration:0");
  EXPECT_EQ(names[1].substr(0, 7), "Adam/m/");
  EXPECT_EQ(names[2].substr(0, 7), "Adam/v/");
}

TEST(Inspector, CheckpointsAreTablesOfKeys) {
  MemoryFiles files;
  for (const char* suffix : {".index", ".data-00000-of-00001"})
    files.emplace_back(std::string("ckpt-1") + suffix, read_bytes(kCheckpoints / "training" / (std::string("ckpt-1") + suffix)));
  const Json told = inspect_files(Limits{}, files);
  EXPECT_EQ(told["format"], "checkpoint");
  for (const Json& row : told["weights"]) EXPECT_EQ(row.contains("digest"), row["dtype"] != "string") << dump_json(row);
}

TEST(Inspector, AShardThatIsMissingIsToldInItsRows) {
  const Json told = inspect_files(Limits{}, {{"ckpt-1.index", read_bytes(kCheckpoints / "training/ckpt-1.index")}});
  ASSERT_FALSE(told["weights"].empty());
  for (const Json& row : told["weights"]) {
    EXPECT_FALSE(row.contains("digest"));
    EXPECT_EQ(row["problem"], "The file with its values is missing.");
  }
}

TEST(Inspector, ValuesOfACheckpointAreHeldAgainstTheirChecksums) {
  MemoryFiles files = {{"c.index", read_bytes(kCheckpoints / "training/ckpt-1.index")},
                       {"c.data-00000-of-00001", read_bytes(kCheckpoints / "training/ckpt-1.data-00000-of-00001")}};
  files[1].second[0] ^= std::byte{1};
  EXPECT_THROW(inspect_files(Limits{}, files), DataLossError);
}

TEST(Inspector, ValuesInChunksHaveTheDigestsOfThoseInOnePiece) {
  const Json whole = inspect(kModels / "dense_softmax.h5"), chunked = inspect(kModels / "dense_softmax_chunked.h5");
  ASSERT_FALSE(whole["weights"].empty());
  EXPECT_EQ(chunked["weights"], whole["weights"]);
}

/// Every array of a file of HDF5: its digest is that of all its elements at once.
TEST(Inspector, DigestsAreThoseOfAllElements) {
  for (const char* name : {"chunks.h5", "filters.h5", "indexes.h5", "edges.h5", "types.h5", "compact.h5", "old_layouts.h5"}) {
    const FileBytes file = read_bytes(std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/hdf5" / name);
    const auto reader = hdf5::Reader::open(std::make_shared<MemorySource>(name, file), Limits{});
    const Json told = inspect_files(Limits{}, {{name, file}});
    for (const Json& row : told["weights"]) {
      if (!row.contains("digest")) continue;
      const std::string path = row.value("path", row["name"].get<std::string>());
      const hdf5::Dataset& dataset = *reader.at(path).dataset;
      FileBytes elements(static_cast<size_t>(dataset.size_bytes()));
      reader.read(dataset, path, elements);
      Sha256 sha;
      sha.update(elements);
      EXPECT_EQ(row["digest"], sha.finish()) << name << ' ' << path;
    }
  }
}

TEST(Inspector, LoopsOfGroupsEnd) {
  const Json told = inspect(std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/hdf5/links.h5");
  EXPECT_EQ(told["format"], "hdf5");
  EXPECT_EQ(told["weights"].size(), 2u);  // a/b/x and committed: soft links name what is there anyway
}

}  // namespace
}  // namespace keras::testing
