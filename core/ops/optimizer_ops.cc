// The updates of optimizers that Keras's own do not need but traced training steps have, dense and of chosen rows
// (ResourceSparseApply…). Formulas are those of TensorFlow's core/kernels/training_ops.cc.
#include <array>
#include <cmath>

#include "core/kernels/parallel_for.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/variables.h"

namespace keras {
namespace {

template <class T>
T sign(T x) {
  return static_cast<T>((x > 0) - (x < 0));
}
/// x drawn towards 0 by `by`, and no further.
template <class T>
T shrunk(T x, T by) {
  return sign(x) * std::max(std::abs(x) - by, T(0));
}

// Each formula: how many variables come first (the trained one, then its slots), and what one element's gradient does to
// them. `h` has the hyperparameters in the order of the op's inputs, then the attribute that changes the formula, if any.
// `s` are the slots' elements.

struct Adagrad {  // h: rate, update_slots
  static constexpr int kVariables = 2;
  static constexpr const char* kAttr = "update_slots";
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    if (h[1] != 0) *s[0] += g * g;
    var -= h[0] * g / std::sqrt(*s[0]);
  }
};
struct AdagradV2 {  // h: rate, epsilon, update_slots
  static constexpr int kVariables = 2;
  static constexpr const char* kAttr = "update_slots";
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    if (h[2] != 0) *s[0] += g * g;
    var -= h[0] * g / (std::sqrt(*s[0]) + h[1]);
  }
};
struct AdagradDa {  // h: rate, l1, l2, global step
  static constexpr int kVariables = 3;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] += g;
    *s[1] += g * g;
    const T sum = h[1] > 0 ? shrunk(*s[0], h[1] * h[3]) : *s[0];
    var = -h[0] * sum / (h[2] * h[3] * h[0] + std::sqrt(*s[1]));
  }
};
struct Adadelta {  // h: rate, rho, epsilon
  static constexpr int kVariables = 3;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] = *s[0] * h[1] + g * g * (1 - h[1]);
    const T update = std::sqrt(*s[1] + h[2]) / std::sqrt(*s[0] + h[2]) * g;
    *s[1] = *s[1] * h[1] + update * update * (1 - h[1]);
    var -= update * h[0];
  }
};
struct AdaMax {  // h: beta_1 to the step, rate, beta_1, beta_2, epsilon
  static constexpr int kVariables = 3;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] += (g - *s[0]) * (1 - h[2]);
    *s[1] = std::max(h[3] * *s[1], std::abs(g));
    var -= h[1] / (1 - h[0]) * (*s[0] / (*s[1] + h[4]));
  }
};
struct AmsGrad {  // h: beta_1 and beta_2 to the step, rate, beta_1, beta_2, epsilon
  static constexpr int kVariables = 4;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] += (g - *s[0]) * (1 - h[3]);
    *s[1] += (g * g - *s[1]) * (1 - h[4]);
    *s[2] = std::max(*s[2], *s[1]);
    var -= *s[0] * (h[2] * std::sqrt(1 - h[1]) / (1 - h[0])) / (std::sqrt(*s[2]) + h[5]);
  }
};
struct CenteredRmsProp {  // h: rate, rho, momentum, epsilon
  static constexpr int kVariables = 4;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[1] += (g * g - *s[1]) * (1 - h[1]);
    *s[0] += (g - *s[0]) * (1 - h[1]);
    *s[2] = *s[2] * h[2] + h[0] * g / std::sqrt(*s[1] - *s[0] * *s[0] + h[3]);
    var -= *s[2];
  }
};
struct RmsProp {  // h: rate, rho, momentum, epsilon
  static constexpr int kVariables = 3;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] += (g * g - *s[0]) * (1 - h[1]);
    *s[1] = *s[1] * h[2] + h[0] * g / std::sqrt(*s[0] + h[3]);
    var -= *s[1];
  }
};
struct Momentum {  // h: rate, momentum, use_nesterov
  static constexpr int kVariables = 2;
  static constexpr const char* kAttr = "use_nesterov";
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] = *s[0] * h[1] + g;
    var -= h[2] != 0 ? g * h[0] + *s[0] * h[1] * h[0] : *s[0] * h[0];
  }
};
struct KerasMomentum {  // h: rate, momentum, use_nesterov
  static constexpr int kVariables = 2;
  static constexpr const char* kAttr = "use_nesterov";
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] = *s[0] * h[1] - g * h[0];
    var += h[2] != 0 ? *s[0] * h[1] - g * h[0] : *s[0];
  }
};
struct PowerSign {  // h: rate, logbase, sign_decay, beta
  static constexpr int kVariables = 2;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] = *s[0] * h[3] + g * (1 - h[3]);
    var -= h[0] * std::exp(h[1] * h[2] * sign(g) * sign(*s[0])) * g;
  }
};
struct AddSign {  // h: rate, alpha, sign_decay, beta
  static constexpr int kVariables = 2;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] = *s[0] * h[3] + g * (1 - h[3]);
    var -= h[0] * (h[1] + h[2] * sign(g) * sign(*s[0])) * g;
  }
};

/// What a proximal step makes of a value that a plain step led to.
template <class T>
T proximal(T stepped, T rate, T l1, T l2) {
  return (l1 > 0 ? shrunk(stepped, rate * l1) : stepped) / (1 + l2 * rate);
}
struct ProximalGradientDescent {  // h: rate, l1, l2
  static constexpr int kVariables = 1;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const*) {
    var = proximal(var - g * h[0], h[0], h[1], h[2]);
  }
};
struct ProximalAdagrad {  // h: rate, l1, l2
  static constexpr int kVariables = 2;
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    *s[0] += g * g;
    const T rate = h[0] / std::sqrt(*s[0]);
    var = proximal(var - g * rate, rate, h[1], h[2]);
  }
};

/// `shrinkage` changes the gradient of the linear term alone.
template <class T>
void ftrl(T g, T shrinkage, T rate, T l1, T l2, T power, bool by_rate, T& var, T* const* s) {
  const T accumulated = *s[0] + g * g, share = by_rate ? T(1) : rate, factor = by_rate ? rate : T(1);
  const T root = std::pow(accumulated, -power);
  *s[1] += (g + 2 * shrinkage * var) * factor - (root - std::pow(*s[0], -power)) / share * var;
  const T bound = l1 * factor;
  var = (std::min(std::max(*s[1], -bound), bound) - *s[1]) / (root / share + 2 * l2 * factor);
  *s[0] = accumulated;
}
struct Ftrl {  // h: rate, l1, l2, power, multiply_linear_by_lr
  static constexpr int kVariables = 3;
  static constexpr const char* kAttr = "multiply_linear_by_lr";
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    ftrl(g, T(0), h[0], h[1], h[2], h[3], h[4] != 0, var, s);
  }
};
struct FtrlV2 {  // h: rate, l1, l2, shrinkage, power, multiply_linear_by_lr
  static constexpr int kVariables = 3;
  static constexpr const char* kAttr = "multiply_linear_by_lr";
  template <class T>
  static void apply(T g, const T* h, T& var, T* const* s) {
    ftrl(g, h[3], h[0], h[1], h[2], h[4], h[5] != 0, var, s);
  }
};

constexpr size_t kMostVariables = 4, kMostHyperparameters = 8;

/// Hyperparameters are the scalars among the inputs after the variables: all but the gradient and, behind it, the rows.
template <class T>
std::array<T, kMostHyperparameters> hyperparameters(KernelContext& c, int first, int grad, bool sparse) {
  std::array<T, kMostHyperparameters> h{};
  size_t count = 0;
  for (int i = first; i < c.inputs(); ++i) {
    if (i == grad || (sparse && i == grad + 1)) continue;
    h[count++] = c.input(i).dtype() == DType::kInt64 ? static_cast<T>(rate<int64_t>(c, i)) : rate<T>(c, i);
  }
  return h;
}

/// Elements [at, at + count) of the variables, with their gradients.
template <class F, class T>
void update(const T* grad, int64_t count, int64_t at, const T* h, const std::array<T*, kMostVariables>& variables) {
  for (int64_t i = 0; i < count; ++i) {
    T* s[kMostVariables];
    for (size_t k = 1; k < F::kVariables; ++k) s[k - 1] = variables[k] + at + i;
    F::template apply<T>(grad[i], h, variables[0][at + i], s);
  }
}

template <class F, class T>
std::array<T, kMostHyperparameters> all_hyperparameters(KernelContext& c, int grad, bool sparse) {
  auto h = hyperparameters<T>(c, F::kVariables, grad, sparse);
  if constexpr (requires { F::kAttr; }) {
    const int scalars = c.inputs() - F::kVariables - (sparse ? 2 : 1);
    h[static_cast<size_t>(scalars)] = c.attrs().get_bool(F::kAttr);
  }
  return h;
}

template <class F, int kGrad>
void apply_kernel(KernelContext& c) {
  const Tensor& grad = c.input(kGrad);
  with_float_type(grad.dtype(), "A training op", [&]<class T>(T) {
    const auto h = all_hyperparameters<F, T>(c, kGrad, false);
    std::array<T*, kMostVariables> variables{};
    for (int i = 0; i < F::kVariables; ++i) variables[static_cast<size_t>(i)] = updated(c, i, grad).template data<T>();
    kernels::parallel_for(c.kernels(), grad.elements(), 16384, [&](int64_t begin, int64_t end) {
      update<F, T>(grad.data<T>() + begin, end - begin, begin, h.data(), variables);
    });
  });
}

/// The gradient has one row for each entry of the indices behind it.
template <class F, int kGrad>
void sparse_apply_kernel(KernelContext& c) {
  const Tensor& grad = c.input(kGrad);
  const std::vector<int64_t> rows = c.input(kGrad + 1).to_int64s();
  const Shape shape = variable(c, 0).shape();
  std::vector<int64_t> wanted = shape.dims();
  if (wanted.empty()) throw InvalidArgumentError("var must be at least 1 dimensional");
  wanted[0] = static_cast<int64_t>(rows.size());
  if (grad.shape() != Shape(wanted)) throw InvalidArgumentError("grad has shape {}, {} is needed", grad.shape(), wanted);
  for (const int64_t row : rows) {
    if (row < 0 || row >= shape.dim(0)) throw InvalidArgumentError("Index {} is not in [0, {})", row, shape.dim(0));
  }
  with_float_type(grad.dtype(), "A training op", [&]<class T>(T) {
    const auto h = all_hyperparameters<F, T>(c, kGrad, true);
    const Tensor like = Tensor::borrow(grad.dtype(), shape, nullptr);
    std::array<T*, kMostVariables> variables{};
    for (int i = 0; i < F::kVariables; ++i) variables[static_cast<size_t>(i)] = updated(c, i, like).template data<T>();
    const int64_t width = rows.empty() ? 0 : grad.elements() / static_cast<int64_t>(rows.size());
    for (size_t r = 0; r < rows.size(); ++r) {
      update<F, T>(grad.data<T>() + static_cast<int64_t>(r) * width, width, rows[r] * width, h.data(), variables);
    }
  });
}

constexpr OpDef op(const char* name, const char* signature, KernelFn kernel) {
  return {.name = name, .signature = signature, .shape = shape::unknown, .kernel = kernel, .flags = kStateful};
}

constexpr OpDef kOps[] = {
    op("ResourceApplyAdagrad",
       "(var: resource, accum: resource, lr: T, grad: T) -> (); T: {numeric}; use_locking: bool = false; update_slots: bool = "
       "true",
       apply_kernel<Adagrad, 3>),
    op("ResourceApplyAdagradV2",
       "(var: resource, accum: resource, lr: T, epsilon: T, grad: T) -> (); T: {numeric}; use_locking: bool = false; "
       "update_slots: bool = true",
       apply_kernel<AdagradV2, 4>),
    op("ResourceApplyAdagradDA",
       "(var: resource, gradient_accumulator: resource, gradient_squared_accumulator: resource, grad: T, lr: T, l1: T, l2: T, "
       "global_step: int64) -> (); T: {numeric}; use_locking: bool = false",
       apply_kernel<AdagradDa, 3>),
    op("ResourceApplyAdadelta",
       "(var: resource, accum: resource, accum_update: resource, lr: T, rho: T, epsilon: T, grad: T) -> (); T: {numeric}; "
       "use_locking: bool = false",
       apply_kernel<Adadelta, 6>),
    op("ResourceApplyAdaMax",
       "(var: resource, m: resource, v: resource, beta1_power: T, lr: T, beta1: T, beta2: T, epsilon: T, grad: T) -> (); T: "
       "{numeric}; use_locking: bool = false",
       apply_kernel<AdaMax, 8>),
    op("ResourceApplyAdamWithAmsgrad",
       "(var: resource, m: resource, v: resource, vhat: resource, beta1_power: T, beta2_power: T, lr: T, beta1: T, beta2: T, "
       "epsilon: T, grad: T) -> (); T: {numeric}; use_locking: bool = false",
       apply_kernel<AmsGrad, 10>),
    op("ResourceApplyCenteredRMSProp",
       "(var: resource, mg: resource, ms: resource, mom: resource, lr: T, rho: T, momentum: T, epsilon: T, grad: T) -> (); T: "
       "{numeric}; use_locking: bool = false",
       apply_kernel<CenteredRmsProp, 8>),
    op("ResourceApplyPowerSign",
       "(var: resource, m: resource, lr: T, logbase: T, sign_decay: T, beta: T, grad: T) -> (); T: {numeric}; use_locking: bool "
       "= false",
       apply_kernel<PowerSign, 6>),
    op("ResourceApplyAddSign",
       "(var: resource, m: resource, lr: T, alpha: T, sign_decay: T, beta: T, grad: T) -> (); T: {numeric}; use_locking: bool = "
       "false",
       apply_kernel<AddSign, 6>),
    op("ResourceApplyProximalGradientDescent",
       "(var: resource, alpha: T, l1: T, l2: T, delta: T) -> (); T: {numeric}; use_locking: bool = false",
       apply_kernel<ProximalGradientDescent, 4>),
    op("ResourceApplyProximalAdagrad",
       "(var: resource, accum: resource, lr: T, l1: T, l2: T, grad: T) -> (); T: {numeric}; use_locking: bool = false",
       apply_kernel<ProximalAdagrad, 5>),
    op("ResourceApplyFtrl",
       "(var: resource, accum: resource, linear: resource, grad: T, lr: T, l1: T, l2: T, lr_power: T) -> (); T: {numeric}; "
       "use_locking: bool = false; multiply_linear_by_lr: bool = false",
       apply_kernel<Ftrl, 3>),
    op("ResourceApplyFtrlV2",
       "(var: resource, accum: resource, linear: resource, grad: T, lr: T, l1: T, l2: T, l2_shrinkage: T, lr_power: T) -> (); T: "
       "{numeric}; use_locking: bool = false; multiply_linear_by_lr: bool = false",
       apply_kernel<FtrlV2, 3>),
    op("ResourceSparseApplyAdagrad",
       "(var: resource, accum: resource, lr: T, grad: T, indices: Tindices) -> (); T: {numeric}; Tindices: {int32, int64}; "
       "use_locking: bool = false; update_slots: bool = true",
       sparse_apply_kernel<Adagrad, 3>),
    op("ResourceSparseApplyAdagradV2",
       "(var: resource, accum: resource, lr: T, epsilon: T, grad: T, indices: Tindices) -> (); T: {numeric}; Tindices: {int32, "
       "int64}; use_locking: bool = false; update_slots: bool = true",
       sparse_apply_kernel<AdagradV2, 4>),
    op("ResourceSparseApplyAdagradDA",
       "(var: resource, gradient_accumulator: resource, gradient_squared_accumulator: resource, grad: T, indices: Tindices, lr: "
       "T, l1: T, l2: T, global_step: int64) -> (); T: {numeric}; Tindices: {int32, int64}; use_locking: bool = false",
       sparse_apply_kernel<AdagradDa, 3>),
    op("ResourceSparseApplyAdadelta",
       "(var: resource, accum: resource, accum_update: resource, lr: T, rho: T, epsilon: T, grad: T, indices: Tindices) -> (); "
       "T: {numeric}; Tindices: {int32, int64}; use_locking: bool = false",
       sparse_apply_kernel<Adadelta, 6>),
    op("ResourceSparseApplyCenteredRMSProp",
       "(var: resource, mg: resource, ms: resource, mom: resource, lr: T, rho: T, momentum: T, epsilon: T, grad: T, indices: "
       "Tindices) -> (); T: {numeric}; Tindices: {int32, int64}; use_locking: bool = false",
       sparse_apply_kernel<CenteredRmsProp, 8>),
    op("ResourceSparseApplyRMSProp",
       "(var: resource, ms: resource, mom: resource, lr: T, rho: T, momentum: T, epsilon: T, grad: T, indices: Tindices) -> (); "
       "T: {numeric}; Tindices: {int32, int64}; use_locking: bool = false",
       sparse_apply_kernel<RmsProp, 7>),
    op("ResourceSparseApplyMomentum",
       "(var: resource, accum: resource, lr: T, grad: T, indices: Tindices, momentum: T) -> (); T: {numeric}; Tindices: {int32, "
       "int64}; use_locking: bool = false; use_nesterov: bool = false",
       sparse_apply_kernel<Momentum, 3>),
    op("ResourceSparseApplyKerasMomentum",
       "(var: resource, accum: resource, lr: T, grad: T, indices: Tindices, momentum: T) -> (); T: {numeric}; Tindices: {int32, "
       "int64}; use_locking: bool = false; use_nesterov: bool = false",
       sparse_apply_kernel<KerasMomentum, 3>),
    op("ResourceSparseApplyProximalGradientDescent",
       "(var: resource, alpha: T, l1: T, l2: T, grad: T, indices: Tindices) -> (); T: {numeric}; Tindices: {int32, int64}; "
       "use_locking: bool = false",
       sparse_apply_kernel<ProximalGradientDescent, 4>),
    op("ResourceSparseApplyProximalAdagrad",
       "(var: resource, accum: resource, lr: T, l1: T, l2: T, grad: T, indices: Tindices) -> (); T: {numeric}; Tindices: {int32, "
       "int64}; use_locking: bool = false",
       sparse_apply_kernel<ProximalAdagrad, 5>),
    op("ResourceSparseApplyFtrl",
       "(var: resource, accum: resource, linear: resource, grad: T, indices: Tindices, lr: T, l1: T, l2: T, lr_power: T) -> (); "
       "T: {numeric}; Tindices: {int32, int64}; use_locking: bool = false; multiply_linear_by_lr: bool = false",
       sparse_apply_kernel<Ftrl, 3>),
    op("ResourceSparseApplyFtrlV2",
       "(var: resource, accum: resource, linear: resource, grad: T, indices: Tindices, lr: T, l1: T, l2: T, l2_shrinkage: T, "
       "lr_power: T) -> (); T: {numeric}; Tindices: {int32, int64}; use_locking: bool = false; multiply_linear_by_lr: bool = "
       "false",
       sparse_apply_kernel<FtrlV2, 3>),
};

}  // namespace

std::span<const OpDef> optimizer_ops() { return kOps; }

}  // namespace keras
