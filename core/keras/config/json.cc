// Keras's JSON dialect around nlohmann/json.
#include "core/keras/config/json.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace keras {
namespace {

// What stands for NaN and the infinities between the pre-pass and the parsed tree; a private-use character begins it.
constexpr std::string_view kMark = "\xEE\x80\x80";

struct Literal {
  std::string_view text;
  double value;
};
const Literal kLiterals[] = {{"NaN", std::nan("")}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};

/// Checks depth and puts marked strings in the place of NaN, Infinity and -Infinity.
class Prepass {
 public:
  Prepass(std::string_view text, std::string_view where, const Limits& limits) : text_(text), where_(where), limits_(limits) {}

  /// The text to parse; valid while this object is.
  std::string_view run() {
    for (size_t i = 0; i < text_.size(); ++i) {
      const char c = text_[i];
      if (in_string_) {
        if (c == '\\')
          ++i;
        else if (c == '"')
          in_string_ = false;
        continue;
      }
      if (c == '"') in_string_ = true;
      if (c == '[' || c == '{') enter();
      if (c == ']' || c == '}') --depth_;
      if (c == 'N' || c == 'I' || c == '-') literal_at(i);
    }
    if (copied_ == 0) return text_;
    result_ += text_.substr(copied_);
    return result_;
  }

  bool found_literals() const { return copied_ > 0; }

 private:
  void enter() {
    if (++depth_ > limits_.json_depth) {
      throw ResourceExhaustedError("{}: JSON nested more than {} deep (limits.jsonDepth)", where_, limits_.json_depth).at(where_);
    }
  }

  /// Where a literal stands at `i`, its last character is there afterwards.
  void literal_at(size_t& i) {
    for (const Literal& literal : kLiterals) {
      if (text_.substr(i, literal.text.size()) != literal.text) continue;
      result_ += text_.substr(copied_, i - copied_);
      result_ += '"';
      result_ += kMark;
      result_ += literal.text;
      result_ += '"';
      copied_ = i + literal.text.size();
      i = copied_ - 1;
      return;
    }
  }

  std::string_view text_, where_;
  const Limits& limits_;
  std::string result_;
  size_t copied_ = 0;  // how much of the text is in the result: none before the first literal
  bool in_string_ = false;
  int64_t depth_ = 0;
};

void restore_literals(Json& value) {
  if (value.is_structured()) {
    for (Json& item : value) restore_literals(item);
  } else if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (!text.starts_with(kMark)) return;
    for (const Literal& literal : kLiterals) {
      if (text.substr(kMark.size()) == literal.text) {
        value = literal.value;
        return;
      }
    }
  }
}

void dump_string(const std::string& text, std::string& out) {
  const auto needs_no_escape = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::ranges::all_of(text, needs_no_escape)) {
    out.append(1, '"').append(text).append(1, '"');
    return;
  }
  out += Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

void dump_number(double value, std::string& out) {
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value < 0 ? "-Infinity" : "Infinity";
  else
    out += double_text(value);
}

void dump(const Json& value, std::string& out) {
  if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value.items()) {
      if (!first) out += ", ";
      first = false;
      dump_string(key, out);
      out += ": ";
      dump(item, out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      dump(value[i], out);
    }
    out += ']';
  } else if (value.is_number_float()) {
    dump_number(value.get<double>(), out);
  } else if (value.is_string()) {
    dump_string(value.get_ref<const std::string&>(), out);
  } else {
    out += value.dump();
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view where, const Limits& limits) {
  if (static_cast<int64_t>(text.size()) > limits.json_bytes) {
    throw ResourceExhaustedError("{}: {} bytes of JSON, more than limits.jsonBytes ({})", where, text.size(), limits.json_bytes)
        .at(where);
  }
  Prepass prepass(text, where, limits);
  Json value = Json::parse(prepass.run(), nullptr, false);
  if (value.is_discarded()) throw DataLossError("{}: not valid JSON", where).at(where);
  if (prepass.found_literals()) restore_literals(value);
  return value;
}

std::string dump_json(const Json& value) {
  std::string out;
  dump(value, out);
  return out;
}

const Json& json_get(const Json& value, std::string_view key) {
  static const Json null;
  if (!value.is_object()) return null;
  const auto found = value.find(std::string(key));
  return found == value.end() ? null : *found;
}

}  // namespace keras
