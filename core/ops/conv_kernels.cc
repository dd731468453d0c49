// From a KernelContext to the convolutions.
#include "core/ops/conv_kernels.h"

#include "core/kernels/conv.h"
#include "core/kernels/depthwise.h"
#include "core/ops/elementwise.h"
#include "core/ops/epilogue.h"
#include "core/ops/images.h"
#include "core/ops/shape_functions.h"
#include "core/ops/window.h"

namespace keras {
namespace {

using kernels::ConvGeometry;

/// A packed filter is used for its shape alone: groups are counted when it is used.
ConvGeometry filter_geometry(const Shape& filter) {
  ConvGeometry g;
  g.filter_height = filter.dim(0);
  g.filter_width = filter.dim(1);
  g.in_channels = filter.dim(2);
  g.out_channels = filter.dim(3);
  return g;
}

/// `input` in the op's format; all shapes known.
ConvGeometry make_geometry(ConvKind kind, const Attrs& attrs, const Shape& input, const Shape& filter) {
  conv_output_shape(kind, attrs, input, filter);  // checks
  const ImageAxes axes(attrs);
  const Windows2d windows = make_windows(attrs, axes, input, filter.dim(0), filter.dim(1));
  ConvGeometry g = filter_geometry(filter);
  g.batch = input.dim(0);
  g.in_channels = input.dim(axes.channels);
  if (kind == ConvKind::kDepthwise)
    g.out_channels = filter.dim(2) * filter.dim(3);
  else if (filter.dim(2) > 0)
    g.groups = g.in_channels / filter.dim(2);
  g.in_height = windows.height.input;
  g.in_width = windows.width.input;
  g.out_height = windows.height.output;
  g.out_width = windows.width.output;
  g.stride_height = windows.height.stride;
  g.stride_width = windows.width.stride;
  g.dilation_height = windows.height.dilation;
  g.dilation_width = windows.width.dilation;
  g.pad_top = windows.height.pad_before;
  g.pad_left = windows.width.pad_before;
  return g;
}

Shape input_shape(const ConvGeometry& g) { return {g.batch, g.in_height, g.in_width, g.in_channels}; }
Shape output_shape(const ConvGeometry& g) { return {g.batch, g.out_height, g.out_width, g.out_channels}; }

bool is_channels_first(KernelContext& c) { return ImageAxes(c.attrs()).channels_first; }

Shape named_shape(const Tensor& sizes) {
  const Shape shape(sizes.to_int64s());
  shape::require_rank(shape, 4, "The sizes");
  if (!shape.fully_known()) throw InvalidArgumentError("Sizes must not be negative, found {}", shape.dims());
  return shape;
}

void check_gradient(KernelContext& c, ConvKind kind, const Shape& input, const Shape& filter) {
  const Shape wanted = conv_output_shape(kind, c.attrs(), input, filter);
  if (c.input(2).shape() != wanted) {
    throw InvalidArgumentError("out_backprop has shape {}, the convolution's output {}", c.input(2).shape(), wanted);
  }
}

/// y(input, filter)
template <class Run>
void forward(KernelContext& c, ConvKind kind, Run run) {
  const bool channels_first = is_channels_first(c);
  const ConvGeometry g = make_geometry(kind, c.attrs(), c.input(0).shape(), c.input(1).shape());
  const Tensor input = channels_last(c.input(0), channels_first), filter = c.input(1);
  write_image(c, 0, output_shape(g), channels_first, [&](Tensor& output) {
    with_float_type(input.dtype(), "A convolution",
                    [&]<class T>(T) { run(c.kernels(), g, input.data<T>(), filter.data<T>(), output.data<T>()); });
  });
}

/// dx(sizes, filter, dy)
template <class Run>
void backprop_input(KernelContext& c, ConvKind kind, Run run) {
  const bool channels_first = is_channels_first(c);
  const Shape input = named_shape(c.input(0));
  check_gradient(c, kind, input, c.input(1).shape());
  const ConvGeometry g = make_geometry(kind, c.attrs(), input, c.input(1).shape());
  const Tensor filter = c.input(1), dy = channels_last(c.input(2), channels_first);
  write_image(c, 0, input_shape(g), channels_first, [&](Tensor& dx) {
    with_float_type(dy.dtype(), "A convolution's gradient",
                    [&]<class T>(T) { run(c.kernels(), g, filter.data<T>(), dy.data<T>(), dx.data<T>()); });
  });
}

/// dfilter(input, sizes, dy)
template <class Run>
void backprop_filter(KernelContext& c, ConvKind kind, Run run) {
  const bool channels_first = is_channels_first(c);
  const Shape filter = named_shape(c.input(1));
  check_gradient(c, kind, c.input(0).shape(), filter);
  const ConvGeometry g = make_geometry(kind, c.attrs(), c.input(0).shape(), filter);
  const Tensor input = channels_last(c.input(0), channels_first), dy = channels_last(c.input(2), channels_first);
  Tensor& d_filter = c.output(0, filter);
  with_float_type(dy.dtype(), "A convolution's gradient",
                  [&]<class T>(T) { run(c.kernels(), g, input.data<T>(), dy.data<T>(), d_filter.data<T>()); });
}

}  // namespace

Shape conv_output_shape(ConvKind kind, const Attrs& attrs, const Shape& input, const Shape& filter) {
  shape::require_rank(input, 4, "The input of a convolution");
  shape::require_rank(filter, 4, "The filter of a convolution");
  if (!input.known_rank() || !filter.known_rank()) return Shape::unknown(4);
  const ImageAxes axes(attrs);
  const int64_t channels = input.dim(axes.channels), filter_in = filter.dim(2);
  if (kind == ConvKind::kDepthwise) {
    shape::same_dim(channels, filter_in, "The channels of input and filter");
  } else if (channels >= 0 && filter_in >= 0 &&
             (filter_in == 0 || channels == 0 ? channels != filter_in : channels % filter_in != 0)) {
    throw InvalidArgumentError("Depth of output must be a multiple of the number of groups: input has {} channels, the filter {}",
                               channels, filter_in);
  } else if (channels > 0 && filter_in > 0 && filter.dim(3) >= 0 && filter.dim(3) % (channels / filter_in) != 0) {
    throw InvalidArgumentError("{} filters cannot be shared by {} groups", filter.dim(3), channels / filter_in);
  }
  const Windows2d windows = make_windows(attrs, axes, input, filter.dim(0), filter.dim(1));
  const int64_t out = kind == ConvKind::kDepthwise ? shape::mul_dims(filter_in, filter.dim(3)) : filter.dim(3);
  return axes.shape(input.dim(0), windows.height.output, windows.width.output, out);
}

void conv2d_kernel(KernelContext& c) {
  forward(c, ConvKind::kFull, [](auto&&... args) { kernels::conv2d(args...); });
}
void conv2d_backprop_input_kernel(KernelContext& c) {
  backprop_input(c, ConvKind::kFull, [](auto&&... args) { kernels::conv2d_backprop_input(args...); });
}
void conv2d_backprop_filter_kernel(KernelContext& c) {
  backprop_filter(c, ConvKind::kFull, [](auto&&... args) { kernels::conv2d_backprop_filter(args...); });
}
void depthwise_kernel(KernelContext& c) {
  forward(c, ConvKind::kDepthwise, [](auto&&... args) { kernels::depthwise(args...); });
}
void depthwise_backprop_input_kernel(KernelContext& c) {
  backprop_input(c, ConvKind::kDepthwise, [](auto&&... args) { kernels::depthwise_backprop_input(args...); });
}
void depthwise_backprop_filter_kernel(KernelContext& c) {
  backprop_filter(c, ConvKind::kDepthwise, [](auto&&... args) { kernels::depthwise_backprop_filter(args...); });
}

void fused_conv2d_kernel(KernelContext& c) {
  const Tensor &input = c.input(0), &filter = c.input(1);
  const Shape& packed_shape = c.attrs().get<Shape>("filter_shape");
  const bool packed = packed_shape.known_rank();
  if (is_channels_first(c)) throw UnimplementedError("Fused convolutions take NHWC only");
  const ConvGeometry g = make_geometry(ConvKind::kFull, c.attrs(), input.shape(), packed ? packed_shape : filter.shape());
  const kernels::Epilogue epilogue = make_epilogue(c, 2, output_shape(g));
  float* output = c.output(0, output_shape(g)).data<float>();
  if (packed) return kernels::conv2d_packed(c.kernels(), g, input.data<float>(), filter.data<float>(), output, epilogue);
  std::vector<float> memory(static_cast<size_t>(kernels::packed_filter_floats(g)));
  kernels::pack_filter(g, filter.data<float>(), memory.data());
  kernels::conv2d_packed(c.kernels(), g, input.data<float>(), memory.data(), output, epilogue);
}

void fused_depthwise_kernel(KernelContext& c) {
  if (is_channels_first(c)) throw UnimplementedError("Fused convolutions take NHWC only");
  const ConvGeometry g = make_geometry(ConvKind::kDepthwise, c.attrs(), c.input(0).shape(), c.input(1).shape());
  const kernels::Epilogue epilogue = make_epilogue(c, 2, output_shape(g));
  if (epilogue.residual != nullptr || epilogue.scale != nullptr) {
    throw UnimplementedError("A fused depthwise convolution takes neither residual nor factors");
  }
  kernels::depthwise_fused(c.kernels(), g, c.input(0).data<float>(), c.input(1).data<float>(),
                           c.output(0, output_shape(g)).data<float>(), epilogue);
}

/// Packing assumes one group: what is packed is one matrix [patch, filters].
void pack_conv2d_filter_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 4, "The filter");
  c.set_output(0, {c.input(0).fully_known() ? kernels::packed_filter_floats(filter_geometry(c.input(0))) : kUnknownDim});
}

void pack_conv2d_filter_kernel(KernelContext& c) {
  const ConvGeometry g = filter_geometry(c.input(0).shape());
  kernels::pack_filter(g, c.input(0).data<float>(), c.output(0, {kernels::packed_filter_floats(g)}).data<float>());
}

Tensor unpack_conv2d_filter(const Tensor& packed, const Shape& filter) {
  Tensor result = Tensor::allocate(DType::kFloat32, filter);
  kernels::unpack_filter(filter_geometry(filter), packed.data<float>(), result.data<float>());
  return result;
}

}  // namespace keras
