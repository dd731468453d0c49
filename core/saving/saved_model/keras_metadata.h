// keras_metadata.pb: the JSON of each Keras object.
#pragma once

#include "core/keras/training/trainer.h"
#include "core/saving/checkpoint/object_graph.h"

namespace keras {

/// The serialized file for the Keras objects of `graph`. `training_config` null: not compiled.
std::string write_keras_metadata(const ObjectGraph& graph, const Json& training_config);
/// "_tf_keras_layer", "_tf_keras_sequential", …: the identifier of a layer in the object graph.
std::string keras_identifier(const Layer& layer);

}  // namespace keras
