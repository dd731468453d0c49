// Text forms of numbers and tuples, and the "{}" formatter.
#include "core/base/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace keras {
namespace {

void read_back(const char* text, double& value) { value = std::strtod(text, nullptr); }
void read_back(const char* text, float& value) { value = std::strtof(text, nullptr); }

/// Not by std::to_chars, whose tables take 114 kB.
template <class T>
std::string shortest_text(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[48];
  int digits = 0;
  for (T back = std::numeric_limits<T>::quiet_NaN(); back != value; read_back(text, back))
    std::snprintf(text, sizeof text, "%.*e", digits++, static_cast<double>(value));
  // Python switches to an exponent below 1e-4 and from 1e16 on.
  const T magnitude = std::abs(value);
  if (magnitude != 0 && (magnitude < T(1e-4) || magnitude >= T(1e16))) return text;
  const int exponent = std::atoi(std::strchr(text, 'e') + 1);
  std::snprintf(text, sizeof text, "%.*f", std::max(digits - 1 - exponent, 1), static_cast<double>(value));
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
