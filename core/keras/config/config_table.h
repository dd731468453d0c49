// Config tables: a class states each key of its config once (key, member, default); get_config(), from_config(), the
// arguments of the JS factory and their TypeScript types are made from that.
#pragma once

#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/keras/config/json.h"
#include "core/tensor/shape.h"

namespace keras {

class Session;

/// How a member of type T is written to and read from a config. Specialised for what configs hold.
template <class T>
struct ConfigValue;

[[noreturn]] inline void config_mismatch(std::string_view key, const Json& value, std::string_view wanted) {
  throw ValueError("Argument `{}` must be {}. Received: {}", key, wanted, dump_json(value));
}

template <>
struct ConfigValue<int64_t> {
  static constexpr std::string_view kKind = "int";
  static Json to_json(int64_t value) { return value; }
  static int64_t from_json(std::string_view key, const Json& json, Session&) {
    if (json.is_number_float()) {
      const double value = json.get<double>();
      if (std::abs(value) < 9e15 && value == std::floor(value)) return static_cast<int64_t>(value);
    }
    if (!json.is_number_integer()) config_mismatch(key, json, "an integer");
    return json.get<int64_t>();
  }
};

template <>
struct ConfigValue<double> {
  static constexpr std::string_view kKind = "float";
  static Json to_json(double value) { return value; }
  static double from_json(std::string_view key, const Json& json, Session&) {
    if (!json.is_number()) config_mismatch(key, json, "a number");
    return json.get<double>();
  }
};

template <>
struct ConfigValue<bool> {
  static constexpr std::string_view kKind = "bool";
  static Json to_json(bool value) { return value; }
  static bool from_json(std::string_view key, const Json& json, Session&) {
    if (json.is_number_integer()) return json.get<int64_t>() != 0;
    if (!json.is_boolean()) config_mismatch(key, json, "a boolean");
    return json.get<bool>();
  }
};

template <>
struct ConfigValue<std::string> {
  static constexpr std::string_view kKind = "string";
  static Json to_json(const std::string& value) { return value; }
  static std::string from_json(std::string_view key, const Json& json, Session&) {
    if (!json.is_string()) config_mismatch(key, json, "a string");
    return json.get<std::string>();
  }
};

/// Any JSON, kept as it is.
template <>
struct ConfigValue<Json> {
  static constexpr std::string_view kKind = "any";
  static Json to_json(const Json& value) { return value; }
  static Json from_json(std::string_view, const Json& json, Session&) { return json; }
};

/// None or a value.
template <class T>
struct ConfigValue<std::optional<T>> {
  static constexpr std::string_view kKind = ConfigValue<T>::kKind;
  static Json to_json(const std::optional<T>& value) { return value ? ConfigValue<T>::to_json(*value) : Json(); }
  static std::optional<T> from_json(std::string_view key, const Json& json, Session& session) {
    if (json.is_null()) return std::nullopt;
    return ConfigValue<T>::from_json(key, json, session);
  }
};

/// A tuple of any length; Python's {"class_name": "__tuple__", "items": […]} form is read too.
template <class T>
struct ConfigValue<std::vector<T>> {
  static constexpr std::string_view kKind = "list";
  static Json to_json(const std::vector<T>& value) {
    Json json = Json::array();
    for (const T& item : value) json.push_back(ConfigValue<T>::to_json(item));
    return json;
  }
  static std::vector<T> from_json(std::string_view key, const Json& json, Session& session) {
    const Json& items = json.is_object() ? json_get(json, "items") : json;
    std::vector<T> result;
    if (!items.is_array()) {
      result.push_back(ConfigValue<T>::from_json(key, items, session));
      return result;
    }
    for (const Json& item : items) result.push_back(ConfigValue<T>::from_json(key, item, session));
    return result;
  }
};

/// N integers; one integer stands for N equal ones (kernel_size=3).
template <size_t N>
struct ConfigValue<std::array<int64_t, N>> {
  static constexpr std::string_view kKind = N == 1 ? "int1" : N == 2 ? "int2" : "int3";
  static Json to_json(const std::array<int64_t, N>& value) { return Json(value); }
  static std::array<int64_t, N> from_json(std::string_view key, const Json& json, Session& session) {
    const auto items = ConfigValue<std::vector<int64_t>>::from_json(key, json, session);
    std::array<int64_t, N> result;
    if (items.size() != 1 && items.size() != N) {
      throw ValueError("The `{}` argument must be a tuple of {} integers. Received: {}", key, N, dump_json(json));
    }
    for (size_t i = 0; i < N; ++i) result[i] = items[items.size() == 1 ? 0 : i];
    return result;
  }
};

/// A shape, unknown dimensions null; also {"class_name": "TensorShape" or "__tuple__", "items": […]}.
template <>
struct ConfigValue<Shape> {
  static constexpr std::string_view kKind = "shape";
  static Json to_json(const Shape& shape) {
    Json json = Json::array();
    for (const int64_t dim : shape.dims()) json.push_back(dim < 0 ? Json() : Json(dim));
    return json;
  }
  static Shape from_json(std::string_view key, const Json& json, Session&) {
    const Json& items = json.is_object() ? json_get(json, "items") : json;
    if (!items.is_array()) config_mismatch(key, json, "a shape");
    std::vector<int64_t> dims;
    for (const Json& dim : items) {
      if (!dim.is_null() && (!dim.is_number_integer() || dim.get<int64_t>() < -1)) config_mismatch(key, json, "a shape");
      dims.push_back(dim.is_null() ? kUnknownDim : dim.get<int64_t>());
    }
    return Shape(std::move(dims));
  }
};

/// One key of the config of class C.
template <class C>
struct ConfigField {
  std::string_view key;
  std::string_view kind;
  bool required;
  std::function<void(C&, const Json&, Session&)> set;
  std::function<Json(const C&)> get;
};

template <class C, class T>
ConfigField<C> field(std::string_view key, T C::* member, bool required = false) {
  return {key, ConfigValue<T>::kKind, required,
          [key, member](C& object, const Json& json, Session& session) {
            object.*member = ConfigValue<T>::from_json(key, json, session);
          },
          [member](const C& object) { return ConfigValue<T>::to_json(object.*member); }};
}
/// A key whose member C inherits.
template <class C, class B, class T>
ConfigField<C> inherited_field(std::string_view key, T B::* member) {
  return field<C, T>(key, static_cast<T C::*>(member));
}
/// A key without which the object cannot be made.
template <class C, class T>
ConfigField<C> required_field(std::string_view key, T C::* member) {
  return field(key, member, true);
}

template <class C>
using ConfigTable = std::vector<ConfigField<C>>;

/// Sets what `config` holds of the table's keys and removes it from there. Members keep their initializers (the defaults)
/// otherwise. Throws TypeError for a missing required key.
template <class C>
void take_config(C& object, std::string_view class_name, const ConfigTable<C>& table, Json& config, Session& session) {
  for (const ConfigField<C>& f : table) {
    const auto found = config.find(std::string(f.key));
    if (found != config.end()) {
      f.set(object, *found, session);
      config.erase(found);
    } else if (f.required) {
      throw TypeError("{}.__init__() missing 1 required positional argument: '{}'", class_name, f.key);
    }
  }
}

template <class C>
void put_config(const C& object, const ConfigTable<C>& table, Json& config) {
  for (const ConfigField<C>& f : table) config[std::string(f.key)] = f.get(object);
}

/// A key of a class's config, as JS factories and their types need it.
struct ConfigKey {
  std::string key;
  std::string kind;
  bool required;
};

template <class C>
std::vector<ConfigKey> describe_table(const ConfigTable<C>& table) {
  std::vector<ConfigKey> keys;
  for (const ConfigField<C>& f : table) keys.push_back({std::string(f.key), std::string(f.kind), f.required});
  return keys;
}

}  // namespace keras
