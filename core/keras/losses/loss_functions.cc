// Loss functions, after keras.losses and keras.backend of Keras 2.15.
#include "core/keras/losses/loss_functions.h"

#include "core/base/error.h"

namespace keras {
namespace {

constexpr double kEpsilon = 1e-7;  // keras.backend.epsilon()

Value mean_last(const Value& x) { return reduce_mean(x, {-1}); }

/// What stands before a softmax or sigmoid, if `y_pred` comes straight out of one: Keras then takes the logits.
std::optional<Value> logits_of(const Value& y_pred, std::string_view activation) {
  if (y_pred.emitter->op_of(y_pred) != activation) return std::nullopt;
  return y_pred.emitter->inputs_of(y_pred).front();
}

Value smooth_binary(const Value& y_true, double smoothing) {
  return smoothing == 0 ? y_true : add(mul(y_true, 1 - smoothing), 0.5 * smoothing);
}

Value smooth_categorical(const Value& y_true, const Value& y_pred, double smoothing) {
  if (smoothing == 0) return y_true;
  const int64_t classes = y_pred.shape().dim(-1);
  if (classes < 0) throw ValueError("label_smoothing needs predictions with a known number of classes");
  return add(mul(y_true, 1 - smoothing), smoothing / static_cast<double>(classes));
}

/// max(x, 0) − x·z + log(1 + e^−|x|), the stable form of tf.nn.sigmoid_cross_entropy_with_logits.
Value sigmoid_crossentropy(const Value& labels, const Value& logits) {
  return add(sub(relu(logits), mul(logits, labels)), log1p(exp(neg(abs(logits)))));
}

/// The cross-entropy op works on [rows, classes].
Value rows_of(const Value& x) {
  const int64_t classes = x.shape().dim(-1);
  return x.shape().rank() == 2 ? x : reshape(x, {-1, classes});
}

Value softmax_crossentropy(const Value& labels, const Value& logits) {
  const Value losses = emit_all("SoftmaxCrossEntropyWithLogits", {rows_of(logits), rows_of(labels)}).front();
  return logits.shape().rank() == 2 ? losses : reshape_like(losses, reduce_max(logits, {-1}));
}

Value sparse_softmax_crossentropy(const Value& labels, const Value& logits) {
  const Value flat_labels = reshape(cast(labels, DType::kInt64), {-1});
  const Value losses = emit_all("SparseSoftmaxCrossEntropyWithLogits", {rows_of(logits), flat_labels}).front();
  return logits.shape().rank() == 2 ? losses : reshape_like(losses, reduce_max(logits, {-1}));
}

void require_last_axis(const LossOptions& options, const Value& y_pred, std::string_view loss) {
  if (options.axis == -1 || options.axis == y_pred.shape().rank() - 1) return;
  throw UnimplementedError("{} over axis {} is not supported: only the last axis is", loss, options.axis);
}

Value hinge_labels(const Value& y_true) {
  // Labels 0 and 1 are read as −1 and 1; labels that are −1 and 1 stay.
  const Value is_zero = equal(y_true, scalar_like(y_true, 0)), is_one = equal(y_true, scalar_like(y_true, 1));
  Emitter& emitter = *y_true.emitter;
  const Value axes = emit1("Range", {int_scalar(emitter, 0), emit1("Rank", {y_true}), int_scalar(emitter, 1)});
  const Value binary = emit1("All", {emit1("LogicalOr", {is_zero, is_one}), axes});
  return select(binary, sub(mul(y_true, 2.0), 1.0), y_true);
}

}  // namespace

Value mean_squared_error(const Value& y_true, const Value& y_pred, const LossOptions&) {
  return mean_last(emit1("SquaredDifference", {y_pred, cast(y_true, y_pred.dtype())}));
}

Value mean_absolute_error(const Value& y_true, const Value& y_pred, const LossOptions&) {
  return mean_last(abs(sub(y_pred, cast(y_true, y_pred.dtype()))));
}

Value mean_absolute_percentage_error(const Value& y_true, const Value& y_pred, const LossOptions&) {
  const Value truth = cast(y_true, y_pred.dtype());
  const Value difference = div(sub(truth, y_pred), maximum(abs(truth), scalar_like(truth, kEpsilon)));
  return mul(mean_last(abs(difference)), 100.0);
}

Value mean_squared_logarithmic_error(const Value& y_true, const Value& y_pred, const LossOptions&) {
  const Value floor = scalar_like(y_pred, kEpsilon);
  const Value a = log(add(maximum(y_pred, floor), 1.0));
  const Value b = log(add(maximum(cast(y_true, y_pred.dtype()), floor), 1.0));
  return mean_last(emit1("SquaredDifference", {a, b}));
}

Value binary_crossentropy(const Value& y_true, const Value& y_pred, const LossOptions& options) {
  require_last_axis(options, y_pred, "binary_crossentropy");
  const Value labels = smooth_binary(cast(y_true, y_pred.dtype()), options.label_smoothing);
  if (options.from_logits) return mean_last(sigmoid_crossentropy(labels, y_pred));
  if (const auto logits = logits_of(y_pred, "Sigmoid")) return mean_last(sigmoid_crossentropy(labels, *logits));
  const Value p = clip(y_pred, kEpsilon, 1 - kEpsilon);
  const Value positive = mul(labels, log(add(p, kEpsilon)));
  const Value negative = mul(sub(1.0, labels), log(add(sub(1.0, p), kEpsilon)));
  return mean_last(neg(add(positive, negative)));
}

Value categorical_crossentropy(const Value& y_true, const Value& y_pred, const LossOptions& options) {
  require_last_axis(options, y_pred, "categorical_crossentropy");
  const Value labels = smooth_categorical(cast(y_true, y_pred.dtype()), y_pred, options.label_smoothing);
  if (options.from_logits) return softmax_crossentropy(labels, y_pred);
  if (const auto logits = logits_of(y_pred, "Softmax")) return softmax_crossentropy(labels, *logits);
  const Value p = clip(div(y_pred, reduce_sum(y_pred, {-1}, true)), kEpsilon, 1 - kEpsilon);
  return neg(reduce_sum(mul(labels, log(p)), {-1}));
}

Value sparse_categorical_crossentropy(const Value& y_true, const Value& y_pred, const LossOptions& options) {
  require_last_axis(options, y_pred, "sparse_categorical_crossentropy");
  Value logits = y_pred;
  if (!options.from_logits) {
    const auto before = logits_of(y_pred, "Softmax");
    logits = before ? *before : log(clip(y_pred, kEpsilon, 1 - kEpsilon));
  }
  if (!options.ignore_class) return sparse_softmax_crossentropy(y_true, logits);
  // Samples of the ignored class count nothing; their label is replaced so that it stays in range.
  const Value labels = cast(y_true, DType::kInt64);
  const Value valid = emit1("NotEqual", {labels, scalar_like(labels, static_cast<double>(*options.ignore_class))});
  const Value losses = sparse_softmax_crossentropy(select(valid, labels, zeros_like(labels)), logits);
  return mul(losses, reshape_like(cast(valid, losses.dtype()), losses));
}

Value huber(const Value& y_true, const Value& y_pred, const LossOptions& options) {
  const Value error = sub(y_pred, cast(y_true, y_pred.dtype()));
  const Value size = abs(error), delta = scalar_like(size, options.delta);
  const Value quadratic = mul(square(error), 0.5);
  const Value linear = sub(mul(size, delta), 0.5 * options.delta * options.delta);
  return mean_last(select(emit1("LessEqual", {size, delta}), quadratic, linear));
}

Value log_cosh(const Value& y_true, const Value& y_pred, const LossOptions&) {
  const Value x = sub(y_pred, cast(y_true, y_pred.dtype()));
  return mean_last(sub(add(x, softplus(mul(x, -2.0))), 0.69314718055994530942));
}

Value hinge(const Value& y_true, const Value& y_pred, const LossOptions&) {
  return mean_last(relu(sub(1.0, mul(hinge_labels(cast(y_true, y_pred.dtype())), y_pred))));
}

Value squared_hinge(const Value& y_true, const Value& y_pred, const LossOptions&) {
  return mean_last(square(relu(sub(1.0, mul(hinge_labels(cast(y_true, y_pred.dtype())), y_pred)))));
}

Value categorical_hinge(const Value& y_true, const Value& y_pred, const LossOptions&) {
  const Value truth = cast(y_true, y_pred.dtype());
  const Value positive = reduce_sum(mul(truth, y_pred), {-1});
  const Value negative = reduce_max(mul(sub(1.0, truth), y_pred), {-1});
  return relu(add(sub(negative, positive), 1.0));
}

Value kl_divergence(const Value& y_true, const Value& y_pred, const LossOptions&) {
  const Value truth = clip(cast(y_true, y_pred.dtype()), kEpsilon, 1);
  return reduce_sum(mul(truth, log(div(truth, clip(y_pred, kEpsilon, 1)))), {-1});
}

Value poisson(const Value& y_true, const Value& y_pred, const LossOptions&) {
  return mean_last(sub(y_pred, mul(cast(y_true, y_pred.dtype()), log(add(y_pred, kEpsilon)))));
}

Value cosine_similarity(const Value& y_true, const Value& y_pred, const LossOptions& options) {
  // tf.linalg.l2_normalize: x / √max(Σx², 1e-12)
  const auto normalize = [&](const Value& x) {
    const Value sum = reduce_sum(square(x), {options.axis}, true);
    return mul(x, rsqrt(maximum(sum, scalar_like(x, 1e-12))));
  };
  return neg(reduce_sum(mul(normalize(cast(y_true, y_pred.dtype())), normalize(y_pred)), {options.axis}));
}

}  // namespace keras
