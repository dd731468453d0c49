// A small string formatter: "{}" is replaced by the next argument, "{{" and "}}" are literal braces.
// Stands in for <format>, which costs over 100 kB of compressed wasm. Call it keras::format where std arguments are passed
// after headers that bring in <format> (protobuf does): argument-dependent lookup would take std::format.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keras {

/// The shortest text that reads back as the same double, in Python's repr() form: "1.0", "1e-07", "nan", "inf".
std::string double_text(double value);

/// The shortest text that reads back as the same float.
std::string float_text(float value);

inline std::string to_text(std::string_view value) { return std::string(value); }
inline std::string to_text(const char* value) { return value; }
inline std::string to_text(const std::string& value) { return value; }
inline std::string to_text(bool value) { return value ? "true" : "false"; }
inline std::string to_text(double value) { return double_text(value); }
inline std::string to_text(float value) { return float_text(value); }
template <std::integral T>
std::string to_text(T value) {
  return std::to_string(value);
}

/// "(2, 3)", "(4,)", "()" as Python prints a tuple; -1 is printed as None.
std::string tuple_text(std::span<const int64_t> values);
inline std::string to_text(const std::vector<int64_t>& values) { return tuple_text(values); }

std::string format_texts(std::string_view pattern, std::initializer_list<std::string> arguments);

/// format("layer '{}' has {} weights", name, 2). Arguments: anything with a to_text() overload.
template <class... Args>
std::string format(std::string_view pattern, const Args&... args) {
  return format_texts(pattern, {to_text(args)...});
}

/// The items separated by `separator`.
std::string join(std::span<const std::string> items, std::string_view separator);

}  // namespace keras
