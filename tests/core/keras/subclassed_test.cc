// Subclassed models without JavaScript: the class is a set of hooks.
#include "core/keras/models/subclassed.h"

#include <gtest/gtest.h>

#include "core/keras/models/serialization.h"
#include "core/keras/training/trainer.h"

namespace keras {
namespace {

/// y = layers(x) one after the other, + bias; layers in a list, the bias as a property.
class StackHooks final : public CustomLayerHooks {
 public:
  std::vector<LayerPtr> layers;
  VariablePtr bias;

  void build(Layer&, const std::vector<Shape>&) override {}
  Values call(Layer&, CallContext& context, std::span<const Value> inputs) override {
    Values values(inputs.begin(), inputs.end());
    for (const LayerPtr& layer : layers) values = layer->call_in_graph(context, values);
    if (bias) values[0] = add(values[0], context.builder.read(bias));
    return values;
  }
  Json get_config(const Layer&) const override { return Json::object(); }
  bool expects_training() const override { return true; }
  TrackedChildren tracked_children() const override {
    auto list = std::make_shared<Container>(Container{"trackable_list_wrapper"});
    for (size_t i = 0; i < layers.size(); ++i) list->children.emplace_back(std::to_string(i), Trackable{.layer = layers[i]});
    TrackedChildren children;
    if (bias) children.emplace_back("bias", Trackable{.variable = bias});
    children.emplace_back("stack", Trackable{.container = std::move(list)});
    return children;
  }
};

class SubclassedModel : public ::testing::Test {
 protected:
  Session session{1};
  Runtime runtime{kernels::make_serial(), 1, Limits{}};

  std::shared_ptr<Subclassed> make(bool with_bias) {
    auto hooks = std::make_unique<StackHooks>();
    for (const char* name : {"first", "second"}) {
      const Json dense = {{"class_name", "Dense"}, {"config", {{"name", name}, {"units", 2}, {"kernel_initializer", "ones"}}}};
      hooks->layers.push_back(deserialize_layer(dense, {session, {}}));
    }
    if (with_bias) hooks->bias = std::make_shared<Variable>("bias", Tensor::zeros(DType::kFloat32, Shape({2})), true);
    auto model = std::make_shared<Subclassed>(session, "Stack", "Stack", std::move(hooks));
    model->set_name("stack");
    return model;
  }
};

std::vector<std::string> names(const std::vector<VariablePtr>& variables) {
  std::vector<std::string> result;
  for (const VariablePtr& variable : variables) result.push_back(variable->name());
  return result;
}

TEST_F(SubclassedModel, KnowsItsInputsAndOutputsWhenItHasBeenTraced) {
  const auto model = make(false);
  EXPECT_FALSE(model->knows_signature());
  model->trace({{Shape({kUnknownDim, 3}), DType::kFloat32}}, true);
  ASSERT_TRUE(model->knows_signature());
  EXPECT_EQ(model->output_specs()[0].shape, Shape({kUnknownDim, 2}));
  EXPECT_EQ(model->input_names(), std::vector<std::string>{"input_1"});
  EXPECT_EQ(model->output_names(), std::vector<std::string>{"output_1"});
}

TEST_F(SubclassedModel, NamesWeightsByTheCallsAroundThemAndPutsItsOwnLast) {
  const auto model = make(true);
  model->trace({{Shape({kUnknownDim, 3}), DType::kFloat32}}, true);
  EXPECT_EQ(names(model->weights()), (std::vector<std::string>{"stack/first/kernel", "stack/first/bias", "stack/second/kernel",
                                                               "stack/second/bias", "bias"}));
  const auto unscoped = make(false);
  unscoped->trace({{Shape({kUnknownDim, 3}), DType::kFloat32}}, false);
  EXPECT_EQ(unscoped->weights()[0]->name(), "first/kernel");
}

TEST_F(SubclassedModel, FreezesWhatItHolds) {
  const auto model = make(true);
  model->trace({{Shape({kUnknownDim, 3}), DType::kFloat32}}, true);
  model->set_trainable(false);
  EXPECT_TRUE(model->trainable_weights().empty());
  EXPECT_EQ(model->non_trainable_weights().size(), 5u);
  EXPECT_FALSE(model->layers()[1]->trainable());
}

TEST_F(SubclassedModel, IsCompiledBeforeItsOutputsAreKnown) {
  const auto model = make(true);
  Trainer trainer(model);
  CompileConfig config;
  config.loss = "mse";
  config.optimizer = "sgd";
  trainer.compile(config);
  EXPECT_TRUE(trainer.compiled());
  const Batch batch{{Tensor::zeros(DType::kFloat32, Shape({4, 3}))}, {Tensor::zeros(DType::kFloat32, Shape({4, 2}))}, {Tensor()}};
  EXPECT_THROW(trainer.train_step(batch, runtime), RuntimeError);
  model->trace({{Shape({kUnknownDim, 3}), DType::kFloat32}}, true);
  EXPECT_EQ(trainer.train_step(batch, runtime), (Logs{{"loss", 0.0}}));
  // Inputs of another shape are another trace; the layers then say that they were built for something else.
  const std::vector<Tensor> wide = {Tensor::zeros(DType::kFloat32, Shape({4, 5}))};
  EXPECT_THROW(trainer.predict_step(wide, runtime), ValueError);
}

TEST_F(SubclassedModel, IsToldFromModelsThatFilesCanHold) {
  const auto model = make(false);
  EXPECT_TRUE(model->is_model() && model->is_custom());
  EXPECT_EQ(model_to_json(*model),
            R"({"class_name": "Stack", "config": {}, "keras_version": "2.15.0", "backend": "tensorflow"})");
}

}  // namespace
}  // namespace keras
