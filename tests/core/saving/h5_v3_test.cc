// The layout of Keras's v3 format: names of groups, what does not fit, files of other versions. tests/conformance/weights.mjs
// holds files against Keras itself.
#include "core/saving/h5/h5_v3.h"

#include <gtest/gtest.h>

#include "core/formats/hdf5/hdf5_writer.h"
#include "tests/core/keras/fixtures.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

struct Compiled {
  Session session{1};
  FunctionalPtr model;
  std::unique_ptr<Trainer> trainer;

  /// Dense layers of these units on three inputs, compiled with Adam, slots made.
  explicit Compiled(std::vector<int> units) {
    Json layers = Json::array();
    for (const int count : units) {
      Json config{{"units", count}};
      if (layers.empty()) config["batch_input_shape"] = Json::array({nullptr, 3});
      layers.push_back({{"class_name", "Dense"}, {"config", config}});
    }
    const Json config{{"class_name", "Sequential"}, {"config", {{"name", "stack"}, {"layers", layers}}}};
    model = std::dynamic_pointer_cast<Functional>(deserialize_layer(config, {session, {}}));
    trainer = std::make_unique<Trainer>(model);
    trainer->compile(CompileConfig{.loss = "mse", .optimizer = "adam"});
    trainer->optimizer()->build(model->trainable_weights());
  }
  std::vector<std::string> load(const FileBytes& file, H5LoadOptions options = {}) {
    const auto reader = hdf5::Reader::open(std::make_shared<MemorySource>("w.weights.h5", file), Limits{});
    ReadList reads;
    auto warnings = plan_v3_weights(reader, *model, trainer->optimizer().get(), options, reads);
    read_all(std::move(reads));
    return warnings;
  }
  FileBytes file() const { return bytes_of(write_v3_weights(*trainer, "w.weights.h5")); }
};

bool same(const VariablePtr& a, const VariablePtr& b) { return std::ranges::equal(a->value().bytes(), b->value().bytes()); }

TEST(V3Weights, ComeBackWithTheOptimizer) {
  Compiled from({4, 2}), to({4, 2});
  from.trainer->optimizer()->iterations()->assign(Tensor::scalar(int64_t{7}));
  EXPECT_TRUE(to.load(from.file()).empty());
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(same(from.model->weights()[i], to.model->weights()[i])) << i;
  EXPECT_EQ(to.trainer->optimizer()->iterations()->value().number_at(0), 7);
}

TEST(V3Weights, WhatDoesNotFitChangesNothing) {
  Compiled from({4, 2}), to({4, 3});
  const Tensor before = to.model->weights()[0]->value();
  EXPECT_THROW(to.load(from.file()), ValueError);
  EXPECT_TRUE(std::ranges::equal(before.bytes(), to.model->weights()[0]->value().bytes()));
  EXPECT_THROW(to.load(from.file(), {.by_name = true}), ValueError);
}

TEST(V3Weights, SkipMismatchLeavesTheLayerAndSaysSo) {
  Compiled from({4, 2}), to({4, 3});
  const std::vector<std::string> warnings = to.load(from.file(), {.skip_mismatch = true});
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_TRUE(warnings[0].starts_with("Could not load weights in object <Dense '")) << warnings[0];
  EXPECT_TRUE(warnings[1].starts_with("Could not load weights in object <Adam '")) << warnings[1];
  EXPECT_TRUE(same(from.model->weights()[0], to.model->weights()[0]));
  EXPECT_FALSE(same(from.model->weights()[3], to.model->weights()[3]));
}

TEST(V3Weights, AnOptimizerOfOtherSizeIsLeftWithKerassWarning) {
  Compiled from({4, 2}), to({4, 2});
  to.trainer->compile(CompileConfig{.loss = "mse", .optimizer = "adam"});  // a new one, without slots
  EXPECT_EQ(to.load(from.file()), std::vector<std::string>{"Skipping variable loading for optimizer 'Adam', because it has 1 "
                                                           "variables whereas the saved optimizer has 9 variables. "});
}

/// A group in the making as Keras 3 or Keras 2.12 would have it, from a model's weights.
FileBytes other_version(const Compiled& from, const std::string& layers, bool learning_rate) {
  hdf5::WriterGroup root;
  const auto put = [&](const std::string& path, const VariablePtr& variable) {
    const Tensor& value = variable->value();
    const auto kind = is_floating(value.dtype()) ? hdf5::TypeClass::kFloat : hdf5::TypeClass::kInteger;
    root.add_dataset(path, {kind, dtype_bytes(value.dtype()), false, true}, value.shape().dims(), value.bytes(), value.owner());
  };
  for (size_t i = 0; i < 4; ++i)
    put(layers + (i < 2 ? "/dense/vars/" : "/dense_1/vars/") + std::to_string(i % 2), from.model->weights()[i]);
  std::vector<VariablePtr> variables = from.trainer->optimizer()->variables();
  if (learning_rate) variables.insert(variables.begin() + 1, from.trainer->optimizer()->learning_rate());
  for (size_t i = 0; i < variables.size(); ++i) put("optimizer/vars/" + std::to_string(i), variables[i]);
  return bytes_of(hdf5::write_file("w.weights.h5", root));
}

TEST(V3Weights, FilesOfKeras3HaveTheLearningRateAndNoEmptyGroups) {
  Compiled from({4, 2}), to({4, 2});
  from.trainer->optimizer()->learning_rate()->assign(Tensor::scalar(0.25f));
  EXPECT_TRUE(to.load(other_version(from, "layers", true)).empty());
  EXPECT_TRUE(same(from.model->weights()[2], to.model->weights()[2]));
  EXPECT_EQ(to.trainer->optimizer()->learning_rate()->value().number_at(0), 0.25);
}

TEST(V3Weights, FilesOfKeras212HaveAnotherNameForLayers) {
  Compiled from({4, 2}), to({4, 2});
  EXPECT_TRUE(to.load(other_version(from, "_layer_checkpoint_dependencies", false)).empty());
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(same(from.model->weights()[i], to.model->weights()[i])) << i;
}

}  // namespace
}  // namespace keras::testing
