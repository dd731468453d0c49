// The optimizers that tf.keras had until 2.10, and has in `tf.keras.optimizers.legacy`: what files of those years were trained
// with. Their formulas, state and configs differ from those of the new family. Source: keras/src/optimizers/legacy/.
#include "core/keras/optimizers/legacy_optimizers.h"

#include <algorithm>

namespace keras {
namespace {

/// Slots are made one kind after the other, and named after the variable: "Adam/dense/kernel/m". Hyperparameters are variables,
/// which checkpoints hold.
class LegacyOptimizer : public Optimizer {
 public:
  double decay = 0;

  bool is_legacy() const override { return true; }
  Json get_config() const override {
    Json config = {{"name", name}};
    if (clipnorm) config["clipnorm"] = *clipnorm;
    if (clipvalue) config["clipvalue"] = *clipvalue;
    if (global_clipnorm) config["global_clipnorm"] = *global_clipnorm;
    config["learning_rate"] = static_cast<double>(learning_rate()->value().data<float>()[0]);
    config["decay"] = decay;
    put_own_config(config);
    for (const auto& [key, variable] : hypers_) {
      const float value = variable->value().data<float>()[0];
      if (config[key].get<float>() != value) config[key] = static_cast<double>(value);  // a checkpoint's
    }
    return config;
  }
  void load_config(Json& config, Session& session) override {
    if (config.contains("lr")) {  // Keras before 2.3
      config["learning_rate"] = config["lr"];
      config.erase("lr");
    }
    const Json given = json_get(config, "decay");
    if (!given.is_null()) decay = ConfigValue<double>::from_json("decay", given, session);
    config.erase("decay");
    if (json_get(config, "epsilon").is_null()) config.erase("epsilon");  // Keras's own, 1e-7
    Optimizer::load_config(config, session);
    rename_scalars(name + "/iter", name + "/learning_rate");
    decay_ = scalar("decay", decay);
    for (const auto& [key, value] : own_hypers()) hypers_[key] = scalar(key, value);
  }
  /// Keras makes them in the first step.
  TrackedChildren tracked_children() const override {
    const bool made = built() || iterations()->value().number_at(0) != 0;
    return made ? restorable_children() : TrackedChildren{};
  }
  /// In the order in which Keras makes them: the iteration, then hyperparameters by name.
  TrackedChildren restorable_children() const override {
    std::map<std::string, VariablePtr> by_name = hypers_;
    by_name["decay"] = decay_;
    by_name["learning_rate"] = learning_rate();
    TrackedChildren children = {{"iter", {.variable = iterations()}}};
    for (const auto& [key, variable] : by_name) children.emplace_back(key, Trackable{.variable = variable});
    return children;
  }
  std::vector<std::pair<std::string, std::vector<VariablePtr>>> slot_lists() const override { return {}; }

 protected:
  /// The class's own hyperparameters, of its config.
  virtual std::vector<std::pair<std::string, double>> own_hypers() const = 0;
  std::string slot_name(const std::string& slot, const Variable& variable) const override {
    return name + "/" + variable.name() + "/" + slot;
  }
  /// learning_rate / (1 + decay · iterations). Keras takes the config's decay, not the variable.
  Value step_rate(GraphBuilder& builder) const override {
    const Value rate = builder.read(learning_rate());
    if (decay == 0) return rate;
    return div(rate, add(mul(cast(builder.read(iterations()), DType::kFloat32), decay), 1.0));
  }
  Value hyper(const UpdateStep& step, const std::string& key) const {
    return cast(step.builder.read(hypers_.at(key)), step.gradient.dtype());
  }
  Coefficient coefficient(const UpdateStep& step, const std::string& key) const {
    const Value value = hyper(step, key);
    return {value, sub(1.0, value)};
  }

 private:
  VariablePtr scalar(const std::string& key, double value) const {
    return std::make_shared<Variable>(name + "/" + key, Tensor::scalar(static_cast<float>(value)), false);
  }

  std::map<std::string, VariablePtr> hypers_;
  VariablePtr decay_;
};

class LegacySGD final : public LegacyOptimizer {
 public:
  static constexpr std::string_view kClassName = "SGD";
  double momentum = 0;
  bool nesterov = false;

  LegacySGD() { learning_rate()->assign(Tensor::scalar(0.01f)); }
  std::string_view class_name() const override { return kClassName; }
  static const ConfigTable<LegacySGD>& table() {
    static const ConfigTable<LegacySGD> rows = {field("momentum", &LegacySGD::momentum), field("nesterov", &LegacySGD::nesterov)};
    return rows;
  }

 protected:
  std::vector<std::vector<std::string>> slot_groups() const override {
    return momentum > 0 ? std::vector<std::vector<std::string>>{{"momentum"}} : std::vector<std::vector<std::string>>{};
  }
  std::vector<std::string> referenced_slots() const override { return {"momentum"}; }
  std::vector<std::pair<std::string, double>> own_hypers() const override { return {{"momentum", momentum}}; }
  void update(UpdateStep& step) const override {
    if (momentum > 0) return apply_sgd(step, hyper(step, "momentum"), nesterov);
    step.builder.assign_sub(step.variable, mul(step.learning_rate, step.gradient));
  }
  void put_own_config(Json& config) const override { put_config(*this, table(), config); }
  void take_own_config(Json& config, Session& session) override { take_config(*this, kClassName, table(), config, session); }
};

class LegacyRMSprop final : public LegacyOptimizer {
 public:
  static constexpr std::string_view kClassName = "RMSprop";
  double rho = 0.9, momentum = 0, epsilon = 1e-7;
  bool centered = false;

  std::string_view class_name() const override { return kClassName; }
  static const ConfigTable<LegacyRMSprop>& table() {
    static const ConfigTable<LegacyRMSprop> rows = {
        field("rho", &LegacyRMSprop::rho), field("momentum", &LegacyRMSprop::momentum), field("epsilon", &LegacyRMSprop::epsilon),
        field("centered", &LegacyRMSprop::centered)};
    return rows;
  }

 protected:
  std::vector<std::vector<std::string>> slot_groups() const override {
    std::vector<std::vector<std::string>> groups = {{"rms"}};
    if (momentum > 0) groups.push_back({"momentum"});
    if (centered) groups.push_back({"mg"});
    return groups;
  }
  std::vector<std::string> referenced_slots() const override { return {"rms", "momentum", "mg"}; }
  std::vector<std::pair<std::string, double>> own_hypers() const override { return {{"momentum", momentum}, {"rho", rho}}; }
  void update(UpdateStep& step) const override {
    const Value speed = momentum > 0 ? hyper(step, "momentum") : Value();
    apply_legacy_rmsprop(step, {coefficient(step, "rho"), speed, epsilon, centered});
  }
  void put_own_config(Json& config) const override { put_config(*this, table(), config); }
  void take_own_config(Json& config, Session& session) override { take_config(*this, kClassName, table(), config, session); }
};

class LegacyAdam final : public LegacyOptimizer {
 public:
  static constexpr std::string_view kClassName = "Adam";
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-7;
  bool amsgrad = false;

  std::string_view class_name() const override { return kClassName; }
  static const ConfigTable<LegacyAdam>& table() {
    static const ConfigTable<LegacyAdam> rows = {field("beta_1", &LegacyAdam::beta_1), field("beta_2", &LegacyAdam::beta_2),
                                                 field("epsilon", &LegacyAdam::epsilon), field("amsgrad", &LegacyAdam::amsgrad)};
    return rows;
  }

 protected:
  std::vector<std::vector<std::string>> slot_groups() const override {
    std::vector<std::vector<std::string>> groups = {{"m"}, {"v"}};
    if (amsgrad) groups.push_back({"vhat"});
    return groups;
  }
  std::vector<std::string> referenced_slots() const override { return {"m", "v", "vhat"}; }
  std::vector<std::pair<std::string, double>> own_hypers() const override { return {{"beta_1", beta_1}, {"beta_2", beta_2}}; }
  void update(UpdateStep& step) const override {
    apply_adam(step, {coefficient(step, "beta_1"), coefficient(step, "beta_2"), epsilon, amsgrad});
  }
  void put_own_config(Json& config) const override { put_config(*this, table(), config); }
  void take_own_config(Json& config, Session& session) override { take_config(*this, kClassName, table(), config, session); }
};

}  // namespace

OptimizerPtr make_legacy_optimizer(std::string_view class_name) {
  OptimizerPtr optimizer;
  if (class_name == LegacySGD::kClassName) optimizer = std::make_shared<LegacySGD>();
  if (class_name == LegacyRMSprop::kClassName) optimizer = std::make_shared<LegacyRMSprop>();
  if (class_name == LegacyAdam::kClassName) optimizer = std::make_shared<LegacyAdam>();
  if (optimizer != nullptr) optimizer->name = std::string(class_name);
  return optimizer;
}

}  // namespace keras
