// Regularizers of Keras 2.15: penalties on weights or outputs, added to the loss.
#pragma once

#include "core/keras/config/object.h"
#include "core/ops/builders.h"

namespace keras {

class Regularizer : public ConfigObject {
 public:
  /// A scalar.
  virtual Value call(const Value& x) const = 0;
};

using RegularizerPtr = std::shared_ptr<Regularizer>;

RegularizerPtr make_regularizer(std::string_view key, const Json& json, Session& session);
std::span<const ClassEntry<Regularizer>> regularizer_classes();

template <>
struct ConfigValue<RegularizerPtr> {
  static constexpr std::string_view kKind = "regularizer";
  static Json to_json(const RegularizerPtr& value) {
    return value ? serialize_object(*value, "keras.regularizers", Dialect::kV3) : Json();
  }
  static RegularizerPtr from_json(std::string_view key, const Json& json, Session& session) {
    return json.is_null() ? nullptr : make_regularizer(key, json, session);
  }
};

}  // namespace keras
