// The loss functions of Keras 2.15, as graphs: one value for each sample, the mean over the last axis.
// Facts that decide whether numbers match (logits behind a softmax, clipping): docs/architecture.md, "Losses".
#pragma once

#include <optional>
#include <string_view>

#include "core/ops/builders.h"

namespace keras {

/// The options of all loss functions; each uses its own (its row in loss.cc says which).
struct LossOptions {
  bool from_logits = false;
  double label_smoothing = 0;
  int64_t axis = -1;
  std::optional<int64_t> ignore_class;
  double delta = 1;
};

/// y_true [batch, …], y_pred [batch, …, last] → [batch, …].
using LossFunction = Value (*)(const Value& y_true, const Value& y_pred, const LossOptions&);

Value mean_squared_error(const Value& y_true, const Value& y_pred, const LossOptions&);
Value mean_absolute_error(const Value& y_true, const Value& y_pred, const LossOptions&);
Value mean_absolute_percentage_error(const Value& y_true, const Value& y_pred, const LossOptions&);
Value mean_squared_logarithmic_error(const Value& y_true, const Value& y_pred, const LossOptions&);
Value binary_crossentropy(const Value& y_true, const Value& y_pred, const LossOptions&);
Value categorical_crossentropy(const Value& y_true, const Value& y_pred, const LossOptions&);
/// y_true [batch, …] or [batch, …, 1], class numbers of any dtype.
Value sparse_categorical_crossentropy(const Value& y_true, const Value& y_pred, const LossOptions&);
Value huber(const Value& y_true, const Value& y_pred, const LossOptions&);
Value log_cosh(const Value& y_true, const Value& y_pred, const LossOptions&);
Value hinge(const Value& y_true, const Value& y_pred, const LossOptions&);
Value squared_hinge(const Value& y_true, const Value& y_pred, const LossOptions&);
Value categorical_hinge(const Value& y_true, const Value& y_pred, const LossOptions&);
Value kl_divergence(const Value& y_true, const Value& y_pred, const LossOptions&);
Value poisson(const Value& y_true, const Value& y_pred, const LossOptions&);
Value cosine_similarity(const Value& y_true, const Value& y_pred, const LossOptions&);

}  // namespace keras
