// Ops whose kernels share work among threads give the results of one thread, to the bit.
#include <gtest/gtest.h>

#include <cstring>

#include "core/kernels/thread_pool.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::noise;

/// What `run(runtime)` returns on one thread and on three.
template <class Run>
void expect_same_bits(Run run) {
  Runtime one(kernels::make_serial(), 1, Limits()), three(std::make_unique<kernels::ThreadPool>(3), 1, Limits());
  const Tensor alone = run(one), together = run(three);
  ASSERT_EQ(alone.shape(), together.shape());
  EXPECT_EQ(std::memcmp(alone.raw(), together.raw(), static_cast<size_t>(alone.size_bytes())), 0);
}

TEST(Threads, ShareTheMatricesOfABatch) {
  const Tensor x = noise({17, 40, 50}, 1), y = noise({17, 50, 60}, 2);
  expect_same_bits([&](Runtime& runtime) { return run_op("BatchMatMulV2", std::vector{x, y}, {}, runtime)[0]; });
}

TEST(Threads, ShareAnOptimizersUpdate) {
  const Shape shape{300, 301};
  const auto variable = [&](uint32_t seed) { return std::make_shared<Variable>("v", noise(shape, seed), true); };
  const auto scalar = [](float value) { return Tensor::scalar(value); };
  expect_same_bits([&](Runtime& runtime) {
    const VariablePtr var = variable(1), m = variable(2),
                      v = std::make_shared<Variable>("v", Tensor::zeros(DType::kFloat32, shape), true);
    const std::vector<Tensor> inputs = {Tensor::resource(var), Tensor::resource(m), Tensor::resource(v), scalar(0.9f),
                                        scalar(0.99f),         scalar(0.1f),        scalar(0.9f),        scalar(0.99f),
                                        scalar(1e-7f),         noise(shape, 3)};
    run_op("ResourceApplyAdam", inputs, {}, runtime);
    return var->value();
  });
}

}  // namespace
}  // namespace keras
