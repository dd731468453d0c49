// Broken and malicious models through the loader that JavaScript drives: a typed error that names its place, or a model.
#include <gtest/gtest.h>

#include <chrono>

#include "core/formats/hdf5/hdf5_writer.h"
#include "tests/core/keras/fixtures.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

const std::filesystem::path kModels = std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/models";

enum class Outcome { kLoaded, kRefused };

/// Looks into the files; anything but a report or a typed error with a message is a failure.
void look_into(const MemoryFiles& files, const std::string& what) {
  try {
    EXPECT_TRUE(inspect_files(Limits{}, files).contains("format")) << what;
  } catch (const Error& error) {
    EXPECT_FALSE(error.message().empty()) << what;
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
}

/// Loads the files and looks into them; anything but a model or a typed error with a message is a failure.
Outcome outcome(const MemoryFiles& files, const std::string& what) {
  look_into(files, what);
  Session session(1);
  try {
    const LoadedModel loaded = load_files(session, files);
    EXPECT_TRUE(loaded.model) << what;
    return Outcome::kLoaded;
  } catch (const Error& error) {
    EXPECT_FALSE(error.message().empty()) << what;
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
  return Outcome::kRefused;
}

/// Cuts file `number` and flips its bytes, every `step`th.
void bend(const MemoryFiles& good, size_t number, size_t step, int masks = 2) {
  const FileBytes& bytes = good[number].second;
  const std::string& name = good[number].first;
  for (size_t size = 0; size < bytes.size(); size += step) {
    MemoryFiles files = good;
    files[number].second.resize(size);
    EXPECT_EQ(outcome(files, name + " cut to " + std::to_string(size)), Outcome::kRefused) << name << " cut to " << size;
  }
  constexpr int kMasks[] = {0xFF, 0x01, 0x80};
  for (size_t at = 0; at < bytes.size(); at += step) {
    for (int mask = 0; mask < masks; ++mask) {
      MemoryFiles files = good;
      files[number].second[at] ^= static_cast<std::byte>(kMasks[mask]);
      outcome(files, name + ", byte " + std::to_string(at) + " ^ " + std::to_string(kMasks[mask]));
    }
  }
}

/// Every byte of the text between `from` and the text's end at `to` becomes each of some characters that JSON minds.
void bend_text(const MemoryFiles& good, size_t number, std::string_view from, size_t count, size_t step) {
  const FileBytes& bytes = good[number].second;
  const std::string all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t begin = all.find(from);
  ASSERT_NE(begin, std::string::npos);
  for (size_t at = begin; at < std::min(begin + count, all.size()); at += step) {
    for (const char c : {'"', '{', '}', '[', ']', '9', '-', '\\', '\0', '\xC3', 'n'}) {
      MemoryFiles files = good;
      files[number].second[at] = static_cast<std::byte>(c);
      outcome(files, "text byte " + std::to_string(at - begin) + " = " + std::to_string(c));
    }
  }
}

size_t file_number(const MemoryFiles& files, std::string_view part) {
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].first.find(part) != std::string::npos) return i;
  }
  throw NotFoundError("no file {}", part);
}

TEST(HostileModels, H5CutAndFlipped) { bend(read_files(kModels / "dense_softmax.h5"), 0, 29); }

TEST(HostileModels, H5ConfigBent) {
  bend_text(read_files(kModels / "train_adam_mse.h5"), 0, "{\"class_name\"", 4000, 11);
  bend_text(read_files(kModels / "small_cnn.h5"), 0, "{\"class_name\"", 6000, 41);
}

TEST(HostileModels, SavedModelFilesCutAndFlipped) {
  const MemoryFiles good = read_files(kModels / "train_adam_mse");
  for (const char* part : {".index", ".data-", "keras_metadata"}) bend(good, file_number(good, part), 23, 1);
}

TEST(HostileModels, SavedModelMetadataBent) {
  const MemoryFiles good = read_files(kModels / "train_adam_mse");
  bend_text(good, file_number(good, "keras_metadata"), "{\"name\"", 6000, 37);
}

TEST(HostileModels, EveryFlippedByteOfTheValuesOfASavedModelIsFound) {
  const MemoryFiles good = read_files(kModels / "train_adam_mse");
  const size_t number = file_number(good, ".data-");
  // Values of variables come first in the shard, the object graph last; all of them have checksums.
  for (size_t at = 0; at < 200; ++at) {
    MemoryFiles files = good;
    files[number].second[at] ^= std::byte{0x10};
    Session session(1);
    EXPECT_THROW(load_files(session, files), DataLossError) << at;
  }
}

TEST(HostileModels, ZipCutAndFlipped) {
  const MemoryFiles good = {{"model.zip", read_bytes(kModels / "small_cnn_wrapped.zip")}};
  const size_t step = good[0].second.size() / 250 + 1;
  bend(good, 0, step, 1);
  // The end, where the directory is, in full.
  const FileBytes& bytes = good[0].second;
  for (size_t at = bytes.size() - 120; at < bytes.size(); ++at) {
    MemoryFiles files = good;
    files[0].second[at] ^= std::byte{0xFF};
    outcome(files, "zip's end, byte " + std::to_string(at));
  }
}

/// An H5 file of ours with this model config.
MemoryFiles h5_with_config(const std::string& config) {
  hdf5::WriterGroup root;
  root.set_attribute("model_config", config);
  root.group("model_weights").set_attribute("layer_names", std::vector<std::string>{});
  return {{"model.h5", bytes_of(hdf5::write_file("model.h5", root))}};
}

std::string sequential(const std::string& layers) {
  return R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config": )"
         R"({"batch_input_shape": [null, 4], "dtype": "float32", "sparse": false, "ragged": false, "name": "i"}})" +
         layers + "]}}";
}

std::string message_of(const MemoryFiles& files) {
  Session session(1);
  try {
    load_files(session, files);
  } catch (const Error& error) {
    return error.message();
  }
  return "loaded";
}

TEST(HostileModels, ASmallFileThatClaimsGigabytesIsRefusedAtOnce) {
  const auto dense = [](const std::string& units) {
    return sequential(R"(, {"class_name": "Dense", "config": {"name": "d", "units": )" + units + "}}");
  };
  const auto start = std::chrono::steady_clock::now();
  for (const char* units : {"100000000", "10000000000", "9223372036854775807", "18446744073709551615", "1e300", "-1", "0.5"}) {
    const std::string message = message_of(h5_with_config(dense(units)));
    EXPECT_NE(message, "loaded") << units;
    EXPECT_FALSE(message.empty());
  }
  // Each below the limit of one tensor, together far above what the file can hold.
  std::string many;
  for (int i = 0; i < 50; ++i)
    many += R"(, {"class_name": "Dense", "config": {"units": 20000, "name": "d)" + std::to_string(i) + "\"}}";
  EXPECT_NE(message_of(h5_with_config(sequential(many))).find("more than the file can hold"), std::string::npos);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 5);
}

/// An HDF5 file of many layers that are all one and the same, with a list of many names.
FileBytes layers_that_share_their_names(size_t layers, int names) {
  hdf5::WriterGroup root;
  std::vector<std::string> weight_names;
  for (int i = 0; i < names; ++i) weight_names.push_back("weight" + std::to_string(i));
  root.set_attribute("layer_names", std::vector<std::string>(layers, "layer"));
  root.group("layer").set_attribute("weight_names", weight_names);
  return bytes_of(hdf5::write_file("m.h5", root));
}

TEST(HostileModels, ALongListOfNamesThatManyLayersShareIsReadOnlyAsOftenAsTheFileIsLong) {
  const FileBytes file = layers_that_share_their_names(3000, 4000);
  const auto expect_refused = [&](auto&& action) {
    try {
      action();
      ADD_FAILURE() << "no error";
    } catch (const ResourceExhaustedError& error) {
      EXPECT_NE(std::string(error.message()).find("are longer than the file"), std::string::npos) << error.message();
    }
  };
  expect_refused([&] { inspect_files(Limits{}, {{"m.h5", file}}); });
  Session session(1);
  const Json dense{{"class_name", "Dense"}, {"config", {{"units", 1}, {"batch_input_shape", {nullptr, 1}}}}};
  const Json config{{"class_name", "Sequential"}, {"config", {{"name", "m"}, {"layers", {dense}}}}};
  WeightsLoader loader(std::dynamic_pointer_cast<Functional>(deserialize_layer(config, {session, {}})), {});
  loader.add_file("m.h5", static_cast<int64_t>(file.size()));
  expect_refused(
      [&] { answer_wishes(loader, [&] { return loader.prepare(); }, [&](size_t) -> const FileBytes& { return file; }); });
}

TEST(HostileModels, DepthIsLimited) {
  std::string json(100000, '[');
  EXPECT_NE(message_of(h5_with_config(json)), "loaded");
  std::string objects;
  for (int i = 0; i < 50000; ++i) objects += "{\"a\":";
  EXPECT_NE(message_of(h5_with_config(objects)), "loaded");
  std::string nested = sequential("");
  for (int i = 0; i < 60; ++i) nested = sequential(", " + nested);
  outcome(h5_with_config(nested), "models in models");
}

TEST(HostileModels, ConfigsOfOtherKindsAreTypedErrors) {
  for (
      const char* config :
      {"", "null", "1", "[]", "{}", "\"x\"", R"({"class_name": 1})", R"({"class_name": "Sequential"})",
       R"({"class_name": "Sequential", "config": null})", R"({"class_name": "Sequential", "config": {"layers": 3}})",
       R"({"class_name": "Sequential", "config": {"name": "s", "layers": [null]}})",
       R"({"class_name": "Functional", "config": {}})",
       R"({"class_name": "Functional", "config": {"name": "m", "layers": [], "input_layers": [], "output_layers": []}})",
       R"({"class_name": "Functional", "config": {"name": "m", "layers": [], "input_layers": [["x", 0, 0]], "output_layers": [["x", 0, 0]]}})",
       R"({"class_name": "Functional", "config": {"name": "m", "layers": [{"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 1}, "inbound_nodes": [[["d", 0, 0, {}]]]}], "input_layers": [["d", 0, 0]], "output_layers": [["d", 0, 0]]}})",
       R"({"class_name": "Dense", "config": {"units": 1}})"}) {
    EXPECT_EQ(outcome(h5_with_config(config), config), Outcome::kRefused) << config;
  }
}

TEST(HostileModels, LayersWithImpossibleOptionsAreTypedErrors) {
  const std::string image =
      R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config": )"
      R"({"batch_input_shape": [null, 8, 8, 3], "dtype": "float32", "sparse": false, "ragged": false, "name": "i"}}, )";
  for (
      const char* layer :
      {R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 0, "kernel_size": [3, 3]}})",
       R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [0, 3]}})",
       R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "strides": [0, 1]}})",
       R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [9, 9]}})",
       R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [3], "strides": [1]}})",
       R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [9223372036854775807, 9223372036854775807]}})",
       R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "dilation_rate": [1000000, 0]}})",
       R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "groups": 0}})",
       R"({"class_name": "MaxPooling2D", "config": {"name": "p", "pool_size": [0, 0]}})",
       R"({"class_name": "MaxPooling2D", "config": {"name": "p", "pool_size": [100, 100]}})",
       R"({"class_name": "Reshape", "config": {"name": "r", "target_shape": [-1, -1]}})",
       R"({"class_name": "Reshape", "config": {"name": "r", "target_shape": [9223372036854775807, 2]}})",
       R"({"class_name": "ZeroPadding2D", "config": {"name": "z", "padding": [[-1, 0], [0, 0]]}})",
       R"({"class_name": "UpSampling2D", "config": {"name": "u", "size": [9223372036854775807, 2]}})",
       R"({"class_name": "BatchNormalization", "config": {"name": "b", "axis": [17]}})",
       R"({"class_name": "Dropout", "config": {"name": "d", "rate": 7}})",
       R"({"class_name": "Permute", "config": {"name": "d", "dims": [1, 1, 1]}})"}) {
    EXPECT_EQ(outcome(h5_with_config(image + layer + "]}}"), layer), Outcome::kRefused) << layer;
  }
}

TEST(HostileModels, FilesThatHdf5RefusesAreNamed) {
  const auto folder = std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/hdf5";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const std::string message = message_of(read_files(entry.path()));
    EXPECT_NE(message.find(name), std::string::npos) << name << ": " << message;
    ++count;
  }
  EXPECT_GT(count, 15);
}

TEST(HostileModels, AFolderWithoutOneOfItsFilesNamesIt) {
  for (const char* part : {".index", ".data-", "keras_metadata"}) {
    MemoryFiles files = read_files(kModels / "train_adam_mse");
    const size_t number = file_number(files, part);
    const std::string name = files[number].first;
    files.erase(files.begin() + static_cast<ptrdiff_t>(number));
    EXPECT_NE(message_of(files).find(name), std::string::npos) << message_of(files);
  }
}

std::vector<FileBytes> weights_of(const Functional& model) {
  std::vector<FileBytes> weights;
  for (const VariablePtr& variable : model.weights()) {
    const auto bytes = variable->value().bytes();
    weights.emplace_back(bytes.begin(), bytes.end());
  }
  return weights;
}

TEST(HostileModels, WeightsFilesCutAndFlippedLeaveTheModelUsable) {
  const MemoryFiles model_files = read_files(kModels / "dense_softmax.h5");
  Session session(1);
  const LoadedModel loaded = load_files(session, model_files);
  const FileBytes good = model_files[0].second;
  for (size_t at = 0; at < good.size(); at += 61) {
    for (const bool cut : {true, false}) {
      FileBytes bytes = good;
      if (cut)
        bytes.resize(at);
      else
        bytes[at] ^= std::byte{0xFF};
      const std::vector<FileBytes> before = weights_of(*loaded.model);
      try {
        WeightsLoader loader(loaded.model);
        feed(loader, {{"weights.h5", bytes}});
      } catch (const Error& error) {
        EXPECT_FALSE(error.message().empty()) << at;
        EXPECT_EQ(weights_of(*loaded.model), before) << at;
      }
    }
  }
}

}  // namespace
}  // namespace keras::testing
