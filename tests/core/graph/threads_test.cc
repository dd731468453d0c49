// The executor on several threads: every bit as on one, also after a training step. Values are as large as it takes for their
// work to be shared.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/graph/gradients.h"
#include "core/graph/recurrent_form.h"
#include "core/kernels/thread_pool.h"
#include "core/ops/builders.h"
#include "tests/core/graph/random_graph.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::noise;
using testing::variable;

std::unique_ptr<Runtime> threaded_runtime() {
  return std::make_unique<Runtime>(std::make_unique<kernels::ThreadPool>(3), 1, Limits{});
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

/// A Function and what it changes.
struct Program {
  FunctionPtr function;
  std::vector<VariablePtr> variables;
};

/// Results of some runs, and the variables afterwards.
std::vector<Tensor> outcome(const Program& program, const std::vector<Tensor>& args, Runtime& runtime) {
  std::vector<Tensor> initial, found;
  for (const VariablePtr& variable : program.variables) initial.push_back(variable->value().clone());
  Executor executor(program.function);
  for (int step = 0; step < 2; ++step) {
    for (const Tensor& result : executor.run(args, runtime)) found.push_back(result.clone());
  }
  for (size_t i = 0; i < initial.size(); ++i) {
    found.push_back(program.variables[i]->value().clone());
    program.variables[i]->assign(initial[i]);
  }
  return found;
}

void expect_same_on_threads(const Program& program, const std::vector<Tensor>& args) {
  const auto serial = testing::serial_runtime(), threaded = threaded_runtime();
  const std::vector<Tensor> wanted = outcome(program, args, *serial), found = outcome(program, args, *threaded);
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(same_bits(found[i], wanted[i])) << "result " << i;
}

/// Layers with their weights.
class Layers {
 public:
  explicit Layers(GraphBuilder& builder) : b_(builder) {}

  Value conv(const Value& x, int64_t filters, std::string_view op = "Conv2D") {
    const int64_t channels = x.shape().dim(3);
    const Value y = emit1(op, {x, weight({3, 3, channels, filters})}, image_attrs(1));
    return bias_add(y, weight({y.shape().dim(3)}));
  }
  Value pool(const Value& x, const char* op) {
    Attrs attrs = image_attrs(2);
    return emit1(op, {x}, attrs.set("ksize", std::vector<int64_t>{1, 2, 2, 1}));
  }
  Value norm(const Value& x) {
    const int64_t n = x.shape().dim(3);
    const Value none = b_.constant(Tensor::zeros(DType::kFloat32, {0}));
    return b_.emit("FusedBatchNormV3", std::array{x, weight({n}), weight({n}), none, none}, {})[0];
  }
  Value dense(const Value& x, int64_t units) { return bias_add(matmul(x, weight({x.shape().dim(-1), units})), weight({units})); }
  Value lstm(const Value& x, const Value& state) {
    const int64_t units = state.shape().dim(1), size = x.shape().dim(2);
    const Shape shapes[] = {x.shape(), state.shape(), state.shape(), {size, 4 * units}, {units, 4 * units}, {4 * units}};
    const std::array inputs = {x, state, state, weight(shapes[3]), weight(shapes[4]), weight(shapes[5])};
    return b_.call(recurrent_function({Cell::kLstm, false, false, true}, shapes), inputs)[1];
  }
  /// A step of gradient descent.
  void train(const Value& loss) {
    const std::array losses = {loss};
    Values handles;
    for (const VariablePtr& variable : variables) handles.push_back(b_.handle(variable));
    const Values slopes = gradients(b_, losses, handles);
    for (size_t i = 0; i < slopes.size(); ++i) {
      b_.emit("ResourceApplyGradientDescent", std::array{handles[i], b_.constant(Tensor::scalar(0.01f)), slopes[i]}, {});
    }
  }

  std::vector<VariablePtr> variables;

 private:
  static Attrs image_attrs(int64_t stride) {
    return {{"strides", std::vector<int64_t>{1, stride, stride, 1}}, {"padding", std::string("SAME")}};
  }
  Value weight(const Shape& shape) {
    variables.push_back(variable("w", noise(shape, static_cast<uint32_t>(variables.size() + 7))));
    return b_.read(variables.back());
  }

  GraphBuilder& b_;
};

/// `build(layers, x)` makes what is predicted, of which the training step minimises the squares.
template <class Build>
void expect_same_prediction_and_training(const Shape& input, Build build) {
  for (const bool trains : {false, true}) {
    GraphBuilder builder(trains ? "train" : "predict");
    Layers layers(builder);
    const Value y = build(layers, builder.arg("x", DType::kFloat32, input));
    if (trains) layers.train(emit1("L2Loss", {y}));
    const std::array results = {y};
    const FunctionPtr function = builder.finish(results, {"y"});
    expect_same_on_threads({function, layers.variables}, {noise(input)});
  }
}

TEST(Threads, ConvolutionalNetworksPredictAndTrainAlike) {
  expect_same_prediction_and_training({6, 20, 20, 3}, [](Layers& layers, const Value& image) {
    Value x = layers.pool(relu(layers.norm(layers.conv(image, 16))), "MaxPool");
    x = layers.pool(layers.conv(x, 1, "DepthwiseConv2dNative"), "AvgPool");
    return softmax(layers.dense(reshape(x, {6, 5 * 5 * 16}), 64));
  });
}

TEST(Threads, RecurrentNetworksPredictAndTrainAlike) {
  for (const int64_t batch : {2, 24}) {
    expect_same_prediction_and_training({batch, 6, 32}, [&](Layers& layers, const Value& x) {
      const Value state = x.emitter->constant(Tensor::zeros(DType::kFloat32, {batch, 32}));
      return layers.dense(reduce_mean(layers.lstm(x, state), {1}), 8);
    });
  }
}

TEST(Threads, AttentionAndItsGradientsAreAlike) {
  GraphBuilder builder("f");
  const std::array x = {builder.arg("x", DType::kFloat32, {8, 40, 48})};
  const Value scores = emit1("Einsum", {x[0], tanh(x[0])}, {{"equation", std::string("abc,adc->abd")}});
  const Value y = emit1("BatchMatMulV2", {softmax(scores), transpose(x[0], {0, 1, 2})}, {});
  const std::array loss = {reduce_sum(mul(y, sigmoid(y)))};
  const std::array results = {y, gradients(builder, loss, x)[0]};
  expect_same_on_threads({builder.finish(results, {"y", "dx"}), {}}, {noise({8, 40, 48})});
}

TEST(Threads, RandomGraphsAndTheirGradientsAreAlike) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const testing::RandomGraph graph = testing::random_graph({.seed = seed, .steps = 20, .gradients = true});
    const auto serial = testing::serial_runtime();
    try {
      Executor(graph.function).run(testing::random_args(2), *serial);
    } catch (const Error&) {
      continue;  // random_graph_test.cc sees to it that most do run
    }
    for (size_t i = 0; i < graph.variables.size(); ++i) graph.variables[i]->assign(graph.initial[i].clone());
    expect_same_on_threads({graph.function, graph.variables}, testing::random_args(2000));
  }
}

}  // namespace
}  // namespace keras
