// Loss objects of Keras 2.15: a loss function, its options and a reduction.
#pragma once

#include "core/keras/config/object.h"
#include "core/keras/losses/loss_functions.h"

namespace keras {

struct LossDef;

class Loss final : public ConfigObject {
 public:
  Loss(const LossDef& def, bool from_object) : def_(&def), from_object_(from_object) {}

  std::string_view class_name() const override;
  Json get_config() const override;
  /// The scalar that training minimises: mean (or sum) over samples of loss · weight.
  /// `sample_weight` [batch] or [batch, …], or not valid().
  Value call(const Value& y_true, const Value& y_pred, const Value& sample_weight) const;
  /// One value for each sample.
  Value per_sample(const Value& y_true, const Value& y_pred) const;
  /// Written to a training_config as a plain name ("mse"), or as an object.
  const std::string& given_name() const { return given_name_; }
  void set_given_name(std::string name) { given_name_ = std::move(name); }
  bool from_object() const { return from_object_; }
  /// Takes the options out of `config`. Throws ValueError for a bad reduction.
  void load_config(Json& config, Session& session);

  LossOptions options;
  std::string name, reduction = "auto";

 private:
  const LossDef* def_;
  bool from_object_;
  std::string given_name_;
};

using LossPtr = std::shared_ptr<Loss>;

/// From a function's name ("mse", "sparse_categorical_crossentropy"), a class name or a config.
/// Throws ValueError for an unknown loss.
LossPtr make_loss(const Json& json, Session& session);
/// The loss function of this name, or null.
LossFunction find_loss_function(std::string_view name);
/// "mse" → "mean_squared_error".
std::string_view canonical_loss_name(std::string_view name);
std::vector<std::string> loss_class_names();

}  // namespace keras
