// Weights that are packed for a product are there once: variables hold them packed, and give them back bit for bit.
#include "core/graph/packed_weights.h"

#include <gtest/gtest.h>

#include "core/graph/gradients.h"
#include "core/ops/builders.h"
#include "tests/core/graph/interpreter.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::list;
using testing::noise;
using testing::serial_runtime;
using testing::variable;

/// A model of one weight, and what it computes before anything is packed.
struct Model {
  VariablePtr weight;
  FunctionPtr function;
  Tensor x, y;
};

template <class Build>
Model make_model(const Shape& input, const Shape& weight, Build build) {
  Model model{variable("w", noise(weight, 3)), nullptr, noise(input, 1), {}};
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, input);
  const std::array results = {build(builder, x, model.weight)};
  model.function = builder.finish(results, {"y"});
  const std::array args = {model.x};
  model.y = testing::interpret(*model.function, args, *serial_runtime())[0];
  return model;
}

Model dense() {
  return make_model({3, 5}, {5, 7}, [](GraphBuilder& b, const Value& x, const VariablePtr& w) {
    return relu(bias_add(matmul(x, b.read(w)), b.constant(noise({7}, 2))));
  });
}

Model normed_convolution() {
  return make_model({2, 6, 5, 3}, {3, 3, 3, 9}, [](GraphBuilder& b, const Value& x, const VariablePtr& w) {
    const Value y =
        emit1("Conv2D", {x, b.read(w)}, {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", std::string("SAME")}});
    std::vector<Value> inputs = {y};
    for (uint32_t seed = 5; seed < 9; ++seed) {
      Tensor statistics = noise({9}, seed);
      for (int64_t i = 0; i < 9; ++i) statistics.data<float>()[i] += 1.5f;
      inputs.push_back(b.read(variable("n", statistics)));
    }
    return relu(b.emit("FusedBatchNormV3", inputs, {{"is_training", false}, {"epsilon", 1e-3f}})[0]);
  });
}

Tensor run(Executor& executor, const Model& model) {
  const std::array args = {model.x};
  return executor.run(args, *serial_runtime())[0];
}

/// Holds its weight packed after a run, and computes the same before and after somebody has asked for it.
void expect_held_packed(const Model& model) {
  const std::vector<float> before = list(model.weight->value());
  Executor executor(model.function);
  testing::expect_close(run(executor, model), model.y, 1e-5);
  ASSERT_NE(model.weight->packed(), nullptr);
  EXPECT_EQ(list(model.weight->read()), before);
  ASSERT_NE(model.weight->packed(), nullptr) << "a copy was read";
  EXPECT_EQ(list(model.weight->value()), before);
  EXPECT_EQ(model.weight->packed(), nullptr);
  testing::expect_close(run(executor, model), model.y, 1e-5);
  EXPECT_EQ(model.weight->packed(), nullptr) << "what was asked for once is not packed and unpacked again and again";
}

TEST(PackedWeights, OfProductsAreHeldOnce) { expect_held_packed(dense()); }

TEST(PackedWeights, OfTransposedProductsAreHeldOnce) {
  expect_held_packed(make_model(
      {3, 5}, {7, 5}, [](GraphBuilder& b, const Value& x, const VariablePtr& w) { return matmul(x, b.read(w), false, true); }));
}

TEST(PackedWeights, OfEinsumsAreHeldOnce) {
  expect_held_packed(make_model({2, 3, 4}, {4, 3, 5}, [](GraphBuilder& b, const Value& x, const VariablePtr& w) {
    return emit1("Einsum", {x, b.read(w)}, {{"equation", std::string("abc,cde->abde")}});
  }));
}

TEST(PackedWeights, OfConvolutionsWithBatchNormsAreHeldOnce) { expect_held_packed(normed_convolution()); }

TEST(PackedWeights, TakeTheMemoryOfTheirValuesWhereTheyFit) {
  const Model model = make_model(
      {3, 5}, {5, 16}, [](GraphBuilder& b, const Value& x, const VariablePtr& w) { return relu(matmul(x, b.read(w))); });
  const std::byte* memory = model.weight->value().raw();
  Executor executor(model.function);
  testing::expect_close(run(executor, model), model.y, 1e-5);
  ASSERT_NE(model.weight->packed(), nullptr);
  EXPECT_EQ(model.weight->packed()->tensor.raw(), memory);
  expect_held_packed(model);
}

TEST(PackedWeights, AreSharedByFunctions) {
  const Model model = normed_convolution();
  Executor first(model.function), second(model.function);
  run(first, model);
  ASSERT_NE(model.weight->packed(), nullptr);
  const std::byte* memory = model.weight->packed()->tensor.raw();
  testing::expect_close(run(second, model), model.y, 1e-5);
  ASSERT_NE(model.weight->packed(), nullptr);
  EXPECT_EQ(model.weight->packed()->tensor.raw(), memory);
}

TEST(PackedWeights, ChangeWithTheVariable) {
  const Model model = dense();
  Executor executor(model.function);
  run(executor, model);
  model.weight->assign(noise({5, 7}, 8));
  EXPECT_EQ(model.weight->packed(), nullptr);
  const std::array args = {model.x};
  const Tensor wanted = testing::interpret(*model.function, args, *serial_runtime())[0];
  testing::expect_close(run(executor, model), wanted, 1e-5);
  ASSERT_NE(model.weight->packed(), nullptr);
  model.weight->mutable_value().data<float>()[0] += 1;
  const Tensor changed = testing::interpret(*model.function, args, *serial_runtime())[0];
  testing::expect_close(run(executor, model), changed, 1e-5);
}

TEST(PackedWeights, StayPlainWhereSomethingElseReadsThem) {
  const auto build = [](GraphBuilder& b, const Value& x, const VariablePtr& w) {
    return add(reduce_sum(b.read(w)), matmul(mul(x, reduce_sum(x)), b.read(w)));
  };
  const Model model = make_model({3, 5}, {5, 7}, build);
  Executor executor(model.function);
  testing::expect_close(run(executor, model), model.y, 1e-5);
  EXPECT_EQ(model.weight->packed(), nullptr);
}

TEST(PackedWeights, StayPlainWhereSomebodyHoldsTheirMemory) {
  const Model model = dense();
  const Tensor held = model.weight->value();
  Executor executor(model.function);
  run(executor, model);
  EXPECT_EQ(model.weight->packed(), nullptr);
}

TEST(PackedWeights, AreReadByTrainingSteps) {
  const Model model = dense();
  GraphBuilder builder("step");
  const std::array x = {builder.arg("x", DType::kFloat32, {3, 5})};
  const Values y = builder.call(model.function, x);
  const std::array loss = {reduce_sum(y[0])};
  const std::array wanted = {builder.handle(model.weight)};
  builder.assign_sub(model.weight, gradients(builder, loss, wanted)[0]);
  Executor predict(model.function), train(builder.finish(loss, {"loss"}));
  for (int step = 0; step < 3; ++step) {
    const std::array args = {model.x};
    const Tensor plain = testing::interpret(*model.function, args, *serial_runtime())[0];
    testing::expect_close(run(predict, model), plain, 1e-5);
    ASSERT_NE(model.weight->packed(), nullptr);
    train.run(args, *serial_runtime());
    EXPECT_EQ(model.weight->packed(), nullptr);
  }
}

}  // namespace
}  // namespace keras
