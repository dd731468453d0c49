// The losses and metrics of a compiled model, output by output.
#pragma once

#include "core/keras/losses/loss.h"
#include "core/keras/metrics/metric.h"
#include "core/keras/models/model.h"

namespace keras {

/// compile()'s arguments as JSON: a name, a config, a list by output, or a dict by output name.
struct CompileConfig {
  Json loss, metrics, weighted_metrics, loss_weights, optimizer;
};

/// What one output is trained and measured by. Metrics are made at the first batch: "accuracy" depends on the targets.
struct OutputLosses {
  std::string name;
  LossPtr loss;  // null: not trained
  std::optional<double> weight;
  std::vector<Json> metrics, weighted_metrics;
  MetricPtr loss_metric;  // of models with several outputs
  std::vector<MetricPtr> made_metrics, made_weighted_metrics;
};

class CompiledLosses {
 public:
  /// Throws ValueError: unknown names, lists of another length than the outputs. REQUIRES: model.knows_signature().
  CompiledLosses(const Model& model, const CompileConfig& config);

  /// Makes the metrics whose form depends on targets and predictions. A second call does nothing.
  void ensure_metrics(const std::vector<Shape>& y_true, const std::vector<Shape>& y_pred, Session& session);
  /// The scalar to minimise; updates loss metrics. `penalties` are regularization losses.
  Value total_loss(GraphBuilder& builder, const Values& y_true, const Values& y_pred, const Values& sample_weights,
                   const Values& penalties) const;
  void update_metrics(GraphBuilder& builder, const Values& y_true, const Values& y_pred, const Values& sample_weights) const;

  /// In the order of logs: loss, losses of the outputs, metrics.
  std::vector<MetricPtr> metrics() const;
  /// Whether there has been a batch: before, only those of the losses are there.
  bool metrics_made() const { return metrics_made_; }
  std::vector<std::string> metrics_names() const;
  const std::vector<OutputLosses>& outputs() const { return outputs_; }
  /// How many outputs need targets.
  bool has_loss() const;

 private:
  std::vector<OutputLosses> outputs_;
  MetricPtr loss_metric_;
  bool metrics_made_ = false;
};

}  // namespace keras
