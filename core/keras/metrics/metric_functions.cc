// Metric functions, after keras.metrics and keras.utils.metrics_utils of Keras 2.15.
#include "core/keras/metrics/metric_functions.h"

namespace keras {
namespace {

Value hits(const Value& a, const Value& b) { return cast(equal(a, b), DType::kFloat32); }

/// Class numbers [batch, 1] beside predictions of the same rank lose their last axis.
Value class_numbers(const Value& y_true, const Value& y_pred) {
  const Shape& shape = y_true.shape();
  if (!shape.known_rank() || !y_pred.shape().known_rank() || shape.rank() != y_pred.shape().rank()) return y_true;
  return shape.dim(-1) == 1 ? squeeze(y_true, {-1}) : y_true;
}

/// Whether the prediction for the true class is among the k largest.
Value among_top_k(const Value& classes, const Value& y_pred, int64_t k) {
  const Value rows = reshape(y_pred, {-1, y_pred.shape().dim(-1)});
  const Value targets = reshape(cast(classes, DType::kInt32), {-1});
  return cast(emit1("InTopKV2", {cast(rows, DType::kFloat32), targets, int_scalar(*y_pred.emitter, k)}), DType::kFloat32);
}

}  // namespace

Value accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&) {
  return hits(cast(y_true, y_pred.dtype()), y_pred);
}

Value binary_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions& options) {
  const Value labels = cast(y_true, y_pred.dtype());
  const Value positive = cast(greater(y_pred, scalar_like(y_pred, options.threshold)), y_pred.dtype());
  return reduce_mean(hits(labels, positive), {-1});
}

Value categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&) {
  return hits(arg_max(y_true, -1), arg_max(y_pred, -1));
}

Value sparse_categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&) {
  const Value classes = class_numbers(y_true, y_pred);
  return hits(classes, cast(arg_max(y_pred, -1), classes.dtype()));
}

Value top_k_categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions& options) {
  return among_top_k(arg_max(y_true, -1), y_pred, options.k);
}

Value sparse_top_k_categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions& options) {
  return among_top_k(class_numbers(y_true, y_pred), y_pred, options.k);
}

}  // namespace keras
