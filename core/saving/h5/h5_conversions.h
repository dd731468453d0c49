// What Keras does to the weights of old files: Keras 1's kernels and lists of gates, cuDNN's RNNs, Theano's kernels.
// Source: keras/src/saving/legacy/hdf5_format.py, preprocess_weights_for_loading.
#pragma once

#include <string>
#include <vector>

#include "core/keras/layers/layer.h"

namespace keras {

/// What a conversion has to know of the layer that takes the weights. It need not exist here.
struct ConversionTarget {
  std::string class_name;
  Json config = Json::object();  // kernel_size, filters, data_format, reset_after where the class has them
  std::vector<Shape> weights = {};
  size_t trainable = 0;                       // how many of the weights come first
  std::vector<ConversionTarget> layers = {};  // of a model; the one of TimeDistributed; forward and backward of Bidirectional
};

ConversionTarget conversion_target(const Layer& layer);

/// Whether there is a conversion for a layer of this class, or for one inside it.
bool has_conversions(const ConversionTarget& target);

/// The saved arrays as `target` wants them. `keras_1`: the file has no version, or "1". Arrays of an unknown form stay as
/// they are. Throws ValueError with Keras's text: biases that fit no kind of RNN, GRUs that exclude each other.
std::vector<Tensor> convert_saved_weights(const ConversionTarget& target, std::vector<Tensor> saved, bool keras_1);

}  // namespace keras
