// Text forms of numbers and tuples, and the "{}" formatter.
#include "core/base/format.h"

#include <charconv>
#include <cmath>

namespace keras {
namespace {

template <class T>
std::string shortest_text(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // Python switches to an exponent below 1e-4 and from 1e16 on.
  const T magnitude = std::abs(value);
  const bool exponent = magnitude != 0 && (magnitude < T(1e-4) || magnitude >= T(1e16));
  char buffer[64];
  const auto form = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value, form);
  std::string text(buffer, result.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string double_text(double value) { return shortest_text(value); }
std::string float_text(float value) { return shortest_text(value); }

std::string tuple_text(std::span<const int64_t> values) {
  std::string text = "(";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ", ";
    text += values[i] < 0 ? std::string("None") : std::to_string(values[i]);
  }
  if (values.size() == 1) text += ",";
  return text + ")";
}

std::string format_texts(std::string_view pattern, std::initializer_list<std::string> arguments) {
  std::string text;
  auto argument = arguments.begin();
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (c == '{' && next == '}') {
      if (argument != arguments.end()) text += *argument++;
      ++i;
    } else {
      text += c;
      if ((c == '{' || c == '}') && next == c) ++i;
    }
  }
  return text;
}

std::string join(std::span<const std::string> items, std::string_view separator) {
  std::string text;
  for (const std::string& item : items) {
    if (!text.empty() || &item != items.data()) text += separator;
    text += item;
  }
  return text;
}

}  // namespace keras
