// Losses that TensorFlow computes in one op, together with the gradient of their logits.
#include <cmath>

#include "core/kernels/softmax.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

// backprop is softmax - labels; a gradient that reaches it (a second derivative) goes through the softmax's Jacobian:
// (v - Σ v · p) · p
Value through_softmax(const Value& logits, const Value& v) {
  const Value p = softmax(logits);
  return mul(sub(v, reduce_sum(mul(v, p), {1}, true)), p);
}

Value logits_grad(GradContext& g) {
  Value gradient;
  if (g.upstream(0).valid()) gradient = mul(expand_dims(g.upstream(0), -1), g.output(1));
  if (g.upstream(1).valid()) {
    const Value second = through_softmax(g.input(0), g.upstream(1));
    gradient = gradient.valid() ? add(gradient, second) : second;
  }
  return gradient;
}

Values softmax_cross_entropy_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return {logits_grad(g), Value()};
  return {logits_grad(g), mul(expand_dims(g.upstream(0), -1), neg(log_softmax(g.input(0))))};
}

Values sparse_softmax_cross_entropy_grad(GradContext& g) { return {logits_grad(g), Value()}; }

Values l2_loss_grad(GradContext& g) { return {mul(g.input(0), g.upstream(0))}; }

/// features and labels [batch, classes] (one may be broadcast) → loss [batch], backprop [batch, classes]
void softmax_cross_entropy_shape(ShapeContext& c) {
  const Shape shape = broadcast_shapes(c.input(0), c.input(1));
  shape::require_rank(shape, 2, "logits and labels");
  if (!shape.known_rank()) return;
  c.set_output(0, {shape.dim(0)});
  c.set_output(1, shape);
}

/// features [batch, classes], labels [batch] → loss [batch], backprop [batch, classes]
void sparse_softmax_cross_entropy_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 2, "logits");
  shape::require_rank(c.input(1), 1, "labels");
  const int64_t batch = shape::same_dim(shape::dim_or_unknown(c.input(0), 0), shape::dim_or_unknown(c.input(1), 0),
                                        "The batch sizes of logits and labels");
  c.set_output(0, {batch});
  c.set_output(1, {batch, shape::dim_or_unknown(c.input(0), 1)});
}

/// predictions [batch, classes], targets [batch], k → whether the target is among the k best: [batch]
void in_top_k_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 2, "predictions");
  shape::require_rank(c.input(1), 1, "targets");
  c.set_output(0, {shape::same_dim(shape::dim_or_unknown(c.input(0), 0), shape::dim_or_unknown(c.input(1), 0),
                                   "The batch sizes of predictions and targets")});
}

void softmax_cross_entropy_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &labels = c.input(1);
  const Shape shape = broadcast_shapes(x.shape(), labels.shape());
  const int64_t rows = shape.dim(0), columns = shape.dim(1);
  if (x.rank() != 2 || labels.rank() != 2 || x.dim(1) != columns || labels.dim(1) != columns) {
    throw UnimplementedError("Logits {} and labels {} may be broadcast over the batch only", x.shape(), labels.shape());
  }
  Tensor &loss = c.output(0, {rows}), &backprop = c.output(1, shape);
  with_float_type(x.dtype(), "SoftmaxCrossEntropyWithLogits", [&]<class T>(T) {
    kernels::softmax_cross_entropy(c.kernels(), rows, columns, x.data<T>(), x.dim(0) == 1 ? 0 : columns, labels.data<T>(),
                                   labels.dim(0) == 1 ? 0 : columns, loss.data<T>(), backprop.data<T>());
  });
}

template <class Label>
void check_labels(std::span<const Label> labels, int64_t classes) {
  for (const Label label : labels) {
    if (label < 0 || label >= classes) {
      throw InvalidArgumentError("Received a label value of {} which is outside the valid range of [0, {}).", label, classes);
    }
  }
}

void sparse_softmax_cross_entropy_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &labels = c.input(1);
  const int64_t rows = x.dim(0), columns = x.dim(1);
  Tensor &loss = c.output(0, {rows}), &backprop = c.output(1, x.shape());
  with_float_type(x.dtype(), "SparseSoftmaxCrossEntropyWithLogits", [&]<class T>(T) {
    const auto run = [&]<class Label>(Label) {
      check_labels(labels.values<Label>(), columns);
      kernels::sparse_softmax_cross_entropy(c.kernels(), rows, columns, x.data<T>(), labels.data<Label>(), loss.data<T>(),
                                            backprop.data<T>());
    };
    if (labels.dtype() == DType::kInt64)
      run(int64_t());
    else
      run(int32_t());
  });
}

/// Σ x² / 2
void l2_loss_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  Tensor& loss = c.output(0, Shape());
  with_float_type(x.dtype(), "L2Loss", [&]<class T>(T) {
    std::vector<T> squares(static_cast<size_t>(x.elements()));
    kernels::map<kernels::Square>(c.kernels(), x.elements(), x.data<T>(), squares.data());
    loss.data<T>()[0] = kernels::reduce_run<kernels::SumOf>(x.elements(), squares.data()) / 2;
  });
}

int64_t in_top(KernelContext& c) {
  if (const AttrValue* k = c.attrs().find("k")) return std::get<int64_t>(*k);  // of InTopK
  if (c.input(2).elements() != 1) throw InvalidArgumentError("k must be a scalar");
  return c.input(2).to_int64s()[0];
}

/// A target is in if fewer than k classes are predicted higher; never where it is out of range or a prediction not finite.
void in_top_k_kernel(KernelContext& c) {
  const Tensor& predictions = c.input(0);
  const std::vector<int64_t> targets = c.input(1).to_int64s();
  const int64_t k = in_top(c), classes = predictions.dim(1);
  Tensor& output = c.output(0, {predictions.dim(0)});
  for (int64_t row = 0; row < predictions.dim(0); ++row) {
    const auto scores = predictions.values<float>().subspan(static_cast<size_t>(row * classes), static_cast<size_t>(classes));
    const int64_t target = targets[static_cast<size_t>(row)];
    bool in = target >= 0 && target < classes && std::isfinite(scores[static_cast<size_t>(target)]);
    int64_t better = 0;
    for (const float score : scores) {
      if (!std::isfinite(score)) in = false;
      if (in && score > scores[static_cast<size_t>(target)]) ++better;
    }
    output.data<bool>()[row] = in && better < k;
  }
}

constexpr OpDef kOps[] = {
    {.name = "SoftmaxCrossEntropyWithLogits",
     .signature = "(features: T, labels: T) -> (loss: T, backprop: T); T: {floating}",
     .shape = softmax_cross_entropy_shape,
     .kernel = softmax_cross_entropy_kernel,
     .gradient = softmax_cross_entropy_grad},
    {.name = "SparseSoftmaxCrossEntropyWithLogits",
     .signature = "(features: T, labels: Tlabels) -> (loss: T, backprop: T); T: {floating}; Tlabels: {int32, int64} = "
                  "int64",
     .shape = sparse_softmax_cross_entropy_shape,
     .kernel = sparse_softmax_cross_entropy_kernel,
     .gradient = sparse_softmax_cross_entropy_grad},
    {.name = "L2Loss",
     .signature = "(t: T) -> (output: T); T: {floating}",
     .shape = shape::scalar,
     .kernel = l2_loss_kernel,
     .gradient = l2_loss_grad,
     .js = "nn.l2Loss"},
    {.name = "InTopK",
     .signature = "(predictions: float, targets: T) -> (precision: bool); k: int; T: {int32, int64} = int32",
     .shape = in_top_k_shape,
     .kernel = in_top_k_kernel,
     .flags = kNoGradient},
    {.name = "InTopKV2",
     .signature = "(predictions: float, targets: T, k: T) -> (precision: bool); T: {int32, int64} = int32",
     .shape = in_top_k_shape,
     .kernel = in_top_k_kernel,
     .js = "math.inTopK",
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> loss_ops() { return kOps; }

}  // namespace keras
