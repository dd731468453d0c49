// Metric objects of Keras 2.15 that are means over samples: variables total and count.
#pragma once

#include "core/graph/builder.h"
#include "core/keras/config/object.h"
#include "core/keras/losses/loss.h"
#include "core/keras/metrics/metric_functions.h"

namespace keras {

struct MetricDef;

class Metric final : public ConfigObject {
 public:
  explicit Metric(const MetricDef& def);

  std::string_view class_name() const override;
  Json get_config() const override;
  /// Adds a batch. `sample_weight` may be not valid().
  void update_state(GraphBuilder& builder, const Value& y_true, const Value& y_pred, const Value& sample_weight) const;
  /// Adds a value (a loss) with a weight (the batch size).
  void update_mean(GraphBuilder& builder, const Value& value, const Value& weight) const;
  /// The result so far: 0 where nothing was counted.
  Value result(GraphBuilder& builder) const;
  void reset_state() const;
  const std::vector<VariablePtr>& variables() const { return variables_; }
  /// A MeanMetricWrapper around a function is written under this name of its function.
  void set_wrapped(std::string fn) { wrapped_fn_ = std::move(fn); }
  void load_config(Json& config, Session& session);

  MetricOptions options;
  std::string name;
  DType dtype = DType::kFloat32;

 private:
  const MetricDef* def_;
  std::string wrapped_fn_;
  std::vector<VariablePtr> variables_;
};

using MetricPtr = std::shared_ptr<Metric>;

/// A mean of values, as for losses.
MetricPtr make_mean_metric(std::string name);
/// From a name ("mae", "sparse_categorical_accuracy"), a class name or a config. "accuracy" and "acc" take their form from
/// the output: [batch, …, classes], and the targets. Throws ValueError for an unknown metric.
MetricPtr make_metric(const Json& json, const Shape& y_true, const Shape& y_pred, Session& session);
/// Throws ValueError unless a metric of this name or config is known; shapes play no part.
void require_known_metric(const Json& json);
std::vector<std::string> metric_class_names();

}  // namespace keras
