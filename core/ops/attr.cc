// Look-up of attributes.
#include "core/ops/attr.h"

#include <algorithm>

#include "core/base/error.h"

namespace keras {
namespace {

auto position(auto& items, std::string_view name) {
  return std::lower_bound(items.begin(), items.end(), name, [](const auto& item, std::string_view n) { return item.first < n; });
}

}  // namespace

Attrs::Attrs(std::initializer_list<std::pair<std::string, AttrValue>> values) {
  for (const auto& [name, value] : values) set(name, value);
}

Attrs& Attrs::set(std::string_view name, AttrValue value) {
  const auto it = position(items_, name);
  if (it != items_.end() && it->first == name)
    it->second = std::move(value);
  else
    items_.emplace(it, std::string(name), std::move(value));
  return *this;
}

const AttrValue* Attrs::find(std::string_view name) const {
  const auto it = position(items_, name);
  return it != items_.end() && it->first == name ? &it->second : nullptr;
}

void Attrs::missing(std::string_view name) const {
  throw InvalidArgumentError("Attribute '{}' is missing or of another kind than the op declares", name);
}

}  // namespace keras
