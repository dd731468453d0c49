// Output sizes and paddings, TensorFlow's rule: SAME splits the padding evenly, the odd one goes behind.
#include "core/ops/window.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"

namespace keras {
namespace {

int64_t attr_at(const Attrs& attrs, std::string_view name, int64_t axis, int64_t missing) {
  if (!attrs.contains(name)) return missing;
  const auto& values = attrs.get_ints(name);
  if (values.size() != 4) throw InvalidArgumentError("'{}' must have 4 elements, found {}", name, values.size());
  return values[static_cast<size_t>(axis)];
}

constexpr int64_t kMaxAttr = std::numeric_limits<int32_t>::max();  // keeps the arithmetic below from overflowing

void check_positive(int64_t value, std::string_view what) {
  if (value < 1 || value > kMaxAttr) throw InvalidArgumentError("A {} must be positive, found {}", what, value);
}

}  // namespace

Window make_window(int64_t input, int64_t size, int64_t stride, int64_t dilation, std::string_view padding,
                   int64_t explicit_before, int64_t explicit_after) {
  check_positive(stride, "stride");
  check_positive(dilation, "dilation");
  if (size > kMaxAttr) throw InvalidArgumentError("A window of {} elements is too large", size);
  if (explicit_before < 0 || explicit_after < 0 || std::max(explicit_before, explicit_after) > kMaxAttr) {
    throw InvalidArgumentError("Paddings must not be negative, found {} and {}", explicit_before, explicit_after);
  }
  Window window{input, size, stride, dilation, kUnknownDim, 0, 0};
  if (input < 0 || size < 0) return window;
  const int64_t reach = size == 0 ? 0 : (size - 1) * dilation + 1;
  if (padding == "SAME") {
    window.output = (input + stride - 1) / stride;
    const int64_t total = std::max<int64_t>((window.output - 1) * stride + reach - input, 0);
    window.pad_before = total / 2;
    window.pad_after = total - window.pad_before;
    return window;
  }
  if (padding == "EXPLICIT") {
    window.pad_before = explicit_before;
    window.pad_after = explicit_after;
  } else if (padding != "VALID") {
    throw InvalidArgumentError("Unknown padding '{}'", padding);
  }
  const int64_t room = input + window.pad_before + window.pad_after - reach;
  if (room < 0) {
    throw InvalidArgumentError("Negative dimension size caused by subtracting {} from {}", reach, room + reach);
  }
  window.output = (room + stride) / stride;
  return window;
}

ImageAxes::ImageAxes(const Attrs& attrs) {
  const std::string& format = attrs.get_string("data_format");
  if (format != "NHWC" && format != "NCHW") throw UnimplementedError("data_format '{}' is not supported", format);
  channels_first = format == "NCHW";
  height = channels_first ? 2 : 1;
  width = height + 1;
  channels = channels_first ? 1 : 3;
}

Shape ImageAxes::shape(int64_t batch_size, int64_t height_size, int64_t width_size, int64_t channel_count) const {
  if (channels_first) return {batch_size, channel_count, height_size, width_size};
  return {batch_size, height_size, width_size, channel_count};
}

Windows2d make_windows(const Attrs& attrs, const ImageAxes& axes, const Shape& input, int64_t window_height,
                       int64_t window_width) {
  const std::string& padding = attrs.get_string("padding");
  std::vector<int64_t> explicit_paddings(8, 0);
  if (padding == "EXPLICIT") {
    explicit_paddings = attrs.get_ints("explicit_paddings");
    if (explicit_paddings.size() != 8) throw InvalidArgumentError("explicit_paddings must have 8 elements");
  }
  const auto window = [&](int64_t axis, int64_t size) {
    const auto at = static_cast<size_t>(2 * axis);
    return make_window(input.dim(axis), size, attr_at(attrs, "strides", axis, 1), attr_at(attrs, "dilations", axis, 1), padding,
                       explicit_paddings[at], explicit_paddings[at + 1]);
  };
  return {window(axes.height, window_height), window(axes.width, window_width)};
}

}  // namespace keras
