// Configs of layers and models.
#include "core/keras/models/serialization.h"

#include <algorithm>
#include <map>

#include "core/keras/layers/classes.h"
#include "core/keras/layers/input_layer.h"
#include "core/keras/layers/keras_names.h"
#include "core/keras/models/sequential.h"

namespace keras {
namespace {

Json shapes_config(const std::vector<Shape>& shapes) {
  if (shapes.size() == 1) return ConfigValue<Shape>::to_json(shapes[0]);
  Json list = Json::array();
  for (const Shape& shape : shapes) list.push_back(ConfigValue<Shape>::to_json(shape));
  return list;
}

/// The shapes that build() saw; models tell those of their inputs.
std::vector<Shape> build_shapes_of(const Layer& layer) {
  if (const auto* model = dynamic_cast<const Functional*>(&layer)) {
    std::vector<Shape> shapes;
    for (const KerasTensor& input : model->inputs()) shapes.push_back(input.shape());
    return shapes;
  }
  return layer.build_shapes();
}

[[noreturn]] void unknown_layer(const std::string& class_name, const Json& config) {
  const Json& name = json_get(config, "name");
  if (class_name == "Lambda") {
    UnimplementedError error(
        "A Lambda layer holds Python bytecode, which is never run. Pass a layer class that does the same as "
        "`customObjects: {{Lambda}}` to the function that loads the model.");
    if (name.is_string()) error.set_path(name.get<std::string>());
    throw error;
  }
  if (is_keras_layer(class_name)) {
    UnimplementedError error(
        "Keras's layer '{}' is not in this version. Pass a layer class that does the same as `customObjects: {{{}}}` to the "
        "function that loads the model.",
        class_name, class_name);
    if (name.is_string()) error.set_path(name.get<std::string>());
    throw error;
  }
  ValueError error(
      "Unknown layer: '{}'. Please ensure you are using a `keras.utils.customObjectScope` and that this object is included in "
      "the scope, or pass it as `customObjects: {{{}}}` to the function that loads the model.",
      class_name, class_name);
  if (name.is_string()) error.set_path(name.get<std::string>());
  throw error;
}

LayerPtr make_builtin(const std::string& name_in_file, const Json& config, const DeserializeContext& context) {
  const std::string class_name = canonical_layer_name(name_in_file);
  for (const LayerEntry& entry : builtin_layers()) {
    if (entry.class_name != class_name) continue;
    LayerPtr layer = entry.make(context.session);
    Json rest = config;
    try {
      layer->load_config(rest);
      reject_leftovers(class_name, rest);
    } catch (Error& error) {
      const Json& name = json_get(config, "name");
      if (name.is_string()) error.set_path(name.get<std::string>());
      throw;
    }
    return layer;
  }
  unknown_layer(class_name, config);
}

/// Rebuilds the calls of a Functional config's layers.
class NetworkReader {
 public:
  NetworkReader(const Json& config, const DeserializeContext& context) : config_(config), context_(context) {}

  FunctionalPtr read() {
    const Json& layers = json_get(config_, "layers");
    if (!layers.is_array()) throw ValueError("The config of a Functional model has no list of layers");
    for (const Json& entry : layers) add_layer(entry);
    connect_all();
    const Json& name = json_get(config_, "name");
    Structure input_structure, output_structure;
    auto inputs = references("input_layers", input_structure);
    auto outputs = references("output_layers", output_structure);
    FunctionalPtr model = Functional::make(context_.session, std::move(inputs), std::move(outputs),
                                           name.is_string() ? name.get<std::string>() : "", input_structure, output_structure);
    const Json& trainable = json_get(config_, "trainable");
    // A frozen model's layers carry their own flags: only the model's is set here.
    if (trainable.is_boolean()) model->Layer::set_trainable(trainable.get<bool>());
    return model;
  }

 private:
  struct PendingCall {
    LayerPtr layer;
    Json sources;
  };

  void add_layer(const Json& entry) {
    Json object = entry;
    LayerPtr layer = deserialize_layer(object, {context_.session, context_.custom_objects, context_.depth + 1});
    const Json& name = json_get(entry, "name");
    const std::string key = name.is_string() ? name.get<std::string>() : layer->name();
    if (!layers_.emplace(key, layer).second)
      throw ValueError("The name \"{}\" is used 2 times in the model. All layer names should be unique.", key);
    const Json& inbound = json_get(entry, "inbound_nodes");
    if (!inbound.is_array()) return;
    for (const Json& sources : inbound) pending_.push_back({layer, sources});
  }

  /// Calls can be made once their sources have been; each round makes those it can.
  void connect_all() {
    while (!pending_.empty()) {
      std::vector<PendingCall> waiting;
      std::map<const Layer*, bool> blocked;
      for (PendingCall& call : pending_) {
        // The calls of one layer keep their order: their numbers are what others refer to.
        if (blocked[call.layer.get()] || !try_call(call)) {
          blocked[call.layer.get()] = true;
          waiting.push_back(std::move(call));
        }
      }
      if (waiting.size() == pending_.size()) {
        throw ValueError("Layer '{}' is connected to something that is not in the model", waiting.front().layer->name())
            .at(waiting.front().layer->name());
      }
      pending_ = std::move(waiting);
    }
  }

  bool try_call(const PendingCall& call) {
    std::vector<KerasTensor> inputs;
    Json kwargs = Json::object();
    if (!collect(call.sources, inputs, kwargs)) return false;
    if (call.layer->is_custom() && is_dict(call.sources)) {
      Structure structure{Structure::Kind::kDict};
      for (const auto& [key, source] : call.sources.items()) structure.keys.push_back(key);
      call.layer->set_input_structure(std::move(structure));
    }
    call.layer->apply(inputs, inputs.size() > 1, std::move(kwargs));
    return true;
  }

  static bool is_reference(const Json& json) {
    return json.is_array() && json.size() >= 3 && json[0].is_string() && json[1].is_number_integer() &&
           json[2].is_number_integer();
  }

  /// {"a": ["name", call, tensor, {…}], …}: a call on a dict.
  static bool is_dict(const Json& sources) {
    return sources.is_object() && std::all_of(sources.begin(), sources.end(), is_reference);
  }

  /// ["name", call, tensor, {…}], a list or dict of these, or Keras 3's {"args": […]} with __keras_tensor__ objects.
  bool collect(const Json& sources, std::vector<KerasTensor>& inputs, Json& kwargs) {
    if (is_reference(sources)) {
      if (sources.size() > 3) take_kwargs(sources[3], kwargs);
      return add_reference(sources, inputs);
    }
    if (sources.is_object() && json_get(sources, "class_name") == "__keras_tensor__") {
      return add_reference(json_get(json_get(sources, "config"), "keras_history"), inputs);
    }
    if (sources.is_object() && sources.contains("args")) {
      take_kwargs(json_get(sources, "kwargs"), kwargs);
      return collect(json_get(sources, "args"), inputs, kwargs);
    }
    if (!sources.is_structured()) throw ValueError("An inbound node is not understood: {}", dump_json(sources));
    for (const Json& item : sources) {
      if (!collect(item, inputs, kwargs)) return false;
    }
    return true;
  }

  static void take_kwargs(const Json& given, Json& kwargs) {
    if (!given.is_object()) return;
    for (const auto& [key, value] : given.items()) {
      if (key == "training")
        kwargs[key] = value;
      else if (!value.is_null())
        throw UnimplementedError("A layer call with argument '{}' = {} is not supported", key, dump_json(value));
    }
  }

  bool add_reference(const Json& reference, std::vector<KerasTensor>& inputs) {
    if (!is_reference(reference)) throw ValueError("An inbound node is not understood: {}", dump_json(reference));
    const auto found = layers_.find(reference[0].get<std::string>());
    if (found == layers_.end())
      throw ValueError("The model's config names a layer '{}' that it does not have", reference[0].get<std::string>());
    const LayerPtr& layer = found->second;
    const int64_t node = reference[1].get<int64_t>() - (skips_first_node(*layer) ? 1 : 0);
    const int64_t tensor = reference[2].get<int64_t>();
    if (node < 0 || node >= static_cast<int64_t>(layer->nodes().size())) return false;
    const auto& shapes = layer->nodes()[static_cast<size_t>(node)].output_shapes;
    if (tensor < 0 || tensor >= static_cast<int64_t>(shapes.size())) {
      throw ValueError("Layer '{}' has no output {}", layer->name(), tensor);
    }
    inputs.push_back({layer, static_cast<int>(node), static_cast<int>(tensor)});
    return true;
  }

  std::vector<KerasTensor> references(const char* key, Structure& structure) {
    const Json& json = json_get(config_, key);
    std::vector<KerasTensor> tensors;
    if (json.is_object()) {
      structure.kind = Structure::Kind::kDict;
      for (const auto& [name, reference] : json.items()) {
        structure.keys.push_back(name);
        require(add_reference(reference, tensors), key);
      }
      return tensors;
    }
    if (is_reference(json)) {
      require(add_reference(json, tensors), key);
      return tensors;
    }
    if (!json.is_array()) throw ValueError("The config of a Functional model has no `{}`", key);
    for (const Json& reference : json) require(add_reference(reference, tensors), key);
    structure.kind = tensors.size() == 1 ? Structure::Kind::kSingle : Structure::Kind::kList;
    return tensors;
  }

  static void require(bool found, const char* key) {
    if (!found) throw ValueError("`{}` of the model's config names a call that does not exist", key);
  }

  const Json& config_;
  const DeserializeContext& context_;
  std::map<std::string, LayerPtr> layers_;
  std::vector<PendingCall> pending_;
};

}  // namespace

Json serialize_layer(const Layer& layer, Dialect dialect) {
  const auto* model = dynamic_cast<const Functional*>(&layer);
  const std::string registered = layer.registered_name();
  Json json = Json::object();
  if (dialect == Dialect::kV3) json["module"] = layer.module().empty() ? Json() : Json(std::string(layer.module()));
  // Files of the older forms know registered classes by their full names.
  const bool full_name = dialect != Dialect::kV3 && registered.find('>') != std::string::npos;
  json["class_name"] = full_name ? registered : std::string(layer.class_name());
  json["config"] = model != nullptr ? model->network_config(dialect) : layer.get_config();
  if (dialect != Dialect::kV3) return json;
  json["registered_name"] = !registered.empty()                  ? Json(registered)
                            : layer.class_name() == "Functional" ? Json("Functional")
                                                                 : Json();
  const std::vector<Shape> shapes = build_shapes_of(layer);
  if (!shapes.empty() && layer.class_name() != "InputLayer") json["build_config"] = {{"input_shape", shapes_config(shapes)}};
  return json;
}

LayerPtr deserialize_layer(const Json& json, const DeserializeContext& context) {
  if (context.depth > context.session.limits.nesting_depth) {
    throw ResourceExhaustedError("Models are nested more than {} deep (limits.nestingDepth)",
                                 context.session.limits.nesting_depth);
  }
  const Json& class_json = json_get(json, "class_name");
  if (!class_json.is_string()) throw ValueError("A layer's config has no class_name: {}", dump_json(json).substr(0, 200));
  const std::string full_name = class_json.get<std::string>();
  const std::string class_name = full_name.substr(full_name.find('>') + 1);
  const Json& config = json_get(json, "config");
  // A list of layers is how Keras 1 and 2.0 wrote a Sequential.
  const Json wrapped = config.is_array() ? Json{{"layers", config}} : config;
  if (!wrapped.is_object()) throw ValueError("Layer class '{}' has no config", class_name);
  const Json& registered = json_get(json, "registered_name");
  for (const std::string& name : {full_name, registered.is_string() ? registered.get<std::string>() : full_name, class_name}) {
    const auto custom = context.custom_objects.find(name);
    if (custom != context.custom_objects.end()) return custom->second(wrapped);
  }
  if (class_name == "Functional" || class_name == "Model") return functional_from_config(wrapped, context);
  if (class_name == "Sequential") return sequential_from_config(wrapped, context);
  return make_builtin(class_name, wrapped, context);
}

FunctionalPtr functional_from_config(const Json& config, const DeserializeContext& context) {
  return NetworkReader(config, context).read();
}

FunctionalPtr sequential_from_config(const Json& config, const DeserializeContext& context) {
  const Json& name = json_get(config, "name");
  SequentialPtr model = Sequential::make(context.session, name.is_string() ? name.get<std::string>() : "");
  const Json& layers = json_get(config, "layers");
  if (!layers.is_array()) throw ValueError("The config of a Sequential model has no list of layers");
  for (const Json& entry : layers) {
    model->add(deserialize_layer(entry, {context.session, context.custom_objects, context.depth + 1}));
  }
  const Json& shape = json_get(config, "build_input_shape");
  if (!shape.is_null() && !model->is_graph_network() && !model->layers().empty()) {
    model->ensure_built({ConfigValue<Shape>::from_json("build_input_shape", shape, context.session)});
  }
  return model;
}

std::string model_to_json(const Model& model) {
  return dump_json({{"class_name", std::string(model.class_name())},
                    {"config", model.get_config()},
                    {"keras_version", "2.15.0"},
                    {"backend", "tensorflow"}});
}

ModelPtr model_from_json(std::string_view text, const DeserializeContext& context) {
  LayerPtr layer = deserialize_layer(parse_json(text, "model config", context.session.limits), context);
  auto model = std::dynamic_pointer_cast<Model>(layer);
  if (!model) throw ValueError("The config is that of a layer ({}), not of a model", layer->class_name());
  return model;
}

}  // namespace keras
