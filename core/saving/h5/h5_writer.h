// Models to Keras's HDF5 files.
#pragma once

#include "core/base/byte_sink.h"
#include "core/keras/training/trainer.h"

namespace keras {

/// A whole-model file that Keras 2.15's load_model opens: config, weights, and, if the model is compiled and
/// `include_optimizer`, the training config and the optimizer's state. Throws ValueError: a model that is not built.
OutputFile write_h5_model(const Trainer& trainer, bool include_optimizer, std::string path);
/// A file of weights alone.
OutputFile write_h5_weights(const Model& model, std::string path);

}  // namespace keras
