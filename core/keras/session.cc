// Automatic names and seeds.
#include "core/keras/session.h"

namespace keras {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_upper(c) || is_lower(c) || is_digit(c) || c == '_'; }

}  // namespace

// Two substitutions in turn: (.)([A-Z][a-z]+) → \1_\2, then ([a-z])([A-Z]) → \1_\2; then lower case.
std::string snake_case(std::string_view class_name) {
  const auto at = [&](size_t i) { return i < class_name.size() ? class_name[i] : '\0'; };
  std::string words;
  for (size_t i = 0; i < class_name.size();) {
    words += class_name[i++];
    if (!is_upper(at(i)) || !is_lower(at(i + 1))) continue;
    // The word's letters are used up: what precedes the next word is the character after them.
    words += '_';
    words += class_name[i++];
    while (is_lower(at(i))) words += class_name[i++];
  }
  std::string result;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && is_upper(words[i]) && is_lower(words[i - 1])) result += '_';
    const char c = is_word(words[i]) ? words[i] : '_';
    result += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return class_name.starts_with('_') ? "private" + result : result;
}

std::string Session::unique_name(std::string_view class_name, bool zero_based) {
  const std::string base = snake_case(class_name);
  const int64_t count = counts_[base]++;
  if (zero_based) return count == 0 ? base : base + "_" + std::to_string(count);
  return base + "_" + std::to_string(count + 1);
}

// SplitMix64, folded to Python's range 1 … 10^9.
int64_t Session::next_seed() {
  uint64_t z = seed_state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return 1 + static_cast<int64_t>((z ^ (z >> 31)) % 1'000'000'000u);
}

}  // namespace keras
