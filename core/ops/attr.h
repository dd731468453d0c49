// Attributes of ops: the values that a NodeDef carries beside its inputs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor/tensor.h"

namespace keras {

class Function;

/// A function named by an attribute ("f" of PartitionedCall, "body" of While).
struct FunctionRef {
  std::string name;
  std::shared_ptr<const Function> function;
};

using AttrValue =
    std::variant<int64_t, float, bool, std::string, DType, Shape, Tensor, FunctionRef, std::vector<int64_t>, std::vector<float>,
                 std::vector<bool>, std::vector<std::string>, std::vector<DType>, std::vector<Shape>, std::vector<FunctionRef>>;

/// Attributes by name, in order of names. Getters throw InvalidArgumentError for a missing attribute or another kind.
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string, AttrValue>> values);

  Attrs& set(std::string_view name, AttrValue value);
  const AttrValue* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }

  template <class T>
  const T& get(std::string_view name) const {
    const AttrValue* value = find(name);
    if (value == nullptr || !std::holds_alternative<T>(*value)) missing(name);
    return std::get<T>(*value);
  }
  int64_t get_int(std::string_view name) const { return get<int64_t>(name); }
  float get_float(std::string_view name) const { return get<float>(name); }
  bool get_bool(std::string_view name) const { return get<bool>(name); }
  const std::string& get_string(std::string_view name) const { return get<std::string>(name); }
  DType get_dtype(std::string_view name) const { return get<DType>(name); }
  const std::vector<int64_t>& get_ints(std::string_view name) const { return get<std::vector<int64_t>>(name); }

  const std::vector<std::pair<std::string, AttrValue>>& items() const { return items_; }

 private:
  [[noreturn]] void missing(std::string_view name) const;
  std::vector<std::pair<std::string, AttrValue>> items_;
};

}  // namespace keras
