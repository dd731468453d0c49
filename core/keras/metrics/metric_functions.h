// The metric functions of Keras 2.15 that are not losses: how often predictions hit.
#pragma once

#include "core/keras/losses/loss_functions.h"

namespace keras {

struct MetricOptions {
  LossOptions loss;  // of metrics that are losses
  double threshold = 0.5;
  int64_t k = 5;
};

/// y_true [batch, …], y_pred [batch, …, last] → one float32 for each sample: 1 for a hit, 0 for none, or a mean of these.
using MetricFunction = Value (*)(const Value& y_true, const Value& y_pred, const MetricOptions&);

Value accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&);
Value binary_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&);
Value categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&);
Value sparse_categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&);
Value top_k_categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&);
Value sparse_top_k_categorical_accuracy(const Value& y_true, const Value& y_pred, const MetricOptions&);

}  // namespace keras
