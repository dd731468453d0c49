// The engine: starting it, its memory, its registries; ops run one by one.
#include "wasm/engine.h"

#include <emscripten/bind.h>
#include <malloc.h>

#include <algorithm>

#include "core/keras/activations/activation.h"
#include "core/keras/layers/classes.h"
#include "core/ops/registry.h"
#include "wasm/convert.h"
#include "wasm/parallel/parallel.h"

namespace keras {
namespace {

std::unique_ptr<Engine> the_engine;
val* make_error = nullptr;  // (name, message, path, offset) → Error

Limits limits_from_js(const val& options) {
  Limits limits;
  const auto take = [&](const char* name, int64_t& limit) {
    const val value = options[name];
    if (value.isUndefined() || value.isNull()) return;
    if (!(value.as<double>() >= 0)) throw ValueError("limits.{} must be a number that is not negative", name);
    limit = static_cast<int64_t>(value.as<double>());
  };
  take("tensorBytes", limits.tensor_bytes);
  take("totalBytes", limits.total_bytes);
  take("metadataBytes", limits.metadata_bytes);
  take("jsonBytes", limits.json_bytes);
  take("jsonDepth", limits.json_depth);
  take("zipMembers", limits.zip_members);
  take("inflatedBytes", limits.inflated_bytes);
  take("inflateRatio", limits.inflate_ratio);
  take("fileObjects", limits.file_objects);
  take("nestingDepth", limits.nesting_depth);
  take("loopIterations", limits.loop_iterations);
  take("deadlineMs", limits.deadline_ms);
  return limits;
}

/// `options`: {seed: number, threads: number, limits: object, error: function}.
void init(const val& options) {
  if (make_error == nullptr) make_error = new val(options["error"]);
  guarded([&] {
    the_engine = std::make_unique<Engine>(make_parallel(options["threads"].as<int>()),
                                          static_cast<uint64_t>(options["seed"].as<double>()), limits_from_js(options["limits"]));
  });
}

/// How many threads share the work by now: those that init() asked for start while JavaScript's event loop turns.
int threads() {
  return guarded([] { return threads_of(engine().runtime.kernels().parallel); });
}

val memory() {
  const struct mallinfo info = mallinfo();
  val result = val::object();
  result.set("bytes", static_cast<double>(static_cast<uint32_t>(info.uordblks)));
  result.set("peakBytes", static_cast<double>(static_cast<uint32_t>(info.arena)));
  result.set("activationBytes", the_engine != nullptr ? static_cast<double>(the_engine->runtime.activation_bytes) : 0.0);
  return result;
}

template <class Entries>
Json class_names(const Entries& entries) {
  Json names = Json::array();
  for (const auto& entry : entries) names.push_back(std::string(entry.class_name));
  return names;
}

Json describe_layers(Session& session) {
  Json layers = Json::array();
  for (const LayerEntry& entry : builtin_layers()) {
    Json keys = Json::array();
    for (const ConfigKey& key : entry.make(session)->config_keys()) {
      keys.push_back({{"key", key.key}, {"kind", key.kind}, {"required", key.required}});
    }
    layers.push_back({{"className", std::string(entry.class_name)}, {"keys", std::move(keys)}});
  }
  return layers;
}

Json describe_ops() {
  Json ops = Json::array();
  for (const RegisteredOp* op : all_ops()) {
    Json inputs = Json::array(), attrs = Json::array();
    for (const ArgDef& arg : op->signature.inputs) {
      // The dtype that plain numbers take there: a fixed one, the attribute's default, or that of the attribute's other inputs.
      const AttrDef* type = op->signature.attr(arg.type_attr);
      const bool has_default = type != nullptr && type->default_value && std::holds_alternative<DType>(*type->default_value);
      const bool integers = type != nullptr && !type->allowed.empty() && std::ranges::all_of(type->allowed, is_integer);
      const DType dtype = has_default ? std::get<DType>(*type->default_value) : integers ? DType::kInt32 : arg.dtype;
      inputs.push_back({{"name", arg.name},
                        {"list", !arg.number_attr.empty() || !arg.type_list_attr.empty()},
                        {"typeAttr", arg.type_attr},
                        {"dtype", dtype == DType::kInvalid ? Json() : Json(std::string(dtype_name(dtype)))}});
    }
    for (const AttrDef& attr : op->signature.attrs) {
      attrs.push_back({{"name", attr.name}, {"kind", attr.kind}, {"optional", attr.default_value.has_value()}});
    }
    ops.push_back({{"name", op->def->name},
                   {"js", op->def->js != nullptr ? Json(op->def->js) : Json()},
                   {"inputs", std::move(inputs)},
                   {"outputs", op->signature.outputs.size()},
                   {"attrs", std::move(attrs)}});
  }
  return ops;
}

/// Everything that the JavaScript side is generated from. Needs no init().
std::string registry() {
  return guarded([] {
    Session session(0);
    Json activations = Json::array();
    for (const ActivationDef& def : activation_functions()) activations.push_back(std::string(def.name));
    return Json({{"layers", describe_layers(session)},
                 {"initializers", class_names(initializer_classes())},
                 {"regularizers", class_names(regularizer_classes())},
                 {"constraints", class_names(constraint_classes())},
                 {"optimizers", optimizer_class_names()},
                 {"losses", loss_class_names()},
                 {"metrics", metric_class_names()},
                 {"activations", std::move(activations)},
                 {"ops", describe_ops()}})
        .dump();
  });
}

const RegisteredOp& op_named(const std::string& name) {
  const RegisteredOp* op = find_op(name);
  if (op == nullptr) throw UnimplementedError("There is no op '{}'", name);
  return *op;
}

val run_op_js(const std::string& name, const val& inputs, const val& attrs) {
  return guarded([&] {
    const std::vector<Tensor> tensors = tensors_from_js(inputs);
    return tensors_to_js(run_op(name, tensors, attrs_from_js(op_named(name), attrs), engine().runtime));
  });
}

void set_random_seed(double seed) {
  guarded([&] {
    engine().session.set_seed(static_cast<uint64_t>(seed));
    engine().runtime.seed(static_cast<uint64_t>(seed));
  });
}

void clear_session() {
  guarded([] { engine().session.clear_names(); });
}

val make_variable(const std::string& name, const val& value, bool trainable) {
  return guarded([&] { return variable_to_js(std::make_shared<Variable>(name, tensor_from_js(value), trainable)); });
}
val read_variable_js(int id) {
  return guarded([&] { return tensor_to_js(engine().variables.get(id)->read()); });
}
void assign_variable_js(int id, const val& value) {
  guarded([&] { engine().variables.get(id)->assign(tensor_from_js(value)); });
}
void release_variable(int id) {
  guarded([&] { engine().variables.release(id); });
}

}  // namespace

Engine::Engine(std::unique_ptr<kernels::Parallel> parallel, uint64_t seed, const Limits& limits)
    : session(seed, limits), runtime(std::move(parallel), seed, limits) {}

void Engine::open_trace(CallContext& context, FunctionTrace* function) {
  // A layer inside a layer adds to the same graph.
  const bool same = !traces.empty() && &traces.back().context->builder == &context.builder;
  traces.push_back({&context, function, same ? traces.back().graph : ++last_graph});
}

bool Engine::is_open(const CallContext& context) const {
  return std::any_of(traces.begin(), traces.end(), [&](const Trace& trace) { return trace.context == &context; });
}

ModelPtr Engine::model(int number) const {
  auto model = std::dynamic_pointer_cast<Model>(layers.get(number));
  if (model == nullptr) throw TypeError("Layer '{}' is no model", layers.get(number)->name());
  return model;
}

Trainer& Engine::trainer(int number) {
  const ModelPtr model_ptr = model(number);
  auto& state = models[model_ptr.get()];
  if (state == nullptr) state = std::make_shared<ModelState>(model_ptr);
  return state->trainer;
}

void Engine::release_layer(int number) {
  const auto* layer = layers.find(number);
  if (layer == nullptr) return;
  models.erase(layer);
  layers.release(number);
}

Engine& engine() {
  if (the_engine == nullptr) throw RuntimeError("The engine is not ready: await keras.ready() first.");
  return *the_engine;
}

void raise(const ErrorRecord& record) {
  (*make_error)(record.name, record.message, record.path, record.offset).throw_();
  __builtin_unreachable();
}

EMSCRIPTEN_BINDINGS(keras_engine) {
  emscripten::function("init", &init);
  emscripten::function("threads", &threads);
  emscripten::function("memory", &memory);
  emscripten::function("registry", &registry);
  emscripten::function("runOp", &run_op_js);
  emscripten::function("setRandomSeed", &set_random_seed);
  emscripten::function("clearSession", &clear_session);
  emscripten::function("makeVariable", &make_variable);
  emscripten::function("readVariable", &read_variable_js);
  emscripten::function("assignVariable", &assign_variable_js);
  emscripten::function("releaseVariable", &release_variable);
}

}  // namespace keras
