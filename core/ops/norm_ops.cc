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

/// With x̂ = (x − mean) r, r = 1/√(variance + ε) and P(v) = v − mean(v) − x̂ mean(v x̂), in training
///   dx = scale r P(dy)   dscale = Σ dy x̂   doffset = Σ dy,
/// mean and variance being x's own; in inference they are given and P(v) = v.
Values batch_norm_grad_grad(GradContext& g) {
  const bool training = g.attrs().get_bool("is_training"), channels_first = batch_norm_channel_axis(g.attrs()) == 1;
  const int64_t rank = static_cast<int64_t>(g.attrs().get_string("data_format").size());
  std::vector<int64_t> axes, broadcast(static_cast<size_t>(rank), 1);
  for (int64_t i = 0; i < rank; ++i) {
    if (i != (channels_first ? 1 : rank - 1)) axes.push_back(i);
  }
  broadcast[channels_first ? 1 : static_cast<size_t>(rank) - 1] = -1;
  const auto wide = [&](const Value& x) { return reshape(x, broadcast); };
  const auto mean = [&](const Value& x) { return reduce_mean(x, axes, true); };

  const Value &scale = g.input(2), &statistics = g.input(3);
  const DType dtype = g.input(1).dtype();
  const Value dy = cast(g.input(0), statistics.dtype()), x = cast(g.input(1), statistics.dtype());
  const Value r = wide(rsqrt(add(g.input(4), static_cast<double>(g.attrs().get_float("epsilon")))));
  const Value normal = mul(sub(x, wide(statistics)), r), steep = mul(wide(scale), r);
  const auto project = [&](const Value& v) { return training ? sub(sub(v, mean(v)), mul(normal, mean(mul(v, normal)))) : v; };
  Value of_dy, of_x, of_scale;
  const auto add_to = [](Value& sum, const Value& part) { sum = sum.valid() ? add(sum, part) : part; };
  if (g.upstream(0).valid()) {
    const Value up = cast(g.upstream(0), statistics.dtype());
    add_to(of_dy, mul(steep, project(up)));
    of_scale = reduce_sum(mul(r, mul(up, project(dy))), axes);
    if (training) {
      const Value a = mean(mul(up, normal)), b = mean(mul(dy, normal));
      const Value of_r = sub(sub(mean(mul(up, dy)), mul(mean(up), mean(dy))), mul(a, b));
      const Value of_normal = add(mul(a, dy), mul(b, up));
      add_to(of_x, neg(mul(mul(steep, r), add(project(of_normal), mul(normal, of_r)))));
    }
  }
  if (g.upstream(1).valid()) {
    add_to(of_dy, mul(wide(g.upstream(1)), normal));
    add_to(of_x, mul(mul(wide(g.upstream(1)), r), project(dy)));
  }
  if (g.upstream(2).valid()) add_to(of_dy, broadcast_to(wide(g.upstream(2)), shape_of(dy)));
  if (of_dy.valid()) of_dy = cast(of_dy, dtype);
  if (of_x.valid()) of_x = cast(of_x, dtype);
  return {of_dy, of_x, of_scale, Value(), Value(), Value()};
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
     .kernel = batch_norm_grad_kernel,
     .gradient = batch_norm_grad_grad},
};

}  // namespace

std::span<const OpDef> norm_ops() { return kOps; }

}  // namespace keras
