// Convolutions over [batch, height, width, channels] (NHWC) or [batch, channels, height, width] (NCHW), with their
// gradients, which are convolutions themselves. The private ops are made by rewrites only.
#include "core/ops/builders.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/volume_kernels.h"

namespace keras {
namespace {

// What a convolution hands to its gradients: all attributes but those that dtypes decide.
Attrs window_attrs(GradContext& g) {
  Attrs attrs;
  for (const auto& [name, value] : g.attrs().items()) {
    if (name != "T" && name != "Tshape") attrs.set(name, value);
  }
  return attrs;
}

Values conv2d_grad(GradContext& g) {
  const Value &x = g.input(0), &filter = g.input(1), &dy = g.upstream(0);
  return {emit1("Conv2DBackpropInput", {shape_of(x), filter, dy}, window_attrs(g)),
          emit1("Conv2DBackpropFilter", {x, shape_of(filter), dy}, window_attrs(g))};
}

// dx(filter, dy) is linear in both.
Values conv2d_backprop_input_grad(GradContext& g) {
  const Value &filter = g.input(1), &dy = g.input(2), &up = g.upstream(0);
  return {Value(), emit1("Conv2DBackpropFilter", {up, shape_of(filter), dy}, window_attrs(g)),
          emit1("Conv2D", {up, filter}, window_attrs(g))};
}

Values conv2d_backprop_filter_grad(GradContext& g) {
  const Value &x = g.input(0), &dy = g.input(2), &up = g.upstream(0);
  return {emit1("Conv2DBackpropInput", {shape_of(x), up, dy}, window_attrs(g)), Value(),
          emit1("Conv2D", {x, up}, window_attrs(g))};
}

Values depthwise_grad(GradContext& g) {
  const Value &x = g.input(0), &filter = g.input(1), &dy = g.upstream(0);
  return {emit1("DepthwiseConv2dNativeBackpropInput", {shape_of(x), filter, dy}, window_attrs(g)),
          emit1("DepthwiseConv2dNativeBackpropFilter", {x, shape_of(filter), dy}, window_attrs(g))};
}

Values depthwise_backprop_input_grad(GradContext& g) {
  const Value &filter = g.input(1), &dy = g.input(2), &up = g.upstream(0);
  return {Value(), emit1("DepthwiseConv2dNativeBackpropFilter", {up, shape_of(filter), dy}, window_attrs(g)),
          emit1("DepthwiseConv2dNative", {up, filter}, window_attrs(g))};
}

Values depthwise_backprop_filter_grad(GradContext& g) {
  const Value &x = g.input(0), &dy = g.input(2), &up = g.upstream(0);
  return {emit1("DepthwiseConv2dNativeBackpropInput", {shape_of(x), up, dy}, window_attrs(g)), Value(),
          emit1("DepthwiseConv2dNative", {x, up}, window_attrs(g))};
}

template <ConvKind kKind>
void conv_shape(ShapeContext& c) {
  c.set_output(0, conv_output_shape(kKind, c.attrs(), c.input(0), c.input(1)));
}

/// Of the gradients: the output has the sizes that one input names.
template <ConvKind kKind, int kSizes>
void backprop_shape(ShapeContext& c) {
  Shape result = shape::from_input(c, kSizes);
  shape::require_rank(result, 4, "The sizes");
  if (!result.known_rank()) result = Shape::unknown(4);
  c.set_output(0, result);
  const Shape& other = c.input(1 - kSizes);
  const Shape& input = kSizes == 0 ? result : other;
  const Shape& filter = kSizes == 0 ? other : result;
  shape::same_shape(conv_output_shape(kKind, c.attrs(), input, filter), c.input(2), "out_backprop");
}

/// The filter is either itself or what packing made of it; `filter_shape` then is that of the filter.
template <ConvKind kKind>
void fused_conv_shape(ShapeContext& c) {
  const Shape& packed_shape = c.attrs().get<Shape>("filter_shape");
  c.set_output(0, conv_output_shape(kKind, c.attrs(), c.input(0), packed_shape.known_rank() ? packed_shape : c.input(1)));
}

Values conv3d_grad(GradContext& g) {
  const Value &x = g.input(0), &filter = g.input(1), &dy = g.upstream(0);
  return {emit1("Conv3DBackpropInputV2", {shape_of(x), filter, dy}, window_attrs(g)),
          emit1("Conv3DBackpropFilterV2", {x, shape_of(filter), dy}, window_attrs(g))};
}
Values conv3d_backprop_input_grad(GradContext& g) {
  const Value &filter = g.input(1), &dy = g.input(2), &up = g.upstream(0);
  return {Value(), emit1("Conv3DBackpropFilterV2", {up, shape_of(filter), dy}, window_attrs(g)),
          emit1("Conv3D", {up, filter}, window_attrs(g))};
}
Values conv3d_backprop_filter_grad(GradContext& g) {
  const Value &x = g.input(0), &dy = g.input(2), &up = g.upstream(0);
  return {emit1("Conv3DBackpropInputV2", {shape_of(x), up, dy}, window_attrs(g)), Value(),
          emit1("Conv3D", {x, up}, window_attrs(g))};
}

constexpr OpDef kOps[] = {
    {.name = "Conv2D",
     .signature = "(input: T, filter: T) -> (output: T); T: {floating, int32}; strides: list(int); use_cudnn_on_gpu: "
                  "bool = true; padding: string; explicit_paddings: list(int) = []; data_format: string = \"NHWC\"; "
                  "dilations: list(int) = [1, 1, 1, 1]",
     .shape = conv_shape<ConvKind::kFull>,
     .kernel = conv2d_kernel,
     .gradient = conv2d_grad,
     .js = "nn.conv2d"},
    {.name = "Conv2DBackpropInput",
     .signature = "(input_sizes: int32, filter: T, out_backprop: T) -> (output: T); T: {floating, int32}; strides: "
                  "list(int); use_cudnn_on_gpu: bool = true; padding: string; explicit_paddings: list(int) = []; "
                  "data_format: string = \"NHWC\"; dilations: list(int) = [1, 1, 1, 1]",
     .shape = backprop_shape<ConvKind::kFull, 0>,
     .kernel = conv2d_backprop_input_kernel,
     .gradient = conv2d_backprop_input_grad,
     .js = "nn.conv2dTranspose"},
    {.name = "Conv2DBackpropFilter",
     .signature = "(input: T, filter_sizes: int32, out_backprop: T) -> (output: T); T: {floating}; strides: "
                  "list(int); use_cudnn_on_gpu: bool = true; padding: string; explicit_paddings: list(int) = []; "
                  "data_format: string = \"NHWC\"; dilations: list(int) = [1, 1, 1, 1]",
     .shape = backprop_shape<ConvKind::kFull, 1>,
     .kernel = conv2d_backprop_filter_kernel,
     .gradient = conv2d_backprop_filter_grad},
    {.name = "DepthwiseConv2dNative",
     .signature = "(input: T, filter: T) -> (output: T); T: {floating}; strides: list(int); padding: string; "
                  "explicit_paddings: list(int) = []; data_format: string = \"NHWC\"; dilations: list(int) = [1, 1, "
                  "1, 1]",
     .shape = conv_shape<ConvKind::kDepthwise>,
     .kernel = depthwise_kernel,
     .gradient = depthwise_grad,
     .js = "nn.depthwiseConv2d"},
    {.name = "DepthwiseConv2dNativeBackpropInput",
     .signature = "(input_sizes: int32, filter: T, out_backprop: T) -> (output: T); T: {floating}; strides: "
                  "list(int); padding: string; explicit_paddings: list(int) = []; data_format: string = \"NHWC\"; "
                  "dilations: list(int) = [1, 1, 1, 1]",
     .shape = backprop_shape<ConvKind::kDepthwise, 0>,
     .kernel = depthwise_backprop_input_kernel,
     .gradient = depthwise_backprop_input_grad},
    {.name = "DepthwiseConv2dNativeBackpropFilter",
     .signature = "(input: T, filter_sizes: int32, out_backprop: T) -> (output: T); T: {floating}; strides: "
                  "list(int); padding: string; explicit_paddings: list(int) = []; data_format: string = \"NHWC\"; "
                  "dilations: list(int) = [1, 1, 1, 1]",
     .shape = backprop_shape<ConvKind::kDepthwise, 1>,
     .kernel = depthwise_backprop_filter_kernel,
     .gradient = depthwise_backprop_filter_grad},

    {.name = "_FusedConv2D",
     .signature = "(input: T, filter: T, args: num_args * T) -> (output: T); T: {float}; num_args: int; strides: "
                  "list(int); padding: string; explicit_paddings: list(int) = []; data_format: string = \"NHWC\"; "
                  "dilations: list(int) = [1, 1, 1, 1]; fused_ops: list(string) = []; leakyrelu_alpha: float = 0.2; "
                  "filter_shape: shape = ?",
     .shape = fused_conv_shape<ConvKind::kFull>,
     .kernel = fused_conv2d_kernel},
    {.name = "_FusedDepthwiseConv2dNative",
     .signature = "(input: T, filter: T, args: num_args * T) -> (output: T); T: {float}; num_args: int; strides: "
                  "list(int); padding: string; explicit_paddings: list(int) = []; data_format: string = \"NHWC\"; "
                  "dilations: list(int) = [1, 1, 1, 1]; fused_ops: list(string) = []; leakyrelu_alpha: float = 0.2; "
                  "filter_shape: shape = ?",
     .shape = fused_conv_shape<ConvKind::kDepthwise>,
     .kernel = fused_depthwise_kernel},
    {.name = "_PackConv2DFilter",
     .signature = "(filter: T) -> (packed: T); T: {float}",
     .shape = pack_conv2d_filter_shape,
     .kernel = pack_conv2d_filter_kernel},
    {.name = "Conv3D",
     .signature = "(input: T, filter: T) -> (output: T); T: {floating}; strides: list(int); padding: string; data_format: string "
                  "= \"NDHWC\"; dilations: list(int) = [1, 1, 1, 1, 1]",
     .shape = conv3d_shape,
     .kernel = conv3d_kernel,
     .gradient = conv3d_grad},
    {.name = "Conv3DBackpropInputV2",
     .signature =
         "(input_sizes: Tshape, filter: T, out_backprop: T) -> (output: T); T: {floating}; strides: list(int); padding: "
         "string; data_format: string = \"NDHWC\"; dilations: list(int) = [1, 1, 1, 1, 1]; Tshape: {int32, int64} = int32",
     .shape = named_volume_shape<0>,
     .kernel = conv3d_backprop_input_kernel,
     .gradient = conv3d_backprop_input_grad},
    {.name = "Conv3DBackpropFilterV2",
     .signature = "(input: T, filter_sizes: int32, out_backprop: T) -> (output: T); T: {floating}; strides: list(int); padding: "
                  "string; data_format: string = \"NDHWC\"; dilations: list(int) = [1, 1, 1, 1, 1]",
     .shape = named_volume_shape<1>,
     .kernel = conv3d_backprop_filter_kernel,
     .gradient = conv3d_backprop_filter_grad},
};

}  // namespace

std::span<const OpDef> conv_ops() { return kOps; }

}  // namespace keras
