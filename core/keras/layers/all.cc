// The list of built-in layers.
#include "core/keras/layers/classes.h"

namespace keras {
namespace {

constexpr LayerEntry kLayers[] = {
    {"Activation", make_activation},
    {"Add", make_add},
    {"Average", make_average},
    {"AveragePooling2D", make_average_pooling_2d},
    {"BatchNormalization", make_batch_normalization},
    {"Concatenate", make_concatenate},
    {"Conv2D", make_conv_2d},
    {"Dense", make_dense},
    {"DepthwiseConv2D", make_depthwise_conv_2d},
    {"Dropout", make_dropout},
    {"ELU", make_elu},
    {"Flatten", make_flatten},
    {"GlobalAveragePooling2D", make_global_average_pooling_2d},
    {"GlobalMaxPooling2D", make_global_max_pooling_2d},
    {"InputLayer", make_input_layer},
    {"LeakyReLU", make_leaky_relu},
    {"MaxPooling2D", make_max_pooling_2d},
    {"Maximum", make_maximum},
    {"Minimum", make_minimum},
    {"Multiply", make_multiply},
    {"Permute", make_permute},
    {"ReLU", make_relu},
    {"Rescaling", make_rescaling},
    {"Reshape", make_reshape},
    {"Softmax", make_softmax},
    {"Subtract", make_subtract},
    {"ZeroPadding2D", make_zero_padding_2d},
};

}  // namespace

std::span<const LayerEntry> builtin_layers() { return kLayers; }

}  // namespace keras
