// InputLayer.
#include "core/keras/layers/input_layer.h"

#include "core/keras/layers/classes.h"

namespace keras {

const ConfigTable<InputLayer>& InputLayer::table() {
  static const ConfigTable<InputLayer> rows = {field("sparse", &InputLayer::sparse), field("ragged", &InputLayer::ragged)};
  return rows;
}

// The one layer whose config has the shape first and the name last.
Json InputLayer::get_config() const {
  return {{"batch_input_shape", ConfigValue<Shape>::to_json(batch_input_shape().value_or(Shape()))},
          {"dtype", std::string(dtype_name(dtype_))},
          {"sparse", sparse},
          {"ragged", ragged},
          {"name", name_}};
}

void InputLayer::load_config(Json& config) {
  // Automatic names of inputs count "input_1", "input_2", …
  if (!json_get(config, "name").is_string()) config["name"] = session_->unique_name("Input", false);
  // Keras 3 says batch_shape.
  if (config.contains("batch_shape") && !config.contains("batch_input_shape")) {
    config["batch_input_shape"] = config["batch_shape"];
  }
  config.erase("type_spec");
  config.erase("optional");
  Layer::load_config(config);
  if (sparse || ragged) throw UnimplementedError("InputLayer '{}': sparse and ragged inputs are not supported", name_);
  if (!batch_input_shape()) throw ValueError("InputLayer '{}' needs a shape", name_);
  add_source_node(*batch_input_shape(), dtype_);
}

KerasTensor make_input(Session& session, const Shape& batch_shape, DType dtype, std::string_view name) {
  auto layer = std::make_shared<InputLayer>(session);
  Json config = {{"batch_input_shape", ConfigValue<Shape>::to_json(batch_shape)}, {"dtype", std::string(dtype_name(dtype))}};
  if (!name.empty()) config["name"] = std::string(name);
  layer->load_config(config);
  return {layer, 0, 0};
}

LayerPtr make_input_layer(Session& session) { return std::make_shared<InputLayer>(session); }

}  // namespace keras
