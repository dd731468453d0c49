// Layers and models to and from their configs.
#pragma once

#include "core/keras/layers/custom_layer.h"
#include "core/keras/models/functional.h"

namespace keras {

/// What making layers from configs needs.
struct DeserializeContext {
  Session& session;
  const CustomObjects& custom_objects;
  int64_t depth = 0;  // models in models
};

/// {"class_name", "config"}; v3: with module, registered_name and build_config.
Json serialize_layer(const Layer& layer, Dialect dialect);

/// From {"class_name", "config"} or the v3 form. Custom objects win over built-ins.
/// Throws ValueError (unknown class, bad config) with the layer's name as its path.
LayerPtr deserialize_layer(const Json& json, const DeserializeContext& context);

/// A model from its config alone.
FunctionalPtr functional_from_config(const Json& config, const DeserializeContext& context);
FunctionalPtr sequential_from_config(const Json& config, const DeserializeContext& context);

/// model.to_json(): the v3 form with keras_version and backend.
std::string model_to_json(const Model& model);
/// Throws ValueError where the JSON is a layer that is no model.
ModelPtr model_from_json(std::string_view text, const DeserializeContext& context);

}  // namespace keras
