// From a KernelContext to the pools.
#include "core/ops/pool_kernels.h"

#include "core/kernels/pool.h"
#include "core/ops/elementwise.h"
#include "core/ops/images.h"
#include "core/ops/shape_functions.h"
#include "core/ops/window.h"

namespace keras {
namespace {

using kernels::ConvGeometry;

Windows2d pool_windows(const Attrs& attrs, const ImageAxes& axes, const Shape& input) {
  const auto& sizes = attrs.get_ints("ksize");
  if (sizes.size() != 4) throw InvalidArgumentError("ksize must have 4 elements, found {}", sizes.size());
  const int64_t height = sizes[static_cast<size_t>(axes.height)], width = sizes[static_cast<size_t>(axes.width)];
  if (height < 1 || width < 1) throw InvalidArgumentError("ksize must be positive, found {}", sizes);
  if (sizes[0] != 1 || sizes[static_cast<size_t>(axes.channels)] != 1) {
    throw UnimplementedError("Pooling over batch or channels is not implemented");
  }
  return make_windows(attrs, axes, input, height, width);
}

ConvGeometry make_geometry(const Attrs& attrs, const Shape& input) {
  shape::require_rank(input, 4, "The input of a pool");
  const ImageAxes axes(attrs);
  const Windows2d windows = pool_windows(attrs, axes, input);
  ConvGeometry g;
  g.batch = input.dim(0);
  g.in_channels = g.out_channels = input.dim(axes.channels);
  g.in_height = windows.height.input;
  g.in_width = windows.width.input;
  g.out_height = windows.height.output;
  g.out_width = windows.width.output;
  g.filter_height = windows.height.size;
  g.filter_width = windows.width.size;
  g.stride_height = windows.height.stride;
  g.stride_width = windows.width.stride;
  g.pad_top = windows.height.pad_before;
  g.pad_left = windows.width.pad_before;
  return g;
}

Shape input_shape(const ConvGeometry& g) { return {g.batch, g.in_height, g.in_width, g.in_channels}; }
Shape output_shape(const ConvGeometry& g) { return {g.batch, g.out_height, g.out_width, g.in_channels}; }
bool is_channels_first(KernelContext& c) { return ImageAxes(c.attrs()).channels_first; }

void check_shape(KernelContext& c, int input, const Shape& wanted) {
  if (c.input(input).shape() != wanted) {
    throw InvalidArgumentError("Input {} has shape {}, expected {}", input, c.input(input).shape(), wanted);
  }
}

}  // namespace

Shape pool_output_shape(const Attrs& attrs, const Shape& input) {
  shape::require_rank(input, 4, "The input of a pool");
  if (!input.known_rank()) return Shape::unknown(4);
  const ImageAxes axes(attrs);
  const Windows2d windows = pool_windows(attrs, axes, input);
  return axes.shape(input.dim(0), windows.height.output, windows.width.output, input.dim(axes.channels));
}

void max_pool_kernel(KernelContext& c) {
  const bool channels_first = is_channels_first(c);
  const ConvGeometry g = make_geometry(c.attrs(), c.input(0).shape());
  const Tensor input = channels_last(c.input(0), channels_first);
  write_image(c, 0, output_shape(g), channels_first, [&](Tensor& output) {
    with_compute_type(input.dtype(), "MaxPool",
                      [&]<class T>(T) { kernels::max_pool(c.kernels(), g, input.data<T>(), output.data<T>()); });
  });
}

void max_pool_grad_kernel(KernelContext& c) {
  const bool channels_first = is_channels_first(c);
  const ConvGeometry g = make_geometry(c.attrs(), c.input(0).shape());
  for (const int input : {1, 2}) check_shape(c, input, pool_output_shape(c.attrs(), c.input(0).shape()));
  const Tensor x = channels_last(c.input(0), channels_first), y = channels_last(c.input(1), channels_first);
  const Tensor dy = channels_last(c.input(2), channels_first);
  write_image(c, 0, input_shape(g), channels_first, [&](Tensor& dx) {
    with_float_type(x.dtype(), "MaxPoolGrad", [&]<class T>(T) {
      kernels::max_pool_grad(c.kernels(), g, x.data<T>(), y.data<T>(), dy.data<T>(), dx.data<T>());
    });
  });
}

void max_pool_grad_grad_kernel(KernelContext& c) {
  const bool channels_first = is_channels_first(c);
  const ConvGeometry g = make_geometry(c.attrs(), c.input(0).shape());
  check_shape(c, 1, pool_output_shape(c.attrs(), c.input(0).shape()));
  check_shape(c, 2, c.input(0).shape());
  const Tensor x = channels_last(c.input(0), channels_first), y = channels_last(c.input(1), channels_first);
  const Tensor ddx = channels_last(c.input(2), channels_first);
  write_image(c, 0, output_shape(g), channels_first, [&](Tensor& ddy) {
    with_float_type(x.dtype(), "MaxPoolGradGrad", [&]<class T>(T) {
      kernels::max_pool_grad_grad(c.kernels(), g, x.data<T>(), y.data<T>(), ddx.data<T>(), ddy.data<T>());
    });
  });
}

void avg_pool_kernel(KernelContext& c) {
  const bool channels_first = is_channels_first(c);
  const ConvGeometry g = make_geometry(c.attrs(), c.input(0).shape());
  const Tensor input = channels_last(c.input(0), channels_first);
  write_image(c, 0, output_shape(g), channels_first, [&](Tensor& output) {
    with_float_type(input.dtype(), "AvgPool",
                    [&]<class T>(T) { kernels::avg_pool(c.kernels(), g, input.data<T>(), output.data<T>()); });
  });
}

void avg_pool_grad_kernel(KernelContext& c) {
  const bool channels_first = is_channels_first(c);
  const Shape input(c.input(0).to_int64s());
  if (!input.fully_known()) throw InvalidArgumentError("Sizes must not be negative, found {}", input.dims());
  const ConvGeometry g = make_geometry(c.attrs(), input);
  check_shape(c, 1, pool_output_shape(c.attrs(), input));
  const Tensor dy = channels_last(c.input(1), channels_first);
  write_image(c, 0, input_shape(g), channels_first, [&](Tensor& dx) {
    with_float_type(dy.dtype(), "AvgPoolGrad",
                    [&]<class T>(T) { kernels::avg_pool_grad(c.kernels(), g, dy.data<T>(), dx.data<T>()); });
  });
}

}  // namespace keras
