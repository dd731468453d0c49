// Tracing and running the steps.
#include "core/keras/training/trainer.h"

#include <algorithm>
#include <iterator>

#include "core/graph/gradients.h"
#include "core/keras/models/sequential.h"

namespace keras {
namespace {

/// A tensor's shape with an open batch.
Shape open_batch(const Shape& shape) {
  Shape open = shape;
  if (open.rank() > 0) open.set_dim(0, kUnknownDim);
  return open;
}

/// What tells one trace from another. An absent tensor is a spec of no dtype.
TensorSpec open_spec(const Tensor& tensor) {
  return tensor.valid() ? TensorSpec{open_batch(tensor.shape()), tensor.dtype()} : TensorSpec{};
}

Values add_args(GraphBuilder& builder, std::string_view name, const std::vector<Tensor>& tensors) {
  Values values;
  for (const Tensor& tensor : tensors) {
    values.push_back(tensor.valid() ? builder.arg(name, tensor.dtype(), open_batch(tensor.shape())) : Value{});
  }
  return values;
}

Values input_args(GraphBuilder& builder, const Model& model, const std::vector<TensorSpec>& inputs) {
  Values values;
  const std::vector<std::string> names = model.input_names();
  for (size_t i = 0; i < inputs.size(); ++i) values.push_back(builder.arg(names[i], inputs[i].dtype, inputs[i].shape));
  return values;
}

void check_count(const Model& model, std::string_view what, size_t found, size_t wanted) {
  if (found != wanted) throw ValueError("Model '{}' takes {} {}, but {} were given", model.name(), wanted, what, found);
}

void check_batch(const Model& model, const Batch& batch) {
  const size_t outputs = model.output_names().size();
  check_count(model, "targets", batch.y.size(), outputs);
  check_count(model, "sample weights", batch.sample_weight.size(), outputs);
}

std::vector<Shape> open_shapes(const std::vector<Tensor>& tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.valid() ? open_batch(tensor.shape()) : Shape::unknown_rank());
  return shapes;
}

/// Another number once layers of a Sequential have come or gone, also of one inside. Looked up at each step: no allocation.
uint64_t layers_version(const Layer& layer) {
  const auto* network = layer.is_model() ? dynamic_cast<const Functional*>(&layer) : nullptr;
  if (network == nullptr) return 0;
  const auto* stack = dynamic_cast<const Sequential*>(network);
  uint64_t version = stack != nullptr ? stack->changes() : 0;
  for (const LayerPtr& inner : network->network_layers()) version = version * 0x100000001B3 + layers_version(*inner);
  return version;
}

}  // namespace

void Trainer::compile(const CompileConfig& config) { compile(config, make_optimizer(config.optimizer, model_->session())); }

void Trainer::compile(CompileConfig config, OptimizerPtr optimizer) {
  follow_layers();
  auto losses = model_->knows_signature() ? std::make_unique<CompiledLosses>(*model_, config) : nullptr;
  losses_ = std::move(losses);
  config_ = std::move(config);
  compiled_ = true;
  train_steps_.clear();
  test_steps_.clear();
  if (!model_->has_fixed_inputs()) predict_steps_.clear();  // what its class does may have changed
  model_->set_optimizer(std::move(optimizer));
}

/// Those of a model that did not know its outputs when it was compiled.
void Trainer::make_losses() {
  if (losses_ != nullptr) return;
  if (!model_->knows_signature())
    throw RuntimeError("Model '{}' has not been built: build or call it before training", model_->name());
  losses_ = std::make_unique<CompiledLosses>(*model_, config_);
}

void Trainer::follow_layers() {
  const uint64_t version = layers_version(*model_);
  if (version == layers_version_) return;
  layers_version_ = version;
  losses_ = nullptr;
  for (auto* steps : {&train_steps_, &test_steps_, &predict_steps_}) steps->clear();
}

/// What a call on `x` is traced for: models that fix their inputs have one trace, others one for each dtype and shape.
std::vector<TensorSpec> Trainer::inputs_for(std::span<const Tensor> x) const {
  std::vector<TensorSpec> specs = model_->input_specs();
  check_count(*model_, "inputs", x.size(), specs.size());
  if (model_->has_fixed_inputs()) return specs;
  std::transform(x.begin(), x.end(), specs.begin(), open_spec);
  return specs;
}

FunctionPtr Trainer::trace_call(bool training, const std::string& function_name, const std::vector<TensorSpec>& inputs) const {
  GraphBuilder builder(function_name, model_->session().limits);
  const Values args = input_args(builder, *model_, inputs);
  CallContext context{builder, training, {}};
  const Values outputs = model_->call_in_graph(context, args);
  return builder.finish(outputs, model_->output_names());
}

/// Few kinds of batches come: looking through them takes less than telling them by a key would.
template <class Trace>
Executor& Trainer::find_or_trace(std::vector<Step>& steps, std::vector<TensorSpec> batch, Trace&& trace) {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.batch == batch; });
  if (found != steps.end()) return *found->executor;
  auto executor = std::make_unique<Executor>(trace());
  return *steps.emplace_back(Step{std::move(batch), std::move(executor)}).executor;
}

std::vector<Tensor> Trainer::predict_step(std::span<const Tensor> x, Runtime& runtime) {
  follow_layers();
  const std::vector<TensorSpec> inputs = inputs_for(x);
  Executor& executor = find_or_trace(predict_steps_, inputs, [&] { return trace_call(false, "predict_step", inputs); });
  return executor.run(x, runtime);
}

FunctionPtr Trainer::trace_step(bool training, const Batch& batch) {
  GraphBuilder builder(training ? "train_step" : "test_step", model_->session().limits);
  const Values x = input_args(builder, *model_, inputs_for(batch.x));
  const Values y = add_args(builder, "y", batch.y);
  const Values weights = add_args(builder, "sample_weight", batch.sample_weight);
  CallContext context{builder, training, {}};
  const Values predictions = model_->call_in_graph(context, x);
  std::vector<Shape> prediction_shapes;
  for (const Value& prediction : predictions) prediction_shapes.push_back(prediction.shape());
  losses_->ensure_metrics(open_shapes(batch.y), prediction_shapes, model_->session());
  Values penalties = context.losses;
  for (const Value& penalty : model_->regularization_losses(builder)) penalties.push_back(penalty);
  const std::array loss = {losses_->total_loss(builder, y, predictions, weights, penalties)};
  if (training) {
    const std::vector<VariablePtr> variables = model_->trainable_weights();
    optimizer()->build(variables);
    Values handles;
    for (const VariablePtr& variable : variables) handles.push_back(builder.handle(variable));
    const Values grads = gradients(builder, loss, handles);
    std::map<const Variable*, ConstraintPtr> constraints;
    for (const Weight& weight : model_->all_weights()) constraints[weight.variable.get()] = weight.constraint;
    std::vector<GradientStep> steps;
    for (size_t i = 0; i < variables.size(); ++i) steps.push_back({variables[i], grads[i], constraints[variables[i].get()]});
    optimizer()->apply_gradients(builder, std::move(steps));
  }
  losses_->update_metrics(builder, y, predictions, weights);
  Values results;
  for (const MetricPtr& metric : losses_->metrics()) results.push_back(metric->result(builder));
  return builder.finish(results, losses_->metrics_names());
}

Executor& Trainer::step(bool training, const Batch& batch) {
  if (!compiled())
    throw RuntimeError("You must compile your model before training/testing. Use `model.compile(optimizer, loss)`.");
  follow_layers();
  make_losses();
  check_batch(*model_, batch);
  std::vector<TensorSpec> specs;
  for (const auto* list : {&batch.x, &batch.y, &batch.sample_weight}) {
    if (list == &batch.x && model_->has_fixed_inputs()) continue;
    std::transform(list->begin(), list->end(), std::back_inserter(specs), open_spec);
  }
  return find_or_trace(training ? train_steps_ : test_steps_, std::move(specs), [&] { return trace_step(training, batch); });
}

Logs Trainer::run_step(bool training, const Batch& batch, Runtime& runtime) {
  Executor& executor = step(training, batch);
  std::vector<Tensor> args = batch.x;
  for (const auto& list : {batch.y, batch.sample_weight}) {
    for (const Tensor& tensor : list) {
      if (tensor.valid()) args.push_back(tensor);
    }
  }
  const std::vector<Tensor> results = executor.run(args, runtime);
  Logs logs;
  for (size_t i = 0; i < results.size(); ++i) logs.emplace_back(executor.function().output_names[i], results[i].number_at(0));
  return logs;
}

Logs Trainer::train_step(const Batch& batch, Runtime& runtime) { return run_step(true, batch, runtime); }
Logs Trainer::test_step(const Batch& batch, Runtime& runtime) { return run_step(false, batch, runtime); }

void Trainer::reset_metrics() {
  if (!losses_) return;
  for (const MetricPtr& metric : losses_->metrics()) metric->reset_state();
}

Json Trainer::training_config() const {
  if (!compiled()) return nullptr;
  const auto serialize_metrics = [&](bool weighted) -> Json {
    const Json& given = weighted ? config_.weighted_metrics : config_.metrics;
    if (losses_ == nullptr) return given;
    Json lists = Json::array();
    for (const OutputLosses& output : losses_->outputs()) {
      const auto& made = weighted ? output.made_weighted_metrics : output.made_metrics;
      if (made.empty()) return given;
      Json list = Json::array();
      for (const MetricPtr& metric : made) list.push_back(serialize_object(*metric, "", Dialect::kSavedModel));
      lists.push_back(std::move(list));
    }
    return lists;
  };
  return {{"loss", config_.loss},
          {"metrics", serialize_metrics(false)},
          {"weighted_metrics", serialize_metrics(true)},
          {"loss_weights", config_.loss_weights},
          {"optimizer_config", serialize_optimizer(*optimizer())}};
}

}  // namespace keras
