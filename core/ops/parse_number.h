// Numbers as TensorFlow reads them from text.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace keras {

/// What TensorFlow takes for white space.
constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

/// Without white space at either end.
inline std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kWhiteSpace);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

/// Nothing where `text` is no number, with space around it or not, or an integer that T does not hold.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  text = trimmed(text);
  if constexpr (std::is_floating_point_v<T>) {
    const std::string digits(text);
    char* end = nullptr;
    const T value = std::is_same_v<T, float> ? static_cast<T>(std::strtof(digits.c_str(), &end))
                                             : static_cast<T>(std::strtod(digits.c_str(), &end));
    // strtod knows "infinity" and "nan(…)", TensorFlow "inf" and "nan" alone.
    const bool spelled = !digits.empty() && std::string_view("yY)").find(digits.back()) != std::string_view::npos;
    if (digits.empty() || spelled || end != digits.c_str() + digits.size()) return std::nullopt;
    return value;
  } else {
    const bool negative = text.starts_with("-");
    if (negative) text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    T value = 0;
    for (const char digit : text) {
      if (digit < '0' || digit > '9' || __builtin_mul_overflow(value, T(10), &value)) return std::nullopt;
      const auto step = static_cast<T>(digit - '0');
      if (negative ? __builtin_sub_overflow(value, step, &value) : __builtin_add_overflow(value, step, &value)) {
        return std::nullopt;
      }
    }
    return value;
  }
}

}  // namespace keras
