// As keras.layers has them in 2.15.
#include "core/keras/layers/keras_names.h"

#include <algorithm>

namespace keras {
namespace {

constexpr std::string_view kLayers[] = {"AbstractRNNCell",
                                        "Activation",
                                        "ActivityRegularization",
                                        "Add",
                                        "AdditiveAttention",
                                        "AlphaDropout",
                                        "Attention",
                                        "Average",
                                        "AveragePooling1D",
                                        "AveragePooling2D",
                                        "AveragePooling3D",
                                        "BatchNormalization",
                                        "Bidirectional",
                                        "CategoryEncoding",
                                        "CenterCrop",
                                        "Concatenate",
                                        "Conv1D",
                                        "Conv1DTranspose",
                                        "Conv2D",
                                        "Conv2DTranspose",
                                        "Conv3D",
                                        "Conv3DTranspose",
                                        "ConvLSTM1D",
                                        "ConvLSTM2D",
                                        "ConvLSTM3D",
                                        "Cropping1D",
                                        "Cropping2D",
                                        "Cropping3D",
                                        "CuDNNGRU",
                                        "CuDNNLSTM",
                                        "Dense",
                                        "DenseFeatures",
                                        "DepthwiseConv1D",
                                        "DepthwiseConv2D",
                                        "Discretization",
                                        "Dot",
                                        "Dropout",
                                        "ELU",
                                        "EinsumDense",
                                        "Embedding",
                                        "Flatten",
                                        "GRU",
                                        "GRUCell",
                                        "GaussianDropout",
                                        "GaussianNoise",
                                        "GlobalAveragePooling1D",
                                        "GlobalAveragePooling2D",
                                        "GlobalAveragePooling3D",
                                        "GlobalMaxPooling1D",
                                        "GlobalMaxPooling2D",
                                        "GlobalMaxPooling3D",
                                        "GroupNormalization",
                                        "HashedCrossing",
                                        "Hashing",
                                        "Identity",
                                        "InputLayer",
                                        "IntegerLookup",
                                        "LSTM",
                                        "LSTMCell",
                                        "Lambda",
                                        "LayerNormalization",
                                        "LeakyReLU",
                                        "LocallyConnected1D",
                                        "LocallyConnected2D",
                                        "Masking",
                                        "MaxPooling1D",
                                        "MaxPooling2D",
                                        "MaxPooling3D",
                                        "Maximum",
                                        "Minimum",
                                        "MultiHeadAttention",
                                        "Multiply",
                                        "Normalization",
                                        "PReLU",
                                        "Permute",
                                        "RNN",
                                        "RandomBrightness",
                                        "RandomContrast",
                                        "RandomCrop",
                                        "RandomFlip",
                                        "RandomHeight",
                                        "RandomRotation",
                                        "RandomTranslation",
                                        "RandomWidth",
                                        "RandomZoom",
                                        "ReLU",
                                        "RepeatVector",
                                        "Rescaling",
                                        "Reshape",
                                        "Resizing",
                                        "SeparableConv1D",
                                        "SeparableConv2D",
                                        "SimpleRNN",
                                        "SimpleRNNCell",
                                        "SlicingOpLambda",
                                        "Softmax",
                                        "SpatialDropout1D",
                                        "SpatialDropout2D",
                                        "SpatialDropout3D",
                                        "SpectralNormalization",
                                        "StackedRNNCells",
                                        "StringLookup",
                                        "Subtract",
                                        "SyncBatchNormalization",
                                        "TFOpLambda",
                                        "TensorFlowOpLayer",
                                        "TextVectorization",
                                        "ThresholdedReLU",
                                        "TimeDistributed",
                                        "UnitNormalization",
                                        "UpSampling1D",
                                        "UpSampling2D",
                                        "UpSampling3D",
                                        "ZeroPadding1D",
                                        "ZeroPadding2D",
                                        "ZeroPadding3D"};
static_assert(std::ranges::is_sorted(kLayers));

constexpr std::pair<std::string_view, std::string_view> kAliases[] = {{"Convolution", "Conv"},
                                                                      {"AvgPool", "AveragePooling"},
                                                                      {"MaxPool", "MaxPooling"},
                                                                      {"BatchNormalizationV", "BatchNormalization"}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string canonical_layer_name(std::string_view name) {
  std::string result(name);
  for (const auto& [alias, word] : kAliases) {
    const size_t at = result.find(alias);
    // All of them stand before a digit, so that "MaxPooling2D" is none.
    if (at == std::string::npos || at + alias.size() >= result.size() || !is_digit(result[at + alias.size()])) continue;
    result.replace(at, alias.size(), word);
    if (word == "BatchNormalization") result.resize(at + word.size());
  }
  return result;
}

bool is_keras_layer(std::string_view name) { return std::ranges::binary_search(kLayers, name); }

}  // namespace keras
