// A recursive descent parser writes the program piece by piece; the matcher follows it through the text.
#include "core/base/regex.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/error.h"
#include "core/base/utf8.h"

namespace keras {
namespace {

constexpr size_t kMaxProgram = 20'000;
constexpr int kMaxRepeat = 1000, kMaxDepth = 200;
constexpr uint32_t kLastCode = 0x10FFFF;

bool is_word(uint32_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

class RegexParser {
 public:
  RegexParser(std::string_view pattern, Regex& regex) : pattern_(pattern), rest_(pattern), regex_(regex) {}

  void parse() {
    Piece piece = alternatives();
    if (!rest_.empty()) fail("unexpected )");
    regex_.program_ = {{Op::kSave, 0}};
    append(regex_.program_, piece);
    regex_.program_.push_back({Op::kSave, 1});
    regex_.program_.push_back({Op::kMatch});
  }

 private:
  using Op = Regex::Op;
  using Range = Regex::Range;
  using Piece = std::vector<Regex::Instruction>;
  using Ranges = std::vector<Range>;

  struct Flags {
    bool fold = false, lines = false, dot_all = false, lazy = false;
  };

  [[noreturn]] void fail(std::string_view why) const {
    throw InvalidArgumentError("Invalid pattern: {}, error: {}", pattern_, why);
  }

  void append(Piece& to, const Piece& piece) const {
    if (to.size() + piece.size() > kMaxProgram) fail("pattern too large - compile failed");
    to.insert(to.end(), piece.begin(), piece.end());
  }
  static int32_t length(const Piece& piece) { return static_cast<int32_t>(piece.size()); }

  bool accept(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  uint32_t next_code() {
    const Utf8 one = next_utf8(rest_);
    if (!one.valid) fail(rest_.empty() ? "the pattern ends too early" : "invalid UTF-8");
    rest_.remove_prefix(one.bytes);
    return one.code;
  }

  Piece alternatives() {
    if (++depth_ > kMaxDepth) fail("expression nests too deeply");
    const Flags outside = flags_;
    Piece piece = sequence();
    while (accept("|")) {
      const Piece other = sequence();
      Piece both = {{Op::kSplit, 1, length(piece) + 2}};
      append(both, piece);
      both.push_back({Op::kJump, length(other) + 1});
      append(both, other);
      piece = std::move(both);
    }
    flags_ = outside;
    --depth_;
    return piece;
  }

  Piece sequence() {
    Piece piece;
    while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
      if (accept("\\Q")) {
        while (!rest_.empty() && !accept("\\E")) append(piece, repeated(character(next_code())));
      } else {
        append(piece, repeated(atom()));
      }
    }
    return piece;
  }

  Piece atom() {
    if (accept("(")) return group();
    if (accept("[")) return in_class(bracket());
    if (accept("^")) return {{flags_.lines ? Op::kLineBegin : Op::kBegin}};
    if (accept("$")) return {{flags_.lines ? Op::kLineEnd : Op::kEnd}};
    if (accept(".")) return in_class(flags_.dot_all ? Ranges{{0, kLastCode}} : Ranges{{0, '\n' - 1}, {'\n' + 1, kLastCode}});
    if (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?') fail("no argument for repetition operator");
    if (accept("\\A")) return {{Op::kBegin}};
    if (accept("\\z")) return {{Op::kEnd}};
    if (accept("\\b")) return {{Op::kWord}};
    if (accept("\\B")) return {{Op::kNotWord}};
    if (const auto ranges = escaped_class()) return in_class(*ranges);
    return character(rest_[0] == '\\' ? escaped() : next_code());
  }

  Piece group() {
    if (!accept("?")) return captured();
    if (accept("P<") || accept("<")) {
      const size_t end = rest_.find('>');
      if (end == 0 || end == std::string_view::npos) fail("invalid named capture group");
      rest_.remove_prefix(end + 1);
      return captured();
    }
    Flags flags = flags_;
    for (bool on = true; !accept(")");) {
      if (accept(":")) {
        std::swap(flags, flags_);
        Piece piece = alternatives();
        flags_ = flags;
        if (!accept(")")) fail("missing )");
        return piece;
      }
      if (accept("-"))
        on = false;
      else if (accept("i"))
        flags.fold = on;
      else if (accept("m"))
        flags.lines = on;
      else if (accept("s"))
        flags.dot_all = on;
      else if (accept("U"))
        flags.lazy = on;
      else
        fail("invalid perl operator");
    }
    flags_ = flags;  // until the end of the group around
    return {};
  }

  Piece captured() {
    const int32_t number = ++regex_.groups_;
    Piece piece = {{Op::kSave, 2 * number}};
    append(piece, alternatives());
    if (!accept(")")) fail("missing )");
    piece.push_back({Op::kSave, 2 * number + 1});
    return piece;
  }

  /// The atom as often as what follows it says.
  Piece repeated(Piece atom) {
    for (int operators = 0;; ++operators) {
      int least, most;  // most -1: no bound
      if (accept("*"))
        least = 0, most = -1;
      else if (accept("+"))
        least = 1, most = -1;
      else if (accept("?"))
        least = 0, most = 1;
      else if (!counted(least, most))
        return atom;
      if (operators > 0) fail("bad repetition operator");
      const bool lazy = accept("?") != flags_.lazy;
      atom = repeat(atom, least, most, lazy);
    }
  }

  /// "{2}", "{2,}", "{2,5}"; anything else in braces means itself.
  bool counted(int& least, int& most) {
    if (rest_.empty() || rest_[0] != '{') return false;
    const std::string_view before = rest_;
    rest_.remove_prefix(1);
    const auto low = number();
    std::optional<int> high = low;
    if (accept(",")) high = rest_.starts_with("}") ? std::optional<int>(-1) : number();
    if (!low || !high || !accept("}")) {
      rest_ = before;
      return false;
    }
    if (*low > kMaxRepeat || *high > kMaxRepeat || (*high >= 0 && *high < *low)) fail("invalid repetition size");
    least = *low;
    most = *high;
    return true;
  }
  std::optional<int> number() {
    if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') return std::nullopt;
    int value = 0;
    for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; rest_.remove_prefix(1)) {
      value = std::min(value * 10 + (rest_[0] - '0'), kMaxRepeat + 1);
    }
    return value;
  }

  static Regex::Instruction split(int32_t go_on, int32_t leave, bool lazy) {
    return lazy ? Regex::Instruction{Op::kSplit, leave, go_on} : Regex::Instruction{Op::kSplit, go_on, leave};
  }

  Piece repeat(const Piece& atom, int least, int most, bool lazy) const {
    Piece piece;
    for (int i = 0; i < least; ++i) append(piece, atom);
    if (most < 0) {
      piece.push_back(split(1, length(atom) + 2, lazy));
      append(piece, atom);
      piece.push_back({Op::kJump, -(length(atom) + 1)});
    }
    for (int i = least; i < most; ++i) {  // each one more leads to the end of all
      piece.push_back(split(1, (most - i) * (length(atom) + 1), lazy));
      append(piece, atom);
    }
    return piece;
  }

  Piece character(uint32_t code) {
    const uint32_t other = code | 0x20;
    if (flags_.fold && other >= 'a' && other <= 'z') return in_class({{other - 0x20, other - 0x20}, {other, other}});
    return {{Op::kCharacter, static_cast<int32_t>(code)}};
  }

  Piece in_class(Ranges ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    regex_.classes_.push_back(std::move(ranges));
    return {{Op::kClass, static_cast<int32_t>(regex_.classes_.size() - 1)}};
  }

  static Ranges negated(Ranges ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    Ranges others;
    uint32_t next = 0;
    for (const Range& range : ranges) {
      if (range.first > next) others.push_back({next, range.first - 1});
      next = std::max(next, range.last + 1);
    }
    if (next <= kLastCode) others.push_back({next, kLastCode});
    return others;
  }

  /// \d, \w, \s and what they are not.
  std::optional<Ranges> escaped_class() {
    if (rest_.size() < 2 || rest_[0] != '\\') return std::nullopt;
    static constexpr std::string_view kNames = "dws";
    const char name = rest_[1];
    const auto lower = static_cast<char>(name | 0x20);
    if (lower == 'p') throw UnimplementedError("Pattern {}: classes of Unicode (\\p) are not implemented", pattern_);
    if (kNames.find(lower) == std::string_view::npos) return std::nullopt;
    Ranges ranges = {{'0', '9'}};
    if (lower == 'w') ranges = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    if (lower == 's') ranges = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    rest_.remove_prefix(2);
    return name == lower ? ranges : negated(std::move(ranges));
  }

  /// [:alpha:] and the like.
  std::optional<Ranges> posix_class() {
    struct Named {
      std::string_view name;
      Ranges ranges;
    };
    const std::array<Named, 14> classes = {{{"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
                                            {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
                                            {"ascii", {{0, 0x7F}}},
                                            {"blank", {{'\t', '\t'}, {' ', ' '}}},
                                            {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
                                            {"digit", {{'0', '9'}}},
                                            {"graph", {{'!', '~'}}},
                                            {"lower", {{'a', 'z'}}},
                                            {"print", {{' ', '~'}}},
                                            {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
                                            {"space", {{'\t', '\r'}, {' ', ' '}}},
                                            {"upper", {{'A', 'Z'}}},
                                            {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
                                            {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}}};
    if (!accept("[:")) return std::nullopt;
    const bool others = accept("^");
    for (const Named& named : classes) {
      if (!rest_.starts_with(named.name) || !rest_.substr(named.name.size()).starts_with(":]")) continue;
      rest_.remove_prefix(named.name.size() + 2);
      return others ? negated(named.ranges) : named.ranges;
    }
    fail("invalid character class range");
  }

  Ranges bracket() {
    const bool others = accept("^");
    Ranges ranges;
    for (bool first = true; first || !accept("]"); first = false) {
      if (rest_.empty()) fail("missing ]");
      std::optional<Ranges> named = posix_class();
      if (!named) named = escaped_class();
      if (named) {
        ranges.insert(ranges.end(), named->begin(), named->end());
        continue;
      }
      const uint32_t low = rest_[0] == '\\' ? escaped() : next_code();
      uint32_t high = low;
      if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        rest_.remove_prefix(1);
        high = rest_[0] == '\\' ? escaped() : next_code();
      }
      if (high < low) fail("invalid character class range");
      add_range(ranges, low, high);
    }
    return others ? negated(std::move(ranges)) : ranges;
  }

  void add_range(Ranges& ranges, uint32_t low, uint32_t high) const {
    ranges.push_back({low, high});
    if (!flags_.fold) return;
    const auto shifted = [&](uint32_t first, uint32_t last, int32_t by) {
      const uint32_t from = std::max(low, first), to = std::min(high, last);
      if (from <= to) ranges.push_back({from + static_cast<uint32_t>(by), to + static_cast<uint32_t>(by)});
    };
    shifted('a', 'z', -0x20);
    shifted('A', 'Z', 0x20);
  }

  /// One character behind a backslash.
  uint32_t escaped() {
    rest_.remove_prefix(1);
    const uint32_t code = next_code();
    static constexpr std::string_view kNames = "aftnrv", kMeanings = "\a\f\t\n\r\v";
    if (code == 'x') return hexadecimal();
    if (code >= '0' && code <= '7') return octal(code - '0');
    if (code < 0x80) {
      const size_t at = kNames.find(static_cast<char>(code));
      if (at != std::string_view::npos) return static_cast<uint32_t>(kMeanings[at]);
    }
    if (is_word(code)) fail("invalid escape sequence");
    return code;
  }
  uint32_t octal(uint32_t value) {
    if (value != 0 && (rest_.empty() || rest_[0] < '0' || rest_[0] > '7')) fail("invalid escape sequence");
    for (int i = 0; i < 2 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i) value = value * 8 + (next_code() - '0');
    return value;
  }
  uint32_t hexadecimal() {
    const bool braces = accept("{");
    uint32_t value = 0;
    for (int digits = 0; braces ? !accept("}") : digits < 2; ++digits) {
      const uint32_t code = next_code();
      const uint32_t letter = code | 0x20;
      if (code >= '0' && code <= '9')
        value = value * 16 + (code - '0');
      else if (letter >= 'a' && letter <= 'f')
        value = value * 16 + (letter - 'a' + 10);
      else
        fail("invalid escape sequence");
      if (value > kLastCode) fail("invalid escape sequence");
    }
    return value;
  }

  std::string_view pattern_, rest_;
  Regex& regex_;
  Flags flags_;
  int depth_ = 0;
};

/// One search through one text.
class RegexMatcher {
 public:
  using Captures = std::vector<size_t>;  // begin and end of the match and its groups

  RegexMatcher(const Regex& regex, std::string_view text, bool with_captures)
      : regex_(regex),
        text_(text),
        captures_(with_captures ? 2 * static_cast<size_t>(regex.groups_ + 1) : 0),
        seen_(regex.program_.size(), SIZE_MAX) {}

  /// The first match that begins at `from` or later; `whole`: the one from there to the end of the text.
  bool search(size_t from, bool whole, Captures& found) {
    std::vector<Thread> threads, next;
    bool matched = false;
    for (size_t at = from;;) {
      if (!matched && (!whole || at == from)) follow(threads, {0, Captures(captures_, SIZE_MAX)}, at);
      if (threads.empty() && (matched || whole)) return matched;
      const Utf8 one = next_utf8(text_.substr(at));
      const size_t after = at + one.bytes;
      next.clear();
      for (Thread& thread : threads) {
        const Regex::Instruction& instruction = regex_.program_[thread.pc];
        if (instruction.op == Regex::Op::kMatch) {
          if (whole && at != text_.size()) continue;
          matched = true;
          found = std::move(thread.captures);
          break;  // what comes behind is worse
        }
        if (one.valid && regex_.contains(instruction, one.code)) follow(next, {thread.pc + 1, std::move(thread.captures)}, after);
      }
      if (at == text_.size()) return matched;
      std::swap(threads, next);
      at = after;
    }
  }

 private:
  struct Thread {
    size_t pc;
    Captures captures;
  };

  bool holds(Regex::Op op, size_t at) const {
    const bool begins = at == 0, ends = at == text_.size();
    if (op == Regex::Op::kBegin) return begins;
    if (op == Regex::Op::kEnd) return ends;
    if (op == Regex::Op::kLineBegin) return begins || text_[at - 1] == '\n';
    if (op == Regex::Op::kLineEnd) return ends || text_[at] == '\n';
    const auto word = [&](size_t i) { return is_word(static_cast<unsigned char>(text_[i])); };
    const bool border = (!begins && word(at - 1)) != (!ends && word(at));
    return border == (op == Regex::Op::kWord);
  }

  /// Adds the states that a thread reaches without another character, the preferred ones first.
  void follow(std::vector<Thread>& threads, Thread first, size_t at) {
    std::vector<Thread> waiting;
    waiting.push_back(std::move(first));
    while (!waiting.empty()) {
      Thread thread = std::move(waiting.back());
      waiting.pop_back();
      // Two lists are filled for one place at most: the one that begins there and the one that arrives.
      if (seen_[thread.pc] == at) continue;
      seen_[thread.pc] = at;
      const Regex::Instruction& instruction = regex_.program_[thread.pc];
      const auto to = [&](int32_t offset) { return static_cast<size_t>(static_cast<int64_t>(thread.pc) + offset); };
      switch (instruction.op) {
        case Regex::Op::kSplit:
          waiting.push_back({to(instruction.b), thread.captures});
          waiting.push_back({to(instruction.a), std::move(thread.captures)});
          break;
        case Regex::Op::kJump: waiting.push_back({to(instruction.a), std::move(thread.captures)}); break;
        case Regex::Op::kSave:
          if (captures_ > 0) thread.captures[static_cast<size_t>(instruction.a)] = at;
          waiting.push_back({thread.pc + 1, std::move(thread.captures)});
          break;
        case Regex::Op::kCharacter:
        case Regex::Op::kClass:
        case Regex::Op::kMatch: threads.push_back(std::move(thread)); break;
        default:
          if (holds(instruction.op, at)) waiting.push_back({thread.pc + 1, std::move(thread.captures)});
      }
    }
  }

  const Regex& regex_;
  std::string_view text_;
  size_t captures_;
  std::vector<size_t> seen_;  // for each state, the place for which it was reached last
};

Regex::Regex(std::string_view pattern) { RegexParser(pattern, *this).parse(); }

bool Regex::contains(const Instruction& instruction, uint32_t code) const {
  if (instruction.op == Op::kCharacter) return static_cast<uint32_t>(instruction.a) == code;
  const std::vector<Range>& ranges = classes_[static_cast<size_t>(instruction.a)];
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

bool Regex::full_match(std::string_view text) const {
  std::vector<size_t> found;
  return RegexMatcher(*this, text, false).search(0, true, found);
}

void Regex::check_rewrite(std::string_view rewrite) const {
  for (size_t i = 0; i < rewrite.size(); ++i) {
    if (rewrite[i] != '\\') continue;
    if (++i == rewrite.size()) throw InvalidArgumentError("Rewrite schema error: '\\' not allowed at end.");
    if (rewrite[i] == '\\') continue;
    if (rewrite[i] < '0' || rewrite[i] > '9') {
      throw InvalidArgumentError("Rewrite schema error: '\\' must be followed by a digit or '\\'.");
    }
    if (rewrite[i] - '0' > groups_) {
      throw InvalidArgumentError("Rewrite schema requests {} matches, but the regexp only has {} parenthesized subexpressions.",
                                 rewrite[i] - '0', groups_);
    }
  }
}

std::string Regex::replace(std::string_view text, std::string_view rewrite, bool all) const {
  std::string result;
  std::vector<size_t> found;
  size_t at = 0, last_end = SIZE_MAX;
  while (at <= text.size() && RegexMatcher(*this, text, true).search(at, false, found)) {
    result += text.substr(at, found[0] - at);
    at = found[0];
    if (found[0] == last_end && found[1] == found[0]) {  // no empty match right behind a match
      const size_t bytes = std::max<size_t>(next_utf8(text.substr(at)).bytes, 1);
      result += text.substr(std::min(at, text.size()), bytes);
      at += bytes;
      continue;
    }
    for (size_t i = 0; i < rewrite.size(); ++i) {
      if (rewrite[i] != '\\') {
        result += rewrite[i];
        continue;
      }
      const char escape = rewrite[++i];
      if (escape == '\\') {
        result += escape;
        continue;
      }
      const size_t group = 2 * static_cast<size_t>(escape - '0');
      if (found[group + 1] != SIZE_MAX) result += text.substr(found[group], found[group + 1] - found[group]);
    }
    at = last_end = found[1];
    if (!all) break;
  }
  if (at < text.size()) result += text.substr(at);
  return result;
}

}  // namespace keras
