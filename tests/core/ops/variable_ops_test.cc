// Variables: what a read sees, what an update changes, and the updates of TensorFlow's training ops.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/gradients.h"
#include "core/ops/builders.h"

namespace keras {
namespace {

class VariableOps : public ::testing::Test {
 protected:
  static VariablePtr variable(std::vector<float> values) { return std::make_shared<Variable>("v", Tensor::vector(values), true); }
  static Tensor handle(const VariablePtr& variable) { return Tensor::resource(variable); }
  static Tensor scalar(float value) { return Tensor::scalar(value); }
  static float value(const VariablePtr& variable, int64_t index) { return variable->value().data<float>()[index]; }

  std::vector<Tensor> op(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    return run_op(name, inputs, std::move(attrs), runtime_);
  }

  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_F(VariableOps, AReadKeepsWhatItSawWhenTheVariableIsUpdated) {
  const VariablePtr v = variable({1, 2});
  const Tensor before = op("ReadVariableOp", {handle(v)}, {{"dtype", DType::kFloat32}})[0];
  op("AssignAddVariableOp", {handle(v), Tensor::vector<float>({10, 20})});
  EXPECT_EQ(before.data<float>()[0], 1);
  EXPECT_EQ(value(v, 0), 11);
  EXPECT_EQ(value(v, 1), 22);
}

TEST_F(VariableOps, AnUpdateThatNobodyWatchesKeepsTheMemory) {
  const VariablePtr v = variable({1, 2});
  const std::byte* memory = v->value().raw();
  op("AssignSubVariableOp", {handle(v), Tensor::vector<float>({1, 1})});
  EXPECT_EQ(v->value().raw(), memory);
  EXPECT_EQ(value(v, 1), 1);
}

TEST_F(VariableOps, AVariableMayBeAddedToItself) {
  const VariablePtr v = variable({1, 2});
  op("AssignAddVariableOp", {handle(v), v->value()});
  EXPECT_EQ(value(v, 1), 4);
}

TEST_F(VariableOps, AnUpdateOfAnotherShapeIsRefused) {
  const VariablePtr v = variable({1, 2});
  EXPECT_THROW(op("AssignAddVariableOp", {handle(v), Tensor::vector<float>({1})}), InvalidArgumentError);
  EXPECT_THROW(op("ReadVariableOp", {handle(v)}, {{"dtype", DType::kInt32}}), InvalidArgumentError);
}

TEST_F(VariableOps, MomentumAsKerasHasIt) {
  const VariablePtr v = variable({1}), accum = variable({0.5f});
  const auto apply = [&](bool nesterov) {
    op("ResourceApplyKerasMomentum", {handle(v), handle(accum), scalar(0.1f), Tensor::vector<float>({2}), scalar(0.9f)},
       {{"use_nesterov", nesterov}});
  };
  apply(false);  // accum = 0.45 - 0.2
  EXPECT_NEAR(value(accum, 0), 0.25, 1e-6);
  EXPECT_NEAR(value(v, 0), 1.25, 1e-6);
  apply(true);  // accum = 0.225 - 0.2, v += 0.9 · 0.025 - 0.2
  EXPECT_NEAR(value(accum, 0), 0.025, 1e-6);
  EXPECT_NEAR(value(v, 0), 1.0725, 1e-6);
}

TEST_F(VariableOps, AdamAndRmsPropFollowTheirFormulas) {
  const VariablePtr v = variable({1}), m = variable({0.2f}), s = variable({0.3f});
  op("ResourceApplyAdam", {handle(v), handle(m), handle(s), scalar(0.81f), scalar(0.99f), scalar(0.01f), scalar(0.9f),
                           scalar(0.999f), scalar(1e-7f), Tensor::vector<float>({3})});
  const double new_m = 0.2 + (3 - 0.2) * 0.1, new_s = 0.3 + (9 - 0.3) * 0.001;
  EXPECT_NEAR(value(m, 0), new_m, 1e-6);
  EXPECT_NEAR(value(s, 0), new_s, 1e-6);
  EXPECT_NEAR(value(v, 0), 1 - 0.01 * std::sqrt(1 - 0.99) / (1 - 0.81) * new_m / (std::sqrt(new_s) + 1e-7), 1e-6);

  const VariablePtr w = variable({1}), square = variable({0.5f}), moment = variable({0.25f});
  op("ResourceApplyRMSProp", {handle(w), handle(square), handle(moment), scalar(0.1f), scalar(0.9f), scalar(0.5f), scalar(1e-3f),
                              Tensor::vector<float>({2})});
  const double mean_square = 0.5 + (4 - 0.5) * 0.1, step = 0.25 * 0.5 + 0.1 * 2 / std::sqrt(mean_square + 1e-3);
  EXPECT_NEAR(value(square, 0), mean_square, 1e-6);
  EXPECT_NEAR(value(w, 0), 1 - step, 1e-6);
}

TEST_F(VariableOps, TheGradientOfAGatherIsTheSumOfItsRows) {
  const auto table = std::make_shared<Variable>("table", Tensor::zeros(DType::kFloat32, {3, 2}), true);
  GraphBuilder builder("embedding");
  const Value indices = builder.constant(Tensor::vector<int32_t>({2, 0, 2}));
  const Value handle_value = builder.handle(table);
  const Values rows = builder.emit("ResourceGather", std::vector<Value>{handle_value, indices}, {{"dtype", DType::kFloat32}});
  builder.refine_shape(rows[0], {3, 2});
  const Value upstream = builder.constant(Tensor::from<float>({3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  const Values found = gradients(builder, rows, std::vector<Value>{handle_value}, std::vector<Value>{upstream});
  Executor executor(builder.finish(found, {"gradient"}));
  const Tensor gradient = executor.run({}, runtime_)[0];
  EXPECT_EQ(gradient.shape(), Shape({3, 2}));
  EXPECT_EQ(std::vector<float>(gradient.values<float>().begin(), gradient.values<float>().end()),
            (std::vector<float>{3, 4, 0, 0, 6, 8}));
}

TEST_F(VariableOps, AnIndexOutsideTheTableIsAnError) {
  const auto table = std::make_shared<Variable>("table", Tensor::zeros(DType::kFloat32, {3, 2}), true);
  EXPECT_THROW(op("ResourceGather", {handle(table), Tensor::vector<int32_t>({3})}, {{"dtype", DType::kFloat32}}),
               InvalidArgumentError);
}

TEST_F(VariableOps, RandomOpsRepeatWithTheirSeed) {
  Runtime first(kernels::make_serial(), 7, Limits()), second(kernels::make_serial(), 7, Limits());
  const std::vector<Tensor> shape = {Tensor::vector<int32_t>({64})};
  const Attrs attrs{{"dtype", DType::kFloat32}};
  const Tensor a = run_op("RandomUniform", shape, attrs, first)[0], b = run_op("RandomUniform", shape, attrs, second)[0];
  const Tensor c = run_op("RandomUniform", shape, attrs, first)[0];
  int equal = 0;
  for (int64_t i = 0; i < 64; ++i) {
    EXPECT_EQ(a.data<float>()[i], b.data<float>()[i]);
    EXPECT_TRUE(a.data<float>()[i] >= 0 && a.data<float>()[i] < 1);
    equal += a.data<float>()[i] == c.data<float>()[i];
  }
  EXPECT_LT(equal, 4);
}

TEST(RandomOps, AShuffleMovesRowsOfAnyDtype) {
  Runtime runtime(kernels::make_serial(), 7, Limits());
  std::vector<float> numbers;
  std::vector<std::string> words;
  for (int i = 0; i < 200; ++i) {
    numbers.push_back(static_cast<float>(i / 2));
    words.push_back(std::to_string(i));
  }
  const std::array rows = {Tensor::vector(numbers).reshaped({100, 2})}, texts = {Tensor::vector(words)};
  const Tensor shuffled = run_op("RandomShuffle", rows, {}, runtime)[0], other = run_op("RandomShuffle", rows, {}, runtime)[0];
  std::vector<float> found(shuffled.values<float>().begin(), shuffled.values<float>().end());
  EXPECT_NE(found, numbers);
  EXPECT_NE(found, std::vector<float>(other.values<float>().begin(), other.values<float>().end()));
  for (size_t i = 0; i < found.size(); i += 2) EXPECT_EQ(found[i], found[i + 1]);  // rows stay together
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, numbers);
  const Tensor moved = run_op("RandomShuffle", texts, {}, runtime)[0];
  std::vector<std::string> all(moved.values<std::string>().begin(), moved.values<std::string>().end());
  EXPECT_NE(all, words);
  EXPECT_TRUE(std::is_permutation(all.begin(), all.end(), words.begin()));
}

// As TensorFlow 2.15.1 has them.
class NamedVariables : public VariableOps {
 protected:
  Tensor named(const std::string& name, const std::string& container = "", DType dtype = DType::kFloat32) {
    return op("VarHandleOp", {}, {{"dtype", dtype}, {"shape", Shape({2})}, {"shared_name", name}, {"container", container}})[0];
  }
  void assign(const Tensor& handle, const std::vector<float>& values, bool validate = false) {
    op("AssignVariableOp", {handle, Tensor::vector(values)}, {{"dtype", DType::kFloat32}, {"validate_shape", validate}});
  }
  Tensor read(const Tensor& handle) { return op("ReadVariableOp", {handle}, {{"dtype", DType::kFloat32}})[0]; }
  bool is_initialized(const Tensor& handle) { return op("VarIsInitializedOp", {handle})[0].data<bool>()[0]; }
};

TEST_F(NamedVariables, AreFoundByContainerAndName) {
  assign(named("v"), {1, 2});
  EXPECT_EQ(read(named("v", "localhost")).data<float>()[1], 2);
  EXPECT_FALSE(is_initialized(named("v", "other")));
  EXPECT_FALSE(is_initialized(named("w")));
  const std::string anonymous = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";
  assign(named(anonymous), {1, 2});
  EXPECT_FALSE(is_initialized(named(anonymous)));
  Runtime other(kernels::make_serial(), 1, Limits());
  const Attrs attrs = {{"dtype", DType::kFloat32}, {"shape", Shape({2})}, {"shared_name", std::string("v")}};
  const Tensor elsewhere = run_op("VarHandleOp", {}, attrs, other)[0];
  EXPECT_FALSE(is_initialized(elsewhere)) << "another engine has variables of its own";
}

TEST_F(NamedVariables, HaveNoValueBeforeTheFirstAssignment) {
  const Tensor handle = named("v");
  EXPECT_FALSE(is_initialized(handle));
  try {
    read(handle);
    FAIL() << "was read";
  } catch (const FailedPreconditionError& error) {
    EXPECT_NE(
        error.message().find("Could not find variable v. This could mean that the variable has been deleted. In TF1, it can "
                             "also mean the variable is uninitialized. Debug info: container=localhost, "),
        std::string::npos)
        << error.message();
  }
  EXPECT_THROW(op("AssignAddVariableOp", {handle, Tensor::vector<float>({1, 2})}), NotFoundError);
  EXPECT_THROW(op("VariableShape", {handle}), NotFoundError);
  EXPECT_THROW(op("ResourceGather", {handle, Tensor::vector<int32_t>({0})}, {{"dtype", DType::kFloat32}}), NotFoundError);
  assign(handle, {1, 2});
  EXPECT_TRUE(is_initialized(handle));
  op("AssignAddVariableOp", {handle, Tensor::vector<float>({10, 20})});
  EXPECT_EQ(read(handle).data<float>()[1], 22);
  EXPECT_EQ(op("VariableShape", {handle})[0].to_int64s(), (std::vector<int64_t>{2}));
}

TEST_F(NamedVariables, ChangeTheirShapeButNotTheirDtype) {
  const Tensor handle = named("v");
  assign(handle, {1, 2});
  assign(handle, {1, 2, 3});
  EXPECT_EQ(read(handle).shape(), Shape({3}));
  EXPECT_THROW(assign(handle, {1}, true), InvalidArgumentError);
  EXPECT_THROW(op("AssignVariableOp", {handle, Tensor::vector<int32_t>({1})}), InvalidArgumentError);
  EXPECT_THROW(op("ReadVariableOp", {handle}, {{"dtype", DType::kInt32}}), InvalidArgumentError);
}

TEST_F(NamedVariables, OfHalfAreUpdatedThroughFloat32) {
  const Tensor handle = named("h", "", DType::kFloat16),
               value = op("Cast", {Tensor::vector<float>({1, 2})}, {{"DstT", DType::kFloat16}})[0];
  op("AssignVariableOp", {handle, value});
  op("AssignAddVariableOp", {handle, value});
  const Tensor sum = op("ReadVariableOp", {handle}, {{"dtype", DType::kFloat16}})[0];
  EXPECT_EQ(sum.number_at(1), 4);
}

// Twice the same name in one function: every read sees the writes before it, whichever handle they went through.
TEST_F(NamedVariables, LiveOnBetweenRunsOfAFunction) {
  GraphBuilder builder("counts");
  const auto handle = [&] {
    return builder.emit("VarHandleOp", {},
                        {{"dtype", DType::kFloat32}, {"shape", Shape()}, {"shared_name", std::string("n")}})[0];
  };
  const Value a = handle(), b = handle(), x = builder.arg("x", DType::kFloat32, Shape());
  const auto read_of = [](const Value& from) { return emit1("ReadVariableOp", {from}, {{"dtype", DType::kFloat32}}); };
  builder.emit("AssignVariableOp", std::array{a, x}, {});
  const Value before = read_of(a);
  builder.emit("AssignAddVariableOp", std::array{b, x}, {});
  const Value after = read_of(a);
  Executor executor(builder.finish(std::array{before, after}, {"before", "after"}));
  const std::vector<Tensor> found = executor.run(std::array{scalar(3)}, runtime_);
  EXPECT_EQ(found[0].data<float>()[0], 3);
  EXPECT_EQ(found[1].data<float>()[0], 6);
  EXPECT_EQ(read(named("n")).data<float>()[0], 6);
}

}  // namespace
}  // namespace keras
