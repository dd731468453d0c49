// Activations and their gradients. A *Grad op exists where TensorFlow has one; the rest is written with ops.
#include "core/kernels/softmax.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

Values relu_grad(GradContext& g) { return {emit1("ReluGrad", {g.upstream(0), g.output(0)})}; }
Values relu6_grad(GradContext& g) { return {emit1("Relu6Grad", {g.upstream(0), g.output(0)})}; }
Values elu_grad(GradContext& g) { return {emit1("EluGrad", {g.upstream(0), g.output(0)})}; }
Values selu_grad(GradContext& g) { return {emit1("SeluGrad", {g.upstream(0), g.output(0)})}; }
Values softsign_grad(GradContext& g) { return {emit1("SoftsignGrad", {g.upstream(0), g.input(0)})}; }
Values leaky_relu_grad(GradContext& g) {
  return {emit1("LeakyReluGrad", {g.upstream(0), g.input(0)}, {{"alpha", g.attrs().get_float("alpha")}})};
}

// d/dx log(1 + e^x) = sigmoid(x). Written with ops, so the second derivative comes for free.
Values softplus_grad(GradContext& g) { return {mul(g.upstream(0), sigmoid(g.input(0)))}; }

// Piecewise linear in the first input, constant almost everywhere in the second.
Values relu_grad_grad(GradContext& g) { return {emit1("ReluGrad", {g.upstream(0), g.input(1)}), Value()}; }
Values relu6_grad_grad(GradContext& g) { return {emit1("Relu6Grad", {g.upstream(0), g.input(1)}), Value()}; }
Values leaky_relu_grad_grad(GradContext& g) {
  return {emit1("LeakyReluGrad", {g.upstream(0), g.input(1)}, {{"alpha", g.attrs().get_float("alpha")}}), Value()};
}

// Both slopes are y + constant where y < 0, so that the derivative by y is the incoming gradient there.
Values elu_like_grad_grad(GradContext& g, std::string_view op) {
  const Value& y = g.input(1);
  const Value negative = less(y, scalar_like(y, 0.0));
  return {emit1(op, {g.upstream(0), y}), where(negative, mul(g.upstream(0), g.input(0)))};
}
Values elu_grad_grad(GradContext& g) { return elu_like_grad_grad(g, "EluGrad"); }
Values selu_grad_grad(GradContext& g) { return elu_like_grad_grad(g, "SeluGrad"); }

// d/dx (dy · sigmoid(x)) = dy / (e^-x + 2 + e^x)
Values softplus_grad_grad(GradContext& g) {
  const Value &dy = g.input(0), &x = g.input(1);
  const Value curvature = div(dy, add(add(exp(neg(x)), 2.0), exp(x)));
  return {emit1("SoftplusGrad", {g.upstream(0), x}), mul(g.upstream(0), curvature)};
}

// dx = (dy - Σ dy · y) · y, sums over the last axis
Values softmax_grad(GradContext& g) {
  const Value &y = g.output(0), &dy = g.upstream(0);
  return {mul(sub(dy, reduce_sum(mul(dy, y), {-1}, true)), y)};
}

// dx = dy - softmax(x) · Σ dy
Values log_softmax_grad(GradContext& g) {
  const Value& dy = g.upstream(0);
  return {sub(dy, mul(reduce_sum(dy, {-1}, true), exp(g.output(0))))};
}

void softmax_shape(ShapeContext& c) {
  shape::require_min_rank(c.input(0), 1, "logits");
  c.set_output(0, c.input(0));
}

template <bool kLog>
void softmax_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  const int64_t columns = x.dim(-1), rows = columns == 0 ? 0 : x.elements() / columns;
  Tensor& y = c.output(0, x.shape());
  with_float_type(x.dtype(), kLog ? "LogSoftmax" : "Softmax", [&]<class T>(T) {
    if constexpr (kLog)
      kernels::log_softmax(c.kernels(), rows, columns, x.data<T>(), y.data<T>());
    else
      kernels::softmax(c.kernels(), rows, columns, x.data<T>(), y.data<T>());
  });
}

constexpr OpDef kOps[] = {
    {.name = "Relu",
     .signature = "(features: T) -> (activations: T); T: {real}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Relu>,
     .gradient = relu_grad,
     .js = "nn.relu",
     .flags = kInPlace},
    {.name = "Relu6",
     .signature = "(features: T) -> (activations: T); T: {real}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Relu6>,
     .gradient = relu6_grad,
     .js = "nn.relu6",
     .flags = kInPlace},
    {.name = "LeakyRelu",
     .signature = "(features: T) -> (activations: T); alpha: float = 0.2; T: {floating} = float",
     .shape = shape::same_as<0>,
     .kernel = leaky_relu,
     .gradient = leaky_relu_grad,
     .js = "nn.leakyRelu",
     .flags = kInPlace},
    {.name = "Elu",
     .signature = "(features: T) -> (activations: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Elu>,
     .gradient = elu_grad,
     .js = "nn.elu",
     .flags = kInPlace},
    {.name = "Selu",
     .signature = "(features: T) -> (activations: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Selu>,
     .gradient = selu_grad,
     .js = "nn.selu",
     .flags = kInPlace},
    {.name = "Softplus",
     .signature = "(features: T) -> (activations: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Softplus>,
     .gradient = softplus_grad,
     .js = "math.softplus",
     .flags = kInPlace},
    {.name = "Softsign",
     .signature = "(features: T) -> (activations: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = unary<kernels::Softsign>,
     .gradient = softsign_grad,
     .js = "nn.softsign",
     .flags = kInPlace},

    {.name = "ReluGrad",
     .signature = "(gradients: T, features: T) -> (backprops: T); T: {real}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::ReluGrad>,
     .gradient = relu_grad_grad,
     .flags = kInPlace},
    {.name = "Relu6Grad",
     .signature = "(gradients: T, features: T) -> (backprops: T); T: {real}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::Relu6Grad>,
     .gradient = relu6_grad_grad,
     .flags = kInPlace},
    {.name = "LeakyReluGrad",
     .signature = "(gradients: T, features: T) -> (backprops: T); alpha: float = 0.2; T: {floating} = float",
     .shape = shape::same_as<0>,
     .kernel = leaky_relu_grad_kernel,
     .gradient = leaky_relu_grad_grad,
     .flags = kInPlace},
    {.name = "EluGrad",
     .signature = "(gradients: T, outputs: T) -> (backprops: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::EluGrad>,
     .gradient = elu_grad_grad,
     .flags = kInPlace},
    {.name = "SeluGrad",
     .signature = "(gradients: T, outputs: T) -> (backprops: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::SeluGrad>,
     .gradient = selu_grad_grad,
     .flags = kInPlace},
    {.name = "SoftplusGrad",
     .signature = "(gradients: T, features: T) -> (backprops: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::SoftplusGrad>,
     .gradient = softplus_grad_grad,
     .flags = kInPlace},
    {.name = "SoftsignGrad",
     .signature = "(gradients: T, features: T) -> (backprops: T); T: {floating}",
     .shape = shape::same_as<0>,
     .kernel = same_shape_binary<kernels::SoftsignGrad>,
     .flags = kInPlace},

    {.name = "Softmax",
     .signature = "(logits: T) -> (softmax: T); T: {floating}",
     .shape = softmax_shape,
     .kernel = softmax_kernel<false>,
     .gradient = softmax_grad,
     .js = "nn.softmax",
     .flags = kInPlace},
    {.name = "LogSoftmax",
     .signature = "(logits: T) -> (logsoftmax: T); T: {floating}",
     .shape = softmax_shape,
     .kernel = softmax_kernel<true>,
     .gradient = log_softmax_grad,
     .js = "nn.logSoftmax",
     .flags = kInPlace},
};

}  // namespace

std::span<const OpDef> activation_ops() { return kOps; }

}  // namespace keras
