// What activations take: the planner's peak against the two largest values that must be alive together.
#include <gtest/gtest.h>

#include "core/ops/builders.h"
#include "tests/core/graph/interpreter.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::noise;
using testing::variable;

/// The parts of image models, as layers trace them.
class Network {
 public:
  explicit Network(GraphBuilder& builder) : b_(builder) {}

  Value conv(const Value& x, int64_t filters, int64_t size, int64_t stride) {
    return convolve("Conv2D", x, {size, size, x.shape().dim(3), filters}, stride);
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
  Value bottleneck(const Value& x, int64_t filters, bool projects) {
    const Value shortcut = projects ? norm(conv(x, filters * 4, 1, 1)) : x;
    const Value y = relu(norm(conv(relu(norm(conv(x, filters, 1, 1))), filters, 3, 1)));
    return relu(add(shortcut, norm(conv(y, filters * 4, 1, 1))));
  }

 private:
  Value weights(const Shape& shape) { return b_.read(variable("w", noise(shape, ++seed_))); }
  Value convolve(std::string_view op, const Value& x, const Shape& filter, int64_t stride) {
    return emit1(op, {x, weights(filter)},
                 {{"strides", std::vector<int64_t>{1, stride, stride, 1}}, {"padding", std::string("SAME")}});
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

TEST(PeakMemory, OfAStackOfInvertedResidualsIsLittleMoreThanItsLargestPairOfActivations) {
  expect_small_peak(mobile_net(), noise({1, 64, 64, 3}));
  expect_small_peak(mobile_net(), noise({3, 64, 64, 3}));
}

TEST(PeakMemory, OfBottlenecksIsLittleMoreThanItsLargestPairOfActivations) {
  expect_small_peak(res_net(), noise({1, 56, 56, 3}));
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
