// The built-in layers: one maker for each class, listed in all.cc.
#pragma once

#include <algorithm>

#include "core/keras/layers/layer.h"

namespace keras {

using LayerMaker = LayerPtr (*)(Session&);

struct LayerEntry {
  std::string_view class_name;
  LayerMaker make;
};

/// All built-in layer classes (models too, in models/).
std::span<const LayerEntry> builtin_layers();

LayerPtr make_activation(Session&);
LayerPtr make_add(Session&);
LayerPtr make_average(Session&);
LayerPtr make_average_pooling_2d(Session&);
LayerPtr make_batch_normalization(Session&);
LayerPtr make_concatenate(Session&);
LayerPtr make_conv_2d(Session&);
LayerPtr make_dense(Session&);
LayerPtr make_depthwise_conv_2d(Session&);
LayerPtr make_dropout(Session&);
LayerPtr make_elu(Session&);
LayerPtr make_flatten(Session&);
LayerPtr make_global_average_pooling_2d(Session&);
LayerPtr make_global_max_pooling_2d(Session&);
LayerPtr make_input_layer(Session&);
LayerPtr make_leaky_relu(Session&);
LayerPtr make_max_pooling_2d(Session&);
LayerPtr make_maximum(Session&);
LayerPtr make_minimum(Session&);
LayerPtr make_multiply(Session&);
LayerPtr make_permute(Session&);
LayerPtr make_relu(Session&);
LayerPtr make_rescaling(Session&);
LayerPtr make_reshape(Session&);
LayerPtr make_softmax(Session&);
LayerPtr make_subtract(Session&);
LayerPtr make_zero_padding_2d(Session&);

}  // namespace keras
