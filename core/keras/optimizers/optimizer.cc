// The optimizer classes and what they share.
#include "core/keras/optimizers/optimizer.h"

#include <algorithm>

#include "core/keras/optimizers/legacy_optimizers.h"

namespace keras {
namespace {

constexpr float kDefaultLearningRate = 0.001f;

class SGD final : public Optimizer {
 public:
  static constexpr std::string_view kClassName = "SGD";
  double momentum = 0;
  bool nesterov = false;

  SGD() { learning_rate()->assign(Tensor::scalar(0.01f)); }
  std::string_view class_name() const override { return kClassName; }
  static const ConfigTable<SGD>& table() {
    static const ConfigTable<SGD> rows = {field("momentum", &SGD::momentum), field("nesterov", &SGD::nesterov)};
    return rows;
  }
  std::vector<std::pair<std::string, std::vector<VariablePtr>>> slot_lists() const override {
    return {{"momentums", slots_named("m")}};
  }

 protected:
  std::vector<std::vector<std::string>> slot_groups() const override { return {{"m"}}; }
  void update(UpdateStep& step) const override { apply_sgd(step, scalar_like(step.gradient, momentum), nesterov); }
  void put_own_config(Json& config) const override { put_config(*this, table(), config); }
  void take_own_config(Json& config, Session& session) override { take_config(*this, kClassName, table(), config, session); }
};

class RMSprop final : public Optimizer {
 public:
  static constexpr std::string_view kClassName = "RMSprop";
  double rho = 0.9, momentum = 0, epsilon = 1e-7;
  bool centered = false;

  RMSprop() { ema_overwrite_frequency = 100; }
  std::string_view class_name() const override { return kClassName; }
  static const ConfigTable<RMSprop>& table() {
    static const ConfigTable<RMSprop> rows = {field("rho", &RMSprop::rho), field("momentum", &RMSprop::momentum),
                                              field("epsilon", &RMSprop::epsilon), field("centered", &RMSprop::centered)};
    return rows;
  }
  std::vector<std::pair<std::string, std::vector<VariablePtr>>> slot_lists() const override {
    return {{"_velocities", slots_named("velocity")},
            {"_momentums", slots_named("momentum")},
            {"_average_gradients", slots_named("average_gradient")}};
  }

 protected:
  std::vector<std::vector<std::string>> slot_groups() const override {
    std::vector<std::vector<std::string>> groups = {{"velocity"}};
    if (momentum > 0) groups.push_back({"momentum"});
    if (centered) groups.push_back({"average_gradient"});
    return groups;
  }
  void update(UpdateStep& step) const override {
    const Value speed = momentum > 0 ? scalar_like(step.gradient, momentum) : Value();
    apply_rmsprop(step, {constant_coefficient(step, rho), speed, epsilon, centered});
  }
  void put_own_config(Json& config) const override { put_config(*this, table(), config); }
  void take_own_config(Json& config, Session& session) override { take_config(*this, kClassName, table(), config, session); }
};

class Adam final : public Optimizer {
 public:
  static constexpr std::string_view kClassName = "Adam";
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-7;
  bool amsgrad = false;

  std::string_view class_name() const override { return kClassName; }
  static const ConfigTable<Adam>& table() {
    static const ConfigTable<Adam> rows = {field("beta_1", &Adam::beta_1), field("beta_2", &Adam::beta_2),
                                           field("epsilon", &Adam::epsilon), field("amsgrad", &Adam::amsgrad)};
    return rows;
  }
  std::vector<std::pair<std::string, std::vector<VariablePtr>>> slot_lists() const override {
    std::vector<std::pair<std::string, std::vector<VariablePtr>>> lists = {{"_momentums", slots_named("m")},
                                                                           {"_velocities", slots_named("v")}};
    if (amsgrad) lists.emplace_back("_velocity_hats", slots_named("vhat"));
    return lists;
  }

 protected:
  std::vector<std::vector<std::string>> slot_groups() const override {
    std::vector<std::vector<std::string>> groups = {{"m", "v"}};
    if (amsgrad) groups.push_back({"vhat"});
    return groups;
  }
  void update(UpdateStep& step) const override {
    apply_adam(step, {constant_coefficient(step, beta_1), constant_coefficient(step, beta_2), epsilon, amsgrad});
  }
  void put_own_config(Json& config) const override { put_config(*this, table(), config); }
  void take_own_config(Json& config, Session& session) override { take_config(*this, kClassName, table(), config, session); }
};

struct OptimizerEntry {
  std::string_view class_name, alias;
  OptimizerPtr (*make)();
};

template <class T>
OptimizerPtr make() {
  auto optimizer = std::make_shared<T>();
  optimizer->name = std::string(T::kClassName);
  return optimizer;
}

constexpr OptimizerEntry kOptimizers[] = {
    {"SGD", "sgd", make<SGD>}, {"RMSprop", "rmsprop", make<RMSprop>}, {"Adam", "adam", make<Adam>}};

VariablePtr scalar_variable(std::string name, Tensor value) {
  return std::make_shared<Variable>(std::move(name), std::move(value), false);
}

Json optional_number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

/// g · c / max(‖g‖, c)
Value clip_by_norm(const Value& g, double c) {
  const Value norm = sqrt(reduce_sum(square(g)));
  return div(mul(g, c), maximum(norm, scalar_like(norm, c)));
}

}  // namespace

Optimizer::Optimizer()
    : iterations_(scalar_variable("iteration", Tensor::scalar(int64_t{0}))),
      learning_rate_(scalar_variable("learning_rate", Tensor::scalar(kDefaultLearningRate))) {}

Json Optimizer::get_config() const {
  Json config = {{"name", name},
                 {"weight_decay", optional_number(weight_decay)},
                 {"clipnorm", optional_number(clipnorm)},
                 {"global_clipnorm", optional_number(global_clipnorm)},
                 {"clipvalue", optional_number(clipvalue)},
                 {"use_ema", false},
                 {"ema_momentum", ema_momentum},
                 {"ema_overwrite_frequency", ema_overwrite_frequency},
                 {"jit_compile", false},
                 {"is_legacy_optimizer", false},
                 {"learning_rate", static_cast<double>(learning_rate_->value().data<float>()[0])}};
  put_own_config(config);
  return config;
}

void Optimizer::load_config(Json& config, Session& session) {
  const auto take = [&](const char* key) {
    const Json value = json_get(config, key);
    config.erase(key);
    return value;
  };
  const Json given_name = take("name");
  if (given_name.is_string()) name = given_name.get<std::string>();
  const auto number = [&](const char* key, std::optional<double>& member) {
    const Json value = take(key);
    if (!value.is_null()) member = ConfigValue<double>::from_json(key, value, session);
  };
  number("weight_decay", weight_decay);
  number("clipnorm", clipnorm);
  number("global_clipnorm", global_clipnorm);
  number("clipvalue", clipvalue);
  const Json momentum = take("ema_momentum");
  if (momentum.is_number()) ema_momentum = momentum.get<double>();
  if (config.contains("ema_overwrite_frequency")) ema_overwrite_frequency = take("ema_overwrite_frequency");
  if (take("use_ema") == true) throw UnimplementedError("Optimizer {}: use_ema is not supported", class_name());
  for (const char* key : {"jit_compile", "is_legacy_optimizer"}) take(key);
  for (const char* key : {"loss_scale_factor", "gradient_accumulation_steps"}) {  // of Keras 3
    if (!take(key).is_null()) throw UnimplementedError("Optimizer {}: {} is not supported", class_name(), key);
  }
  const Json rate = take("learning_rate");
  if (rate.is_number()) {
    learning_rate_->assign(Tensor::scalar(rate.get<float>()));
  } else if (!rate.is_null()) {
    throw UnimplementedError("Optimizer {}: the learning-rate schedule {} is not supported", class_name(),
                             dump_json(json_get(rate, "class_name")));
  }
  take_own_config(config, session);
  if (weight_decay.has_value() && *weight_decay < 0)
    throw ValueError("weight_decay must not be negative. Received: {}", *weight_decay);
}

void Optimizer::build(const std::vector<VariablePtr>& variables) {
  trained_ = variables;
  bool made_any = false;
  for (const auto& group : slot_groups()) {
    for (const VariablePtr& variable : variables) {
      for (const std::string& slot : group) {
        made_any = made_any || find_slot(*variable, slot) == nullptr;
        make_slot(variable, slot);
      }
    }
  }
  if (made_any) grew();
}

VariablePtr Optimizer::find_slot(const Variable& variable, std::string_view slot) const {
  const auto found = slots_.find({&variable, std::string(slot)});
  return found == slots_.end() ? nullptr : found->second.slot;
}

const VariablePtr& Optimizer::make_slot(const VariablePtr& variable, const std::string& slot) {
  SlotOf& place = slots_[{variable.get(), slot}];
  if (!place.slot) {
    const Tensor zeros = Tensor::zeros(variable->dtype(), variable->shape());
    place = {variable, std::make_shared<Variable>(slot_name(slot, *variable), zeros, false)};
  }
  return place.slot;
}

VariablePtr Optimizer::referenced_slot(const VariablePtr& variable, const std::string& slot) {
  const std::vector<std::string> names = referenced_slots();
  return std::ranges::find(names, slot) != names.end() ? make_slot(variable, slot) : nullptr;
}

TrackedChildren Optimizer::tracked_children() const {
  const auto list = [](const std::vector<VariablePtr>& variables) {
    auto container = std::make_shared<Container>(Container{"trackable_list_wrapper"});
    for (size_t i = 0; i < variables.size(); ++i)
      container->children.emplace_back(std::to_string(i), Trackable{.variable = variables[i]});
    return Trackable{.container = container};
  };
  TrackedChildren children = {{"_variables", list(variables())},
                              {"_iterations", {.variable = iterations_}},
                              {"_learning_rate", {.variable = learning_rate_}}};
  if (!built()) return children;
  children.emplace_back("_index_dict", Trackable{.container = std::make_shared<Container>(Container{"trackable_dict_wrapper"})});
  for (const auto& [name, variables] : slot_lists()) children.emplace_back(name, list(variables));
  return children;
}

std::string Optimizer::slot_name(const std::string& slot, const Variable& variable) const {
  return name + "/" + slot + "/" + variable.name();
}

void Optimizer::rename_scalars(std::string iterations, std::string learning_rate) {
  iterations_ = scalar_variable(std::move(iterations), iterations_->value());
  learning_rate_ = scalar_variable(std::move(learning_rate), learning_rate_->value());
}

std::vector<VariablePtr> Optimizer::variables() const {
  std::vector<VariablePtr> result = {iterations_};
  for (const auto& group : slot_groups()) {
    for (const VariablePtr& variable : trained_) {
      for (const std::string& slot : group) result.push_back(slots_.at({variable.get(), slot}).slot);
    }
  }
  return result;
}

std::vector<VariablePtr> Optimizer::slots_named(std::string_view slot) const {
  std::vector<VariablePtr> result;
  for (const VariablePtr& variable : trained_) {
    if (VariablePtr found = find_slot(*variable, slot)) result.push_back(std::move(found));
  }
  return result;
}

void Optimizer::set_weights(const std::vector<Tensor>& values) {
  const std::vector<VariablePtr> own = variables();
  if (values.size() != own.size()) {
    throw ValueError("Optimizer '{}' has {} variables, but {} values were given", name, own.size(), values.size());
  }
  for (size_t i = 0; i < own.size(); ++i) own[i]->assign(values[i]);
}

void Optimizer::clip(GraphBuilder& builder, std::vector<GradientStep>& steps) const {
  if (clipnorm) {
    for (GradientStep& step : steps) step.gradient = clip_by_norm(step.gradient, *clipnorm);
  } else if (global_clipnorm) {
    Value sum = builder.constant(Tensor::scalar(0.0f));
    for (const GradientStep& step : steps) sum = add(sum, reduce_sum(square(step.gradient)));
    const Value norm = sqrt(sum), limit = scalar_like(norm, *global_clipnorm);
    const Value scale = mul(minimum(div(1.0, norm), div(1.0, limit)), limit);
    for (GradientStep& step : steps) step.gradient = mul(step.gradient, scale);
  } else if (clipvalue) {
    for (GradientStep& step : steps) step.gradient = keras::clip(step.gradient, -*clipvalue, *clipvalue);
  }
}

void Optimizer::apply_gradients(GraphBuilder& builder, std::vector<GradientStep> steps) {
  std::erase_if(steps, [](const GradientStep& step) { return !step.gradient.valid(); });
  clip(builder, steps);
  const Value learning_rate = step_rate(builder);
  if (weight_decay && *weight_decay > 0) {
    for (const GradientStep& step : steps) {
      builder.assign_sub(step.variable,
                         mul(mul(builder.read(step.variable), *weight_decay), cast(learning_rate, step.variable->dtype())));
    }
  }
  const Value step_number = add(builder.read(iterations_), 1.0);
  for (const GradientStep& step : steps) {
    UpdateStep update_step{builder,
                           step.variable,
                           {},
                           step.gradient,
                           cast(learning_rate, step.gradient.dtype()),
                           cast(step_number, step.gradient.dtype())};
    for (const auto& group : slot_groups()) {
      for (const std::string& slot : group) update_step.slots.push_back(slots_.at({step.variable.get(), slot}).slot);
    }
    update(update_step);
    if (step.constraint) builder.assign(step.variable, step.constraint->call(builder.read(step.variable)));
  }
  builder.assign_add(iterations_, builder.constant(Tensor::scalar(int64_t{1})));
}

OptimizerPtr make_optimizer(const Json& json, Session& session) {
  ObjectConfig parsed = parse_object_config("optimizer", json);
  for (const OptimizerEntry& entry : kOptimizers) {
    std::string lower = parsed.class_name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (lower != entry.alias) continue;
    // Files of TF ≤ 2.10, and tf.keras.optimizers.legacy: other formulas, other state.
    const Json& legacy = json_get(parsed.config, "is_legacy_optimizer");
    const bool old_family = legacy == true || (parsed.package.empty() && legacy.is_null() && parsed.config.contains("decay"));
    OptimizerPtr optimizer = old_family ? make_legacy_optimizer(entry.class_name) : entry.make();
    optimizer->load_config(parsed.config, session);
    reject_leftovers(entry.class_name, parsed.config);
    return optimizer;
  }
  throw ValueError(
      "Unknown optimizer: '{}'. Please ensure you are using a `keras.utils.customObjectScope` and that this object "
      "is included in the scope.",
      parsed.class_name);
}

Json serialize_optimizer(const Optimizer& optimizer) {
  const std::string package = optimizer.is_legacy() ? "" : "Custom>";
  return {{"class_name", package + std::string(optimizer.class_name())}, {"config", optimizer.get_config()}};
}

std::vector<std::string> optimizer_class_names() {
  std::vector<std::string> names;
  for (const OptimizerEntry& entry : kOptimizers) names.emplace_back(entry.class_name);
  return names;
}

}  // namespace keras
