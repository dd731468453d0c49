// What activations take: the planner's peak against the two largest values that must be alive together.
#include <gtest/gtest.h>

#include <map>

#include "core/base/format.h"
#include "core/graph/passes/passes.h"
#include "core/graph/plan.h"
#include "core/graph/recurrent_form.h"
#include "core/ops/builders.h"
#include "tests/core/graph/interpreter.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::noise;
using testing::variable;

/// The parts of models, as Keras's layers are traced.
class Network {
 public:
  explicit Network(GraphBuilder& builder) : b_(builder) {}

  Value dense(const Value& x, int64_t units) {
    const int64_t size = x.shape().dim(-1);
    if (x.shape().rank() == 2) return bias_add(matmul(x, weights({size, units})), weights({units}));
    // Tensordot of Keras's Dense: a product of matrices between reshapes.
    const Value product = matmul(reshape(x, {-1, size}), weights({size, units}));
    const Value shape = concat(std::array{slice_batch(x), ints(b_, {x.shape().dim(1), units})}, 0);
    return bias_add(reshape(product, shape), weights({units}));
  }
  Value max_pool(const Value& x, int64_t size) {
    const std::vector<int64_t> window = {1, size, size, 1};
    return emit1("MaxPool", {x}, {{"ksize", window}, {"strides", window}, {"padding", std::string("VALID")}});
  }
  Value embedding(const Value& tokens, int64_t count, int64_t size) {
    const std::array inputs = {b_.handle(variable("w", Tensor::zeros(DType::kFloat32, {count, size}))), tokens};
    return b_.emit("ResourceGather", inputs, {{"dtype", DType::kFloat32}})[0];
  }
  Value lstm(const Value& x, int64_t units) {
    const int64_t size = x.shape().dim(2);
    const Shape shapes[] = {x.shape(), {-1, units}, {-1, units}, {size, 4 * units}, {units, 4 * units}, {4 * units}};
    const Value state = emit1("Fill", {concat(std::array{slice_batch(x), ints(b_, {units})}, 0), zero()});
    const std::array inputs = {x, state, state, weights(shapes[3]), weights(shapes[4]), weights(shapes[5])};
    return b_.call(recurrent_function({Cell::kLstm, false, false, false}, shapes), inputs)[0];
  }
  /// Keras's LayerNormalization: batch normalization of one row at a time.
  Value layer_norm(const Value& x) {
    const int64_t size = x.shape().dim(2);
    const Value rows = reshape(x, {1, -1, size, 1}), count = slice_rows(rows);
    const Value ones = emit1("Fill", {count, b_.constant(Tensor::scalar(1.0f))}), zeros = emit1("Fill", {count, zero()});
    const Value none = b_.constant(Tensor::zeros(DType::kFloat32, {0}));
    const Value y =
        b_.emit("FusedBatchNormV3", std::array{rows, ones, zeros, none, none}, {{"data_format", std::string("NCHW")}})[0];
    return add(mul(reshape_like(y, x), weights({size})), weights({size}));
  }
  /// Keras's MultiHeadAttention of a sequence to itself.
  Value attention(const Value& x, int64_t heads, int64_t size) {
    const int64_t width = x.shape().dim(2);
    const auto project = [&] { return add(einsum("abc,cde->abde", x, weights({width, heads, size})), weights({heads, size})); };
    const Value query = project(), key = project(), value = project();
    const Value scores = softmax(einsum("aecd,abcd->acbe", key, mul(query, 0.125)));
    const Value attended = einsum("acbe,aecd->abcd", scores, value);
    return add(einsum("abcd,cde->abe", attended, weights({heads, size, width})), weights({width}));
  }

  Value conv(const Value& x, int64_t filters, int64_t size, int64_t stride, const std::string& padding = "SAME") {
    return convolve("Conv2D", x, {size, size, x.shape().dim(3), filters}, stride, padding);
  }
  Value depthwise(const Value& x, int64_t stride) {
    return convolve("DepthwiseConv2dNative", x, {3, 3, x.shape().dim(3), 1}, stride);
  }
  Value norm(const Value& x) {
    const int64_t channels = x.shape().dim(3);
    const std::array inputs = {x, weights({channels}), weights({channels}), weights({channels}), weights({channels})};
    return b_.emit("FusedBatchNormV3", inputs, {{"is_training", false}, {"epsilon", 1e-3f}})[0];
  }
  Value relu6(const Value& x) { return emit1("Relu6", {x}); }

  /// MobileNetV2's block.
  Value inverted_residual(const Value& x, int64_t filters, int64_t stride) {
    Value y = relu6(norm(conv(x, x.shape().dim(3) * 6, 1, 1)));
    y = norm(conv(relu6(norm(depthwise(y, stride))), filters, 1, 1));
    return stride == 1 && filters == x.shape().dim(3) ? add(x, y) : y;
  }
  /// ResNet50's block.
  Value bottleneck(const Value& x, int64_t filters, bool projects, int64_t stride = 1) {
    const Value shortcut = projects ? norm(conv(x, filters * 4, 1, stride)) : x;
    const Value y = relu(norm(conv(relu(norm(conv(x, filters, 1, stride))), filters, 3, 1)));
    return relu(add(shortcut, norm(conv(y, filters * 4, 1, 1))));
  }

 private:
  Value weights(const Shape& shape) { return b_.read(variable("w", noise(shape, ++seed_))); }
  Value zero() { return b_.constant(Tensor::scalar(0.0f)); }
  Value einsum(const std::string& equation, const Value& a, const Value& b) {
    return emit1("Einsum", {a, b}, {{"equation", equation}});
  }
  /// [batch] of any value.
  Value slice_batch(const Value& x) { return emit1("Slice", {shape_of(x), ints(b_, {0}), ints(b_, {1})}); }
  Value slice_rows(const Value& x) { return emit1("Slice", {shape_of(x), ints(b_, {1}), ints(b_, {1})}); }
  Value convolve(std::string_view op, const Value& x, const Shape& filter, int64_t stride, const std::string& padding = "SAME") {
    return emit1(op, {x, weights(filter)}, {{"strides", std::vector<int64_t>{1, stride, stride, 1}}, {"padding", padding}});
  }

  GraphBuilder& b_;
  uint32_t seed_ = 0;
};

/// The peak of a run, and what it is held against.
void expect_small_peak(const FunctionPtr& function, const Tensor& image) {
  const auto runtime = testing::serial_runtime();
  const std::array args = {image};
  Executor executor(function);
  executor.run(args, *runtime);
  EXPECT_EQ(executor.peak_bytes(), runtime->activation_bytes);
  EXPECT_GT(executor.peak_bytes(), 0);
  EXPECT_LE(static_cast<double>(executor.peak_bytes()),
            1.2 * static_cast<double>(testing::largest_live_pair(*function, args, *runtime)));
}

FunctionPtr mobile_net() {
  GraphBuilder builder("mobile_net");
  Network net(builder);
  Value x = net.relu6(net.norm(net.conv(builder.arg("x", DType::kFloat32, {-1, 64, 64, 3}), 16, 3, 2)));
  x = net.norm(net.conv(net.relu6(net.norm(net.depthwise(x, 1))), 8, 1, 1));
  for (const auto& [filters, stride] : {std::pair{12, 2}, {12, 1}, {16, 2}, {16, 1}, {16, 1}, {24, 2}, {24, 1}}) {
    x = net.inverted_residual(x, filters, stride);
  }
  const std::array results = {reduce_mean(x, {1, 2})};
  return builder.finish(results, {"y"});
}

FunctionPtr res_net() {
  GraphBuilder builder("res_net");
  Network net(builder);
  Value x = relu(net.norm(net.conv(builder.arg("x", DType::kFloat32, {-1, 56, 56, 3}), 16, 7, 2)));
  for (const bool projects : {true, false, false}) x = net.bottleneck(x, 16, projects);
  const std::array results = {reduce_mean(x, {1, 2})};
  return builder.finish(results, {"y"});
}

/// What a prediction by this Function takes, as planned for one shape of its argument. Arguments and weights aside; two values
/// in one memory (in place, reshaped) are one.
struct Footprint {
  int64_t pair = 0;  // the greatest sum of the two largest values that are alive at one step
  int64_t peak = 0;  // the arena, and results, which outlive it
};

Footprint footprint(const FunctionPtr& traced, const Shape& input) {
  const Function function = rewrite(*traced, {});
  const ValueIndex index(function);
  const auto runtime = testing::serial_runtime();
  const Plan plan = make_plan(function, index, find_hoisted(function), {input}, *runtime);
  Footprint found{.peak = plan.peak_bytes};
  std::map<int32_t, const Slot*> alive;
  for (const Step& step : plan.steps) {
    const auto outputs = static_cast<int32_t>(function.nodes[static_cast<size_t>(step.node)].dtypes.size());
    for (int32_t i = 0; i < outputs; ++i) {
      const int32_t value = index.of(step.node, i);
      alive[value] = &plan.slots[static_cast<size_t>(value)];
    }
    std::map<std::pair<int32_t, int64_t>, int64_t> memories;  // lender, and where it begins → bytes
    for (const auto& [value, slot] : alive) {
      int64_t& bytes = memories[{slot->lender, slot->offset >= 0 ? slot->offset : -1 - value}];
      bytes = std::max(bytes, slot->bytes);
    }
    std::vector<int64_t> sizes = {0, 0};
    for (const auto& [at, bytes] : memories) sizes.push_back(bytes);
    std::sort(sizes.rbegin(), sizes.rend());
    found.pair = std::max(found.pair, sizes[0] + sizes[1]);
    for (int32_t i = 0; i < step.release_count; ++i) alive.erase(plan.releases[static_cast<size_t>(step.first_release + i)]);
  }
  return found;
}

template <class Build>
FunctionPtr model(DType dtype, const Shape& input, Build build) {
  GraphBuilder builder("model");
  Network net(builder);
  const std::array results = {build(net, builder.arg("x", dtype, input))};
  return builder.finish(results, {"y"});
}

void expect_little_memory(const FunctionPtr& function, const std::vector<Shape>& inputs, int64_t largest) {
  for (const Shape& input : inputs) {
    const Footprint found = footprint(function, input);
    const int64_t batch = input.dim(0);
    EXPECT_GE(found.pair, largest * batch * 4) << "the largest value is among the two";
    EXPECT_LE(10 * found.peak, 12 * found.pair) << "batch " << batch;
    ::testing::Test::RecordProperty("batch_" + std::to_string(batch), keras::format("{} of {}", found.peak, found.pair));
  }
}

TEST(PeakMemory, OfAnMlp) {
  const auto build = [](Network& net, const Value& x) {
    return softmax(net.dense(relu(net.dense(relu(net.dense(x, 512)), 512)), 10));
  };
  expect_little_memory(model(DType::kFloat32, {-1, 784}, build), {{1, 784}, {32, 784}}, 512);
}

TEST(PeakMemory, OfAConvolutionalNetwork) {
  const auto build = [](Network& net, const Value& x) {
    const Value image = net.max_pool(relu(net.conv(relu(net.conv(x, 32, 3, 1, "VALID")), 64, 3, 1, "VALID")), 2);
    return softmax(net.dense(relu(net.dense(reshape(image, {-1, 12 * 12 * 64}), 128)), 10));
  };
  expect_little_memory(model(DType::kFloat32, {-1, 28, 28, 1}, build), {{1, 28, 28, 1}, {32, 28, 28, 1}}, 24 * 24 * 64);
}

TEST(PeakMemory, OfMobileNetV2) {
  const auto build = [](Network& net, const Value& image) {
    Value x = net.relu6(net.norm(net.conv(image, 32, 3, 2)));
    x = net.norm(net.conv(net.relu6(net.norm(net.depthwise(x, 1))), 16, 1, 1));
    struct Stage {
      int64_t filters, blocks, stride;
    };
    for (const Stage& stage : {Stage{24, 2, 2}, {32, 3, 2}, {64, 4, 2}, {96, 3, 1}, {160, 3, 2}, {320, 1, 1}}) {
      for (int64_t i = 0; i < stage.blocks; ++i) x = net.inverted_residual(x, stage.filters, i == 0 ? stage.stride : 1);
    }
    x = net.relu6(net.norm(net.conv(x, 1280, 1, 1)));
    return softmax(net.dense(reduce_mean(x, {1, 2}), 1000));
  };
  expect_little_memory(model(DType::kFloat32, {-1, 224, 224, 3}, build), {{1, 224, 224, 3}, {4, 224, 224, 3}}, 112 * 112 * 96);
}

TEST(PeakMemory, OfResNet50) {
  const auto build = [](Network& net, const Value& image) {
    Value x = relu(net.norm(net.conv(pad(image, {{0, 0}, {3, 3}, {3, 3}, {0, 0}}), 64, 7, 2, "VALID")));
    x = net.max_pool(x, 2);
    struct Stage {
      int64_t filters, blocks, stride;
    };
    for (const Stage& stage : {Stage{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}}) {
      for (int64_t i = 0; i < stage.blocks; ++i) x = net.bottleneck(x, stage.filters, i == 0, i == 0 ? stage.stride : 1);
    }
    return softmax(net.dense(reduce_mean(x, {1, 2}), 1000));
  };
  expect_little_memory(model(DType::kFloat32, {-1, 224, 224, 3}, build), {{1, 224, 224, 3}, {4, 224, 224, 3}}, 112 * 112 * 64);
}

TEST(PeakMemory, OfAnLstmClassifier) {
  const auto build = [](Network& net, const Value& tokens) {
    return softmax(net.dense(net.lstm(net.embedding(tokens, 20000, 128), 128), 2));
  };
  expect_little_memory(model(DType::kInt32, {-1, 80}, build), {{1, 80}, {32, 80}}, 80 * 128);
}

TEST(PeakMemory, OfATransformerEncoder) {
  const auto build = [](Network& net, Value x) {
    for (int layer = 0; layer < 2; ++layer) {
      x = net.layer_norm(add(x, net.attention(x, 8, 64)));
      x = net.layer_norm(add(x, net.dense(relu(net.dense(x, 2048)), 512)));
    }
    return x;
  };
  expect_little_memory(model(DType::kFloat32, {-1, 128, 512}, build), {{1, 128, 512}, {4, 128, 512}}, 128 * 2048);
}

TEST(PeakMemory, OfAStackOfInvertedResidualsIsLittleMoreThanItsLargestPairOfActivations) {
  expect_small_peak(mobile_net(), noise({1, 64, 64, 3}));
  expect_small_peak(mobile_net(), noise({3, 64, 64, 3}));
}

TEST(PeakMemory, OfBottlenecksIsLittleMoreThanItsLargestPairOfActivations) {
  expect_small_peak(res_net(), noise({1, 56, 56, 3}));
}

/// x · w for each of the shapes of w, one after the other.
FunctionPtr chain(const Shape& input, const std::vector<Shape>& weights) {
  GraphBuilder builder("chain");
  Value x = builder.arg("x", DType::kFloat32, input);
  for (const Shape& shape : weights) x = matmul(x, builder.constant(noise(shape, 3)));
  const std::array results = {x};
  return builder.finish(results, {"y"});
}

TEST(PeakMemory, LetsEarlierValuesLiveWhereAResultWillBe) {
  const auto runtime = testing::serial_runtime();
  const std::array args = {noise({10, 32})};
  // The first value is dead when the result is made, the second is not.
  Executor equal(chain({-1, 32}, {{32, 32}, {32, 32}, {32, 32}}));
  equal.run(args, *runtime);
  EXPECT_EQ(equal.arena_bytes(), 10 * 32 * 4);
  EXPECT_EQ(equal.peak_bytes(), 2 * 10 * 32 * 4);
  Executor larger(chain({-1, 32}, {{32, 32}, {32, 16}, {16, 64}}));
  larger.run(args, *runtime);
  EXPECT_EQ(larger.arena_bytes(), 10 * 16 * 4);
  Executor smaller(chain({-1, 32}, {{32, 32}, {32, 16}, {16, 8}}));
  smaller.run(args, *runtime);
  EXPECT_EQ(smaller.arena_bytes(), 10 * (32 + 16) * 4) << "what is larger than the result stays in the arena";
}

TEST(PeakMemory, OfSeveralValuesInOneResult) {
  GraphBuilder builder("f");
  const Value x = builder.arg("x", DType::kFloat32, {-1, 16});
  const auto product = [&](const Value& y, int64_t columns, uint32_t seed) {
    return matmul(y, builder.constant(noise({y.shape().dim(1), columns}, seed)));
  };
  // Two that are alive together have room beside each other where the result will be.
  const Value sum = reduce_sum(mul(product(x, 16, 1), product(x, 16, 2)), {1}, true);
  const std::array results = {product(sum, 64, 3)};
  const FunctionPtr function = builder.finish(results, {"y"});
  Executor executor(function);
  const auto runtime = testing::serial_runtime();
  const std::array args = {noise({16, 16})};
  const Tensor found = executor.run(args, *runtime)[0];
  EXPECT_EQ(executor.arena_bytes(), 16 * 4) << "the sums alone, of which the result is made";
  testing::expect_close(found, testing::interpret(*function, args, *runtime)[0], 1e-5);
}

TEST(PeakMemory, CountsResultsAndCalledFunctions) {
  GraphBuilder inner("inner");
  const std::array x = {inner.arg("x", DType::kFloat32, {-1})};
  const std::array y = {mul(tanh(x[0]), sigmoid(x[0]))};
  const FunctionPtr function = inner.finish(y, {"y"});
  GraphBuilder builder("outer");
  const std::array outer = {builder.arg("x", DType::kFloat32, {-1})};
  const Values result = builder.call(function, outer);
  PassOptions passes;
  passes.inline_calls = false;
  Executor executor(builder.finish(result, {"y"}), passes);
  const auto runtime = testing::serial_runtime();
  const std::array args = {noise({1000})};
  executor.run(args, *runtime);
  EXPECT_EQ(executor.arena_bytes(), 0);
  EXPECT_GE(executor.peak_bytes(), 2 * 4000);
}

}  // namespace
}  // namespace keras
