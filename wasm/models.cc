// Models: made, described, compiled; their steps. Loops over batches are JavaScript's.
#include <emscripten/bind.h>

#include "core/keras/models/sequential.h"
#include "core/keras/models/serialization.h"
#include "core/keras/models/subclassed.h"
#include "wasm/convert.h"
#include "wasm/layers.h"

namespace keras {
namespace {

int make_functional(const val& inputs, const val& outputs, const std::string& name, const val& input_structure,
                    const val& output_structure) {
  return guarded([&] {
    return engine().layers.add(Functional::make(engine().session, keras_tensors_from_js(inputs), keras_tensors_from_js(outputs),
                                                name, structure_from_js(input_structure), structure_from_js(output_structure)));
  });
}

int make_sequential(const std::string& name) {
  return guarded([&] { return engine().layers.add(Sequential::make(engine().session, name)); });
}

Sequential& sequential(int id) {
  auto* model = dynamic_cast<Sequential*>(engine().layers.get(id).get());
  if (model == nullptr) throw TypeError("Model '{}' is not Sequential", engine().layers.get(id)->name());
  return *model;
}

void sequential_add(int id, int layer) {
  guarded([&] { sequential(id).add(engine().layers.get(layer)); });
}
void sequential_pop(int id) {
  guarded([&] { sequential(id).pop(); });
}

val keras_tensors_to_js(const std::vector<KerasTensor>& tensors) {
  val list = val::array();
  for (const KerasTensor& tensor : tensors) list.call<void>("push", keras_tensor_to_js(tensor));
  return list;
}

val model_info(int id) {
  return guarded([&] {
    const ModelPtr model = engine().model(id);
    val layers = val::array();
    for (const LayerPtr& layer : model->layers()) layers.call<void>("push", engine().layers.add(layer));
    const auto* network = dynamic_cast<const Functional*>(model.get());
    // Which calls belong to the model: [layer, node] in an order in which they run.
    val nodes = val::array();
    for (const NetworkNode& node : network != nullptr ? network->network_nodes() : std::vector<NetworkNode>()) {
      val pair = val::array();
      pair.call<void>("push", engine().layers.add(node.layer->shared_from_this()));
      pair.call<void>("push", node.node);
      nodes.call<void>("push", pair);
    }
    val result = val::object();
    result.set("layers", layers);
    result.set("nodes", nodes);
    result.set("isGraph", network != nullptr && network->is_graph_network());
    result.set("inputs", keras_tensors_to_js(network != nullptr ? network->inputs() : std::vector<KerasTensor>()));
    result.set("outputs", keras_tensors_to_js(network != nullptr ? network->outputs() : std::vector<KerasTensor>()));
    result.set("inputStructure", structure_to_js(model->input_structure()));
    result.set("outputStructure", structure_to_js(model->output_structure()));
    return result;
  });
}

Json structure_to_json(const Structure& structure) {
  if (structure.kind == Structure::Kind::kDict) return structure.keys;
  return structure.kind == Structure::Kind::kList ? "list" : "single";
}

Json shape_to_json(const Shape& shape) {
  if (!shape.known_rank()) return nullptr;
  Json dims = Json::array();
  for (const int64_t dim : shape.dims()) dims.push_back(dim < 0 ? Json(nullptr) : Json(dim));
  return dims;
}

/// What every step asks for, as JSON: one crossing for all of it, where modelInfo takes several for each layer.
std::string model_signature(int id) {
  return guarded([&] {
    const ModelPtr model = engine().model(id);
    const bool known = model->knows_signature();
    const auto* network = dynamic_cast<const Functional*>(model.get());
    Json inputs = Json::array();
    for (const KerasTensor& input : network != nullptr ? network->inputs() : std::vector<KerasTensor>()) {
      inputs.push_back({{"shape", shape_to_json(input.shape())}, {"dtype", std::string(dtype_name(input.dtype()))}});
    }
    const Json result = {{"isKnown", known},
                         {"inputs", inputs},
                         {"inputNames", known ? model->input_names() : std::vector<std::string>()},
                         {"outputNames", known ? model->output_names() : std::vector<std::string>()},
                         {"outputStructure", structure_to_json(model->output_structure())}};
    return result.dump(-1, ' ', false, Json::error_handler_t::replace);
  });
}

/// Makes the weights of a subclassed model. `specs`: [{shape, dtype}] in the order of `structure`; `scoped`: as a call does.
void trace_model(int id, const val& specs, const val& structure, bool scoped) {
  guarded([&] {
    auto* model = dynamic_cast<Subclassed*>(engine().layers.get(id).get());
    if (model == nullptr) throw TypeError("Model '{}' is not subclassed", engine().layers.get(id)->name());
    std::vector<TensorSpec> inputs;
    const auto count = specs["length"].as<unsigned>();
    for (unsigned i = 0; i < count; ++i)
      inputs.push_back({shape_from_js(specs[i]["shape"]), parse_dtype(specs[i]["dtype"].as<std::string>())});
    model->set_input_structure(structure_from_js(structure));
    model->trace(inputs, scoped);
  });
}

std::string model_to_json_js(int id) {
  return guarded([&] { return model_to_json(*engine().model(id)); });
}

int model_from_json_js(const std::string& text, const val& custom_objects) {
  return guarded(
      [&] { return engine().layers.add(model_from_json(text, {engine().session, custom_objects_from_js(custom_objects)})); });
}

int create_optimizer(const std::string& text) {
  return guarded([&] { return engine().optimizers.add(make_optimizer(json_from_js(text), engine().session)); });
}

val optimizer_state(int id) {
  return guarded([&] {
    const Optimizer& optimizer = *engine().optimizers.get(id);
    val result = val::object();
    result.set("className", std::string(optimizer.class_name()));
    result.set("config", dump_json(optimizer.get_config()));
    result.set("variables", variables_to_js(optimizer.variables()));
    result.set("learningRate", variable_to_js(optimizer.learning_rate()));
    return result;
  });
}

void optimizer_set_weights(int id, const val& values) {
  guarded([&] { engine().optimizers.get(id)->set_weights(tensors_from_js(values)); });
}

void optimizer_build(int id, const val& variables) {
  guarded([&] {
    std::vector<VariablePtr> list;
    for (const int variable : emscripten::convertJSArrayToNumberVector<int>(variables))
      list.push_back(engine().variables.get(variable));
    engine().optimizers.get(id)->build(list);
  });
}

void release_optimizer(int id) {
  guarded([&] { engine().optimizers.release(id); });
}

/// `text`: {loss, metrics, weighted_metrics, loss_weights} as compile() of Keras takes them.
void compile_model(int id, const std::string& text, int optimizer) {
  guarded([&] {
    const Json json = json_from_js(text);
    CompileConfig config;
    config.loss = json_get(json, "loss");
    config.metrics = json_get(json, "metrics");
    config.weighted_metrics = json_get(json, "weighted_metrics");
    config.loss_weights = json_get(json, "loss_weights");
    const OptimizerPtr& chosen = engine().optimizers.get(optimizer);
    config.optimizer = serialize_optimizer(*chosen);
    engine().trainer(id).compile(std::move(config), chosen);
  });
}

val compiled_state(int id) {
  return guarded([&] {
    const Trainer& trainer = engine().trainer(id);
    if (!trainer.compiled()) return val::null();
    val result = val::object();
    result.set("optimizer", engine().optimizers.add(trainer.optimizer()));
    result.set("config", dump_json(trainer.training_config()));
    const CompiledLosses* losses = trainer.losses();
    result.set("metricsNames", val::array(losses != nullptr ? losses->metrics_names() : std::vector<std::string>()));
    return result;
  });
}

val logs_to_js(const Logs& logs) {
  val result = val::object();
  for (const auto& [name, value] : logs) result.set(name, value);
  return result;
}

Batch batch_from_js(const val& x, const val& y, const val& sample_weight) {
  return {tensors_from_js(x), tensors_from_js(y), tensors_from_js(sample_weight)};
}

val train_step(int id, const val& x, const val& y, const val& sample_weight) {
  return guarded(
      [&] { return logs_to_js(engine().trainer(id).train_step(batch_from_js(x, y, sample_weight), engine().runtime)); });
}
val test_step(int id, const val& x, const val& y, const val& sample_weight) {
  return guarded(
      [&] { return logs_to_js(engine().trainer(id).test_step(batch_from_js(x, y, sample_weight), engine().runtime)); });
}
val predict_step(int id, const val& x) {
  return guarded([&] { return tensors_to_js(engine().trainer(id).predict_step(tensors_from_js(x), engine().runtime)); });
}
void reset_metrics(int id) {
  guarded([&] { engine().trainer(id).reset_metrics(); });
}

}  // namespace

EMSCRIPTEN_BINDINGS(keras_models) {
  emscripten::function("makeFunctional", &make_functional);
  emscripten::function("makeSequential", &make_sequential);
  emscripten::function("sequentialAdd", &sequential_add);
  emscripten::function("sequentialPop", &sequential_pop);
  emscripten::function("modelInfo", &model_info);
  emscripten::function("modelSignature", &model_signature);
  emscripten::function("traceModel", &trace_model);
  emscripten::function("modelToJSON", &model_to_json_js);
  emscripten::function("modelFromJSON", &model_from_json_js);
  emscripten::function("createOptimizer", &create_optimizer);
  emscripten::function("optimizerState", &optimizer_state);
  emscripten::function("optimizerSetWeights", &optimizer_set_weights);
  emscripten::function("optimizerBuild", &optimizer_build);
  emscripten::function("releaseOptimizer", &release_optimizer);
  emscripten::function("compileModel", &compile_model);
  emscripten::function("compiledState", &compiled_state);
  emscripten::function("trainStep", &train_step);
  emscripten::function("testStep", &test_step);
  emscripten::function("predictStep", &predict_step);
  emscripten::function("resetMetrics", &reset_metrics);
}

}  // namespace keras
