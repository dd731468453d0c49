// Sliding windows: how convolutions and pools turn the sizes of their input into those of their output.
#pragma once

#include <string>
#include <vector>

#include "core/ops/registry.h"

namespace keras {

/// One spatial axis. Unknown sizes are -1.
struct Window {
  int64_t input = 0, size = 1, stride = 1, dilation = 1;
  int64_t output = 0, pad_before = 0, pad_after = 0;
};

/// Throws InvalidArgumentError: a window that does not fit, a stride or dilation below 1, an unknown padding.
/// `padding`: "VALID", "SAME", or "EXPLICIT" with both paddings given.
Window make_window(int64_t input, int64_t size, int64_t stride, int64_t dilation, std::string_view padding,
                   int64_t explicit_before = 0, int64_t explicit_after = 0);

/// Height and width of a 2-D window op.
struct Windows2d {
  Window height, width;
};

/// Where an op's `data_format` puts the axes of [batch, height, width, channels].
struct ImageAxes {
  explicit ImageAxes(const Attrs& attrs);
  bool channels_first;
  int64_t height, width, channels;
  /// The shape of an image batch in this format.
  Shape shape(int64_t batch_size, int64_t height_size, int64_t width_size, int64_t channel_count) const;
};

/// From `strides`, `padding`, `explicit_paddings` and `dilations` where the op has them.
/// `input`: batch of images in the op's format, its rank known.
Windows2d make_windows(const Attrs& attrs, const ImageAxes& axes, const Shape& input, int64_t window_height,
                       int64_t window_width);

}  // namespace keras
