// Update rules. The common forms are one fused op each, one pass over the weights; the rest is written out.
#include "core/keras/optimizers/update_rules.h"

namespace keras {

Coefficient constant_coefficient(const UpdateStep& step, double x) {
  return {scalar_like(step.gradient, x), scalar_like(step.gradient, 1 - x)};
}

void apply_sgd(UpdateStep& step, const Value& momentum, bool nesterov) {
  GraphBuilder& b = step.builder;
  const std::array inputs = {b.handle(step.variable), b.handle(step.slots[0]), step.learning_rate, step.gradient, momentum};
  b.emit("ResourceApplyKerasMomentum", inputs, {{"use_nesterov", nesterov}});
}

void apply_rmsprop(UpdateStep& step, const RMSpropOptions& options) {
  GraphBuilder& b = step.builder;
  const Value& g = step.gradient;
  const VariablePtr& velocity = step.slots[0];
  b.assign(velocity, add(mul(b.read(velocity), options.rho.value), mul(square(g), options.rho.complement)));
  Value denominator = add(b.read(velocity), options.epsilon);
  if (options.centered) {
    const VariablePtr& average = step.slots.back();
    b.assign(average, add(mul(b.read(average), options.rho.value), mul(g, options.rho.complement)));
    denominator = add(sub(b.read(velocity), square(b.read(average))), options.epsilon);
  }
  Value increment = mul(mul(step.learning_rate, g), rsqrt(denominator));
  if (options.momentum.valid()) {
    const VariablePtr& momentum = step.slots[1];
    b.assign(momentum, add(mul(b.read(momentum), options.momentum), increment));
    increment = b.read(momentum);
  }
  b.assign_sub(step.variable, increment);
}

void apply_legacy_rmsprop(UpdateStep& step, const RMSpropOptions& options) {
  if (options.momentum.valid()) return apply_rmsprop(step, options);
  GraphBuilder& b = step.builder;
  const Value& g = step.gradient;
  const VariablePtr& rms = step.slots[0];
  b.assign(rms, add(mul(b.read(rms), options.rho.value), mul(square(g), options.rho.complement)));
  Value mean_square = b.read(rms);
  if (options.centered) {
    const VariablePtr& mean = step.slots[1];
    b.assign(mean, add(mul(b.read(mean), options.rho.value), mul(g, options.rho.complement)));
    mean_square = sub(mean_square, square(b.read(mean)));
  }
  b.assign_sub(step.variable, div(mul(step.learning_rate, g), add(sqrt(mean_square), options.epsilon)));
}

void apply_adam(UpdateStep& step, const AdamOptions& options) {
  GraphBuilder& b = step.builder;
  const Value& g = step.gradient;
  const Value beta_1_power = pow(options.beta_1.value, step.step_number);
  const Value beta_2_power = pow(options.beta_2.value, step.step_number);
  if (!options.amsgrad) {
    const std::array inputs = {b.handle(step.variable),
                               b.handle(step.slots[0]),
                               b.handle(step.slots[1]),
                               beta_1_power,
                               beta_2_power,
                               step.learning_rate,
                               options.beta_1.value,
                               options.beta_2.value,
                               scalar_like(g, options.epsilon),
                               g};
    b.emit("ResourceApplyAdam", inputs);
    return;
  }
  const VariablePtr &m = step.slots[0], &v = step.slots[1], &vhat = step.slots[2];
  b.assign_add(m, mul(sub(g, b.read(m)), options.beta_1.complement));
  b.assign_add(v, mul(sub(square(g), b.read(v)), options.beta_2.complement));
  b.assign(vhat, maximum(b.read(vhat), b.read(v)));
  const Value alpha = div(mul(step.learning_rate, sqrt(sub(1.0, beta_2_power))), sub(1.0, beta_1_power));
  b.assign_sub(step.variable, div(mul(b.read(m), alpha), add(sqrt(b.read(vhat)), options.epsilon)));
}

}  // namespace keras
