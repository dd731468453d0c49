// Layers: made from configs, called on symbolic and on real tensors; layers whose class is written in JavaScript.
#include "wasm/layers.h"

#include <emscripten/bind.h>

#include "core/keras/layers/classes.h"
#include "core/keras/layers/input_layer.h"
#include "core/keras/models/serialization.h"
#include "core/keras/models/subclassed.h"
#include "wasm/convert.h"
#include "wasm/tracking.h"

namespace keras {
namespace {

std::string optional_string(const val& value) { return value.isString() ? value.as<std::string>() : std::string(); }

/// A class of the user's own. Holds the JavaScript object: the layer in the core and the object live as long as each other.
class JsLayerHooks final : public CustomLayerHooks {
 public:
  explicit JsLayerHooks(val object) : object_(std::move(object)) {}

  void build(Layer&, const std::vector<Shape>& inputs) override { object_.call<void>("_build", shapes_to_js(inputs)); }
  Values call(Layer& layer, CallContext& context, std::span<const Value> inputs) override {
    const TraceScope scope(context);
    const val structure = structure_to_js(layer.input_structure());
    const val result =
        object_.call<val>("_call", graph_tensors_to_js(Values(inputs.begin(), inputs.end())), structure, context.training);
    layer.set_output_structure(structure_from_js(result["structure"]));
    return graph_tensors_from_js(result["outputs"]);
  }
  Json get_config(const Layer&) const override { return json_from_js(object_.call<std::string>("_configText")); }
  bool expects_training() const override { return object_.call<bool>("_expectsTraining"); }
  TrackedChildren tracked_children() const override { return tracked_children_from_js(object_.call<val>("_tracked")); }

 private:
  val object_;
};

int create_layer(const std::string& class_name, const std::string& config) {
  return guarded([&] {
    const Json json = {{"class_name", class_name}, {"config", json_from_js(config)}};
    return engine().layers.add(deserialize_layer(json, {engine().session, {}}));
  });
}

/// `config`: the base keys alone. A class's own keys stay with the object.
template <class Made>
int create_custom(const val& object, const std::string& class_name, const std::string& registered_name,
                  const std::string& config) {
  return guarded([&] {
    auto layer = std::make_shared<Made>(engine().session, class_name, registered_name, std::make_unique<JsLayerHooks>(object));
    Json json = json_from_js(config);
    layer->load_config(json);
    return engine().layers.add(layer);
  });
}

int deserialize(const std::string& text, const val& custom_objects) {
  return guarded([&] {
    return engine().layers.add(deserialize_layer(json_from_js(text), {engine().session, custom_objects_from_js(custom_objects)}));
  });
}

std::string serialize(int id, const std::string& dialect) {
  return guarded([&] {
    const Dialect form = dialect == "h5" ? Dialect::kH5 : dialect == "savedModel" ? Dialect::kSavedModel : Dialect::kV3;
    return dump_json(serialize_layer(*engine().layers.get(id), form));
  });
}

std::string layer_config(int id) {
  return guarded([&] { return dump_json(engine().layers.get(id)->get_config()); });
}
/// The keys of the base class: what a user's getConfig() begins with.
std::string base_config(int id) {
  return guarded([&] { return dump_json(engine().layers.get(id)->Layer::get_config()); });
}

val layer_state(int id) {
  return guarded([&] {
    const Layer& layer = *engine().layers.get(id);
    val result = val::object();
    result.set("name", layer.name());
    result.set("className", std::string(layer.class_name()));
    result.set("dtype", std::string(dtype_name(layer.dtype())));
    result.set("trainable", layer.trainable());
    result.set("built", layer.built());
    result.set("isModel", layer.is_model());
    return result;
  });
}

/// {input, output} of the calls of a class of the user's own, or of a model.
val layer_structures(int id) {
  return guarded([&] {
    const Layer& layer = *engine().layers.get(id);
    val result = val::object();
    result.set("input", structure_to_js(layer.input_structure()));
    result.set("output", structure_to_js(layer.output_structure()));
    return result;
  });
}

void set_input_structure(int id, const val& structure) {
  guarded([&] { engine().layers.get(id)->set_input_structure(structure_from_js(structure)); });
}

void set_trainable(int id, bool trainable) {
  guarded([&] { engine().layers.get(id)->set_trainable(trainable); });
}

val layer_weights(int id, const std::string& which) {
  return guarded([&] {
    const Layer& layer = *engine().layers.get(id);
    if (which == "trainable") return variables_to_js(layer.trainable_weights());
    if (which == "nonTrainable") return variables_to_js(layer.non_trainable_weights());
    return variables_to_js(layer.weights());
  });
}

/// `options`: {shape, dtype, initializer, regularizer, constraint (JSON texts), trainable}.
val add_weight(int id, const std::string& attribute, const val& options) {
  return guarded([&] {
    Session& session = engine().session;
    const auto json = [&](const char* key) {
      return options[key].isString() ? json_from_js(options[key].as<std::string>()) : Json();
    };
    WeightOptions weight;
    weight.trainable = options["trainable"].as<bool>();
    weight.regularizer = ConfigValue<RegularizerPtr>::from_json("regularizer", json("regularizer"), session);
    weight.constraint = ConfigValue<ConstraintPtr>::from_json("constraint", json("constraint"), session);
    const InitializerPtr initializer = make_initializer("initializer", json("initializer"), session);
    return variable_to_js(engine().layers.get(id)->add_weight(attribute, shape_from_js(options["shape"]), initializer, weight));
  });
}

void build_layer(int id, const val& shapes) {
  guarded([&] { engine().layers.get(id)->ensure_built(shapes_from_js(shapes)); });
}

val compute_output_shapes(int id, const val& shapes) {
  return guarded([&] {
    const std::vector<Shape> inputs = shapes_from_js(shapes);
    const std::vector<DType> dtypes(inputs.size(), engine().layers.get(id)->dtype());
    return shapes_to_js(engine().layers.get(id)->compute_output_shapes(inputs, dtypes));
  });
}

val make_input_js(const val& shape, const std::string& dtype, const val& name) {
  return guarded([&] {
    const DType type = parse_dtype(dtype);
    if (type == DType::kInvalid) throw TypeError("'{}' is no dtype", dtype);
    return keras_tensor_to_js(make_input(engine().session, shape_from_js(shape), type, optional_string(name)));
  });
}

val apply_layer(int id, const val& inputs, bool inputs_are_list) {
  return guarded([&] {
    val result = val::array();
    for (const KerasTensor& output : engine().layers.get(id)->apply(keras_tensors_from_js(inputs), inputs_are_list)) {
      result.call<void>("push", keras_tensor_to_js(output));
    }
    return result;
  });
}

/// A call inside a call that is being traced. `training`: null for that of the call around.
val call_in_trace(int id, const val& inputs, const val& training) {
  return guarded([&] {
    const Values values = graph_tensors_from_js(inputs);
    CallContext& around = current_trace();
    CallContext context{around.builder, training.isNull() ? around.training : training.as<bool>(), {}, around.scope};
    const Values outputs = engine().layers.get(id)->call_in_graph(context, values);
    around.losses.insert(around.losses.end(), context.losses.begin(), context.losses.end());
    return graph_tensors_to_js(outputs);
  });
}

/// A call on real tensors: traced for them and run once.
val call_eagerly(int id, const val& inputs, bool training) {
  return guarded([&] {
    const LayerPtr layer = engine().layers.get(id);
    const std::vector<Tensor> tensors = tensors_from_js(inputs);
    GraphBuilder builder("eager_" + layer->name(), engine().session.limits);
    Values args;
    for (const Tensor& tensor : tensors) args.push_back(builder.arg("input", tensor.dtype(), tensor.shape()));
    CallContext context{builder, training, {}};
    const Values outputs = layer->call_in_graph(context, args);
    Executor executor(builder.finish(outputs, std::vector<std::string>(outputs.size(), "output")));
    return tensors_to_js(executor.run(tensors, engine().runtime));
  });
}

/// The calls of a layer: [{inputs: [[layer, node, tensor]…], shapes, dtypes, outputsAreList}].
val layer_nodes(int id) {
  return guarded([&] {
    val result = val::array();
    for (const InboundNode& node : engine().layers.get(id)->nodes()) {
      val inputs = val::array();
      for (const KerasTensor& input : node.inputs) inputs.call<void>("push", keras_tensor_to_js(input));
      val object = val::object();
      object.set("inputs", inputs);
      object.set("shapes", shapes_to_js(node.output_shapes));
      object.set("outputsAreList", node.outputs_are_list);
      val dtypes = val::array();
      for (const DType dtype : node.output_dtypes) dtypes.call<void>("push", std::string(dtype_name(dtype)));
      object.set("dtypes", dtypes);
      result.call<void>("push", object);
    }
    return result;
  });
}

void release_layer(int id) {
  guarded([&] { engine().release_layer(id); });
}

/// An op inside the call of a custom layer. Inputs are graph tensors, {variable: id} or real tensors.
val emit_op(const std::string& name, const val& inputs, const val& attrs) {
  return guarded([&] {
    const RegisteredOp* op = find_op(name);
    if (op == nullptr) throw UnimplementedError("There is no op '{}'", name);
    const Values values = graph_tensors_from_js(inputs);
    return graph_tensors_to_js(current_trace().builder.emit(name, values, attrs_from_js(*op, attrs)));
  });
}

void add_loss(const val& value) {
  guarded([&] { current_trace().losses.push_back(graph_tensor_from_js(value)); });
}

bool is_tracing() { return !engine().traces.empty(); }

std::string canonical_config(const std::string& kind, const std::string& text) {
  return guarded([&] {
    Session& session = engine().session;
    const Json json = json_from_js(text);
    const auto described = [](const ConfigObject& object, std::string_view module) {
      return dump_json(serialize_object(object, module, Dialect::kV3));
    };
    if (kind == "initializers") return described(*make_initializer("initializer", json, session), "keras.initializers");
    if (kind == "regularizers") return described(*make_regularizer("regularizer", json, session), "keras.regularizers");
    if (kind == "constraints") return described(*make_constraint("constraint", json, session), "keras.constraints");
    if (kind == "losses") return described(*make_loss(json, session), "keras.losses");
    return described(*make_metric(json, Shape::unknown_rank(), Shape::unknown_rank(), session), "keras.metrics");
  });
}

val call_initializer(const std::string& text, const val& shape, const std::string& dtype) {
  return guarded([&] {
    const InitializerPtr initializer = make_initializer("initializer", json_from_js(text), engine().session);
    return tensor_to_js(initializer->call(shape_from_js(shape), parse_dtype(dtype), engine().session));
  });
}

}  // namespace

TraceScope::TraceScope(CallContext& context) { engine().open_trace(context, nullptr); }
TraceScope::~TraceScope() { engine().close_trace(); }

Trace& current_trace_entry() {
  if (engine().traces.empty()) {
    throw RuntimeError("This symbolic tensor belongs to a call that has ended. Symbolic tensors cannot be kept outside `call`.");
  }
  return engine().traces.back();
}

val graph_tensor_to_js(const Value& value) {
  val result = val::object();
  for (const Trace& trace : engine().traces) {
    if (&trace.context->builder == value.emitter) result.set("graph", trace.graph);
  }
  result.set("node", value.node);
  result.set("output", value.output);
  result.set("dtype", std::string(dtype_name(value.dtype())));
  result.set("shape", shape_to_js(value.shape()));
  return result;
}

val graph_tensors_to_js(const Values& values) {
  val result = val::array();
  for (const Value& value : values) result.call<void>("push", graph_tensor_to_js(value));
  return result;
}

Value graph_tensor_from_js(const val& value) {
  GraphBuilder& builder = current_trace().builder;
  if (!value["variable"].isUndefined()) return builder.read(engine().variables.get(value["variable"].as<int>()));
  if (value["node"].isUndefined()) return builder.constant(tensor_from_js(value));
  const int graph = value["graph"].as<int>();
  const int32_t node = value["node"].as<int32_t>(), output = value["output"].as<int32_t>();
  std::vector<OpenGraph> open;
  Value found;
  for (const Trace& trace : engine().traces) {
    open.push_back({&trace.context->builder, trace.function});
    if (trace.graph == graph && node < trace.context->builder.node_count()) found = {&trace.context->builder, node, output};
  }
  if (!found.valid()) throw RuntimeError("This symbolic tensor belongs to a call that has ended.");
  return use_inside(found, open);
}

Values graph_tensors_from_js(const val& list) {
  Values values;
  const unsigned count = list["length"].as<unsigned>();
  for (unsigned i = 0; i < count; ++i) values.push_back(graph_tensor_from_js(list[i]));
  return values;
}

val keras_tensor_to_js(const KerasTensor& tensor) {
  val result = val::object();
  result.set("layer", engine().layers.add(tensor.layer));
  result.set("node", tensor.node);
  result.set("tensor", tensor.tensor);
  result.set("shape", shape_to_js(tensor.shape()));
  result.set("dtype", std::string(dtype_name(tensor.dtype())));
  return result;
}

std::vector<KerasTensor> keras_tensors_from_js(const val& list) {
  std::vector<KerasTensor> tensors;
  const unsigned count = list["length"].as<unsigned>();
  for (unsigned i = 0; i < count; ++i) {
    tensors.push_back({engine().layers.get(list[i]["layer"].as<int>()), list[i]["node"].as<int>(), list[i]["tensor"].as<int>()});
  }
  return tensors;
}

Structure structure_from_js(const val& value) {
  Structure structure;
  if (value.isString()) {
    structure.kind = value.as<std::string>() == "list" ? Structure::Kind::kList : Structure::Kind::kSingle;
    return structure;
  }
  structure.kind = Structure::Kind::kDict;
  structure.keys = emscripten::vecFromJSArray<std::string>(value);
  return structure;
}

val structure_to_js(const Structure& structure) {
  if (structure.kind == Structure::Kind::kDict) return val::array(structure.keys);
  return val(structure.kind == Structure::Kind::kList ? std::string("list") : std::string("single"));
}

std::vector<Shape> shapes_from_js(const val& list) {
  std::vector<Shape> shapes;
  const unsigned count = list["length"].as<unsigned>();
  for (unsigned i = 0; i < count; ++i) shapes.push_back(shape_from_js(list[i]));
  return shapes;
}

val shapes_to_js(const std::vector<Shape>& shapes) {
  val result = val::array();
  for (const Shape& shape : shapes) result.call<void>("push", shape_to_js(shape));
  return result;
}

CustomObjects custom_objects_from_js(const val& makers) {
  CustomObjects objects;
  const val names = val::global("Object").call<val>("keys", makers);
  const unsigned count = names["length"].as<unsigned>();
  for (unsigned i = 0; i < count; ++i) {
    const std::string name = names[i].as<std::string>();
    objects[name] = [make = makers[name.c_str()]](const Json& config) {
      return engine().layers.get(make(dump_json(config)).as<int>());
    };
  }
  return objects;
}

EMSCRIPTEN_BINDINGS(keras_layers) {
  emscripten::function("createLayer", &create_layer);
  emscripten::function("createCustomLayer", &create_custom<CustomLayer>);
  emscripten::function("createSubclassed", &create_custom<Subclassed>);
  emscripten::function("layerStructures", &layer_structures);
  emscripten::function("setInputStructure", &set_input_structure);
  emscripten::function("deserializeLayer", &deserialize);
  emscripten::function("serializeLayer", &serialize);
  emscripten::function("layerConfig", &layer_config);
  emscripten::function("baseConfig", &base_config);
  emscripten::function("layerState", &layer_state);
  emscripten::function("setTrainable", &set_trainable);
  emscripten::function("layerWeights", &layer_weights);
  emscripten::function("addWeight", &add_weight);
  emscripten::function("buildLayer", &build_layer);
  emscripten::function("computeOutputShapes", &compute_output_shapes);
  emscripten::function("makeInput", &make_input_js);
  emscripten::function("applyLayer", &apply_layer);
  emscripten::function("callInTrace", &call_in_trace);
  emscripten::function("callEagerly", &call_eagerly);
  emscripten::function("layerNodes", &layer_nodes);
  emscripten::function("releaseLayer", &release_layer);
  emscripten::function("emitOp", &emit_op);
  emscripten::function("addLoss", &add_loss);
  emscripten::function("isTracing", &is_tracing);
  emscripten::function("canonicalConfig", &canonical_config);
  emscripten::function("callInitializer", &call_initializer);
}

}  // namespace keras
