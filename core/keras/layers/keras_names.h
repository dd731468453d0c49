// The names of Keras's own layer classes, those that are not here among them.
#pragma once

#include <string>
#include <string_view>

namespace keras {

/// The class that one of Keras's other names means: "Convolution2D" → "Conv2D", "AvgPool1D" → "AveragePooling1D". Other
/// names stay as they are.
std::string canonical_layer_name(std::string_view name);

/// Whether Keras 2.15 has a layer of this (canonical) name: one that a file may hold although no user wrote it.
bool is_keras_layer(std::string_view name);

}  // namespace keras
