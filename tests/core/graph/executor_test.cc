// Tracing and running: results by hand, dynamic batches, variables, memory, errors.
#include "core/graph/executor.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/ops/builders.h"
#include "tests/core/graph/interpreter.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::floats;
using testing::list;
using testing::noise;
using testing::serial_runtime;
using testing::variable;

FunctionPtr affine(const VariablePtr& kernel, const VariablePtr& bias) {
  GraphBuilder builder("affine");
  const Value x = builder.arg("x", DType::kFloat32, {-1, 2});
  const std::array results = {relu(bias_add(matmul(x, builder.read(kernel)), builder.read(bias)))};
  return builder.finish(results, {"y"});
}

TEST(Executor, RunsATracedFunctionForAnyBatch) {
  const auto kernel = variable("kernel", floats({2, 2}, {1, 2, 3, 4}));
  const auto bias = variable("bias", floats({2}, {0.5f, -20}));
  Executor executor(affine(kernel, bias));
  const auto runtime = serial_runtime();
  const std::array one = {floats({1, 2}, {1, 1})};
  EXPECT_EQ(list(executor.run(one, *runtime)[0]), (std::vector<float>{4.5f, 0}));
  const std::array two = {floats({2, 2}, {1, 1, 2, 10})};
  EXPECT_EQ(list(executor.run(two, *runtime)[0]), (std::vector<float>{4.5f, 0, 32.5f, 24}));
  EXPECT_EQ(list(executor.run(one, *runtime)[0]), (std::vector<float>{4.5f, 0}));
}

TEST(Executor, SeesAVariableChangeAtTheNextRun) {
  const auto kernel = variable("kernel", floats({2, 2}, {1, 2, 3, 4}));
  const auto bias = variable("bias", floats({2}, {0, 0}));
  Executor executor(affine(kernel, bias));
  const auto runtime = serial_runtime();
  const std::array x = {floats({1, 2}, {1, 0})};
  EXPECT_EQ(list(executor.run(x, *runtime)[0]), (std::vector<float>{1, 2}));
  kernel->assign(floats({2, 2}, {7, 8, 9, 10}));
  EXPECT_EQ(list(executor.run(x, *runtime)[0]), (std::vector<float>{7, 8}));
}

TEST(Executor, KeepsTheOrderOfReadsAndAssignments) {
  const auto counter = variable("counter", floats({}, {1}));
  GraphBuilder builder("count");
  const Value before = builder.read(counter);
  builder.assign_add(counter, builder.constant(Tensor::scalar(2.0f)));
  const Value after = builder.read(counter);
  const std::array results = {before, after};
  Executor executor(builder.finish(results, {"before", "after"}));
  const auto runtime = serial_runtime();
  const auto first = executor.run({}, *runtime);
  EXPECT_EQ(list(first[0]), std::vector<float>{1});
  EXPECT_EQ(list(first[1]), std::vector<float>{3});
  const auto second = executor.run({}, *runtime);
  EXPECT_EQ(list(second[0]), std::vector<float>{3});
  EXPECT_EQ(list(second[1]), std::vector<float>{5});
  EXPECT_EQ(list(first[1]), std::vector<float>{3}) << "a result that was handed out must not change";
}

TEST(Executor, ReusesMemoryOfDeadValues) {
  GraphBuilder builder("chain");
  Value x = builder.arg("x", DType::kFloat32, {-1, 1000});
  Value y = x;
  for (int i = 0; i < 20; ++i) y = matmul(relu(add(y, 1.0)), builder.constant(noise({1000, 1000}, 3)));
  const std::array results = {y};
  Executor executor(builder.finish(results, {"y"}));
  const auto runtime = serial_runtime();
  const std::array args = {noise({4, 1000})};
  executor.run(args, *runtime);
  // One product and what it is made from are alive at a time.
  EXPECT_LE(executor.arena_bytes(), 2 * 4 * 1000 * 4 + 128);
}

/// Earlier values live where a result will be: that must never be seen in a result, or in what keeps one.
TEST(Executor, HandsOutResultsThatNothingChangesAnyMore) {
  const auto kept = variable("kept", Tensor::zeros(DType::kFloat32, {3, 8}));
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {-1, 8});
  const auto weights = [&](uint32_t seed) { return builder.constant(noise({8, 8}, seed)); };
  const Value first = tanh(matmul(x, weights(1))), second = tanh(matmul(first, weights(2)));
  builder.assign(kept, first);  // a copy: its memory is that of a result afterwards
  const Value third = matmul(second, weights(3));
  const Value flat = reshape(third, {-1});
  const std::array results = {third, third, flat, relu(third)};
  const FunctionPtr function = builder.finish(results, {"a", "b", "flat", "positive"});
  Executor executor(function);
  const auto runtime = serial_runtime();
  std::vector<std::vector<Tensor>> found, wanted;
  std::vector<Tensor> assigned;
  for (uint32_t run = 0; run < 4; ++run) {
    const std::array args = {noise({3, 8}, 10 + run)};
    wanted.push_back(testing::interpret(*function, args, *runtime));
    assigned.push_back(kept->value().clone());
    found.push_back(executor.run(args, *runtime));
    testing::expect_close(kept->value(), assigned.back(), 1e-6);
  }
  for (size_t run = 0; run < found.size(); ++run) {  // after all runs
    for (size_t i = 0; i < wanted[run].size(); ++i) testing::expect_close(found[run][i], wanted[run][i], 1e-6);
  }
}

TEST(Executor, RefusesAResultThatIsTooLargeWhenItIsMade) {
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {-1, 8});
  const Value y = matmul(tanh(matmul(x, builder.constant(noise({8, 8})))), builder.constant(noise({8, 1})));
  const std::array results = {matmul(y, builder.constant(noise({1, 64})))};
  Executor executor(builder.finish(results, {"y"}));
  Runtime runtime(kernels::make_serial(), 1, Limits{.tensor_bytes = 1024});
  const std::array args = {noise({16, 8})};
  EXPECT_THROW(executor.run(args, runtime), ResourceExhaustedError);
  EXPECT_EQ(executor.arena_bytes(), 512 + 64) << "no earlier value asks for its memory";
  const std::array small = {noise({4, 8})};
  EXPECT_EQ(executor.run(small, runtime)[0].shape(), (Shape{4, 64}));
}

TEST(Executor, NamesTheNodeWhereShapesDoNotFit) {
  GraphBuilder builder("bad");
  const Value x = builder.arg("x", DType::kFloat32, {-1, -1});
  const Value y = builder.arg("y", DType::kFloat32, {-1, -1});
  const std::array results = {matmul(x, y)};
  Executor executor(builder.finish(results, {"z"}));
  const auto runtime = serial_runtime();
  const std::array args = {noise({2, 3}), noise({4, 5})};
  EXPECT_THROW(executor.run(args, *runtime), InvalidArgumentError);
  const std::array good = {noise({2, 3}), noise({3, 5})};
  EXPECT_EQ(executor.run(good, *runtime)[0].shape(), (Shape{2, 5})) << "the executor goes on working";
}

TEST(Executor, RefusesAnArgumentOfAnotherDtypeOrShape) {
  const auto kernel = variable("kernel", noise({2, 2}));
  const auto bias = variable("bias", noise({2}));
  Executor executor(affine(kernel, bias));
  const auto runtime = serial_runtime();
  const std::array wrong_shape = {noise({1, 3})};
  EXPECT_THROW(executor.run(wrong_shape, *runtime), InvalidArgumentError);
  const std::array wrong_dtype = {Tensor::zeros(DType::kInt32, {1, 2})};
  EXPECT_THROW(executor.run(wrong_dtype, *runtime), InvalidArgumentError);
}

TEST(Executor, StopsWhenCancelled) {
  const auto kernel = variable("kernel", noise({2, 2}));
  const auto bias = variable("bias", noise({2}));
  Executor executor(affine(kernel, bias));
  const auto runtime = serial_runtime();
  runtime->cancelled = true;
  const std::array x = {noise({1, 2})};
  EXPECT_THROW(executor.run(x, *runtime), AbortError);
  runtime->cancelled = false;
  EXPECT_EQ(executor.run(x, *runtime).size(), 1u);
}

TEST(GraphBuilder, KnowsShapesThatFollowFromStaticOnes) {
  GraphBuilder builder("shapes");
  const Value x = builder.arg("x", DType::kFloat32, {2, 3});
  ASSERT_NE(shape_of(x).constant(), nullptr);
  EXPECT_EQ(shape_of(x).constant()->to_int64s(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(reshape(x, shape_of(transpose(x, {1, 0}))).shape(), (Shape{3, 2}));
}

TEST(GraphBuilder, NamesNodesByScopeAndCount) {
  GraphBuilder builder("names");
  const Value x = builder.arg("x", DType::kFloat32, {2});
  const GraphBuilder::NameScope outer(builder, "model");
  const GraphBuilder::NameScope inner(builder, "dense");
  EXPECT_EQ(builder.node(relu(x).node).name, "model/dense/Relu");
  EXPECT_EQ(builder.node(relu(x).node).name, "model/dense/Relu_1");
}

TEST(GraphBuilder, RefusesUnknownOpsAndForeignValues) {
  GraphBuilder a("a"), b("b");
  const Value x = a.arg("x", DType::kFloat32, {2});
  const std::array inputs = {x};
  EXPECT_THROW(a.emit("NoSuchOp", inputs), UnimplementedError);
  EXPECT_THROW(b.emit("Relu", inputs), ValueError);
}

}  // namespace
}  // namespace keras
