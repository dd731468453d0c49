// Strings of code points in some encoding.
#include <algorithm>
#include <functional>

#include "core/base/utf8.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using std::string;

constexpr uint32_t kLastCode = 0x10FFFF;

enum class Encoding { kUtf8, kUtf16, kUtf32, kAscii, kLatin1 };

/// ICU knows hundreds of names.
Encoding encoding_named(const string& name) {
  string upper = name;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c ^ 0x20) : c == '_' ? '-' : c;
  if (upper == "UTF-8" || upper == "UTF8") return Encoding::kUtf8;
  if (upper == "UTF-16-BE" || upper == "UTF-16BE") return Encoding::kUtf16;
  if (upper == "UTF-32-BE" || upper == "UTF-32BE") return Encoding::kUtf32;
  if (upper == "US-ASCII" || upper == "ASCII") return Encoding::kAscii;
  if (upper == "ISO-8859-1" || upper == "LATIN1" || upper == "LATIN-1") return Encoding::kLatin1;
  throw UnimplementedError("Encoding '{}' is not implemented", name);
}

bool is_surrogate(uint32_t code) { return code >= 0xD800 && code <= 0xDFFF; }

/// The first code point of a text that is not empty.
Utf8 next_code(std::string_view text, Encoding encoding) {
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<unsigned char>(text[i]); };
  if (encoding == Encoding::kUtf8) return next_utf8(text);
  if (encoding == Encoding::kLatin1) return {byte(0), 1, true};
  if (encoding == Encoding::kAscii) return {byte(0), 1, byte(0) < 0x80};
  if (encoding == Encoding::kUtf32) {
    if (text.size() < 4) return {0, text.size(), false};
    const uint32_t code = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
    return {code, 4, code <= kLastCode && !is_surrogate(code)};
  }
  if (text.size() < 2) return {0, text.size(), false};
  const uint32_t high = byte(0) << 8 | byte(1);
  if (!is_surrogate(high)) return {high, 2, true};
  const uint32_t low = text.size() >= 4 ? byte(2) << 8 | byte(3) : 0;
  if (high >= 0xDC00 || low < 0xDC00 || low > 0xDFFF) return {0, 2, false};
  return {0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 4, true};
}

void append_code(string& text, uint32_t code, Encoding encoding) {
  const auto add = [&](uint32_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
  };
  if (encoding == Encoding::kUtf8) return append_utf8(text, code);
  if (encoding == Encoding::kUtf32) return add(code, 4);
  if (code < 0x10000) return add(code, 2);
  add(0xD800 + ((code - 0x10000) >> 10), 2);
  add(0xDC00 + ((code - 0x10000) & 0x3FF), 2);
}

Encoding output_encoding(const Attrs& attrs) {
  const string& name = attrs.get_string("output_encoding");
  const Encoding encoding = encoding_named(name);
  if (encoding == Encoding::kAscii || encoding == Encoding::kLatin1) {
    throw InvalidArgumentError("output_encoding must be one of UTF-8, UTF-16-BE, or UTF-32-BE, found '{}'", name);
  }
  return encoding;
}

/// What happens to what is no character.
class ErrorPolicy {
 public:
  explicit ErrorPolicy(const Attrs& attrs)
      : replacement_(static_cast<uint32_t>(attrs.get_int("replacement_char"))),
        strict_(attrs.get_string("errors") == "strict"),
        ignores_(attrs.get_string("errors") == "ignore") {
    const string& errors = attrs.get_string("errors");
    if (!strict_ && !ignores_ && errors != "replace") {
      throw InvalidArgumentError("errors attribute must be one of 'strict', 'replace', or 'ignore', found '{}'", errors);
    }
    if (replacement_ > kLastCode || is_surrogate(replacement_)) {
      throw InvalidArgumentError("replacement_char must be a valid unicode codepoint, found {}",
                                 attrs.get_int("replacement_char"));
    }
  }
  /// Whether something stands for it, namely replacement(). Throws InvalidArgumentError if it is not allowed.
  bool replaces(std::string_view message) const {
    if (strict_) throw InvalidArgumentError("{}", message);
    return !ignores_;
  }
  uint32_t replacement() const { return replacement_; }

 private:
  uint32_t replacement_;
  bool strict_, ignores_;
};

class Decoder {
 public:
  explicit Decoder(const Attrs& attrs)
      : encoding_(encoding_named(attrs.get_string("input_encoding"))),
        policy_(attrs),
        replaces_control_(attrs.get_bool("replace_control_characters")) {}

  /// visit(code, the byte at which it begins)
  template <class Visit>
  void decode(std::string_view text, Visit visit) const {
    for (size_t at = 0; at < text.size();) {
      const Utf8 one = next_code(text.substr(at), encoding_);
      const bool good = one.valid && !(replaces_control_ && one.code < 0x20);
      if (good || policy_.replaces("Invalid formatting on input string")) visit(good ? one.code : policy_.replacement(), at);
      at += one.bytes;
    }
  }

 private:
  Encoding encoding_;
  ErrorPolicy policy_;
  bool replaces_control_;
};

void decode_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  int64_t count = 1;
  for (int64_t axis = 0; x.known_rank() && axis < x.rank(); ++axis) count = shape::mul_dims(count, x.dim(axis));
  c.set_output(0, {x.known_rank() ? shape::add_dims(count, 1) : kUnknownDim});
  c.set_output(1, {kUnknownDim});
}
void decode_offsets_shape(ShapeContext& c) {
  decode_shape(c);
  c.set_output(2, {kUnknownDim});
}

/// Ragged: row splits, code points and, where there is a third output, the bytes at which they begin.
void decode_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const Decoder decoder(c.attrs());
  std::vector<int64_t> splits = {0}, starts;
  std::vector<int32_t> codes;
  for (const string& text : x.values<string>()) {
    decoder.decode(text, [&](uint32_t code, size_t at) {
      codes.push_back(static_cast<int32_t>(code));
      starts.push_back(static_cast<int64_t>(at));
    });
    splits.push_back(static_cast<int64_t>(codes.size()));
  }
  Tensor& output = c.output(0, {x.elements() + 1});
  with_compute_type(output.dtype(), "UnicodeDecode", [&]<class T>(T) {
    std::transform(splits.begin(), splits.end(), output.data<T>(), [](int64_t split) { return static_cast<T>(split); });
  });
  const Shape shape{static_cast<int64_t>(codes.size())};
  std::copy(codes.begin(), codes.end(), c.output(1, shape).data<int32_t>());
  if (c.outputs() > 2) std::copy(starts.begin(), starts.end(), c.output(2, shape).data<int64_t>());
}

void encode_shape(ShapeContext& c) {
  shape::require_rank(c.input(1), 1, "input_splits");
  const int64_t splits = shape::dim_or_unknown(c.input(1), 0);
  c.set_output(0, {splits < 0 ? kUnknownDim : std::max<int64_t>(splits - 1, 0)});
}

bool is_character(int64_t code) {
  if (code < 0 || code > kLastCode || is_surrogate(static_cast<uint32_t>(code))) return false;
  return (code & 0xFFFE) != 0xFFFE && !(code >= 0xFDD0 && code <= 0xFDEF);
}

void encode_kernel(KernelContext& c) {
  const Tensor& codes = c.input(0);
  const std::vector<int64_t> splits = c.input(1).to_int64s();
  const ErrorPolicy policy(c.attrs());
  const Encoding encoding = output_encoding(c.attrs());
  if (splits.empty() || splits.front() != 0 || splits.back() > codes.elements()) {
    throw InvalidArgumentError("Values in input_splits must be in [0, {}], the first 0", codes.elements());
  }
  Tensor& output = c.output(0, {static_cast<int64_t>(splits.size()) - 1});
  for (size_t i = 1; i < splits.size(); ++i) {
    if (splits[i] < splits[i - 1]) throw InvalidArgumentError("Values in input_splits must be equal or in ascending order");
    string& to = output.data<string>()[i - 1];
    to.clear();
    for (int64_t k = splits[i - 1]; k < splits[i]; ++k) {
      const int64_t code = codes.data<int32_t>()[k];
      const bool good = is_character(code);
      if (good || policy.replaces("Code point is out of range for Unicode, or a noncharacter.")) {
        append_code(to, good ? static_cast<uint32_t>(code) : policy.replacement(), encoding);
      }
    }
  }
}

void transcode_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  const Decoder decoder(c.attrs());
  const Encoding encoding = output_encoding(c.attrs());
  Tensor& y = c.output(0, x.shape());
  for (int64_t i = 0; i < x.elements(); ++i) {
    string text;
    decoder.decode(x.data<string>()[i], [&](uint32_t code, size_t) { append_code(text, code, encoding); });
    y.data<string>()[i] = std::move(text);
  }
}

constexpr OpDef kOps[] = {
    {.name = "UnicodeDecode",
     .signature =
         "(input: string) -> (row_splits: Tsplits, char_values: int32); input_encoding: string; errors: string = \"replace\"; "
         "replacement_char: int = 65533; replace_control_characters: bool = false; Tsplits: {int32, int64} = int64",
     .shape = decode_shape,
     .kernel = decode_kernel,
     .flags = kNoGradient},
    {.name = "UnicodeDecodeWithOffsets",
     .signature = "(input: string) -> (row_splits: Tsplits, char_values: int32, char_to_byte_starts: int64); input_encoding: "
                  "string; errors: string = \"replace\"; replacement_char: int = 65533; replace_control_characters: bool = "
                  "false; Tsplits: {int32, int64} = int64",
     .shape = decode_offsets_shape,
     .kernel = decode_kernel,
     .flags = kNoGradient},
    {.name = "UnicodeEncode",
     .signature = "(input_values: int32, input_splits: Tsplits) -> (output: string); errors: string = \"replace\"; "
                  "output_encoding: string; replacement_char: int = 65533; Tsplits: {int32, int64} = int64",
     .shape = encode_shape,
     .kernel = encode_kernel,
     .flags = kNoGradient},
    {.name = "UnicodeTranscode",
     .signature = "(input: string) -> (output: string); input_encoding: string; output_encoding: string; errors: string = "
                  "\"replace\"; replacement_char: int = 65533; replace_control_characters: bool = false",
     .shape = shape::same_as<0>,
     .kernel = transcode_kernel,
     .js = "strings.unicodeTranscode",
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> unicode_ops() { return kOps; }

}  // namespace keras
