// From a KernelContext to the convolutions.
#pragma once

#include "core/ops/registry.h"

namespace keras {

enum class ConvKind { kFull, kDepthwise };

/// `input` in the op's format, `filter` [height, width, channels / groups, filters] or [height, width, channels,
/// multiplier]. Unknown dimensions are allowed. Throws InvalidArgumentError.
Shape conv_output_shape(ConvKind kind, const Attrs& attrs, const Shape& input, const Shape& filter);

void conv2d_kernel(KernelContext& c);
void conv2d_backprop_input_kernel(KernelContext& c);
void conv2d_backprop_filter_kernel(KernelContext& c);
void depthwise_kernel(KernelContext& c);
void depthwise_backprop_input_kernel(KernelContext& c);
void depthwise_backprop_filter_kernel(KernelContext& c);
void fused_conv2d_kernel(KernelContext& c);
void fused_depthwise_kernel(KernelContext& c);
void pack_conv2d_filter_shape(ShapeContext& c);
void pack_conv2d_filter_kernel(KernelContext& c);
/// The filter of this shape of which _PackConv2DFilter made `packed`.
Tensor unpack_conv2d_filter(const Tensor& packed, const Shape& filter);

}  // namespace keras
