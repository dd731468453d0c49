// From a KernelContext to batch normalization.
#include "core/ops/norm_kernels.h"

#include <algorithm>

#include "core/kernels/batch_norm.h"
#include "core/ops/elementwise.h"
#include "core/ops/images.h"

namespace keras {
namespace {

/// What the op hands out for the moving averages: the batch's statistics (variance unbiased), mixed with the given ones by
/// exponential_avg_factor.
template <class T>
void write_moving(KernelContext& c, int64_t rows, const T* mean, const T* variance) {
  const int64_t channels = c.input(1).elements();
  const T factor = c.attrs().get_float("exponential_avg_factor");
  const T unbiased = static_cast<T>(rows) / static_cast<T>(std::max<int64_t>(rows - 1, 1));
  T *new_mean = c.output(1, {channels}).data<T>(), *new_variance = c.output(2, {channels}).data<T>();
  for (int64_t i = 0; i < channels; ++i) {
    new_mean[i] = mean[i];
    new_variance[i] = variance[i] * unbiased;
    if (factor == T(1)) continue;
    new_mean[i] = (1 - factor) * c.input(3).data<T>()[i] + factor * new_mean[i];
    new_variance[i] = (1 - factor) * c.input(4).data<T>()[i] + factor * new_variance[i];
  }
}

/// Training of one image with its channels first: what LayerNormalization makes of all its places.
void norm_planes(KernelContext& c, const Tensor& x) {
  const int64_t channels = x.dim(1), places = channels == 0 ? 0 : x.elements() / channels;
  float *mean = c.output(3, {channels}).data<float>(), *variance = c.output(4, {channels}).data<float>();
  kernels::batch_norm_planes(c.kernels(), channels, places, x.data<float>(), c.input(1).data<float>(), c.input(2).data<float>(),
                             c.attrs().get_float("epsilon"), mean, variance, c.output(0, x.shape()).data<float>());
  write_moving(c, places, mean, variance);
  if (c.outputs() > 5) c.output(5, {0});
}

}  // namespace

int64_t batch_norm_channel_axis(const Attrs& attrs) { return attrs.get_string("data_format").starts_with("NC") ? 1 : -1; }

void batch_norm_kernel(KernelContext& c) {
  const bool channels_first = batch_norm_channel_axis(c.attrs()) == 1;
  const bool training = c.attrs().get_bool("is_training");
  const int64_t channels = c.input(1).elements();
  const bool needs_given = !training || c.attrs().get_float("exponential_avg_factor") != 1.0f;
  if (needs_given && (c.input(3).elements() != channels || c.input(4).elements() != channels)) {
    throw InvalidArgumentError("mean and variance must have {} elements, found {} and {}", channels, c.input(3).shape(),
                               c.input(4).shape());
  }
  if (c.input(0).dtype() != DType::kFloat32 || c.input(1).dtype() != DType::kFloat32)
    unsupported_dtype("FusedBatchNorm", c.input(0).dtype());
  if (training && channels_first && c.input(0).dim(0) == 1) return norm_planes(c, c.input(0));
  const Tensor x = channels_last(c.input(0), channels_first);
  const int64_t rows = channels == 0 ? 0 : x.elements() / channels;
  float *mean = c.output(3, {channels}).data<float>(), *variance = c.output(4, {channels}).data<float>();
  if (training) {
    kernels::channel_moments(c.kernels(), rows, channels, x.data<float>(), mean, variance);
    write_moving(c, rows, mean, variance);
  } else {
    std::copy_n(c.input(3).data<float>(), channels, mean);
    std::copy_n(c.input(4).data<float>(), channels, variance);
    std::copy_n(mean, channels, c.output(1, {channels}).data<float>());
    std::copy_n(variance, channels, c.output(2, {channels}).data<float>());
  }
  if (c.outputs() > 5) c.output(5, {0});
  write_image(c, 0, x.shape(), channels_first, [&](Tensor& y) {
    kernels::batch_norm(c.kernels(), rows, channels, x.data<float>(), mean, variance, c.input(1).data<float>(),
                        c.input(2).data<float>(), c.attrs().get_float("epsilon"), y.data<float>());
  });
}

void batch_norm_grad_kernel(KernelContext& c) {
  const bool channels_first = batch_norm_channel_axis(c.attrs()) == 1;
  const Tensor dy = channels_last(c.input(0), channels_first), x = channels_last(c.input(1), channels_first);
  const int64_t channels = c.input(2).elements(), rows = channels == 0 ? 0 : x.elements() / channels;
  if (x.dtype() != DType::kFloat32) unsupported_dtype("FusedBatchNormGradV3", x.dtype());
  if (dy.shape() != x.shape() || c.input(3).elements() != channels || c.input(4).elements() != channels) {
    throw InvalidArgumentError("Gradient {}, x {} and statistics {}, {} do not fit", dy.shape(), x.shape(), c.input(3).shape(),
                               c.input(4).shape());
  }
  float *d_scale = c.output(1, {channels}).data<float>(), *d_offset = c.output(2, {channels}).data<float>();
  c.output(3, {0});
  c.output(4, {0});
  write_image(c, 0, x.shape(), channels_first, [&](Tensor& dx) {
    kernels::batch_norm_grad(c.kernels(), c.attrs().get_bool("is_training"), rows, channels, dy.data<float>(), x.data<float>(),
                             c.input(2).data<float>(), c.input(3).data<float>(), c.input(4).data<float>(),
                             c.attrs().get_float("epsilon"), dx.data<float>(), d_scale, d_offset);
  });
}

}  // namespace keras
