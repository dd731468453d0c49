// Models of the fixtures: config there and back, names, weights, what they predict.
#include "core/keras/layers/input_layer.h"
#include "core/keras/models/sequential.h"
#include "core/keras/training/trainer.h"
#include "tests/core/graph/interpreter.h"
#include "tests/core/keras/fixtures.h"

namespace keras::testing {
namespace {

class Models : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, Models, ::testing::ValuesIn(plain_models()), [](const auto& info) { return info.param; });

TEST_P(Models, ConfigIsReadAndWrittenBack) {
  const ModelFixture fixture(GetParam());
  Session session(1);
  const FunctionalPtr model = fixture.load(session);
  EXPECT_EQ(model_to_json(*model), fixture["toJSON"].get<std::string>());
  EXPECT_EQ(model->class_name(), fixture["className"].get<std::string>());
  EXPECT_EQ(model->name(), fixture["modelName"].get<std::string>());
}

TEST_P(Models, NamesAndWeightsStandInTheOrderOfKeras) {
  const ModelFixture fixture(GetParam());
  Session session(1);
  const FunctionalPtr model = fixture.load(session);
  std::vector<std::string> names;
  for (const LayerPtr& layer : model->layers()) names.push_back(layer->name());
  EXPECT_EQ(names, fixture["layerNames"].get<std::vector<std::string>>());
  EXPECT_EQ(model->input_names(), fixture["inputNames"].get<std::vector<std::string>>());
  EXPECT_EQ(model->output_names(), fixture["outputNames"].get<std::vector<std::string>>());
  const auto trainable = model->trainable_weights();
  const auto weights = model->weights();
  for (size_t i = 0; i < weights.size(); ++i) {
    const Json& expected = fixture["weights"][i];
    EXPECT_EQ(weights[i]->name() + ":0", expected.at("name").get<std::string>());
    const bool in_training = std::find(trainable.begin(), trainable.end(), weights[i]) != trainable.end();
    EXPECT_EQ(in_training, expected.at("trainable").get<bool>()) << weights[i]->name();
  }
}

TEST_P(Models, PredictionsAreThoseOfKeras) {
  const ModelFixture fixture(GetParam());
  Session session(1);
  Trainer trainer(fixture.load(session));
  const auto runtime = serial_runtime();
  const std::vector<Tensor> inputs = fixture.tensors(fixture["inputs"]), expected = fixture.tensors(fixture["outputs"]);
  const std::vector<Tensor> outputs = trainer.predict_step(inputs, *runtime);
  ASSERT_EQ(outputs.size(), expected.size());
  for (size_t i = 0; i < outputs.size(); ++i) expect_close(outputs[i], expected[i], 1e-5, "output " + std::to_string(i));
}

TEST_P(Models, PredictWithLittleMoreMemoryThanTheirLargestPairOfActivations) {
  const ModelFixture fixture(GetParam());
  Session session(1);
  Trainer trainer(fixture.load(session));
  const auto runtime = serial_runtime();
  const std::vector<Tensor> inputs = fixture.tensors(fixture["inputs"]);
  int64_t results = 512;  // blocks begin at multiples of 64
  for (const Tensor& output : trainer.predict_step(inputs, *runtime)) results += output.size_bytes();
  const int64_t pair = largest_live_pair(*trainer.trace_call(false, "f"), inputs, *runtime);
  EXPECT_LE(static_cast<double>(runtime->activation_bytes), 1.2 * static_cast<double>(pair) + static_cast<double>(results));
}

}  // namespace
}  // namespace keras::testing
