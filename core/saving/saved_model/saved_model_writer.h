// Keras models as SavedModels: object graph, weights, Keras metadata, and the model's inference as the signature
// `serving_default`, for tf.keras.models.load_model, tf.saved_model.load and TF Serving.
#pragma once

#include <vector>

#include "core/base/byte_sink.h"
#include "core/keras/training/trainer.h"

namespace keras {

/// saved_model.pb, keras_metadata.pb and variables/variables.*, by path below the model's folder. Weights are borrowed.
/// With `include_optimizer`, a compiled model's training config and optimizer state too. Throws ValueError: not built.
std::vector<OutputFile> write_saved_model(const Trainer& trainer, bool include_optimizer);

}  // namespace keras
