// How nodes of a file name their inputs.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace keras {

/// "node:output_name:index", "node:index", "node" (an argument, or output 0) and "^node".
struct InputName {
  std::string_view node, output;
  int64_t index = 0;
  bool control = false;
};

inline InputName parse_input(std::string_view text) {
  InputName name;
  name.control = text.starts_with('^');
  if (name.control) text.remove_prefix(1);
  const size_t first = text.find(':'), last = text.rfind(':');
  name.node = text.substr(0, first);
  if (first == std::string_view::npos) return name;
  if (last > first) name.output = text.substr(first + 1, last - first - 1);
  const std::string_view digits = text.substr(last + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), name.index);
  if (error != std::errc() || end != digits.data() + digits.size() || name.index < 0) name.index = INT64_MAX;
  return name;
}

}  // namespace keras
