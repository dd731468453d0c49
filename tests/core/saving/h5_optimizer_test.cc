// The state of optimizers in H5 files of several versions: what fits and what does not. tests/conformance/weights.mjs trains on
// from files of Keras's own legacy optimizers.
#include <gtest/gtest.h>

#include "core/formats/hdf5/hdf5_writer.h"
#include "core/saving/h5/h5_names.h"
#include "tests/core/keras/fixtures.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

constexpr const char* kFresh =
    "Error in loading the saved optimizer state. As a result, your model is starting with a freshly initialized optimizer.";

/// A kernel [2, 1] and a bias [1].
struct Weights {
  std::vector<VariablePtr> variables = {
      std::make_shared<Variable>("dense/kernel", Tensor::zeros(DType::kFloat32, Shape({2, 1})), true),
      std::make_shared<Variable>("dense/bias", Tensor::zeros(DType::kFloat32, Shape({1})), true)};
};

struct Saved {
  std::string name;
  std::vector<int64_t> shape;
};

/// A file whose optimizer weights have these names and shapes; array k is filled with k + 1.
FileBytes file_with(const std::vector<Saved>& saved) {
  hdf5::WriterGroup root;
  hdf5::WriterGroup& group = root.group(kOptimizerWeights);
  std::vector<std::string> names;
  float value = 1;
  for (const auto& [name, shape] : saved) {
    Tensor tensor = Tensor::zeros(DType::kFloat32, Shape(shape));
    for (int64_t i = 0; i < tensor.elements(); ++i) tensor.data<float>()[i] = value;
    group.add_dataset(name, {hdf5::TypeClass::kFloat, 4, false, true}, shape, tensor.bytes(), tensor.owner());
    names.push_back(name);
    ++value;
  }
  write_names(group, kWeightNames, names);
  return bytes_of(hdf5::write_file("o.h5", root));
}

struct Loaded {
  OptimizerPtr optimizer;
  std::optional<std::string> warning;
  std::vector<double> firsts;  // of its variables
};

Loaded load(const char* config, const std::vector<Saved>& saved) {
  Session session(1);
  Weights weights;
  Loaded loaded{make_optimizer(parse_json(config, "test", Limits{}), session), {}, {}};
  const auto reader = hdf5::Reader::open(std::make_shared<MemorySource>("o.h5", file_with(saved)), Limits{});
  ReadList reads;
  loaded.warning = plan_h5_optimizer(reader, *loaded.optimizer, weights.variables, reads);
  read_all(std::move(reads));
  for (const VariablePtr& variable : loaded.optimizer->variables()) loaded.firsts.push_back(variable->value().number_at(0));
  return loaded;
}

constexpr const char* kLegacyAdam = R"({"class_name": "Adam", "config": {"lr": 0.5, "beta_1": 0.9, "beta_2": 0.999, "decay": 0.0,
                                        "epsilon": 1e-08}})";
const Saved kKernel{"kernel", {2, 1}}, kBias{"bias", {1}};

TEST(H5Optimizer, LegacyStateIsAllOfOneSlotAfterTheOther) {
  const Loaded loaded = load(kLegacyAdam, {{"Adam/iter:0", {}}, {"mk", {2, 1}}, {"mb", {1}}, {"vk", {2, 1}}, {"vb", {1}}});
  EXPECT_TRUE(loaded.optimizer->is_legacy());
  EXPECT_EQ(loaded.warning, std::nullopt);
  EXPECT_EQ(loaded.firsts, (std::vector<double>{1, 2, 3, 4, 5}));
  EXPECT_EQ(loaded.optimizer->variables()[1]->name(), "Adam/dense/kernel/m");
  EXPECT_EQ(loaded.optimizer->variables()[2]->name(), "Adam/dense/bias/m");
}

TEST(H5Optimizer, TheThirdSlotOfAdamInKeras2IsLeftOut) {  // keras.src.optimizers.legacy.adam.Adam.set_weights
  const Loaded loaded = load(
      kLegacyAdam, {{"iterations:0", {}}, {"mk", {2, 1}}, {"mb", {1}}, {"vk", {2, 1}}, {"vb", {1}}, {"hk", {1}}, {"hb", {1}}});
  EXPECT_EQ(loaded.warning, std::nullopt);
  EXPECT_EQ(loaded.firsts, (std::vector<double>{1, 2, 3, 4, 5}));
}

TEST(H5Optimizer, RMSpropOfKeras2HasNoIteration) {
  const Loaded loaded = load(R"({"class_name": "RMSprop", "config": {"lr": 0.001, "rho": 0.9, "decay": 0.0, "epsilon": 1e-07}})",
                             {{"training/RMSprop/Variable:0", {2, 1}}, {"training/RMSprop/Variable_1:0", {1}}});
  EXPECT_EQ(loaded.warning, std::nullopt);
  EXPECT_EQ(loaded.firsts, (std::vector<double>{0, 1, 2}));
}

TEST(H5Optimizer, LegacyStateThatDoesNotFitIsAFreshStartWithKerassWarning) {
  for (const std::vector<Saved>& saved :
       {std::vector<Saved>{{"iter", {}}, kKernel}, {{"iter", {}}, kKernel, kBias, {"v", {2, 1}}, {"b", {3}}}}) {
    const Loaded loaded = load(kLegacyAdam, saved);
    EXPECT_EQ(loaded.warning, kFresh);
    EXPECT_EQ(loaded.firsts, std::vector<double>(5, 0.0));
  }
}

TEST(H5Optimizer, TheNewFamilyTakesTheLeadingPart) {
  const Loaded some = load(R"("adam")", {{"iteration:0", {}}, {"mk", {2, 1}}, {"vk", {2, 1}}});
  EXPECT_EQ(some.warning, std::nullopt);
  EXPECT_EQ(some.firsts, (std::vector<double>{1, 2, 3, 0, 0}));
  const Loaded wrong = load(R"("adam")", {{"iteration:0", {}}, {"mk", {2, 1}}, {"vk", {5}}, {"mb", {1}}, {"vb", {1}}});
  EXPECT_EQ(wrong.warning, kFresh);
  EXPECT_EQ(wrong.firsts, (std::vector<double>{1, 2, 0, 0, 0}));
}

TEST(H5Optimizer, StateOfKeras3IsFoundByTheNamesOfSlots) {
  const Loaded loaded =
      load(R"({"class_name": "Adam", "config": {"name": "adam", "learning_rate": 0.5, "loss_scale_factor": null}})",
           {{"adam/iteration", {}},
            {"adam/learning_rate", {}},
            {"adam/dense_kernel_momentum", {2, 1}},
            {"adam/dense_bias_momentum", {1}},
            {"adam/dense_kernel_velocity", {2, 1}},
            {"adam/dense_bias_velocity", {1}}});
  EXPECT_FALSE(loaded.optimizer->is_legacy());
  EXPECT_EQ(loaded.warning, std::nullopt);
  EXPECT_EQ(loaded.firsts, (std::vector<double>{1, 3, 5, 4, 6}));  // m and v of the kernel, then of the bias
  EXPECT_EQ(loaded.optimizer->learning_rate()->value().number_at(0), 2);
}

}  // namespace
}  // namespace keras::testing
