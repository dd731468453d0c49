// The table of metrics.
#include "core/keras/metrics/metric.h"

#include <array>

namespace keras {

enum MetricKeys : uint32_t { kNoKeys = 0, kThreshold = 1, kTopK = 2, kLogits = 4, kSmooth = 8, kAxisKey = 16, kIgnore = 32 };
enum class MetricResult { kMean, kRootMean, kSum };

struct MetricDef {
  std::string_view class_name, fn, name;
  std::array<std::string_view, 2> aliases;
  MetricFunction function;  // or
  LossFunction loss;
  uint32_t keys;
  MetricResult result = MetricResult::kMean;
};

namespace {

Value squared_error(const Value& y_true, const Value& y_pred, const MetricOptions&) {
  return emit1("SquaredDifference", {y_pred, cast(y_true, y_pred.dtype())});
}

constexpr MetricDef kMetrics[] = {
    {"Mean", "", "mean", {}, nullptr, nullptr, kNoKeys},
    {"Sum", "", "sum", {}, nullptr, nullptr, kNoKeys, MetricResult::kSum},
    {"Accuracy", "", "accuracy", {}, accuracy, nullptr, kNoKeys},
    {"BinaryAccuracy", "binary_accuracy", "binary_accuracy", {}, binary_accuracy, nullptr, kThreshold},
    {"CategoricalAccuracy", "categorical_accuracy", "categorical_accuracy", {}, categorical_accuracy, nullptr, kNoKeys},
    {"SparseCategoricalAccuracy",
     "sparse_categorical_accuracy",
     "sparse_categorical_accuracy",
     {},
     sparse_categorical_accuracy,
     nullptr,
     kNoKeys},
    {"TopKCategoricalAccuracy",
     "top_k_categorical_accuracy",
     "top_k_categorical_accuracy",
     {},
     top_k_categorical_accuracy,
     nullptr,
     kTopK},
    {"SparseTopKCategoricalAccuracy",
     "sparse_top_k_categorical_accuracy",
     "sparse_top_k_categorical_accuracy",
     {},
     sparse_top_k_categorical_accuracy,
     nullptr,
     kTopK},
    {"MeanSquaredError", "mean_squared_error", "mean_squared_error", {"mse", "MSE"}, nullptr, mean_squared_error, kNoKeys},
    {"RootMeanSquaredError", "", "root_mean_squared_error", {}, squared_error, nullptr, kNoKeys, MetricResult::kRootMean},
    {"MeanAbsoluteError", "mean_absolute_error", "mean_absolute_error", {"mae", "MAE"}, nullptr, mean_absolute_error, kNoKeys},
    {"MeanAbsolutePercentageError",
     "mean_absolute_percentage_error",
     "mean_absolute_percentage_error",
     {"mape", "MAPE"},
     nullptr,
     mean_absolute_percentage_error,
     kNoKeys},
    {"MeanSquaredLogarithmicError",
     "mean_squared_logarithmic_error",
     "mean_squared_logarithmic_error",
     {"msle", "MSLE"},
     nullptr,
     mean_squared_logarithmic_error,
     kNoKeys},
    {"BinaryCrossentropy",
     "binary_crossentropy",
     "binary_crossentropy",
     {"bce", "BCE"},
     nullptr,
     binary_crossentropy,
     kLogits | kSmooth},
    {"CategoricalCrossentropy",
     "categorical_crossentropy",
     "categorical_crossentropy",
     {},
     nullptr,
     categorical_crossentropy,
     kLogits | kSmooth | kAxisKey},
    {"SparseCategoricalCrossentropy",
     "sparse_categorical_crossentropy",
     "sparse_categorical_crossentropy",
     {},
     nullptr,
     sparse_categorical_crossentropy,
     kLogits | kIgnore | kAxisKey},
    {"KLDivergence", "kl_divergence", "kullback_leibler_divergence", {"kld", "KLD"}, nullptr, kl_divergence, kNoKeys},
    {"Poisson", "poisson", "poisson", {}, nullptr, poisson, kNoKeys},
    {"LogCoshError", "log_cosh", "logcosh", {"logcosh"}, nullptr, log_cosh, kNoKeys},
    {"Hinge", "hinge", "hinge", {}, nullptr, hinge, kNoKeys},
    {"SquaredHinge", "squared_hinge", "squared_hinge", {}, nullptr, squared_hinge, kNoKeys},
    {"CategoricalHinge", "categorical_hinge", "categorical_hinge", {}, nullptr, categorical_hinge, kNoKeys},
};

const MetricDef* find(std::string_view name) {
  for (const MetricDef& def : kMetrics) {
    if (def.class_name == name || (!def.fn.empty() && def.fn == name)) return &def;
    for (const std::string_view alias : def.aliases) {
      if (!alias.empty() && alias == name) return &def;
    }
  }
  return nullptr;
}

VariablePtr scalar_state(const std::string& name) {
  auto variable = std::make_shared<Variable>(name, Tensor::zeros(DType::kFloat32, Shape()), false);
  variable->synchronization = VariableSynchronization::kOnRead;
  variable->aggregation = VariableAggregation::kSum;
  return variable;
}

/// Which accuracy "accuracy" means for these targets and predictions.
std::string_view accuracy_form(const Shape& y_true, const Shape& y_pred) {
  if (y_pred.known_rank() && y_pred.rank() > 0 && y_pred.dim(-1) == 1) return "binary_accuracy";
  const bool sparse = y_true.known_rank() && y_pred.known_rank() &&
                      (y_true.rank() < y_pred.rank() || (y_true.rank() > 0 && y_true.dim(-1) == 1 && y_pred.dim(-1) > 1));
  return sparse ? "sparse_categorical_accuracy" : "categorical_accuracy";
}

std::string_view crossentropy_form(const Shape& y_true, const Shape& y_pred) {
  const std::string_view form = accuracy_form(y_true, y_pred);
  if (form == "binary_accuracy") return "binary_crossentropy";
  return form == "categorical_accuracy" ? "categorical_crossentropy" : "sparse_categorical_crossentropy";
}

/// {"class_name": "MeanMetricWrapper", "config": {…, "fn": f}}: the function's name.
std::string wrapped_function(const ObjectConfig& parsed) {
  if (parsed.class_name != "MeanMetricWrapper") return {};
  const Json& fn = json_get(parsed.config, "fn");
  const Json& name = fn.is_object() ? json_get(fn, "config") : fn;
  return name.is_string() ? name.get<std::string>() : std::string();
}

[[noreturn]] void throw_unknown_metric(std::string_view name) {
  throw ValueError(
      "Unknown metric function: '{}'. Please ensure you are using a `keras.utils.customObjectScope` and that this object "
      "is included in the scope.",
      name);
}

Value weights_like(const Value& weight, const Value& values) {
  Value w = cast(weight, values.dtype());
  const Shape &a = w.shape(), &b = values.shape();
  if (!a.known_rank() || !b.known_rank()) return w;
  for (int64_t rank = a.rank(); rank > b.rank() && w.shape().dim(-1) == 1; --rank) w = squeeze(w, {-1});
  for (int64_t rank = a.rank(); rank < b.rank(); ++rank) w = expand_dims(w, -1);
  return w;
}

}  // namespace

Metric::Metric(const MetricDef& def) : name(def.name), def_(&def) {
  variables_ = {scalar_state("total")};
  if (def.result != MetricResult::kSum) variables_.push_back(scalar_state("count"));
}

std::string_view Metric::class_name() const {
  return wrapped_fn_.empty() ? def_->class_name : std::string_view("MeanMetricWrapper");
}

Json Metric::get_config() const {
  Json config = {{"name", name}, {"dtype", std::string(dtype_name(dtype))}};
  if (!wrapped_fn_.empty()) {
    config["fn"] = wrapped_fn_;
    return config;
  }
  if (def_->keys & kThreshold) config["threshold"] = options.threshold;
  if (def_->keys & kTopK) config["k"] = options.k;
  if (def_->keys & kLogits) config["from_logits"] = options.loss.from_logits;
  if (def_->keys & kSmooth) {
    const double smoothing = options.loss.label_smoothing;
    config["label_smoothing"] = smoothing == 0 ? Json(0) : Json(smoothing);
  }
  if (def_->keys & kIgnore) config["ignore_class"] = options.loss.ignore_class ? Json(*options.loss.ignore_class) : Json();
  if (def_->keys & kAxisKey) config["axis"] = options.loss.axis;
  return config;
}

void Metric::load_config(Json& config, Session& session) {
  const auto take = [&](const char* key, uint32_t needed, auto& member) {
    const auto found = config.find(key);
    if (found == config.end() || (needed != kNoKeys && (def_->keys & needed) == 0)) return;
    if (!found->is_null()) member = ConfigValue<std::remove_reference_t<decltype(member)>>::from_json(key, *found, session);
    config.erase(found);
  };
  take("name", kNoKeys, name);
  take("threshold", kThreshold, options.threshold);
  take("k", kTopK, options.k);
  take("from_logits", kLogits, options.loss.from_logits);
  take("label_smoothing", kSmooth, options.loss.label_smoothing);
  take("axis", kAxisKey, options.loss.axis);
  take("ignore_class", kIgnore, options.loss.ignore_class);
  config.erase("dtype");
  config.erase("fn");
}

void Metric::update_state(GraphBuilder& builder, const Value& y_true, const Value& y_pred, const Value& sample_weight) const {
  const Value prediction = cast(y_pred, dtype);
  Value truth = cast(y_true, dtype);
  const Shape &a = truth.shape(), &b = prediction.shape();
  if (a.known_rank() && b.known_rank() && a.rank() == b.rank() + 1 && a.dim(-1) == 1) truth = squeeze(truth, {-1});
  Value values = def_->loss != nullptr       ? def_->loss(truth, prediction, options.loss)
                 : def_->function != nullptr ? def_->function(truth, prediction, options)
                                             : prediction;
  values = cast(values, dtype);
  Value count = cast(size_of(values), dtype);
  if (sample_weight.valid()) {
    const Value weight = weights_like(sample_weight, values);
    values = mul(values, weight);
    count = reduce_sum(mul(ones_like(values), weight));
  }
  builder.assign_add(variables_[0], reduce_sum(values));
  if (variables_.size() > 1) builder.assign_add(variables_[1], count);
}

void Metric::update_mean(GraphBuilder& builder, const Value& value, const Value& weight) const {
  builder.assign_add(variables_[0], mul(cast(value, dtype), weight));
  builder.assign_add(variables_[1], weight);
}

Value Metric::result(GraphBuilder& builder) const {
  const Value total = builder.read(variables_[0]);
  if (def_->result == MetricResult::kSum) return total;
  const Value mean = emit1("DivNoNan", {total, builder.read(variables_[1])});
  return def_->result == MetricResult::kRootMean ? sqrt(mean) : mean;
}

void Metric::reset_state() const {
  for (const VariablePtr& variable : variables_) variable->assign(Tensor::zeros(DType::kFloat32, Shape()));
}

MetricPtr make_mean_metric(std::string name) {
  auto metric = std::make_shared<Metric>(*find("Mean"));
  metric->name = std::move(name);
  return metric;
}

void require_known_metric(const Json& json) {
  const ObjectConfig parsed = parse_object_config("metrics", json);
  const std::string fn = wrapped_function(parsed);
  const std::string_view name = fn.empty() ? std::string_view(parsed.class_name) : fn;
  if (name == "accuracy" || name == "acc" || name == "crossentropy" || name == "ce" || find(name) != nullptr) return;
  throw_unknown_metric(name);
}

MetricPtr make_metric(const Json& json, const Shape& y_true, const Shape& y_pred, Session& session) {
  ObjectConfig parsed = parse_object_config("metrics", json);
  std::string fn = wrapped_function(parsed);
  std::string name;
  if (json.is_string()) {
    name = fn = parsed.class_name;
    if (fn == "accuracy" || fn == "acc") fn = std::string(accuracy_form(y_true, y_pred));
    if (fn == "crossentropy" || fn == "ce") fn = std::string(crossentropy_form(y_true, y_pred));
  }
  const MetricDef* def = find(fn.empty() ? parsed.class_name : fn);
  if (def == nullptr) throw_unknown_metric(fn.empty() ? parsed.class_name : fn);
  auto metric = std::make_shared<Metric>(*def);
  const bool is_function = !fn.empty() && fn != def->class_name;
  if (is_function) metric->set_wrapped(std::string(def->fn));
  if (!name.empty() && is_function) metric->name = name;
  metric->load_config(parsed.config, session);
  reject_leftovers(def->class_name, parsed.config);
  return metric;
}

std::vector<std::string> metric_class_names() {
  std::vector<std::string> names;
  for (const MetricDef& def : kMetrics) names.emplace_back(def.class_name);
  return names;
}

}  // namespace keras
