// Initializers of Keras 2.15. With a seed, the values are those of real Keras (uniform kinds bit for bit).
#pragma once

#include "core/keras/config/object.h"
#include "core/tensor/tensor.h"

namespace keras {

class Initializer : public ConfigObject {
 public:
  /// Values for a variable. Throws ValueError where the initializer cannot make this shape or dtype.
  virtual Tensor call(const Shape& shape, DType dtype, Session& session) = 0;
};

using InitializerPtr = std::shared_ptr<Initializer>;

InitializerPtr make_initializer(std::string_view key, const Json& json, Session& session);
InitializerPtr make_initializer(std::string_view name, Session& session);
/// Class names, for docs and JS factories.
std::span<const ClassEntry<Initializer>> initializer_classes();

template <>
struct ConfigValue<InitializerPtr> {
  static constexpr std::string_view kKind = "initializer";
  static Json to_json(const InitializerPtr& value) {
    return value ? serialize_object(*value, "keras.initializers", Dialect::kV3) : Json();
  }
  static InitializerPtr from_json(std::string_view key, const Json& json, Session& session) {
    return json.is_null() ? nullptr : make_initializer(key, json, session);
  }
};

}  // namespace keras
