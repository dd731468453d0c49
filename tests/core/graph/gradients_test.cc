// Gradients: by hand and by finite differences in float64.
#include "core/graph/gradients.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/ops/builders.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::floats;
using testing::list;
using testing::serial_runtime;
using testing::variable;

TEST(Gradients, OfAProductByHand) {
  GraphBuilder builder("product");
  const Value x = builder.arg("x", DType::kFloat32, {2});
  const Value y = builder.arg("y", DType::kFloat32, {2});
  const std::array ys = {mul(mul(x, x), y)};
  const std::array xs = {x, y};
  const Values grads = gradients(builder, ys, xs);
  Executor executor(builder.finish(grads, {"dx", "dy"}));
  const auto runtime = serial_runtime();
  const std::array args = {floats({2}, {3, -1}), floats({2}, {5, 7})};
  const auto results = executor.run(args, *runtime);
  EXPECT_EQ(list(results[0]), (std::vector<float>{30, -14}));  // 2xy
  EXPECT_EQ(list(results[1]), (std::vector<float>{9, 1}));     // x²
}

// TensorFlow has none for these, and says so; a zero would be a wrong answer.
TEST(Gradients, OfCountsAreNotTakenForZero) {
  GraphBuilder builder("counts");
  const Value x = builder.arg("weights", DType::kFloat32, {3});
  const Value numbers = builder.constant(Tensor::vector<int32_t>({0, 1, 1})), size = int_scalar(builder, 2);
  for (const char* op : {"Bincount", "DenseBincount"}) {
    const std::array ys = {emit1(op, {numbers, size, x})};
    EXPECT_THROW(gradients(builder, ys, std::array{x}), UnimplementedError) << op;
  }
  const Value splits = builder.constant(Tensor::vector<int64_t>({0, 1, 3}));
  const std::array ys = {emit1("RaggedBincount", {splits, numbers, size, x}), emit1("Bitcast", {x}, {{"type", DType::kFloat16}})};
  for (const Value& y : ys) EXPECT_THROW(gradients(builder, std::array{y}, std::array{x}), UnimplementedError);
}

TEST(Gradients, SumOverBroadcastAxes) {
  GraphBuilder builder("broadcast");
  const Value x = builder.arg("x", DType::kFloat32, {-1, 2});
  const Value b = builder.arg("b", DType::kFloat32, {2});
  const std::array ys = {mul(x, b)};
  const std::array xs = {b};
  const Values grads = gradients(builder, ys, xs);
  Executor executor(builder.finish(grads, {"db"}));
  const auto runtime = serial_runtime();
  const std::array args = {floats({3, 2}, {1, 2, 3, 4, 5, 6}), floats({2}, {1, 1})};
  EXPECT_EQ(list(executor.run(args, *runtime)[0]), (std::vector<float>{9, 12}));
}

TEST(Gradients, OfAVariableAddUpOverAllReads) {
  const auto w = variable("w", floats({}, {3}));
  GraphBuilder builder("variable");
  const std::array ys = {mul(builder.read(w), builder.read(w))};
  const std::array xs = {builder.handle(w)};
  const Values grads = gradients(builder, ys, xs);
  Executor executor(builder.finish(grads, {"dw"}));
  const auto runtime = serial_runtime();
  EXPECT_EQ(list(executor.run({}, *runtime)[0]), std::vector<float>{6});
}

TEST(Gradients, SecondOrder) {
  GraphBuilder builder("second");
  const Value x = builder.arg("x", DType::kFloat32, {});
  const std::array ys = {mul(mul(x, x), x)};
  const std::array xs = {x};
  const Values first = gradients(builder, ys, xs);
  const Values second = gradients(builder, first, xs);
  const std::array results = {first[0], second[0]};
  Executor executor(builder.finish(results, {"d1", "d2"}));
  const auto runtime = serial_runtime();
  const std::array args = {floats({}, {2})};
  const auto values = executor.run(args, *runtime);
  EXPECT_EQ(list(values[0]), std::vector<float>{12});
  EXPECT_EQ(list(values[1]), std::vector<float>{12});
}

TEST(Gradients, AreAbsentWhereNothingDepends) {
  GraphBuilder builder("independent");
  const Value x = builder.arg("x", DType::kFloat32, {});
  const Value y = builder.arg("y", DType::kFloat32, {});
  const std::array ys = {mul(x, 2.0)};
  const std::array xs = {x, y};
  const Values grads = gradients(builder, ys, xs);
  EXPECT_TRUE(grads[0].valid());
  EXPECT_FALSE(grads[1].valid());
}

}  // namespace
}  // namespace keras
