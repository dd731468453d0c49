// What initializers, regularizers, constraints, losses, metrics and optimizers have in common: a class name, a config,
// and the forms in which Keras writes the two.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/keras/config/config_table.h"

namespace keras {

/// The forms in which an object stands in a file (shared spec: "dialects").
enum class Dialect {
  kSavedModel,  // {"class_name", "config"}
  kH5,          // layers as in kSavedModel, nested objects as in kV3
  kV3,          // {"module", "class_name", "config", "registered_name"}: to_json() and .keras
};

class ConfigObject {
 public:
  virtual ~ConfigObject() = default;
  virtual std::string_view class_name() const = 0;
  virtual Json get_config() const = 0;
};

/// {"class_name": …, "config": …}, with module and registered_name in the v3 form.
Json serialize_object(const ConfigObject& object, std::string_view module, Dialect dialect);

/// A config that names an object: a plain name, {"class_name", "config"} or the v3 form.
struct ObjectConfig {
  std::string class_name;  // without "Package>"
  std::string package;     // "" for built-ins
  Json config;             // an object
};
/// Throws ValueError naming `key` if `json` is none of these.
ObjectConfig parse_object_config(std::string_view key, const Json& json);

/// What derived classes need beside their table.
template <class Derived, class Base>
class Configured : public Base {
 public:
  std::string_view class_name() const override { return Derived::kClassName; }
  Json get_config() const override {
    Json config = Json::object();
    put_config(static_cast<const Derived&>(*this), Derived::table(), config);
    return config;
  }
  /// Takes what it knows out of `config`; what is left is unknown.
  static std::shared_ptr<Base> from_config(Json& config, Session& session) {
    auto object = std::make_shared<Derived>();
    take_config(*object, Derived::kClassName, Derived::table(), config, session);
    return object;
  }
};

/// One row of a class registry.
template <class Base>
struct ClassEntry {
  std::string_view class_name;
  std::string_view alias;  // a function-like name: "glorot_uniform"; empty for none
  std::shared_ptr<Base> (*make)(Json& config, Session& session);
};

template <class Base>
const ClassEntry<Base>* find_class(std::span<const ClassEntry<Base>> entries, std::string_view name) {
  for (const ClassEntry<Base>& entry : entries) {
    if (entry.class_name == name || (!entry.alias.empty() && entry.alias == name)) return &entry;
  }
  return nullptr;
}

/// Throws TypeError for keys that the class does not know.
void reject_leftovers(std::string_view class_name, const Json& config);

/// From any of the forms. `what` ("initializer") serves the error message. Throws ValueError for an unknown class.
template <class Base>
std::shared_ptr<Base> make_object(std::span<const ClassEntry<Base>> entries, std::string_view what, std::string_view key,
                                  const Json& json, Session& session) {
  ObjectConfig parsed = parse_object_config(key, json);
  const ClassEntry<Base>* entry = find_class(entries, parsed.class_name);
  if (entry == nullptr) {
    throw ValueError(
        "Unknown {}: '{}'. Please ensure you are using a `keras.utils.customObjectScope` and that this object is included "
        "in the scope.",
        what, parsed.class_name);
  }
  auto object = entry->make(parsed.config, session);
  reject_leftovers(entry->class_name, parsed.config);
  return object;
}

}  // namespace keras
