// half and bfloat16 through rewriting, planning and gradients, as models with mixed precision use them.
#include <gtest/gtest.h>

#include "core/graph/gradients.h"
#include "core/ops/builders.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::noise;
using testing::serial_runtime;
using testing::variable;

/// A float32 layer's output and its kernel's gradient, computed in `dtype`.
std::vector<Tensor> run_layer(DType dtype, const VariablePtr& kernel, const VariablePtr& bias, const Tensor& input) {
  GraphBuilder builder("layer");
  const Value x = cast(builder.arg("x", DType::kFloat32, {-1, 8, 8, 3}), dtype);
  const Attrs attrs{{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", std::string("SAME")}};
  const Value w = cast(builder.read(kernel), dtype), b = cast(builder.read(bias), dtype);
  const Value features = relu(bias_add(emit1("Conv2D", {x, w}, attrs), b));
  const Value y = cast(reduce_mean(transpose(reshape(features, {-1, 64, 5}), {0, 2, 1}), {2}), DType::kFloat32);
  const std::array ys = {reduce_sum(square(y))};
  const std::array xs = {builder.handle(kernel)};
  const Values results = {y, gradients(builder, ys, xs)[0]};
  Executor executor(builder.finish(results, {"y", "gradient"}));
  const std::array args = {input};
  const auto runtime = serial_runtime();
  return executor.run(args, *runtime);
}

TEST(Half, ALayerOfMixedPrecisionIsCloseToOneOfFloat32) {
  const auto kernel = variable("kernel", noise({3, 3, 3, 5}, 2)), bias = variable("bias", noise({5}, 3));
  const Tensor input = noise({2, 8, 8, 3}, 4);
  const std::vector<Tensor> wanted = run_layer(DType::kFloat32, kernel, bias, input);
  for (const DType dtype : {DType::kFloat16, DType::kBfloat16}) {
    const double unit = dtype == DType::kFloat16 ? 0x1p-10 : 0x1p-7;
    const std::vector<Tensor> found = run_layer(dtype, kernel, bias, input);
    testing::expect_close(found[0], wanted[0], 2 * unit);
    EXPECT_EQ(found[1].dtype(), DType::kFloat32);
    testing::expect_close(found[1], wanted[1], 4 * unit);
  }
}

}  // namespace
}  // namespace keras
