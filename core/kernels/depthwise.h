// Depthwise convolutions: each channel has filters of its own, [height, width, channels, multiplier]; output channel
// c · multiplier + k comes from input channel c.
#pragma once

#include "core/kernels/conv.h"

namespace keras::kernels {

/// `g`: out_channels = in_channels · multiplier; groups are not looked at.
template <class T>
void depthwise(Context& context, const ConvGeometry& g, const T* input, const T* filter, T* output);
template <class T>
void depthwise_backprop_input(Context& context, const ConvGeometry& g, const T* filter, const T* dy, T* dx);
template <class T>
void depthwise_backprop_filter(Context& context, const ConvGeometry& g, const T* input, const T* dy, T* d_filter);

/// With bias and activation.
void depthwise_fused(Context& context, const ConvGeometry& g, const float* input, const float* filter, float* output,
                     const Epilogue& epilogue);

extern template void depthwise<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
extern template void depthwise<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
extern template void depthwise_backprop_input<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
extern template void depthwise_backprop_input<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
extern template void depthwise_backprop_filter<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
extern template void depthwise_backprop_filter<double>(Context&, const ConvGeometry&, const double*, const double*, double*);

}  // namespace keras::kernels
