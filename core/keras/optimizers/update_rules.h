// One step of each optimizer of Keras 2.15 for one variable, as a graph.
#pragma once

#include <vector>

#include "core/graph/builder.h"
#include "core/ops/builders.h"

namespace keras {

/// What a rule needs: the variable and its slots (in Keras's order), its gradient, and scalars of the step.
struct UpdateStep {
  GraphBuilder& builder;
  const VariablePtr& variable;
  std::vector<VariablePtr> slots;
  Value gradient;
  Value learning_rate;  // scalar, the variable's dtype
  Value step_number;    // scalar, the variable's dtype: 1 in the first step
};

/// A hyperparameter x and 1 − x, scalars of the gradient's dtype.
struct Coefficient {
  Value value, complement;
};
/// Of numbers that never change: 1 − x is rounded once.
Coefficient constant_coefficient(const UpdateStep& step, double x);

/// m ← momentum·m − lr·g; w ← w + m, or (Nesterov) w ← w + momentum·m − lr·g. Slots: m.
void apply_sgd(UpdateStep& step, const Value& momentum, bool nesterov);

struct RMSpropOptions {
  Coefficient rho;
  Value momentum;  // not valid(): none
  double epsilon;
  bool centered;
};
/// v ← ρ·v + (1−ρ)·g²; w ← w − lr·g / √(v + ε). Slots: velocity [, momentum] [, average_gradient].
void apply_rmsprop(UpdateStep& step, const RMSpropOptions& options);

/// That of the legacy family: the velocity is called rms, ε stands outside of the root unless there is momentum, which is that
/// of ResourceApplyRMSProp. Slots: rms [, momentum] [, mg].
void apply_legacy_rmsprop(UpdateStep& step, const RMSpropOptions& options);

struct AdamOptions {
  Coefficient beta_1, beta_2;
  double epsilon;
  bool amsgrad;
};
/// m ← m + (g−m)(1−β₁); v ← v + (g²−v)(1−β₂); w ← w − α·m / (√v + ε), α = lr·√(1−β₂ᵗ)/(1−β₁ᵗ). Slots: m, v [, vhat].
void apply_adam(UpdateStep& step, const AdamOptions& options);

}  // namespace keras
