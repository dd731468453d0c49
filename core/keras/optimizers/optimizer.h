// Optimizers of Keras 2.15 (the new family): SGD, RMSprop, Adam.
#pragma once

#include <map>

#include "core/graph/builder.h"
#include "core/keras/config/object.h"
#include "core/keras/constraints/constraint.h"
#include "core/keras/optimizers/update_rules.h"
#include "core/keras/trackable.h"

namespace keras {

/// A variable to be trained, its gradient and its constraint (or null).
struct GradientStep {
  VariablePtr variable;
  Value gradient;
  ConstraintPtr constraint;
};

class Optimizer : public ConfigObject, public Growing {
 public:
  Optimizer();

  Json get_config() const override;
  /// Takes the common keys and the class's own. Throws UnimplementedError: use_ema, a learning-rate schedule.
  virtual void load_config(Json& config, Session& session);
  /// Of the family that tf.keras had until 2.10 (legacy_optimizers.h).
  virtual bool is_legacy() const { return false; }

  /// Makes the slot variables. A second call with the same variables does nothing; with others the new ones get slots,
  /// the state of the old ones stays.
  void build(const std::vector<VariablePtr>& variables);
  bool built() const { return !trained_.empty(); }
  /// Adds one step for these gradients to the graph: clipping, weight decay, the update, constraints, the count.
  void apply_gradients(GraphBuilder& builder, std::vector<GradientStep> steps);

  /// In Keras's order, the iteration first; without the learning rate. "iteration", "Adam/m/dense/kernel", …
  std::vector<VariablePtr> variables() const;
  const VariablePtr& iterations() const { return iterations_; }
  const VariablePtr& learning_rate() const { return learning_rate_; }
  const std::vector<VariablePtr>& trained_variables() const { return trained_; }
  /// The optimizer's node in an object graph: `_variables`, `_iterations`, `_learning_rate`; once built, the lists of slots.
  virtual TrackedChildren tracked_children() const;
  /// Those that saved values are taken for, although they may not be in the graph yet.
  virtual TrackedChildren restorable_children() const { return tracked_children(); }
  /// The lists of slots as attributes: "_momentums" → variables.
  virtual std::vector<std::pair<std::string, std::vector<VariablePtr>>> slot_lists() const = 0;
  /// Slots that object graphs keep beside the optimizer's children, as references from a variable: those of legacy optimizers.
  virtual std::vector<std::string> referenced_slots() const { return {}; }
  /// One of them, made where it is not there yet; null for other names.
  VariablePtr referenced_slot(const VariablePtr& variable, const std::string& slot);
  /// A slot that is there, or null.
  VariablePtr find_slot(const Variable& variable, std::string_view slot) const;
  /// Sets variables() to these values. Throws ValueError if number or shapes differ.
  void set_weights(const std::vector<Tensor>& values);

  std::string name;
  std::optional<double> weight_decay, clipnorm, global_clipnorm, clipvalue;
  double ema_momentum = 0.99;
  Json ema_overwrite_frequency;

 protected:
  /// Names of the slots of one variable, in the order in which they are made, in groups: the slots of a group are made
  /// variable by variable, group after group.
  virtual std::vector<std::vector<std::string>> slot_groups() const = 0;
  virtual void update(UpdateStep& step) const = 0;
  virtual void put_own_config(Json& config) const = 0;
  virtual void take_own_config(Json& config, Session& session) = 0;
  std::vector<VariablePtr> slots_named(std::string_view slot) const;
  /// "Adam/m/dense/kernel"
  virtual std::string slot_name(const std::string& slot, const Variable& variable) const;
  /// The learning rate of the step that is being made.
  virtual Value step_rate(GraphBuilder& builder) const { return builder.read(learning_rate_); }
  void rename_scalars(std::string iterations, std::string learning_rate);

 private:
  /// A slot and the variable that it is of, which lives as long.
  struct SlotOf {
    VariablePtr variable, slot;
  };
  const VariablePtr& make_slot(const VariablePtr& variable, const std::string& slot);
  void clip(GraphBuilder& builder, std::vector<GradientStep>& steps) const;

  VariablePtr iterations_, learning_rate_;
  std::vector<VariablePtr> trained_;
  std::map<std::pair<const Variable*, std::string>, SlotOf> slots_;
};

using OptimizerPtr = std::shared_ptr<Optimizer>;

/// From a name ("adam"), or a config; one of a file of TF ≤ 2.10 makes a legacy optimizer. Throws ValueError for an unknown one.
OptimizerPtr make_optimizer(const Json& json, Session& session);
/// {"class_name": "Custom>Adam", "config": …}, as training_config has it.
Json serialize_optimizer(const Optimizer& optimizer);
std::vector<std::string> optimizer_class_names();

}  // namespace keras
