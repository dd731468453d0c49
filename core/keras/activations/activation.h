// Activations of Keras 2.15, by name.
#pragma once

#include "core/keras/config/config_table.h"
#include "core/ops/builders.h"

namespace keras {

/// One row of the table of activations.
struct ActivationDef {
  std::string_view name;
  Value (*call)(const Value& x);
};

std::span<const ActivationDef> activation_functions();

/// A named activation; "linear" by default.
class Activation {
 public:
  Activation() : Activation("linear") {}
  /// Throws ValueError for an unknown name.
  explicit Activation(std::string_view name);

  std::string_view name() const { return def_->name; }
  Value operator()(const Value& x) const { return def_->call(x); }

 private:
  const ActivationDef* def_;
};

template <>
struct ConfigValue<Activation> {
  static constexpr std::string_view kKind = "activation";
  static Json to_json(const Activation& value) { return std::string(value.name()); }
  /// A name, null (linear), or {"class_name": "function", "config": name}.
  static Activation from_json(std::string_view key, const Json& json, Session& session);
};

}  // namespace keras
