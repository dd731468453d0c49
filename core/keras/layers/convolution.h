// What Conv2D and DepthwiseConv2D share: config keys, paddings, the layout of channels.
#pragma once

#include <array>

#include "core/keras/activations/activation.h"
#include "core/keras/layers/classes.h"

namespace keras {

/// "valid" → "VALID". Throws ValueError naming the layer for anything else.
std::string op_padding(const Layer& layer, std::string_view padding);
/// Throws ValueError for anything but channels_last and channels_first.
bool is_channels_first(const Layer& layer, std::string_view data_format);
/// [batch, channels, height, width] ↔ [batch, height, width, channels].
Value to_channels_last(const Value& x);
Value to_channels_first(const Value& x);
/// Throws ValueError naming the key for values that are not positive.
void require_positive(std::string_view key, const std::array<int64_t, 2>& values);
void require_positive(std::string_view key, int64_t value);
/// [1, height, width, 1], as op attributes have it.
std::vector<int64_t> spatial_attr(const std::array<int64_t, 2>& values);

}  // namespace keras
