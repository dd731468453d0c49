// Batch normalization over all axes but the channels. TensorFlow's reserve outputs are its own business; ours hold the
// batch mean and (biased) variance that the gradient needs.
#include "core/ops/builders.h"
#include "core/ops/families.h"
#include "core/ops/norm_kernels.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

// In inference the moving statistics are what the gradient uses.
Values batch_norm_grad(GradContext& g) {
  const bool training = g.attrs().get_bool("is_training");
  const Value mean = training ? g.output(3) : g.input(3);
  const Value variance = training ? g.output(4) : g.input(4);
  const Value third = g.outputs() > 5 ? g.output(5) : mean;
  const Values grads = emit_all("FusedBatchNormGradV3", {g.upstream(0), g.input(0), g.input(1), mean, variance, third},
                                {{"epsilon", g.attrs().get_float("epsilon")},
                                 {"data_format", g.attrs().get_string("data_format")},
                                 {"is_training", training}});
  return {grads[0], grads[1], grads[2], Value(), Value()};
}

/// x of rank 4 (or 5 with NDHWC), statistics [channels]
void batch_norm_shape(ShapeContext& c) {
  Shape x = c.input(0);
  const int64_t axis = batch_norm_channel_axis(c.attrs());
  shape::require_min_rank(x, 2, "x");
  int64_t channels = shape::dim_or_unknown(x, axis);
  const bool training = c.attrs().get_bool("is_training");
  for (int i = 1; i < c.inputs(); ++i) {
    shape::require_rank(c.input(i), 1, "Scale, offset, mean and variance");
    const int64_t size = shape::dim_or_unknown(c.input(i), 0);
    if (i > 2 && training && size == 0) continue;  // no moving statistics are given
    channels = shape::same_dim(channels, size, "Channels and statistics");
  }
  if (x.known_rank()) x.set_dim(axis, channels);
  c.set_output(0, x);
  for (int i = 1; i <= 4; ++i) c.set_output(i, {channels});
}

void batch_norm_v3_shape(ShapeContext& c) {
  batch_norm_shape(c);
  c.set_output(5, {0});
}

void batch_norm_grad_shape(ShapeContext& c) {
  Shape x = shape::same_shape(c.input(0), c.input(1), "y_backprop and x");
  const int64_t axis = batch_norm_channel_axis(c.attrs());
  int64_t channels = shape::dim_or_unknown(x, axis);
  for (int i = 2; i < 5; ++i) {
    shape::require_rank(c.input(i), 1, "Scale and reserve spaces");
    channels = shape::same_dim(channels, shape::dim_or_unknown(c.input(i), 0), "Channels and statistics");
  }
  if (x.known_rank()) x.set_dim(axis, channels);
  c.set_output(0, x);
  c.set_output(1, {channels});
  c.set_output(2, {channels});
  c.set_output(3, {0});
  c.set_output(4, {0});
}

constexpr OpDef kOps[] = {
    {.name = "FusedBatchNorm",
     .signature = "(x: T, scale: T, offset: T, mean: T, variance: T) -> (y: T, batch_mean: T, batch_variance: T, "
                  "reserve_space_1: T, reserve_space_2: T); T: {float}; epsilon: float = 0.0001; "
                  "exponential_avg_factor: float = 1.0; data_format: string = \"NHWC\"; is_training: bool = true",
     .shape = batch_norm_shape,
     .kernel = batch_norm_kernel,
     .gradient = batch_norm_grad},
    {.name = "FusedBatchNormV2",
     .signature = "(x: T, scale: U, offset: U, mean: U, variance: U) -> (y: T, batch_mean: U, batch_variance: U, "
                  "reserve_space_1: U, reserve_space_2: U); T: {half, bfloat16, float}; U: {float}; epsilon: float = "
                  "0.0001; exponential_avg_factor: float = 1.0; data_format: string = \"NHWC\"; is_training: bool = "
                  "true",
     .shape = batch_norm_shape,
     .kernel = batch_norm_kernel,
     .gradient = batch_norm_grad},
    {.name = "FusedBatchNormV3",
     .signature = "(x: T, scale: U, offset: U, mean: U, variance: U) -> (y: T, batch_mean: U, batch_variance: U, "
                  "reserve_space_1: U, reserve_space_2: U, reserve_space_3: U); T: {half, bfloat16, float}; U: "
                  "{bfloat16, float}; epsilon: float = 0.0001; exponential_avg_factor: float = 1.0; data_format: "
                  "string = \"NHWC\"; is_training: bool = true",
     .shape = batch_norm_v3_shape,
     .kernel = batch_norm_kernel,
     .gradient = batch_norm_grad,
     .js = "nn.fusedBatchNorm"},
    {.name = "FusedBatchNormGradV3",
     .signature = "(y_backprop: T, x: T, scale: float, reserve_space_1: U, reserve_space_2: U, reserve_space_3: U) -> "
                  "(x_backprop: T, scale_backprop: U, offset_backprop: U, reserve_space_4: U, reserve_space_5: U); T: "
                  "{half, bfloat16, float}; U: {float}; epsilon: float = 0.0001; data_format: string = \"NHWC\"; "
                  "is_training: bool = true",
     .shape = batch_norm_grad_shape,
     .kernel = batch_norm_grad_kernel},
};

}  // namespace

std::span<const OpDef> norm_ops() { return kOps; }

}  // namespace keras
