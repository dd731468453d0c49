// Every model that Keras wrote loads from each of its files, predicts what Keras predicted, and survives our own files:
// config, weights, compile information and optimizer state.
#include <gtest/gtest.h>

#include <cstring>

#include "core/formats/zip/zip_writer.h"
#include "core/keras/training/trainer.h"
#include "core/saving/h5/h5_writer.h"
#include "core/saving/saved_model/saved_model_writer.h"
#include "tests/core/keras/fixtures.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

const std::filesystem::path kModels = std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/models";

struct Case {
  std::string model, format;
};

std::vector<Case> all_files() {
  std::vector<Case> cases;
  for (const std::string& name : plain_models()) {
    const ModelFixture fixture(name);
    for (const auto& [format, path] : fixture["files"].items()) cases.push_back({name, format});
  }
  return cases;
}

class SavedFile : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, SavedFile, ::testing::ValuesIn(all_files()),
                         [](const auto& info) { return info.param.model + "_" + info.param.format; });

MemoryFiles files_of(const Case& test) {
  const ModelFixture fixture(test.model);
  return read_files(kModels / fixture["files"].at(test.format).get<std::string>());
}

Trainer trainer_of(const LoadedModel& loaded) {
  Trainer trainer(loaded.model);
  if (loaded.compile_config) trainer.compile(*loaded.compile_config, loaded.optimizer);
  return trainer;
}

void expect_same_bits(const std::vector<VariablePtr>& a, const std::vector<VariablePtr>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i]->name(), b[i]->name());
    const auto x = a[i]->value().bytes(), y = b[i]->value().bytes();
    EXPECT_TRUE(x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size()) == 0) << a[i]->name();
  }
}

void expect_same_model(const LoadedModel& again, const LoadedModel& first, const Trainer& trainer) {
  EXPECT_EQ(dump_json(again.model->network_config(Dialect::kH5)), dump_json(first.model->network_config(Dialect::kH5)));
  expect_same_bits(again.model->weights(), first.model->weights());
  EXPECT_EQ(again.compile_config.has_value(), first.compile_config.has_value());
  EXPECT_TRUE(again.warnings.empty());
  if (!first.optimizer) return;
  expect_same_bits(again.optimizer->variables(), first.optimizer->variables());
  EXPECT_EQ(dump_json(trainer_of(again).training_config()), dump_json(trainer.training_config()));
}

TEST_P(SavedFile, LoadsAndPredictsWhatKerasPredicted) {
  const ModelFixture fixture(GetParam().model);
  Session session(1);
  const LoadedModel loaded = load_files(session, files_of(GetParam()));
  EXPECT_TRUE(loaded.warnings.empty());
  const Json& weights = fixture["weights"];
  ASSERT_EQ(loaded.model->weights().size(), weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const VariablePtr variable = loaded.model->weights()[i];
    EXPECT_EQ(variable->name() + ":0", weights[i].at("name").get<std::string>());
    const Tensor expected = fixture.tensor(weights[i]);
    EXPECT_EQ(std::memcmp(variable->value().raw(), expected.raw(), static_cast<size_t>(expected.size_bytes())), 0)
        << variable->name();
  }
  const auto runtime = serial_runtime();
  Trainer trainer(loaded.model);
  const std::vector<Tensor> outputs = trainer.predict_step(fixture.tensors(fixture["inputs"]), *runtime);
  const std::vector<Tensor> expected = fixture.tensors(fixture["outputs"]);
  ASSERT_EQ(outputs.size(), expected.size());
  for (size_t i = 0; i < outputs.size(); ++i) expect_close(outputs[i], expected[i], 1e-5, GetParam().model);
  if (!fixture["optimizer"].is_object()) return;
  ASSERT_TRUE(loaded.optimizer);
  const Json& state = fixture["optimizer"].at("variables");
  ASSERT_EQ(loaded.optimizer->variables().size(), state.size());
  for (size_t i = 0; i < state.size(); ++i) {
    const VariablePtr variable = loaded.optimizer->variables()[i];
    EXPECT_EQ(variable->name() + ":0", state[i].at("name").get<std::string>());
    const Tensor value = fixture.tensor(state[i]);
    EXPECT_EQ(std::memcmp(variable->value().raw(), value.raw(), static_cast<size_t>(value.size_bytes())), 0) << variable->name();
  }
}

TEST_P(SavedFile, SurvivesOurH5AndOurSavedModel) {
  Session session(1);
  const LoadedModel first = load_files(session, files_of(GetParam()));
  const Trainer trainer = trainer_of(first);
  const OutputFile h5 = write_h5_model(trainer, true, "model.h5");
  const std::vector<OutputFile> folder = write_saved_model(trainer, true);
  expect_same_model(load_files(session, to_memory({h5})), first, trainer);
  expect_same_model(load_files(session, to_memory(folder)), first, trainer);
  expect_same_model(load_files(session, to_memory({zip_files("model.zip", folder)})), first, trainer);
  if (const char* target = std::getenv("KERAS_TEST_OUTPUT")) {  // for a look by real TensorFlow
    std::vector<OutputFile> files = folder;
    files.push_back(h5);
    for (const OutputFile& file : files) {
      const auto path = std::filesystem::path(target) / (GetParam().model + "_" + GetParam().format) / file.path;
      std::filesystem::create_directories(path.parent_path());
      const FileBytes bytes = bytes_of(file);
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
  }
}

TEST(ModelLoader, SaysThatAFileHoldsWeightsOnly) {
  Session session(1);
  try {
    load_files(session, read_files(kModels / "weights_only.h5"));
    FAIL() << "a file of weights is no model";
  } catch (const ValueError& error) {
    EXPECT_NE(error.message().find("loadWeights"), std::string::npos) << error.message();
  }
}

TEST(ModelLoader, WarnsOfWhatItDoesNotKnowAndLoadsTheModel) {
  for (const char* name : {"unknown_loss", "unknown_metric", "unknown_optimizer"}) {
    Session session(1);
    const ModelFixture fixture(name);
    const LoadedModel loaded = load_files(session, read_files(kModels / fixture["files"].at("h5").get<std::string>()));
    EXPECT_EQ(loaded.warnings.size(), 1u) << name;
    EXPECT_FALSE(loaded.compile_config && loaded.optimizer) << name;
  }
}

TEST(ModelLoader, NamesAnUnknownLayer) {
  Session session(1);
  const ModelFixture fixture("custom_layer");
  try {
    load_files(session, read_files(kModels / fixture["files"].at("h5").get<std::string>()));
    FAIL() << "the class is not known";
  } catch (const ValueError& error) {
    EXPECT_NE(error.message().find("Unknown layer: 'CustomDense'"), std::string::npos) << error.message();
  }
}

TEST(ModelLoader, FindsAChangedByteInTheValuesOfASavedModel) {
  Session session(1);
  MemoryFiles files = read_files(kModels / "train_adam_mse");
  for (auto& [path, bytes] : files) {
    if (path.find(".data-") != std::string::npos) bytes[10] ^= std::byte{1};
  }
  EXPECT_THROW(load_files(session, files), DataLossError);
}

TEST(ModelLoader, RefusesWhatIsNoModel) {
  Session session(1);
  EXPECT_THROW(load_files(session, {{"text.h5", FileBytes(100, std::byte{'x'})}}), ValueError);
  EXPECT_THROW(load_files(session, {{"empty.h5", {}}}), DataLossError);
  const OutputFile zip = zip_files("empty.zip", {});
  EXPECT_THROW(load_files(session, to_memory({zip})), ValueError);
}

}  // namespace
}  // namespace keras::testing
