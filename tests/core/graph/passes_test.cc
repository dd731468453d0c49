// What each rewrite does to a graph, and what it must leave alone. That results stay equal is held by random_graph_test.cc.
#include "core/graph/passes/passes.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/gradients.h"
#include "core/graph/recurrent_form.h"
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

int count(const Function& function, std::string_view op) {
  int found = 0;
  for (const Node& node : function.nodes) found += node.op->def->name == op ? 1 : 0;
  return found;
}

FunctionPtr finish(GraphBuilder& builder, const Values& results) {
  return builder.finish(results, std::vector<std::string>(results.size(), "y"));
}

Function rewritten(GraphBuilder& builder, const Values& results) { return rewrite(*finish(builder, results), {}); }

TEST(InlineCalls, PutsNestedCallsAndKnownBranchesInTheirPlace) {
  const auto w = variable("w", floats({}, {5}));
  GraphBuilder inner("inner");
  const Value a = inner.arg("a", DType::kFloat32, {2});
  const FunctionPtr scale = finish(inner, {mul(a, inner.read(w))});
  GraphBuilder middle("middle");
  const std::array b = {middle.arg("b", DType::kFloat32, {2})};
  const Value yes = middle.constant(Tensor::scalar(true));
  const FunctionPtr twice = finish(middle, {add(middle.call(scale, b)[0], middle.cond(yes, scale, scale, b)[0])});
  GraphBuilder outer("outer");
  const std::array x = {outer.arg("x", DType::kFloat32, {2})};
  const FunctionPtr function = finish(outer, {outer.call(twice, x)[0], outer.read(w)});
  const Function result = rewrite(*function, {});
  EXPECT_EQ(count(result, "StatefulPartitionedCall") + count(result, "If"), 0);
  EXPECT_EQ(count(result, "ReadVariableOp"), 1) << "nobody writes in between";
  EXPECT_EQ(result.captures.size(), 1u);
  const auto runtime = serial_runtime();
  const std::array args = {floats({2}, {1, 2})};
  EXPECT_EQ(list(Executor(function).run(args, *runtime)[0]), (std::vector<float>{10, 20}));
}

TEST(InlineCalls, StaysWithinBoundsWhereFunctionsCallTheNextTwice) {
  const auto w = variable("w", floats({}, {1}));
  GraphBuilder last("f");
  FunctionPtr function = finish(last, {mul(last.arg("x", DType::kFloat32, {2}), last.read(w))});
  for (int depth = 0; depth < 20; ++depth) {  // 2^20 multiplications, run
    GraphBuilder builder("f");
    const std::array x = {builder.arg("x", DType::kFloat32, {2})};
    const Value once = builder.call(function, x)[0];
    function = finish(builder, builder.call(function, std::array{once}));
  }
  EXPECT_LT(rewrite(*function, {}).nodes.size(), 40'000u);
}

TEST(InlineCalls, KeepsTheCheckOfArguments) {
  GraphBuilder inner("inner");
  const Value a = inner.arg("a", DType::kFloat32, {2});
  const FunctionPtr twice = finish(inner, {mul(a, 2.0)});
  GraphBuilder outer("outer");
  const std::array x = {outer.arg("x", DType::kFloat32, {-1})};
  Executor executor(finish(outer, outer.call(twice, x)));
  const auto runtime = serial_runtime();
  const std::array two = {floats({2}, {1, 2})}, three = {floats({3}, {1, 2, 3})};
  EXPECT_EQ(list(executor.run(two, *runtime)[0]), (std::vector<float>{2, 4}));
  EXPECT_THROW(executor.run(three, *runtime), InvalidArgumentError);
}

/// Keras's LSTM, called by a Function that is called.
FunctionPtr nested_lstm(const VariablePtr& kernel, const VariablePtr& recurrent_kernel, const VariablePtr& bias) {
  const std::array shapes = {Shape{-1, -1, 3}, Shape{-1, 2}, Shape{-1, 2}, Shape{3, 8}, Shape{2, 8}, Shape{8}};
  const FunctionPtr lstm = recurrent_function({Cell::kLstm, false, false, true}, shapes);
  GraphBuilder layer("layer");
  const Value x = layer.arg("x", DType::kFloat32, {-1, -1, 3}), h = layer.arg("h", DType::kFloat32, {-1, 2});
  const std::array inputs = {x, h, h, layer.read(kernel), layer.read(recurrent_kernel), layer.read(bias)};
  const FunctionPtr called = finish(layer, {layer.call(lstm, inputs)[1]});
  GraphBuilder model("model");
  const std::array args = {model.arg("x", DType::kFloat32, {-1, -1, 3}), model.arg("h", DType::kFloat32, {-1, 2})};
  return finish(model, model.call(called, args));
}

TEST(FuseRecurrent, FindsLayersInCalledFunctions) {
  const FunctionPtr function =
      nested_lstm(variable("k", noise({3, 8}, 1)), variable("r", noise({2, 8}, 2)), variable("b", noise({8}, 3)));
  const Function with = rewrite(*function, {}), without = rewrite(*function, {.fuse_recurrent = false});
  EXPECT_EQ(count(with, "_FusedLSTM"), 1);
  EXPECT_EQ(count(with, "StatefulPartitionedCall") + count(with, "PartitionedCall") + count(with, "StatelessWhile"), 0);
  EXPECT_EQ(count(without, "_FusedLSTM"), 0);
  EXPECT_EQ(count(without, "StatelessWhile"), 1);
  const auto runtime = serial_runtime();
  const std::array args = {noise({2, 4, 3}, 4), noise({2, 2}, 5)};
  const Tensor plain = Executor(function, PassOptions::none()).run(args, *runtime)[0];
  testing::expect_close(Executor(function).run(args, *runtime)[0], plain, 1e-6);
  testing::expect_close(Executor(function, {.fuse_recurrent = false}).run(args, *runtime)[0], plain, 1e-6);
}

TEST(RemoveNoOps, RemovesWhatChangesNothing) {
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {-1, 6});
  const Value same = reshape(emit1("Identity", {x}), {-1, 6});
  const Value there_and_back = reshape(reshape(same, {-1, 2, 3}), {-1, 6});
  const Function result = rewritten(builder, {tanh(there_and_back)});
  EXPECT_EQ(count(result, "Identity") + count(result, "Reshape"), 0);
}

TEST(RemoveNoOps, KeepsReshapesThatMayFailOrChange) {
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {-1, -1});
  const Function result = rewritten(builder, {reshape(x, {-1, 6}), reshape(reshape(x, {4, 3}), {12})});
  EXPECT_EQ(count(result, "Reshape"), 3);
}

TEST(RemoveCasts, GoesBackOnlyWhereNothingWasLost) {
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {2});
  EXPECT_EQ(count(rewritten(builder, {tanh(cast(cast(x, DType::kFloat64), DType::kFloat32))}), "Cast"), 0);
  GraphBuilder other("g");
  const Value y = other.arg("y", DType::kFloat32, {2});
  EXPECT_EQ(count(rewritten(other, {cast(cast(y, DType::kInt32), DType::kFloat32)}), "Cast"), 2);
}

TEST(RemoveTransposes, MergesPairsAndLetsProductsTranspose) {
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {-1, 3, 4}), w = builder.read(variable("w", noise({5, 4})));
  const Value back = transpose(transpose(x, {2, 0, 1}), {1, 2, 0});
  const Value rows = reshape(x, {-1, 4});
  const Function result = rewritten(builder, {tanh(back), matmul(rows, transpose(w, {1, 0}))});
  EXPECT_EQ(count(result, "Transpose"), 0);
}

TEST(FoldConstants, LeavesErrorsAndLargeResultsToTheRun) {
  GraphBuilder builder("f");
  const Value one = builder.constant(Tensor::scalar<int32_t>(1)), zero = builder.constant(Tensor::scalar<int32_t>(0));
  const Value ratio = emit1("FloorDiv", {one, zero});
  const Value large = emit1("Fill", {ints(builder, {1000, 1000}), builder.constant(Tensor::scalar(1.0f))});
  const Value small = add(builder.constant(floats({2}, {1, 2})), 3.0);
  const FunctionPtr function = finish(builder, {ratio, large, small});
  const Function result = rewrite(*function, {});
  EXPECT_EQ(count(result, "FloorDiv"), 1);
  EXPECT_EQ(count(result, "Fill"), 1);
  EXPECT_EQ(count(result, "AddV2"), 0);
  const auto runtime = serial_runtime();
  EXPECT_THROW(Executor(function).run({}, *runtime), InvalidArgumentError);
}

TEST(MergeDuplicates, MergesEqualNodesButNoRandomNumbersAndNoReadsAcrossAssignments) {
  const auto w = variable("w", floats({}, {1}));
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {2});
  const Value a = tanh(mul(x, 2.0)), b = tanh(mul(x, 2.0));
  const Value first = read_variable(builder.handle(w), DType::kFloat32);
  const Value second = read_variable(builder.handle(w), DType::kFloat32);
  builder.assign_add(w, builder.constant(Tensor::scalar(2.0f)));
  const Value third = read_variable(builder.handle(w), DType::kFloat32);
  const Attrs dtype = {{"dtype", DType::kFloat32}};
  const Value random =
      sub(emit1("RandomUniform", {ints(builder, {2})}, dtype), emit1("RandomUniform", {ints(builder, {2})}, dtype));
  const FunctionPtr function = finish(builder, {add(a, b), first, second, third, random});
  const Function result = rewrite(*function, {});
  EXPECT_EQ(count(result, "Tanh"), 1);
  EXPECT_EQ(count(result, "ReadVariableOp"), 2);
  EXPECT_EQ(count(result, "RandomUniform"), 2);
  const auto runtime = serial_runtime();
  const std::array args = {floats({2}, {0, 0})};
  const auto values = Executor(function).run(args, *runtime);
  EXPECT_EQ(list(values[1]), std::vector<float>{1});
  EXPECT_EQ(list(values[3]), std::vector<float>{3});
  EXPECT_NE(values[4].number_at(0), 0);
}

/// x → tanh(x·w)·… `rounds` times, as a Function of (rounds, x). With `trains`, each round also changes w.
FunctionPtr recurrence(const VariablePtr& w, bool trains) {
  GraphBuilder condition("go_on"), body("round");
  const Value i = condition.arg("i", DType::kInt32, {}), n = condition.arg("n", DType::kInt32, {});
  condition.arg("x", DType::kFloat32, {-1, 4});
  const Value j = body.arg("i", DType::kInt32, {}), m = body.arg("n", DType::kInt32, {});
  const Value x = body.arg("x", DType::kFloat32, {-1, 4});
  const Value y = tanh(matmul(x, body.read(w)));
  if (trains) body.assign_add(w, body.constant(Tensor::zeros(DType::kFloat32, {4, 4})));
  const FunctionPtr go_on = finish(condition, {less(i, n)}), round = finish(body, {add(j, 1.0), m, y});
  GraphBuilder builder("recurrence");
  const Value rounds = builder.arg("rounds", DType::kInt32, {}), start = builder.arg("x", DType::kFloat32, {-1, 4});
  const std::array inputs = {builder.constant(Tensor::scalar<int32_t>(0)), rounds, start};
  return finish(builder, {builder.while_loop(go_on, round, inputs)[2]});
}

const Function& body_of(const Function& function) {
  for (const Node& node : function.nodes) {
    if (const AttrValue* body = node.attrs.find("body")) return *std::get<FunctionRef>(*body).function;
  }
  throw NotFoundError("no loop");
}

TEST(HoistInvariants, ReadsAndPacksWeightsBeforeTheLoop) {
  const auto w = variable("w", noise({4, 4}));
  const FunctionPtr function = recurrence(w, false);
  const Function result = rewrite(*function, {});
  EXPECT_EQ(count(body_of(result), "ReadVariableOp") + count(body_of(result), "_PackMatMulWeights"), 0);
  EXPECT_EQ(count(body_of(result), "_FusedMatMul"), 1);
  EXPECT_EQ(count(result, "_PackMatMulWeights"), 1);
  const Hoisting hoisting = find_hoisted(result);
  for (size_t i = 0; i < result.nodes.size(); ++i) {
    if (std::string_view(result.nodes[i].op->def->name) == "_PackMatMulWeights") {
      EXPECT_TRUE(hoisting.hoisted[i]) << "packed when the variable changes, not at each run";
    }
  }
}

TEST(HoistInvariants, MovesProductsWhoseWeightsArePacked) {
  GraphBuilder condition("go_on"), body("round");
  condition.arg("x", DType::kFloat32, {2, 4});
  const Value x = body.arg("x", DType::kFloat32, {2, 4});
  const Value a = body.read(variable("a", noise({4, 4}, 1))), b = body.read(variable("b", noise({4, 4}, 2)));
  const FunctionPtr go_on = finish(condition, {condition.constant(Tensor::scalar(false))});
  const FunctionPtr round = finish(body, {matmul(x, relu(bias_add(matmul(a, b), body.read(variable("c", noise({4}, 3))))))});
  GraphBuilder builder("f");
  const std::array inputs = {builder.arg("x", DType::kFloat32, {2, 4})};
  const Function result = rewritten(builder, builder.while_loop(go_on, round, inputs));
  EXPECT_EQ(count(body_of(result), "_FusedMatMul"), 1);
  EXPECT_EQ(count(result, "_FusedMatMul"), 1);
  EXPECT_EQ(count(result, "_PackMatMulWeights"), 2);
}

TEST(HoistInvariants, TakesTheVeryOutputThatTheLoopTook) {
  GraphBuilder condition("go_on"), body("round");
  const Value i = condition.arg("i", DType::kInt32, {});
  condition.arg("part", DType::kFloat32, {2});
  condition.arg("x", DType::kFloat32, {2});
  const Value j = body.arg("i", DType::kInt32, {}), part = body.arg("part", DType::kFloat32, {2});
  const Value x = body.arg("x", DType::kFloat32, {2});
  const FunctionPtr go_on = finish(condition, {less(i, scalar_like(i, 1))});
  const FunctionPtr round = finish(body, {add(j, 1.0), part, add(x, mul(part, 2.0))});
  GraphBuilder builder("f");
  const Value whole = builder.arg("x", DType::kFloat32, {4});
  const Values parts = emit_all("Split", {int_scalar(builder, 0), whole}, {{"num_split", int64_t{2}}});
  const std::array inputs = {builder.constant(Tensor::scalar<int32_t>(0)), parts[1], parts[0]};
  Executor executor(finish(builder, {builder.while_loop(go_on, round, inputs)[2]}));
  const auto runtime = serial_runtime();
  const std::array args = {floats({4}, {1, 2, 10, 20})};
  EXPECT_EQ(list(executor.run(args, *runtime)[0]), (std::vector<float>{21, 42}));
}

TEST(HoistInvariants, LeavesReadsInLoopsThatWrite) {
  const auto w = variable("w", noise({4, 4}));
  EXPECT_EQ(count(body_of(rewrite(*recurrence(w, true), {})), "ReadVariableOp"), 1);
}

TEST(HoistInvariants, KeepsValuesAndGradientsAndSeesChanges) {
  const auto w = variable("w", noise({4, 4}, 3));
  const FunctionPtr function = recurrence(w, false);
  GraphBuilder builder("gradient");
  const Value rounds = builder.arg("rounds", DType::kInt32, {}), x = builder.arg("x", DType::kFloat32, {-1, 4});
  const std::array inputs = {rounds, x};
  const Values y = builder.call(function, inputs);
  const std::array xs = {x, builder.handle(w)};
  Values results = gradients(builder, y, xs);
  results.push_back(y[0]);
  const FunctionPtr whole = finish(builder, results);
  Executor executor(whole);
  const auto runtime = serial_runtime();
  for (const int32_t n : {0, 1, 5}) {
    w->assign(noise({4, 4}, static_cast<uint32_t>(n + 7)));
    const std::array args = {Tensor::scalar(n), noise({3, 4}, 5)};
    const auto found = executor.run(args, *runtime), wanted = testing::interpret(*whole, args, *runtime);
    for (size_t i = 0; i < wanted.size(); ++i) testing::expect_close(found[i], wanted[i], 1e-6);
  }
}

TEST(HoistInvariants, ComputesNothingThatMightFail) {
  GraphBuilder condition("go_on"), body("round");
  const Value i = condition.arg("i", DType::kInt32, {});
  condition.arg("n", DType::kInt32, {});
  const Value j = body.arg("i", DType::kInt32, {}), n = body.arg("n", DType::kInt32, {});
  const Value step = emit1("FloorDiv", {body.constant(Tensor::scalar<int32_t>(4)), n});
  const FunctionPtr go_on = finish(condition, {less(i, scalar_like(i, 0))}), round = finish(body, {add(j, step), n});
  GraphBuilder builder("f");
  const std::array inputs = {builder.arg("i", DType::kInt32, {}), builder.arg("n", DType::kInt32, {})};
  Executor executor(finish(builder, builder.while_loop(go_on, round, inputs)));
  const auto runtime = serial_runtime();
  const std::array no_round = {Tensor::scalar<int32_t>(1), Tensor::scalar<int32_t>(0)};
  EXPECT_EQ(executor.run(no_round, *runtime)[0].number_at(0), 1);
  const std::array a_round = {Tensor::scalar<int32_t>(-1), Tensor::scalar<int32_t>(0)};
  EXPECT_THROW(executor.run(a_round, *runtime), InvalidArgumentError);
}

/// Ends the run while it is under way: from a kernel's call for threads.
class Cancelling final : public kernels::Parallel {
 public:
  int width() const override { return 1; }
  void run(int64_t tasks, kernels::FunctionRef<void(int64_t, int)> task) override {
    for (int64_t i = 0; i < tasks; ++i) task(i, 0);
    if (++calls == 20) runtime->cancelled = true;
  }
  Runtime* runtime = nullptr;
  int calls = 0;
};

/// Dense of a value of three axes, as Keras 2 traces it: a product between Reshapes.
struct DenseOfRows {
  GraphBuilder builder{"f"};
  Value product, reshaped;

  explicit DenseOfRows(const std::vector<int64_t>& dims) {
    const Value x = builder.arg("x", DType::kFloat32, {-1, 3, 4});
    product = matmul(reshape(x, {-1, 4}), builder.read(variable("w", noise({4, 6}))));
    reshaped = reshape(product, dims);
  }
  /// What Tensordot does with an axis more: dimensions that only the run knows, and one at the end that is known.
  Value reshaped_as_the_input(int32_t columns) {
    const Value x = builder.arg("like", DType::kFloat32, {-1, -1, 4});
    const Value leading = emit1("Slice", {shape_of(x), ints(builder, {0}), ints(builder, {2})});
    return reshape(product, concat(std::array{leading, ints(builder, {columns})}, 0));
  }
  Value bias(const Value& y, const std::string& format = "NHWC") {
    const int64_t channels = y.shape().dim(format == "NHWC" ? -1 : 1);
    return emit1("BiasAdd", {y, builder.read(variable("b", noise({channels})))}, {{"data_format", format}});
  }
};

TEST(FuseActivations, LooksThroughTheReshapeOfRows) {
  DenseOfRows dense({-1, 3, 6});
  const Function result = rewritten(dense.builder, {relu(dense.bias(dense.reshaped))});
  EXPECT_EQ(count(result, "_FusedMatMul"), 1);
  EXPECT_EQ(count(result, "BiasAdd") + count(result, "Relu"), 0);
  EXPECT_EQ(result.shape(result.outputs[0]), (Shape{-1, 3, 6}));

  DenseOfRows unknown({-1, 3, 6});
  const Value like_input = emit1("BiasAdd", {unknown.reshaped_as_the_input(6), unknown.builder.constant(noise({6}))});
  EXPECT_EQ(count(rewritten(unknown.builder, {relu(like_input)}), "BiasAdd"), 0);

  DenseOfRows bias_first({-1, 3, 6});
  const Value y = relu(reshape(bias_first.bias(bias_first.product), {-1, 2, 9}));
  const Function other = rewritten(bias_first.builder, {y});
  EXPECT_EQ(count(other, "BiasAdd") + count(other, "Relu"), 0) << "an activation knows no axes";
}

TEST(FuseActivations, TakesASumWithTheBiasOfAnEinsum) {
  for (const bool bias_first : {false, true}) {
    GraphBuilder builder("f");
    const Value x = builder.arg("x", DType::kFloat32, {-1, 3, 4});
    const Value w = builder.read(variable("w", noise({4, 2, 5}, 1))), b = builder.read(variable("b", noise({2, 5}, 2)));
    const Value product = emit1("Einsum", {x, w}, {{"equation", std::string("abc,cde->abde")}});
    const FunctionPtr function = finish(builder, {relu(bias_first ? add(b, product) : add(product, b))});
    const Function result = rewrite(*function, {});
    EXPECT_EQ(count(result, "_FusedMatMul"), 1);
    EXPECT_EQ(count(result, "AddV2") + count(result, "Relu"), 0);
    const auto runtime = serial_runtime();
    const std::array args = {noise({2, 3, 4}, 3)};
    testing::expect_close(Executor(function).run(args, *runtime)[0], testing::interpret(*function, args, *runtime)[0], 1e-6);
  }
}

TEST(FuseActivations, LeavesASumThatIsNoBias) {
  const auto sums = [](const Shape& bias) {
    DenseOfRows dense({-1, 3, 6});
    return count(rewritten(dense.builder, {add(dense.reshaped, dense.builder.constant(noise(bias)))}), "AddV2");
  };
  EXPECT_EQ(sums({6}), 0);
  EXPECT_EQ(sums({3, 6}), 1) << "another one for each row";
  EXPECT_EQ(sums({1}), 1);
  EXPECT_EQ(sums({}), 1);
  EXPECT_EQ(sums({3, 1}), 1);
  EXPECT_EQ(sums({1, 1, 6}), 1) << "of as many axes: what is added might be more than one";
}

TEST(FuseActivations, LeavesABiasOfOtherAxesAndProductsThatOthersNeed) {
  for (const auto& [dims, format] :
       std::vector<std::pair<std::vector<int64_t>, std::string>>{{{-1, 2, 9}, "NHWC"}, {{-1, 6, 6}, "NCHW"}}) {
    DenseOfRows dense(dims);
    EXPECT_EQ(count(rewritten(dense.builder, {relu(dense.bias(dense.reshaped, format))}), "BiasAdd"), 1) << format;
  }
  DenseOfRows unknown({-1, 3, 6});
  const Value other = emit1("BiasAdd", {unknown.reshaped_as_the_input(3), unknown.builder.constant(noise({3}))});
  EXPECT_EQ(count(rewritten(unknown.builder, {relu(other)}), "BiasAdd"), 1);
  DenseOfRows product_used({-1, 3, 6}), reshaped_used({-1, 3, 6});
  const Value y = product_used.bias(product_used.reshaped), z = reshaped_used.bias(reshaped_used.reshaped);
  EXPECT_EQ(count(rewritten(product_used.builder, {y, product_used.product}), "BiasAdd"), 1);
  EXPECT_EQ(count(rewritten(reshaped_used.builder, {z, reshaped_used.reshaped}), "BiasAdd"), 1);
}

TEST(Loops, AreLeftWhenTheRunIsCancelled) {
  const auto w = variable("w", noise({4, 4}));
  Executor executor(recurrence(w, false));
  auto parallel = std::make_unique<Cancelling>();
  Cancelling& cancelling = *parallel;
  Runtime runtime(std::move(parallel), 1, Limits());
  cancelling.runtime = &runtime;
  const std::array args = {Tensor::scalar<int32_t>(1000), noise({2, 4})};
  EXPECT_THROW(executor.run(args, runtime), AbortError);
  EXPECT_LT(cancelling.calls, 40);
  runtime.cancelled = false;
  EXPECT_EQ(executor.run(args, runtime).size(), 1u) << "the executor goes on working";
}

TEST(Lists, AreChangedInPlaceWhereNobodyElseHoldsThem) {
  GraphBuilder builder("f");
  const Attrs dtype = {{"element_dtype", DType::kFloat32}};
  const Value x = builder.arg("list", DType::kVariant, {}), y = builder.arg("x", DType::kFloat32, {});
  Executor executor(finish(builder, {emit1("TensorListPushBack", {x, y}, dtype)}));
  const auto runtime = serial_runtime();
  const Tensor first =
      run_op("EmptyTensorList", std::array{Tensor::scalar<int32_t>(-1), Tensor::scalar<int32_t>(-1)}, dtype, *runtime)[0];
  const auto length = [&](const Tensor& handle) {
    return run_op("TensorListLength", std::span(&handle, 1), {}, *runtime)[0].number_at(0);
  };
  const std::array kept = {first, floats({}, {1})};
  Tensor longer = executor.run(kept, *runtime)[0];
  EXPECT_EQ(length(first), 0) << "who holds a list does not see it change";
  EXPECT_EQ(length(longer), 1);
  const void* object = longer.owner().get();
  std::vector<Tensor> given = {longer, floats({}, {2})};
  longer = Tensor();
  const Tensor longest = executor.run_taking(std::move(given), *runtime)[0];
  EXPECT_EQ(longest.owner().get(), object);
  EXPECT_EQ(length(longest), 2);
}

}  // namespace
}  // namespace keras
