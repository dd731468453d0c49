// Losses and metrics by output, after Keras's LossesContainer and MetricsContainer.
#include "core/keras/training/compiled_losses.h"

namespace keras {
namespace {

bool is_object_config(const Json& json) { return json.is_object() && json.contains("class_name"); }

/// One entry for each output from a single value, a list or a dict by output name. Nulls where nothing is said.
std::vector<Json> spread(std::string_view what, const Json& json, const std::vector<std::string>& names, bool repeat_single) {
  std::vector<Json> result(names.size());
  if (json.is_null()) return result;
  if (json.is_object() && !is_object_config(json)) {
    for (const auto& [key, value] : json.items()) {
      const auto found = std::find(names.begin(), names.end(), key);
      if (found == names.end()) {
        throw ValueError("Found unexpected keys that do not correspond to any Model output: {}. Expected: {}", key,
                         join(names, ", "));
      }
      result[static_cast<size_t>(found - names.begin())] = value;
    }
    return result;
  }
  if (json.is_array() && (names.size() > 1 || json.size() == 1) && json.size() == names.size()) {
    for (size_t i = 0; i < names.size(); ++i) result[i] = json[i];
    return result;
  }
  if (json.is_array()) throw ValueError("`{}` has {} entries, but the model has {} outputs", what, json.size(), names.size());
  for (size_t i = 0; i < (repeat_single ? names.size() : 1); ++i) result[i] = json;
  return result;
}

/// The metrics of each output: a flat list goes to every output, nested lists and dicts by output.
std::vector<std::vector<Json>> spread_metrics(const Json& json, const std::vector<std::string>& names) {
  std::vector<std::vector<Json>> result(names.size());
  const auto append = [](std::vector<Json>& list, const Json& item) {
    if (item.is_array())
      list.insert(list.end(), item.begin(), item.end());
    else if (!item.is_null())
      list.push_back(item);
  };
  if (json.is_null()) return result;
  bool nested = json.is_object() && !is_object_config(json);
  for (size_t i = 0; json.is_array() && i < json.size(); ++i) nested = nested || json[i].is_array();
  if (nested) {
    const std::vector<Json> by_output = spread("metrics", json, names, false);
    for (size_t i = 0; i < names.size(); ++i) append(result[i], by_output[i]);
    return result;
  }
  for (auto& list : result) append(list, json);
  return result;
}

/// Targets in the rank and dtype of the predictions.
Value match_target(const Value& target, const Value& prediction) {
  Value y = target;
  const Shape &a = y.shape(), &b = prediction.shape();
  if (a.known_rank() && b.known_rank() && a.rank() == 1 && b.rank() == 2) y = expand_dims(y, -1);
  const bool same_kind =
      (is_floating(y.dtype()) && is_floating(prediction.dtype())) || (is_integer(y.dtype()) && is_integer(prediction.dtype()));
  return same_kind ? cast(y, prediction.dtype()) : y;
}

Value match_weight(const Value& weight, const Value& prediction) {
  if (!weight.valid()) return weight;
  return cast(weight, prediction.dtype());
}

}  // namespace

CompiledLosses::CompiledLosses(const Model& model, const CompileConfig& config) : loss_metric_(make_mean_metric("loss")) {
  const std::vector<std::string> names = model.output_names();
  const std::vector<Json> losses = spread("loss", config.loss, names, true);
  const std::vector<Json> weights = spread("loss_weights", config.loss_weights, names, true);
  const auto metrics = spread_metrics(config.metrics, names), weighted = spread_metrics(config.weighted_metrics, names);
  for (size_t i = 0; i < names.size(); ++i) {
    OutputLosses output;
    output.name = names[i];
    if (!losses[i].is_null()) output.loss = make_loss(losses[i], model.session());
    if (weights[i].is_number()) output.weight = weights[i].get<double>();
    output.metrics = metrics[i];
    output.weighted_metrics = weighted[i];
    for (const auto& list : {output.metrics, output.weighted_metrics}) {
      for (const Json& metric : list) require_known_metric(metric);
    }
    if (names.size() > 1 && output.loss) output.loss_metric = make_mean_metric(names[i] + "_loss");
    outputs_.push_back(std::move(output));
  }
}

bool CompiledLosses::has_loss() const {
  return std::any_of(outputs_.begin(), outputs_.end(), [](const OutputLosses& o) { return o.loss != nullptr; });
}

void CompiledLosses::ensure_metrics(const std::vector<Shape>& y_true, const std::vector<Shape>& y_pred, Session& session) {
  if (metrics_made_) return;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    OutputLosses& output = outputs_[i];
    const auto make_all = [&](const std::vector<Json>& configs, std::vector<MetricPtr>& made) {
      for (const Json& config : configs) {
        MetricPtr metric = make_metric(config, y_true[i], y_pred[i], session);
        // A restored metric bears its output's name already.
        const std::string prefix = output.name + "_";
        if (outputs_.size() > 1 && !metric->name.starts_with(prefix)) metric->name = prefix + metric->name;
        made.push_back(std::move(metric));
      }
    };
    make_all(output.metrics, output.made_metrics);
    make_all(output.weighted_metrics, output.made_weighted_metrics);
  }
  metrics_made_ = true;
}

Value CompiledLosses::total_loss(GraphBuilder& builder, const Values& y_true, const Values& y_pred, const Values& sample_weights,
                                 const Values& penalties) const {
  Values parts;
  Value batch;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const OutputLosses& output = outputs_[i];
    if (!output.loss) continue;
    const Value target = match_target(y_true[i], y_pred[i]);
    Value loss = output.loss->call(target, y_pred[i], match_weight(sample_weights[i], y_pred[i]));
    if (!batch.valid()) {
      const Value count = emit1("StridedSlice", {shape_of(y_true[i]), ints(builder, {0}), ints(builder, {1}), ints(builder, {1})},
                                {{"shrink_axis_mask", int64_t{1}}});
      batch = cast(count, DType::kFloat32);
    }
    if (output.loss_metric) output.loss_metric->update_mean(builder, loss, batch);
    if (output.weight) loss = mul(loss, *output.weight);
    parts.push_back(loss);
  }
  for (const Value& penalty : penalties) parts.push_back(penalty);
  if (parts.empty()) throw ValueError("The model has no loss: compile it with a `loss`.");
  Value total = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) total = add(total, parts[i]);
  loss_metric_->update_mean(builder, total, batch.valid() ? batch : builder.constant(Tensor::scalar(1.0f)));
  return total;
}

void CompiledLosses::update_metrics(GraphBuilder& builder, const Values& y_true, const Values& y_pred,
                                    const Values& sample_weights) const {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].made_metrics.empty() && outputs_[i].made_weighted_metrics.empty()) continue;
    const Value target = match_target(y_true[i], y_pred[i]);
    for (const MetricPtr& metric : outputs_[i].made_metrics) metric->update_state(builder, target, y_pred[i], {});
    for (const MetricPtr& metric : outputs_[i].made_weighted_metrics) {
      metric->update_state(builder, target, y_pred[i], match_weight(sample_weights[i], y_pred[i]));
    }
  }
}

std::vector<MetricPtr> CompiledLosses::metrics() const {
  std::vector<MetricPtr> result = {loss_metric_};
  for (const OutputLosses& output : outputs_) {
    if (output.loss_metric) result.push_back(output.loss_metric);
  }
  for (const OutputLosses& output : outputs_) {
    result.insert(result.end(), output.made_metrics.begin(), output.made_metrics.end());
    result.insert(result.end(), output.made_weighted_metrics.begin(), output.made_weighted_metrics.end());
  }
  return result;
}

std::vector<std::string> CompiledLosses::metrics_names() const {
  std::vector<std::string> names;
  for (const MetricPtr& metric : metrics()) names.push_back(metric->name);
  return names;
}

}  // namespace keras
