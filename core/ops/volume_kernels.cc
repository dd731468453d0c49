// From a KernelContext to convolutions and pools over [batch, depth, height, width, channels] volumes: sums, maxima and means
// over depth of what their 2-D twins make of slices.
#include "core/ops/volume_kernels.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "core/kernels/conv.h"
#include "core/kernels/pool.h"
#include "core/ops/elementwise.h"
#include "core/ops/shape_functions.h"
#include "core/ops/window.h"

namespace keras {
namespace {

using kernels::ConvGeometry;

struct Windows3d {
  Window depth, height, width;
};

const std::vector<int64_t>& five(const Attrs& attrs, std::string_view name) {
  const auto& values = attrs.get_ints(name);
  if (values.size() != 5) throw InvalidArgumentError("'{}' must have 5 elements, found {}", name, values.size());
  if (values[0] != 1 || values[4] != 1) throw UnimplementedError("'{}' over batch or channels is not implemented", name);
  return values;
}

/// `sizes`: of the window, by axis of the input.
Windows3d make_windows(const Attrs& attrs, const Shape& input, const std::array<int64_t, 3>& sizes) {
  const std::string& format = attrs.get_string("data_format");
  if (format != "NDHWC") throw UnimplementedError("data_format '{}' is not supported", format);
  const auto& strides = five(attrs, "strides");
  const std::vector<int64_t> ones(5, 1);
  const std::vector<int64_t>& dilations = attrs.contains("dilations") ? five(attrs, "dilations") : ones;
  const auto window = [&](size_t axis) {
    return make_window(input.dim(static_cast<int64_t>(axis)), sizes[axis - 1], strides[axis], dilations[axis],
                       attrs.get_string("padding"));
  };
  return {window(1), window(2), window(3)};
}

/// [batch, depth, height, width, channels] of the output.
Shape output_shape(const Windows3d& w, int64_t batch, int64_t channels) {
  return {batch, w.depth.output, w.height.output, w.width.output, channels};
}

/// The geometry of one slice.
ConvGeometry slice_geometry(const Windows3d& w, int64_t in_channels, int64_t out_channels) {
  ConvGeometry g;
  g.batch = 1;
  g.in_channels = in_channels;
  g.out_channels = out_channels;
  g.in_height = w.height.input;
  g.in_width = w.width.input;
  g.out_height = w.height.output;
  g.out_width = w.width.output;
  g.filter_height = w.height.size;
  g.filter_width = w.width.size;
  g.stride_height = w.height.stride;
  g.stride_width = w.width.stride;
  g.dilation_height = w.height.dilation;
  g.dilation_width = w.width.dilation;
  g.pad_top = w.height.pad_before;
  g.pad_left = w.width.pad_before;
  return g;
}

/// Calls body(input slice, output slice, place in the window) for all pairs, slices counted over the batch.
template <class Body>
void for_slices(const Window& depth, int64_t batch, Body body) {
  for (int64_t image = 0; image < batch; ++image) {
    for (int64_t out = 0; out < depth.output; ++out) {
      for (int64_t k = 0; k < depth.size; ++k) {
        const int64_t in = out * depth.stride - depth.pad_before + k * depth.dilation;
        if (in >= 0 && in < depth.input) body(image * depth.input + in, image * depth.output + out, k);
      }
    }
  }
}

/// How many places of an output slice's window lie within the volume.
int64_t depth_places(const Window& depth, int64_t out) {
  const int64_t first = out % depth.output * depth.stride - depth.pad_before;
  return std::min(first + depth.size, depth.input) - std::max<int64_t>(first, 0);
}

template <class T>
void add_to(const std::vector<T>& part, T factor, T* sum) {
  for (size_t i = 0; i < part.size(); ++i) sum[i] += part[i] * factor;
}

// Convolutions

Windows3d conv_windows(const Attrs& attrs, const Shape& input, const Shape& filter) {
  shape::require_rank(input, 5, "The input of a 3-D convolution");
  shape::require_rank(filter, 5, "The filter of a 3-D convolution");
  shape::same_dim(shape::dim_or_unknown(input, 4), shape::dim_or_unknown(filter, 3), "The channels of input and filter");
  return make_windows(attrs, input, {filter.dim(0), filter.dim(1), filter.dim(2)});
}

Shape conv_output(const Attrs& attrs, const Shape& input, const Shape& filter) {
  shape::require_rank(input, 5, "The input of a 3-D convolution");
  shape::require_rank(filter, 5, "The filter of a 3-D convolution");
  if (!input.known_rank() || !filter.known_rank()) return Shape::unknown(5);
  return output_shape(conv_windows(attrs, input, filter), input.dim(0), filter.dim(4));
}

struct Convolution {
  Convolution(const Attrs& attrs, const Shape& input, const Shape& filter)
      : windows(conv_windows(attrs, input, filter)),
        g(slice_geometry(windows, filter.dim(3), filter.dim(4))),
        batch(input.dim(0)),
        in(g.in_height * g.in_width * g.in_channels),
        out(g.out_height * g.out_width * g.out_channels),
        place(g.filter_height * g.filter_width * g.in_channels * g.out_channels) {}

  Windows3d windows;
  ConvGeometry g;
  int64_t batch, in, out, place;  // elements of a slice of input and output, and of the filter
};

/// Runs `run(conv, input, filter, output, part)` on slices, which makes a part of `target` that is added to it.
enum class Target { kOutput, kInput, kFilter };
template <Target kTarget, class T, class Run>
void sum_slices(const Convolution& conv, const T* input, const T* filter, const T* output, Tensor& target, Run run) {
  const int64_t size = kTarget == Target::kOutput ? conv.out : kTarget == Target::kInput ? conv.in : conv.place;
  std::vector<T> part(static_cast<size_t>(size));
  std::fill_n(target.data<T>(), target.elements(), T(0));
  for_slices(conv.windows.depth, conv.batch, [&](int64_t in, int64_t out, int64_t k) {
    const T* x = input == nullptr ? nullptr : input + in * conv.in;
    const T* w = filter == nullptr ? nullptr : filter + k * conv.place;
    const T* y = output == nullptr ? nullptr : output + out * conv.out;
    run(x, w, y, part.data());
    add_to(part, T(1), target.data<T>() + size * (kTarget == Target::kOutput ? out : kTarget == Target::kInput ? in : k));
  });
}

Shape named_shape(const Tensor& sizes) {
  const Shape shape(sizes.to_int64s());
  shape::require_rank(shape, 5, "The sizes");
  if (!shape.fully_known()) throw InvalidArgumentError("Sizes must not be negative, found {}", shape.dims());
  return shape;
}

void check_gradient(KernelContext& c, int gradient, const Shape& wanted) {
  if (c.input(gradient).shape() != wanted) {
    throw InvalidArgumentError("The gradient has shape {}, the output {}", c.input(gradient).shape(), wanted);
  }
}

// Pools

Windows3d pool_windows(const Attrs& attrs, const Shape& input) {
  const auto& sizes = five(attrs, "ksize");
  for (const int64_t size : sizes) {
    if (size < 1) throw InvalidArgumentError("ksize must be positive, found {}", sizes);
  }
  return make_windows(attrs, input, {sizes[1], sizes[2], sizes[3]});
}

Shape pool_output(const Attrs& attrs, const Shape& input) {
  shape::require_rank(input, 5, "The input of a 3-D pool");
  if (!input.known_rank()) return Shape::unknown(5);
  return output_shape(pool_windows(attrs, input), input.dim(0), input.dim(4));
}

struct Pool {
  Pool(const Attrs& attrs, const Shape& input)
      : windows(pool_windows(attrs, input)),
        g(slice_geometry(windows, input.dim(4), input.dim(4))),
        batch(input.dim(0)),
        in(g.in_height * g.in_width * g.in_channels),
        out(g.out_height * g.out_width * g.in_channels) {}

  Windows3d windows;
  ConvGeometry g;
  int64_t batch, in, out;  // elements of a slice
};

}  // namespace

void conv3d_kernel(KernelContext& c) {
  const Tensor input = c.input(0), filter = c.input(1);
  const Convolution conv(c.attrs(), input.shape(), filter.shape());
  Tensor& output = c.output(0, output_shape(conv.windows, conv.batch, conv.g.out_channels));
  with_float_type(input.dtype(), "Conv3D", [&]<class T>(T) {
    sum_slices<Target::kOutput, T>(
        conv, input.data<T>(), filter.data<T>(), nullptr, output,
        [&](const T* x, const T* w, const T*, T* part) { kernels::conv2d(c.kernels(), conv.g, x, w, part); });
  });
}

void conv3d_backprop_input_kernel(KernelContext& c) {
  const Shape input = named_shape(c.input(0));
  const Tensor filter = c.input(1), dy = c.input(2);
  const Convolution conv(c.attrs(), input, filter.shape());
  check_gradient(c, 2, output_shape(conv.windows, conv.batch, conv.g.out_channels));
  Tensor& dx = c.output(0, input);
  with_float_type(dy.dtype(), "Conv3DBackpropInputV2", [&]<class T>(T) {
    sum_slices<Target::kInput, T>(
        conv, nullptr, filter.data<T>(), dy.data<T>(), dx,
        [&](const T*, const T* w, const T* y, T* part) { kernels::conv2d_backprop_input(c.kernels(), conv.g, w, y, part); });
  });
}

void conv3d_backprop_filter_kernel(KernelContext& c) {
  const Shape filter = named_shape(c.input(1));
  const Tensor input = c.input(0), dy = c.input(2);
  const Convolution conv(c.attrs(), input.shape(), filter);
  check_gradient(c, 2, output_shape(conv.windows, conv.batch, conv.g.out_channels));
  Tensor& d_filter = c.output(0, filter);
  with_float_type(dy.dtype(), "Conv3DBackpropFilterV2", [&]<class T>(T) {
    sum_slices<Target::kFilter, T>(
        conv, input.data<T>(), nullptr, dy.data<T>(), d_filter,
        [&](const T* x, const T*, const T* y, T* part) { kernels::conv2d_backprop_filter(c.kernels(), conv.g, x, y, part); });
  });
}

void conv3d_shape(ShapeContext& c) { c.set_output(0, conv_output(c.attrs(), c.input(0), c.input(1))); }

void max_pool3d_kernel(KernelContext& c) {
  const Tensor input = c.input(0);
  const Shape shape = pool_output(c.attrs(), input.shape());
  const Pool pool(c.attrs(), input.shape());
  Tensor& output = c.output(0, shape);
  with_float_type(input.dtype(), "MaxPool3D", [&]<class T>(T) {
    std::vector<T> part(static_cast<size_t>(pool.out));
    std::fill_n(output.data<T>(), output.elements(), std::numeric_limits<T>::lowest());
    for_slices(pool.windows.depth, pool.batch, [&](int64_t in, int64_t out, int64_t) {
      kernels::max_pool(c.kernels(), pool.g, input.data<T>() + in * pool.in, part.data());
      T* to = output.data<T>() + out * pool.out;
      for (size_t i = 0; i < part.size(); ++i) to[i] = part[i] > to[i] || part[i] != part[i] ? part[i] : to[i];
    });
  });
}

/// The first maximum of each window, in order of depth, gets its gradient.
void max_pool3d_grad_kernel(KernelContext& c) {
  const Tensor x = c.input(0), y = c.input(1), dy = c.input(2);
  const Shape shape = pool_output(c.attrs(), x.shape());
  const Pool pool(c.attrs(), x.shape());
  check_gradient(c, 1, shape);
  check_gradient(c, 2, shape);
  Tensor& dx = c.output(0, x.shape());
  with_float_type(x.dtype(), "MaxPool3DGrad", [&]<class T>(T) {
    std::vector<T> part(static_cast<size_t>(pool.out)), gradient(static_cast<size_t>(pool.in));
    std::vector<T> open(dy.data<T>(), dy.data<T>() + dy.elements());  // what has not found its maximum yet
    std::fill_n(dx.data<T>(), dx.elements(), T(0));
    for_slices(pool.windows.depth, pool.batch, [&](int64_t in, int64_t out, int64_t) {
      const T *slice = x.data<T>() + in * pool.in, *maxima = y.data<T>() + out * pool.out;
      T* left = open.data() + out * pool.out;
      kernels::max_pool(c.kernels(), pool.g, slice, part.data());
      for (size_t i = 0; i < part.size(); ++i) {
        const bool found = part[i] == maxima[i];
        part[i] = found ? left[i] : T(0);
        if (found) left[i] = 0;
      }
      kernels::max_pool_grad(c.kernels(), pool.g, slice, maxima, part.data(), gradient.data());
      add_to(gradient, T(1), dx.data<T>() + in * pool.in);
    });
  });
}

/// Each window gets what stands where its first maximum is.
void max_pool3d_grad_grad_kernel(KernelContext& c) {
  const Tensor x = c.input(0), y = c.input(1), ddx = c.input(2);
  const Shape shape = pool_output(c.attrs(), x.shape());
  const Pool pool(c.attrs(), x.shape());
  check_gradient(c, 1, shape);
  check_gradient(c, 2, x.shape());
  Tensor& ddy = c.output(0, shape);
  with_float_type(x.dtype(), "MaxPool3DGradGrad", [&]<class T>(T) {
    std::vector<T> maxima(static_cast<size_t>(pool.out)), picked(static_cast<size_t>(pool.out));
    std::vector<char> open(static_cast<size_t>(y.elements()), 1);  // what has not found its maximum yet
    std::fill_n(ddy.data<T>(), ddy.elements(), T(0));
    for_slices(pool.windows.depth, pool.batch, [&](int64_t in, int64_t out, int64_t) {
      const T* slice = x.data<T>() + in * pool.in;
      kernels::max_pool(c.kernels(), pool.g, slice, maxima.data());
      kernels::max_pool_grad_grad(c.kernels(), pool.g, slice, maxima.data(), ddx.data<T>() + in * pool.in, picked.data());
      for (size_t i = 0; i < maxima.size(); ++i) {
        const size_t to = static_cast<size_t>(out * pool.out) + i;
        if (open[to] == 0 || maxima[i] != y.data<T>()[to]) continue;
        ddy.data<T>()[to] = picked[i];
        open[to] = 0;
      }
    });
  });
}

void avg_pool3d_kernel(KernelContext& c) {
  const Tensor input = c.input(0);
  const Shape shape = pool_output(c.attrs(), input.shape());
  const Pool pool(c.attrs(), input.shape());
  Tensor& output = c.output(0, shape);
  with_float_type(input.dtype(), "AvgPool3D", [&]<class T>(T) {
    std::vector<T> part(static_cast<size_t>(pool.out));
    std::fill_n(output.data<T>(), output.elements(), T(0));
    for_slices(pool.windows.depth, pool.batch, [&](int64_t in, int64_t out, int64_t) {
      kernels::avg_pool(c.kernels(), pool.g, input.data<T>() + in * pool.in, part.data());
      add_to(part, T(1) / static_cast<T>(depth_places(pool.windows.depth, out)), output.data<T>() + out * pool.out);
    });
  });
}

void avg_pool3d_grad_kernel(KernelContext& c) {
  const Shape input = named_shape(c.input(0));
  const Tensor dy = c.input(1);
  const Pool pool(c.attrs(), input);
  check_gradient(c, 1, pool_output(c.attrs(), input));
  Tensor& dx = c.output(0, input);
  with_float_type(dy.dtype(), "AvgPool3DGrad", [&]<class T>(T) {
    std::vector<T> part(static_cast<size_t>(pool.in));
    std::fill_n(dx.data<T>(), dx.elements(), T(0));
    for_slices(pool.windows.depth, pool.batch, [&](int64_t in, int64_t out, int64_t) {
      kernels::avg_pool_grad(c.kernels(), pool.g, dy.data<T>() + out * pool.out, part.data());
      add_to(part, T(1) / static_cast<T>(depth_places(pool.windows.depth, out)), dx.data<T>() + in * pool.in);
    });
  });
}

void pool3d_shape(ShapeContext& c) { c.set_output(0, pool_output(c.attrs(), c.input(0))); }

void named_volume_shape(ShapeContext& c, int sizes) {
  const Shape shape = shape::from_input(c, sizes);
  shape::require_rank(shape, 5, "The sizes");
  c.set_output(0, shape.known_rank() ? shape : Shape::unknown(5));
}

}  // namespace keras
