// Regular expressions in RE2's syntax, matched in time linear in the text whatever the pattern is: all states are followed
// side by side (K. Thompson, 1968; R. Pike's captures), none is tried again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keras {

/// Over code points of UTF-8; bytes that are none match nothing. Case folds for ASCII alone, \d, \w, \s and \b know ASCII alone,
/// as RE2's do.
class Regex {
 public:
  /// Throws InvalidArgumentError for a pattern that is none or too large, UnimplementedError for classes of Unicode (\pL).
  explicit Regex(std::string_view pattern);

  bool full_match(std::string_view text) const;
  /// The first match, or all that do not overlap, replaced; \0 to \9 in `rewrite` are the match and its groups, \\ a backslash.
  std::string replace(std::string_view text, std::string_view rewrite, bool all) const;
  /// Throws InvalidArgumentError for a rewrite that names a group which is not there, or another escape.
  void check_rewrite(std::string_view rewrite) const;

 private:
  friend class RegexParser;
  friend class RegexMatcher;

  enum class Op : uint8_t {
    kCharacter,
    kClass,
    kSplit,
    kJump,
    kSave,
    kBegin,
    kEnd,
    kLineBegin,
    kLineEnd,
    kWord,
    kNotWord,
    kMatch
  };
  struct Range {
    uint32_t first, last;
  };
  /// Jumps are relative, so that a piece of a program can be repeated. A split prefers `a`.
  struct Instruction {
    Op op;
    int32_t a = 0, b = 0;
  };
  /// Whether a code point is in a class.
  bool contains(const Instruction& instruction, uint32_t code) const;

  std::vector<Instruction> program_;
  std::vector<std::vector<Range>> classes_;
  int groups_ = 0;
};

}  // namespace keras
