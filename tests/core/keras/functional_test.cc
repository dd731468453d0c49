// Models built by calls: structure, names, errors. Texts and orders are those of Keras 2.15.
#include "core/keras/models/functional.h"

#include "core/keras/layers/input_layer.h"
#include "core/keras/models/sequential.h"
#include "core/keras/training/trainer.h"
#include "tests/core/keras/fixtures.h"

namespace keras::testing {
namespace {

class FunctionalModel : public ::testing::Test {
 protected:
  LayerPtr layer(const std::string& class_name, const Json& config = Json::object()) {
    return deserialize_layer({{"class_name", class_name}, {"config", config}}, {session, {}});
  }
  KerasTensor input(const Shape& shape) { return make_input(session, shape, DType::kFloat32); }
  KerasTensor call(const LayerPtr& layer, const std::vector<KerasTensor>& inputs, Json kwargs = Json::object()) {
    return layer->apply(inputs, inputs.size() > 1, std::move(kwargs)).at(0);
  }
  FunctionalPtr model(std::vector<KerasTensor> inputs, std::vector<KerasTensor> outputs) {
    return Functional::make(session, std::move(inputs), std::move(outputs), "");
  }
  template <class F>
  std::string error_of(F&& f) {
    try {
      f();
    } catch (const Error& error) {
      return std::string(error_name(error.kind())) + ": " + error.what();
    }
    return "no error";
  }

  Session session{1};
};

TEST_F(FunctionalModel, NamesCountUp) {
  const KerasTensor x = input({kUnknownDim, 4});
  EXPECT_EQ(x.layer->name(), "input_1");
  const KerasTensor a = call(layer("Dense", {{"units", 3}}), {x}), b = call(layer("Dense", {{"units", 3}}), {x});
  EXPECT_EQ(a.layer->name(), "dense");
  EXPECT_EQ(b.layer->name(), "dense_1");
  EXPECT_EQ(model({x}, {a, b})->name(), "model");
  EXPECT_EQ(model({x}, {a, a})->output_names(), (std::vector<std::string>{"dense", "dense_1"}));
}

TEST_F(FunctionalModel, NamesUsedTwiceAreRejected) {
  const KerasTensor x = input({kUnknownDim, 4});
  const KerasTensor a = call(layer("ReLU", {{"name", "q"}}), {x}), b = call(layer("ReLU", {{"name", "q"}}), {a});
  EXPECT_EQ(error_of([&] { model({x}, {b}); }),
            "ValueError: The name \"q\" is used 2 times in the model. All layer names should be unique.");
}

TEST_F(FunctionalModel, OutputsThatInputsDoNotReachAreRejected) {
  const KerasTensor x = input({kUnknownDim, 4}), other = input({kUnknownDim, 4});
  const KerasTensor y = call(layer("Add"), {x, other});
  EXPECT_TRUE(error_of([&] { model({x}, {y}); }).starts_with("ValueError: Graph disconnected"));
}

TEST_F(FunctionalModel, InputsOfTheWrongShapeAreNamed) {
  EXPECT_EQ(error_of([&] { call(layer("Conv2D", {{"filters", 1}, {"kernel_size", 3}}), {input({kUnknownDim, 3})}); }),
            "ValueError: Input 0 of layer \"conv2d\" is incompatible with the layer: expected min_ndim=4, found ndim=2. Full "
            "shape received: (None, 3)");
  const LayerPtr dense = layer("Dense", {{"units", 3}});
  call(dense, {input({kUnknownDim, 4})});
  EXPECT_EQ(
      error_of([&] { call(dense, {input({kUnknownDim, 5})}); }),
      "ValueError: Input 0 of layer \"dense\" is incompatible with the layer: expected axis -1 of input shape to have value "
      "4, but received input with shape (None, 5)");
}

// base(x, training=False) is how a pretrained model is kept in inference mode while what stands on it is trained.
TEST_F(FunctionalModel, ACallKeepsTheTrainingFlagItWasGiven) {
  const KerasTensor x = input({kUnknownDim, 2});
  const KerasTensor frozen = call(layer("Dropout", {{"rate", 0.9}}), {x}, {{"training", false}});
  const KerasTensor y = call(layer("BatchNormalization", {{"name", "norm"}}), {frozen}, {{"training", false}});
  const FunctionalPtr made = model({x}, {y});
  const std::string text = model_to_json(*made);
  EXPECT_NE(text.find("\"inbound_nodes\": [[[\"input_1\", 0, 0, {\"training\": false}]]]"), std::string::npos);
  const auto loaded = std::dynamic_pointer_cast<Functional>(model_from_json(text, {session, {}}));
  EXPECT_EQ(model_to_json(*loaded), text);
  const auto runtime = serial_runtime();
  for (const FunctionalPtr& each : {made, loaded}) {
    Executor executor(Trainer(each).trace_call(true, "call"));
    const std::vector<Tensor> args = {nested_floats({{1, 2}, {3, 5}})};
    // Statistics 0 and 1 of an untrained layer, ε = 0.001: x / √1.001. In training the dropout would leave few values.
    const Tensor expected = nested_floats({{0.99950037, 1.99900075}, {2.99850112, 4.99750187}});
    expect_close(executor.run(args, *runtime).at(0), expected, 1e-6, "training: false");
    for (const VariablePtr& weight : each->non_trainable_weights()) EXPECT_EQ(weight->version(), 0u) << weight->name();
  }
}

TEST_F(FunctionalModel, SequentialAddsPopsAndRejectsWhatKerasRejects) {
  const SequentialPtr stack = Sequential::make(session, "");
  EXPECT_EQ(stack->name(), "sequential");
  EXPECT_EQ(error_of([&] { stack->pop(); }), "TypeError: There are no layers in the model.");
  stack->add(layer("Dense", {{"units", 3}, {"input_shape", {4}}, {"name", "first"}}));
  stack->add(layer("Dense", {{"units", 2}, {"name", "second"}}));
  EXPECT_EQ(stack->input_names(), std::vector<std::string>{"first_input"});
  EXPECT_EQ(to_text(stack->outputs()[0].shape()), "(None, 2)");
  EXPECT_EQ(
      error_of([&] { stack->add(layer("ReLU", {{"name", "first"}})); }),
      "ValueError: All layers added to a Sequential model should have unique names. Name \"first\" is already the name of a "
      "layer in this model. Update the `name` argument to pass a unique name.");
  stack->pop();
  EXPECT_EQ(to_text(stack->outputs()[0].shape()), "(None, 3)");
  EXPECT_EQ(stack->count_params(), 15);
}

TEST_F(FunctionalModel, SequentialWithoutAShapeIsBuiltLater) {
  const SequentialPtr stack = Sequential::make(session, "");
  stack->add(layer("Dense", {{"units", 3}}));
  EXPECT_FALSE(stack->is_graph_network());
  EXPECT_EQ(stack->count_params(), 0);
  stack->ensure_built({{2, 4}});
  EXPECT_TRUE(stack->is_graph_network());
  EXPECT_EQ(stack->count_params(), 15);
  EXPECT_EQ(stack->input_names(), std::vector<std::string>{"dense_input"});
}

}  // namespace
}  // namespace keras::testing
