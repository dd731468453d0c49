// Calls of Functions and branches: values, shapes, gradients by hand, errors.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/function_trace.h"
#include "core/graph/gradients.h"
#include "core/ops/builders.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::floats;
using testing::list;
using testing::serial_runtime;
using testing::variable;

/// x → w·x³
FunctionPtr scaled_cube(const VariablePtr& w) {
  GraphBuilder builder("scaled_cube");
  const Value x = builder.arg("x", DType::kFloat32, {-1});
  const std::array results = {mul(builder.read(w), mul(x, mul(x, x)))};
  return builder.finish(results, {"y"});
}

/// x → scale·x
FunctionPtr scaled(double scale) {
  GraphBuilder builder("scaled");
  const Value x = builder.arg("x", DType::kFloat32, {2});
  const std::array results = {mul(x, scale)};
  return builder.finish(results, {"y"});
}

std::vector<Tensor> run(GraphBuilder& builder, std::span<const Value> results, std::span<const Tensor> args) {
  std::vector<std::string> names;
  for (size_t i = 0; i < results.size(); ++i) names.push_back("r" + std::to_string(i));
  Executor executor(builder.finish(results, names));
  const auto runtime = serial_runtime();
  return executor.run(args, *runtime);
}

TEST(Calls, HaveTheShapesOfTheFunctionsResults) {
  GraphBuilder builder("outer");
  const std::array x = {builder.arg("x", DType::kFloat32, {2})};
  EXPECT_EQ(builder.call(scaled(2), x)[0].shape(), Shape({2}));
}

TEST(Calls, AreDifferentiatedByArgumentsAndVariablesToSecondOrder) {
  const auto w = variable("w", floats({}, {5}));
  GraphBuilder builder("outer");
  const std::array x = {builder.arg("x", DType::kFloat32, {2})};
  const Values y = builder.call(scaled_cube(w), x);
  const std::array xs = {x[0], builder.handle(w)};
  const Values first = gradients(builder, y, xs);
  ASSERT_TRUE(first[0].valid() && first[1].valid());
  const Values second = gradients(builder, std::span(first).first(1), xs);
  ASSERT_TRUE(second[0].valid() && second[1].valid());
  const std::array results = {y[0], first[0], first[1], second[0], second[1]};
  const std::array args = {floats({2}, {1, 2})};
  const auto values = run(builder, results, args);
  EXPECT_EQ(list(values[0]), (std::vector<float>{5, 40}));
  EXPECT_EQ(list(values[1]), (std::vector<float>{15, 60}));  // 3wx²
  EXPECT_EQ(list(values[2]), std::vector<float>{9});         // Σx³
  EXPECT_EQ(list(values[3]), (std::vector<float>{30, 60}));  // 6wx
  EXPECT_EQ(list(values[4]), std::vector<float>{15});        // Σ3x²
}

TEST(Calls, AssignOnceThoughDifferentiated) {
  const auto count = variable("count", floats({}, {0}));
  GraphBuilder inner("counting");
  const Value a = inner.arg("a", DType::kFloat32, {});
  inner.assign_add(count, inner.constant(Tensor::scalar(1.0f)));
  const std::array squared = {mul(a, a)};
  const FunctionPtr function = inner.finish(squared, {"y"});
  GraphBuilder builder("outer");
  const std::array x = {builder.arg("x", DType::kFloat32, {})};
  const Values grads = gradients(builder, builder.call(function, x), x);
  const std::array args = {floats({}, {3})};
  EXPECT_EQ(list(run(builder, grads, args)[0]), std::vector<float>{6});
  EXPECT_EQ(list(count->value()), std::vector<float>{1});
}

TEST(Conditions, TakeTheValueAndTheGradientOfTheirBranch) {
  const auto w = variable("w", floats({}, {5}));
  for (const bool condition : {true, false}) {
    GraphBuilder builder("outer");
    const Value which = builder.arg("which", DType::kBool, {});
    const std::array x = {builder.arg("x", DType::kFloat32, {2})};
    const Values y = builder.cond(which, scaled_cube(w), scaled(2), x);
    const std::array xs = {x[0], builder.handle(w)};
    const Values grads = gradients(builder, y, xs);
    ASSERT_TRUE(grads[0].valid() && grads[1].valid());
    const std::array results = {y[0], grads[0], grads[1]};
    const std::array args = {Tensor::scalar(condition), floats({2}, {1, 2})};
    const auto values = run(builder, results, args);
    EXPECT_EQ(list(values[0]), condition ? (std::vector<float>{5, 40}) : (std::vector<float>{2, 4}));
    EXPECT_EQ(list(values[1]), condition ? (std::vector<float>{15, 60}) : (std::vector<float>{2, 2}));
    EXPECT_EQ(list(values[2]), std::vector<float>{condition ? 9.0f : 0.0f});
  }
}

TEST(Cases, TakeTheLastBranchForAnIndexOutOfRange) {
  for (const auto& [index, expected, slope] : {std::tuple{0, 4.0f, 2.0f}, {1, 6.0f, 3.0f}, {2, 6.0f, 3.0f}, {-1, 6.0f, 3.0f}}) {
    GraphBuilder builder("outer");
    const Value which = builder.arg("which", DType::kInt32, {});
    const Value x = builder.arg("x", DType::kFloat32, {2});
    const std::vector<FunctionRef> branches = {{"double", scaled(2)}, {"triple", scaled(3)}};
    const std::array inputs = {which, x}, xs = {which, x};
    const Values y = builder.emit("StatelessCase", inputs, {{"branches", branches}, {"Tout", std::vector{DType::kFloat32}}});
    const std::array results = {y[0], gradients(builder, y, xs)[1]};
    const std::array args = {Tensor::scalar<int32_t>(index), floats({2}, {2, 2})};
    const auto values = run(builder, results, args);
    EXPECT_EQ(list(values[0]), (std::vector<float>{expected, expected}));
    EXPECT_EQ(list(values[1]), (std::vector<float>{slope, slope}));
  }
}

/// In `outer`: w·x·x·…, n times. Captures x, uses w.
Value power_loop(GraphBuilder& outer, const Value& x, const VariablePtr& w, int32_t n) {
  FunctionTrace condition("go_on", {}), body("round", {});
  const std::vector<OpenGraph> in_body = {{&outer, nullptr}, {&body.builder(), &body}};
  const Value i = condition.arg("i", DType::kInt32, {});
  condition.arg("y", DType::kFloat32, {});
  condition.set_results({less(i, scalar_like(i, n))});
  const Value j = body.arg("i", DType::kInt32, {}), y = body.arg("y", DType::kFloat32, {});
  body.set_results({add(j, 1.0), mul(mul(y, use_inside(x, in_body)), body.builder().read(w))});
  const std::array start = {outer.constant(Tensor::scalar<int32_t>(0)), outer.constant(Tensor::scalar(1.0f))};
  return emit_while(outer, condition, body, start)[1];
}

TEST(Loops, AreDifferentiatedToSecondOrder) {
  const auto w = variable("w", floats({}, {2}));
  GraphBuilder builder("outer");
  const Value x = builder.arg("x", DType::kFloat32, {});
  const std::array y = {power_loop(builder, x, w, 3)};
  const std::array xs = {x, builder.handle(w)};
  const Values first = gradients(builder, y, xs);
  ASSERT_TRUE(first[0].valid() && first[1].valid());
  const Values second = gradients(builder, std::span(first).first(1), xs);
  ASSERT_TRUE(second[0].valid() && second[1].valid());
  const std::array results = {y[0], first[0], first[1], second[0], second[1]};
  const std::array args = {floats({}, {3})};
  const auto values = run(builder, results, args);
  EXPECT_EQ(list(values[0]), std::vector<float>{216});  // w³x³
  EXPECT_EQ(list(values[1]), std::vector<float>{216});  // 3w³x²
  EXPECT_EQ(list(values[2]), std::vector<float>{324});  // 3w²x³
  EXPECT_EQ(list(values[3]), std::vector<float>{144});  // 6w³x
  EXPECT_EQ(list(values[4]), std::vector<float>{324});  // 9w²x²
}

TEST(Loops, WithoutARoundPassGradientsOn) {
  const auto w = variable("w", floats({}, {2}));
  GraphBuilder builder("outer");
  const std::array x = {builder.arg("x", DType::kFloat32, {})};
  const std::array y = {add(power_loop(builder, x[0], w, 0), x[0])};
  const Values first = gradients(builder, y, x);
  const std::array args = {floats({}, {3})};
  EXPECT_EQ(list(run(builder, first, args)[0]), std::vector<float>{1});
}

TEST(Conditions, TakeWhatTheirBranchesUseOfTheGraphAround) {
  for (const bool which : {true, false}) {
    GraphBuilder builder("outer");
    const Value decision = builder.arg("which", DType::kBool, {});
    const Value a = builder.arg("a", DType::kFloat32, {}), b = builder.arg("b", DType::kFloat32, {});
    FunctionTrace sum("sum", {}), product("product", {});
    const std::vector<OpenGraph> in_sum = {{&builder, nullptr}, {&sum.builder(), &sum}};
    const std::vector<OpenGraph> in_product = {{&builder, nullptr}, {&product.builder(), &product}};
    sum.set_results({add(use_inside(b, in_sum), 1.0)});
    product.set_results({mul(use_inside(a, in_product), use_inside(b, in_product))});
    const Values y = emit_cond(builder, decision, sum, product);
    const std::array xs = {a, b};
    const Values grads = gradients(builder, y, xs);
    const std::array results = {y[0], grads[0], grads[1]};
    const std::array args = {Tensor::scalar(which), floats({}, {3}), floats({}, {5})};
    const auto values = run(builder, results, args);
    EXPECT_EQ(list(values[0]), std::vector<float>{which ? 6.0f : 15.0f});
    EXPECT_EQ(list(values[1]), std::vector<float>{which ? 0.0f : 5.0f});
    EXPECT_EQ(list(values[2]), std::vector<float>{which ? 1.0f : 3.0f});
    EXPECT_THROW(use_inside(a, {}), RuntimeError);
  }
}

TEST(Loops, ThatDoNotEndAreStopped) {
  GraphBuilder condition("always");
  condition.arg("x", DType::kFloat32, {});
  const std::array yes = {condition.constant(Tensor::scalar(true))};
  GraphBuilder body("same");
  const std::array x = {body.arg("x", DType::kFloat32, {})};
  const FunctionPtr cond_function = condition.finish(yes, {"go_on"}), body_function = body.finish(x, {"x"});
  GraphBuilder builder("outer");
  const std::array start = {builder.arg("x", DType::kFloat32, {})};
  const Values end = builder.emit("StatelessWhile", start,
                                  {{"cond", FunctionRef{"always", cond_function}}, {"body", FunctionRef{"same", body_function}}});
  Executor executor(builder.finish(end, {"x"}));
  const auto runtime = serial_runtime();
  runtime->limits.loop_iterations = 10;
  const std::array args = {floats({}, {1})};
  EXPECT_THROW(executor.run(args, *runtime), ResourceExhaustedError);
  runtime->limits = {};
  runtime->limits.deadline_ms = 20;
  EXPECT_THROW(executor.run(args, *runtime), ResourceExhaustedError);
}

TEST(Calls, RefuseArgumentsThatDoNotFit) {
  GraphBuilder builder("outer");
  const std::array wrong = {builder.arg("i", DType::kInt32, {2})};
  EXPECT_THROW(builder.call(scaled(2), wrong), InvalidArgumentError);
  EXPECT_THROW(builder.call(scaled(2), {}), InvalidArgumentError);
  const std::vector<FunctionRef> none, missing = {{"gone", nullptr}};
  const std::array index = {builder.arg("index", DType::kInt32, {})};
  const std::vector<DType> nothing;
  const std::array x = {builder.arg("x", DType::kFloat32, {2})};
  const FunctionRef twice{"scaled", scaled(2)};
  EXPECT_THROW(builder.emit("PartitionedCall", x, {{"f", twice}, {"Tout", std::vector{DType::kInt32}}}), InvalidArgumentError);
  EXPECT_THROW(builder.emit("PartitionedCall", x, {{"f", twice}, {"Tout", nothing}}), InvalidArgumentError);
  EXPECT_THROW(builder.emit("StatelessWhile", x, {{"cond", twice}, {"body", FunctionRef{"gone", nullptr}}}), NotFoundError);
  EXPECT_THROW(builder.emit("Case", index, {{"branches", none}, {"Tout", nothing}}), InvalidArgumentError);
  EXPECT_THROW(builder.emit("Case", index, {{"branches", missing}, {"Tout", nothing}}), NotFoundError);
}

}  // namespace
}  // namespace keras
