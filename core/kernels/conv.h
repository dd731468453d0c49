// 2-D convolutions of [batch, height, width, channels] images. A convolution is a matrix product of patches (rows: output
// places, columns: filter places × channels) and filter, in blocks of rows so that patches stay in the cache.
#pragma once

#include <cstdint>

#include "core/kernels/gemm.h"

namespace keras::kernels {

struct ConvGeometry {
  int64_t batch = 0;
  int64_t in_height = 0, in_width = 0, in_channels = 0;
  int64_t out_height = 0, out_width = 0, out_channels = 0;
  int64_t filter_height = 0, filter_width = 0;
  int64_t stride_height = 1, stride_width = 1;
  int64_t dilation_height = 1, dilation_width = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t groups = 1;

  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  /// Elements of one patch.
  int64_t patch() const { return filter_height * filter_width * group_in(); }
  int64_t places() const { return out_height * out_width; }
  /// Whether the last patches hang over the image's lower or right edge.
  bool reaches_past_end() const {
    return (out_height - 1) * stride_height - pad_top + (filter_height - 1) * dilation_height >= in_height ||
           (out_width - 1) * stride_width - pad_left + (filter_width - 1) * dilation_width >= in_width;
  }
  /// Whether every patch is the input at that place: patches then need no copy.
  bool is_pointwise() const {
    return filter_height == 1 && filter_width == 1 && stride_height == 1 && stride_width == 1 && pad_top == 0 && pad_left == 0 &&
           out_height == in_height && out_width == in_width;
  }
};

/// Floats of a packed filter [height, width, in, out], its groups one after the other.
int64_t packed_filter_floats(const ConvGeometry& g);
void pack_filter(const ConvGeometry& g, const float* filter, float* packed);
/// The way back, bit for bit.
void unpack_filter(const ConvGeometry& g, const float* packed, float* filter);

void conv2d_packed(Context& context, const ConvGeometry& g, const float* input, const float* packed, float* output,
                   const Epilogue& epilogue = {});

template <class T>
void conv2d(Context& context, const ConvGeometry& g, const T* input, const T* filter, T* output);
template <class T>
void conv2d_backprop_input(Context& context, const ConvGeometry& g, const T* filter, const T* dy, T* dx);
template <class T>
void conv2d_backprop_filter(Context& context, const ConvGeometry& g, const T* input, const T* dy, T* d_filter);

extern template void conv2d<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
extern template void conv2d<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
extern template void conv2d_backprop_input<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
extern template void conv2d_backprop_input<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
extern template void conv2d_backprop_filter<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
extern template void conv2d_backprop_filter<double>(Context&, const ConvGeometry&, const double*, const double*, double*);

}  // namespace keras::kernels
