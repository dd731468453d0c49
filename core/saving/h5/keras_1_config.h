// Configs that Keras 1 wrote, in the words of Keras 2.
#pragma once

#include "core/keras/config/json.h"

namespace keras {

/// The model_config of a file of Keras 1: classes ("Convolution2D"), arguments ("nb_filter", "W_regularizer", "dim_ordering")
/// and values are renamed, in nested models and wrappers too. Arguments that mean nothing any more are left out; what has
/// no counterpart stays as it is, so that the layer refuses it by name.
/// Throws UnimplementedError naming the layer: a Merge or a mode of BatchNormalization that Keras 2 has no layer for.
Json convert_keras_1_config(const Json& model_config);

}  // namespace keras
