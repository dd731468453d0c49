// Constraints of Keras 2.15: what a weight is projected to after each training step.
#pragma once

#include "core/keras/config/object.h"
#include "core/ops/builders.h"

namespace keras {

class Constraint : public ConfigObject {
 public:
  /// The projected weight, of the same shape.
  virtual Value call(const Value& weight) const = 0;
};

using ConstraintPtr = std::shared_ptr<Constraint>;

ConstraintPtr make_constraint(std::string_view key, const Json& json, Session& session);
std::span<const ClassEntry<Constraint>> constraint_classes();

template <>
struct ConfigValue<ConstraintPtr> {
  static constexpr std::string_view kKind = "constraint";
  static Json to_json(const ConstraintPtr& value) {
    return value ? serialize_object(*value, "keras.constraints", Dialect::kV3) : Json();
  }
  static ConstraintPtr from_json(std::string_view key, const Json& json, Session& session) {
    return json.is_null() ? nullptr : make_constraint(key, json, session);
  }
};

}  // namespace keras
