// Training steps of the fixtures: logs, weights and optimizer state after the steps that Keras took from the saved state.
#include <cmath>
#include <map>

#include "core/keras/training/trainer.h"
#include "tests/core/keras/fixtures.h"

namespace keras::testing {
namespace {

std::vector<std::string> trained_models() {
  std::vector<std::string> names;
  for (const std::string& name : plain_models()) {
    const ModelFixture fixture(name);
    if (fixture["training"].is_object()) names.push_back(name);
  }
  return names;
}

class Training : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, Training, ::testing::ValuesIn(trained_models()), [](const auto& info) { return info.param; });

/// Rows [batch · size, batch · size + size) of each tensor.
std::vector<Tensor> batch_of(const std::vector<Tensor>& tensors, int64_t batch, int64_t size) {
  std::vector<Tensor> parts;
  for (const Tensor& tensor : tensors) {
    const int64_t rows = tensor.dim(0), first = batch * size, count = std::min(size, rows - first);
    Shape shape = tensor.shape();
    shape.set_dim(0, count);
    Tensor part = Tensor::allocate(tensor.dtype(), shape);
    const int64_t row_bytes = tensor.size_bytes() / rows;
    std::copy_n(tensor.raw() + first * row_bytes, count * row_bytes, part.raw());
    parts.push_back(std::move(part));
  }
  return parts;
}

double largest(const Tensor& tensor) {
  double result = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) result = std::max(result, std::abs(tensor.number_at(i)));
  return result;
}

/// "Adam/m" of "Adam/m/dense/kernel".
std::string slot_of(const std::string& name) { return name.substr(0, name.find('/', name.find('/') + 1)); }

CompileConfig compile_config(const Json& training_config) {
  return {json_get(training_config, "loss"), json_get(training_config, "metrics"), json_get(training_config, "weighted_metrics"),
          json_get(training_config, "loss_weights"), json_get(training_config, "optimizer_config")};
}

TEST_P(Training, StepsAreThoseOfKeras) {
  const ModelFixture fixture(GetParam());
  const Json& training = fixture["training"];
  Session session(1);
  Trainer trainer(fixture.load(session));
  trainer.compile(compile_config(fixture["trainingConfig"]));
  EXPECT_EQ(dump_json(trainer.optimizer()->get_config()), dump_json(fixture["optimizer"].at("config")));
  trainer.optimizer()->build(trainer.model()->trainable_weights());
  const auto state = trainer.optimizer()->variables();
  const Json& saved_state = fixture["optimizer"].at("variables");
  if (state.size() == saved_state.size()) {
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_EQ(state[i]->name() + ":0", saved_state[i].at("name").get<std::string>());
      state[i]->assign(fixture.tensor(saved_state[i]));
    }
  }
  const std::vector<Tensor> x = fixture.tensors(training.at("x")), y = fixture.tensors(training.at("y"));
  const auto runtime = serial_runtime();
  for (size_t step = 0; step < training.at("batches").size(); ++step) {
    const auto batch = training.at("batches")[step].get<int64_t>();
    const auto size = training.at("batchSize").get<int64_t>();
    trainer.reset_metrics();
    const Logs logs =
        trainer.train_step({batch_of(x, batch, size), batch_of(y, batch, size), std::vector<Tensor>(y.size())}, *runtime);
    const Json& expected = training.at("logs")[step];
    ASSERT_EQ(logs.size(), expected.size());
    size_t i = 0;
    for (const auto& [name, value] : expected.items()) {
      EXPECT_EQ(logs[i].first, name);
      const double wanted = fixture_number(value);
      EXPECT_NEAR(logs[i].second, wanted, 1e-4 * std::max(1e-3, std::abs(wanted))) << name << " of step " << step;
      ++i;
    }
  }
  const auto weights = trainer.model()->weights();
  for (size_t i = 0; i < weights.size(); ++i) {
    expect_close(weights[i]->value(), fixture.tensor(training.at("weightsAfter")[i]), 1e-4, weights[i]->name());
  }
  const auto after = trainer.optimizer()->variables();
  const Json& expected_after = training.at("optimizerAfter");
  ASSERT_EQ(after.size(), expected_after.size());
  std::map<std::string, double> scales;  // of each kind of slot
  for (const VariablePtr& variable : after) {
    double& scale = scales[slot_of(variable->name())];
    scale = std::max(scale, largest(variable->value()));
  }
  for (size_t i = 0; i < after.size(); ++i) {
    const std::string& name = after[i]->name();
    const Tensor expected = fixture.tensor(expected_after[i]);
    EXPECT_EQ(name + ":0", expected_after[i].at("name").get<std::string>());
    // A bias in front of a batch normalization has no gradient: what both have there is rounding.
    const double noise = 1e-5 * scales[slot_of(name)];
    if (largest(expected) < noise)
      EXPECT_LT(largest(after[i]->value()), noise) << name;
    else
      expect_close(after[i]->value(), expected, 1e-4, name);
  }
}

}  // namespace
}  // namespace keras::testing
