// Metadata of layers and models in the form that Keras 2.15's loader reads.
#include "core/saving/saved_model/keras_metadata.h"

#include "core/keras/models/serialization.h"
#include "proto/keras_metadata.pb.h"

namespace keras {
namespace {

/// {"module", "class_name", "config", "registered_name"} → {"class_name", "config"}, at any depth: the form of metadata.
Json without_modules(const Json& json) {
  if (json.is_array()) {
    Json result = Json::array();
    for (const Json& item : json) result.push_back(without_modules(item));
    return result;
  }
  if (!json.is_object()) return json;
  const bool v3_object = json.contains("module") && json.contains("class_name") && json.contains("registered_name");
  Json result = Json::object();
  for (const auto& [key, value] : json.items()) {
    if (v3_object && (key == "module" || key == "registered_name")) continue;
    result[key] = without_modules(value);
  }
  return result;
}

Json input_metadata(const Layer& layer) {
  const Json config = layer.get_config();
  return {{"class_name", "InputLayer"},
          {"name", layer.name()},
          {"dtype", config["dtype"]},
          {"sparse", config["sparse"]},
          {"ragged", config["ragged"]},
          {"batch_input_shape", config["batch_input_shape"]},
          {"config", config}};
}

Json build_shape(const std::vector<Shape>& shapes) {
  const auto one = [](const Shape& shape) {
    return Json{{"class_name", "TensorShape"}, {"items", ConfigValue<Shape>::to_json(shape)}};
  };
  if (shapes.size() == 1) return one(shapes[0]);
  Json list = Json::array();
  for (const Shape& shape : shapes) list.push_back(one(shape));
  return list;
}

Json layer_metadata(const Layer& layer) {
  const auto* model = dynamic_cast<const Functional*>(&layer);
  const Json object = serialize_layer(layer, Dialect::kSavedModel);
  Json metadata = {
      {"name", layer.name()},
      {"trainable", layer.trainable()},
      {"expects_training_arg", layer.expects_training()},
      {"dtype", std::string(dtype_name(layer.dtype()))},
      {"batch_input_shape", layer.batch_input_shape() ? ConfigValue<Shape>::to_json(*layer.batch_input_shape()) : Json()},
      {"stateful", false},
      {"must_restore_from_config", false},
      {"preserve_input_structure_in_config", false},
      {"autocast", !layer.is_model()},
      {"class_name", object["class_name"]},
      {"config", without_modules(object["config"])}};
  if (model == nullptr) {
    if (!layer.build_shapes().empty()) metadata["build_input_shape"] = build_shape(layer.build_shapes());
    return metadata;
  }
  metadata.erase("stateful");
  metadata["is_graph_network"] = true;
  std::vector<Shape> shapes;
  for (const KerasTensor& input : model->inputs()) shapes.push_back(input.shape());
  metadata["build_input_shape"] = build_shape(shapes);
  metadata["keras_version"] = "2.15.0";
  metadata["backend"] = "tensorflow";
  metadata["model_config"] = {{"class_name", object["class_name"]}, {"config", metadata["config"]}};
  return metadata;
}

}  // namespace

std::string keras_identifier(const Layer& layer) {
  if (layer.class_name() == "InputLayer") return "_tf_keras_input_layer";
  if (layer.class_name() == "Sequential") return "_tf_keras_sequential";
  if (!layer.is_model()) return "_tf_keras_layer";
  return layer.is_custom() ? "_tf_keras_model" : "_tf_keras_network";
}

std::string write_keras_metadata(const ObjectGraph& graph, const Json& training_config) {
  keras_proto::SavedMetadata proto;
  for (size_t id = 0; id < graph.nodes.size(); ++id) {
    const ObjectNode& node = graph.nodes[id];
    if (!node.object.layer) continue;
    auto& object = *proto.add_nodes();
    object.set_node_id(static_cast<int>(id));
    std::string path = "root";
    if (!node.path.empty()) path += "." + node.path;
    for (char& c : path) c = c == '/' ? '.' : c;
    object.set_node_path(path);
    object.set_identifier(keras_identifier(*node.object.layer));
    Json metadata =
        node.object.layer->class_name() == "InputLayer" ? input_metadata(*node.object.layer) : layer_metadata(*node.object.layer);
    if (id == 0 && !training_config.is_null()) metadata["training_config"] = training_config;
    object.set_metadata(dump_json(metadata));
    object.mutable_version()->set_producer(2);
    object.mutable_version()->set_min_consumer(1);
  }
  return proto.SerializeAsString();
}

}  // namespace keras
