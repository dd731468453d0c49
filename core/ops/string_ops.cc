// Strings: bytes, unless an op says that they are UTF-8.
#include <algorithm>
#include <cstdio>
#include <limits>

#include "core/base/fingerprint.h"
#include "core/base/regex.h"
#include "core/base/utf8.h"
#include "core/ops/broadcast_index.h"
#include "core/ops/elementwise.h"
#include "core/ops/parse_number.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using std::string;

std::string_view without_leading(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
  return text;
}

/// output = f(input), element by element.
template <class F>
void map_strings(KernelContext& c, F f) {
  const Tensor x = c.input(0);
  Tensor& y = c.output(0, x.shape());
  for (int64_t i = 0; i < x.elements(); ++i) f(x.data<string>()[i], i, y);
}

const string& scalar_string(KernelContext& c, int input, std::string_view what) {
  if (c.input(input).elements() != 1)
    throw InvalidArgumentError("{} must be a scalar, found shape {}", what, c.input(input).shape());
  return c.input(input).data<string>()[0];
}

template <bool kUpper>
void case_kernel(KernelContext& c) {
  const string& encoding = c.attrs().get_string("encoding");
  if (encoding != "" && encoding != "utf-8") {
    throw InvalidArgumentError("only utf-8 or '' (no encoding) is supported, received {}", encoding);
  }
  map_strings(c, [&](const string& text, int64_t i, Tensor& y) {
    string& to = y.data<string>()[i];
    to = text;
    for (char& letter : to) {
      if (static_cast<unsigned char>(letter) > 0x7F && encoding == "utf-8") {
        throw UnimplementedError("Letters beyond ASCII change their case with encoding '' only");
      }
      if (kUpper ? letter >= 'a' && letter <= 'z' : letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter ^ 0x20);
    }
  });
}

void strip_kernel(KernelContext& c) {
  map_strings(c, [](const string& text, int64_t i, Tensor& y) { y.data<string>()[i] = trimmed(text); });
}

bool counts_characters(const Attrs& attrs) {
  const string& unit = attrs.get_string("unit");
  if (unit != "BYTE" && unit != "UTF8_CHAR") throw InvalidArgumentError("unit must be BYTE or UTF8_CHAR, found '{}'", unit);
  return unit == "UTF8_CHAR";
}

/// Where each character begins, and the end: bytes that continue one do not begin one.
std::vector<size_t> character_starts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

void length_kernel(KernelContext& c) {
  const bool characters = counts_characters(c.attrs());
  map_strings(c, [&](const string& text, int64_t i, Tensor& y) {
    y.data<int32_t>()[i] = static_cast<int32_t>(characters ? character_starts(text).size() - 1 : text.size());
  });
}

void join_shape(ShapeContext& c) {
  Shape joined;
  for (int i = 0; i < c.inputs(); ++i) {
    const Shape& shape = c.input(i);
    if (!shape.known_rank()) return;
    if (shape.rank() == 0) continue;
    if (!joined.compatible_with(shape) && joined.rank() > 0) {
      throw InvalidArgumentError("Strings to join have shapes {} and {}", joined, shape);
    }
    joined = joined.rank() > 0 ? joined.merged_with(shape) : shape;
  }
  c.set_output(0, joined);
}

void join_kernel(KernelContext& c) {
  const string& separator = c.attrs().get_string("separator");
  Shape shape;
  for (int i = 0; i < c.inputs(); ++i) {
    if (c.input(i).rank() == 0) continue;
    if (shape.rank() > 0 && shape != c.input(i).shape()) {
      throw InvalidArgumentError("Input shapes do not match: {} vs. {}", shape, c.input(i).shape());
    }
    shape = c.input(i).shape();
  }
  Tensor& output = c.output(0, shape);
  for (int64_t at = 0; at < output.elements(); ++at) {
    string& to = output.data<string>()[at];
    to.clear();
    for (int i = 0; i < c.inputs(); ++i) {
      if (i > 0) to += separator;
      to += c.input(i).data<string>()[c.input(i).rank() == 0 ? 0 : at];
    }
  }
}

// Splitting

/// As Python's str.split: at a separator, or at runs of white space; at most `limit` times where that is not negative.
std::vector<std::string_view> split(std::string_view text, std::string_view separator, int64_t limit) {
  if (limit == 0) return {text};
  std::vector<std::string_view> parts;
  const auto reached = [&] { return limit > 0 && static_cast<int64_t>(parts.size()) == limit; };
  if (separator.empty()) {
    for (text = without_leading(text); !text.empty();) {
      const size_t size = std::min(text.find_first_of(kWhiteSpace), text.size());
      parts.push_back(text.substr(0, size));
      text = without_leading(text.substr(size));
      if (!reached()) continue;
      parts.push_back(text);
      break;
    }
    return parts;
  }
  for (size_t at; !reached() && (at = text.find(separator)) != std::string_view::npos;) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

void split_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 1, "The strings to split");
  c.set_output(0, {kUnknownDim, 2});
  c.set_output(1, {kUnknownDim});
  c.set_output(2, {2});
}

/// A sparse matrix: row i has the parts of string i.
void split_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const string& separator = scalar_string(c, 1, "sep");
  std::vector<std::vector<std::string_view>> rows;
  size_t count = 0, longest = 0;
  for (const string& text : x.values<string>()) {
    rows.push_back(split(text, separator, c.attrs().get_int("maxsplit")));
    count += rows.back().size();
    longest = std::max(longest, rows.back().size());
  }
  const auto total = static_cast<int64_t>(count);
  int64_t* index = c.output(0, {total, 2}).data<int64_t>();
  string* value = c.output(1, {total}).data<string>();
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < rows[i].size(); ++j) {
      *index++ = static_cast<int64_t>(i);
      *index++ = static_cast<int64_t>(j);
      *value++ = rows[i][j];
    }
  }
  int64_t* shape = c.output(2, {2}).data<int64_t>();
  shape[0] = x.elements();
  shape[1] = static_cast<int64_t>(longest);
}

// Parts

void substr_shape(ShapeContext& c) {
  if (!c.input(1).compatible_with(c.input(2))) throw InvalidArgumentError("pos and len must have one shape");
  c.set_output(0, broadcast_shapes(c.input(0), c.input(1)));
}

void substr_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &pos = c.input(1), &len = c.input(2);
  if (pos.shape() != len.shape())
    throw InvalidArgumentError("pos and len must have one shape, found {} and {}", pos.shape(), len.shape());
  const bool characters = counts_characters(c.attrs());
  const Shape shape = broadcast_shapes(x.shape(), pos.shape());
  const std::vector<int64_t> of_x = broadcast_index(x.shape(), shape), of_pos = broadcast_index(pos.shape(), shape);
  const std::vector<int64_t> positions = pos.to_int64s(), lengths = len.to_int64s();
  Tensor& output = c.output(0, shape);
  for (int64_t i = 0; i < output.elements(); ++i) {
    const auto at = static_cast<size_t>(i);
    const string& text = x.data<string>()[of_x[at]];
    const auto p = static_cast<size_t>(of_pos[at]);
    const std::vector<size_t> starts = characters ? character_starts(text) : std::vector<size_t>();
    const auto size = static_cast<int64_t>(characters ? starts.size() - 1 : text.size());
    const int64_t begin = positions[p] < 0 ? positions[p] + size : positions[p];
    if (begin < 0 || begin > size) {
      throw InvalidArgumentError("pos {} out of range for string b'{}' at index {}", positions[p], text, i);
    }
    const int64_t end = begin + std::clamp<int64_t>(lengths[p], 0, size - begin);
    const auto byte = [&](int64_t place) { return characters ? starts[static_cast<size_t>(place)] : static_cast<size_t>(place); };
    output.data<string>()[i] = text.substr(byte(begin), byte(end) - byte(begin));
  }
}

/// Index `i` over these axes, the last one's changing first, as an offset into the tensor.
int64_t joined_offset(int64_t i, const std::vector<int64_t>& axes, const Shape& shape, const std::vector<int64_t>& strides) {
  int64_t offset = 0;
  for (size_t k = axes.size(); k-- > 0;) {
    const int64_t size = shape.dim(axes[k]);
    offset += i % size * strides[static_cast<size_t>(axes[k])];
    i /= size;
  }
  return offset;
}

std::vector<int64_t> joined_axes(const std::vector<int64_t>& given, int64_t rank) {
  std::vector<int64_t> axes;
  for (const int64_t axis : given) {
    axes.push_back(shape::normalize_axis(axis, rank));
    if (std::count(axes.begin(), axes.end(), axes.back()) > 1)
      throw InvalidArgumentError("Duplicate reduction dimension {}", axis);
  }
  return axes;
}

Shape without_axes(const Shape& shape, const std::vector<int64_t>& axes, bool keep_dims) {
  std::vector<int64_t> dims;
  for (int64_t axis = 0; axis < shape.rank(); ++axis) {
    const bool joined = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (joined && !keep_dims) continue;
    dims.push_back(joined ? 1 : shape.dim(axis));
  }
  return Shape(std::move(dims));
}

void reduce_join_shape(ShapeContext& c) {
  const auto axes = shape::known_ints(c, 1);
  if (!axes || !c.input(0).known_rank()) return;
  c.set_output(0, without_axes(c.input(0), joined_axes(*axes, c.input(0).rank()), c.attrs().get_bool("keep_dims")));
}

void reduce_join_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> axes = joined_axes(c.input(1).to_int64s(), x.rank());
  const string& separator = c.attrs().get_string("separator");
  std::vector<int64_t> strides(static_cast<size_t>(x.rank()), 1), kept;
  for (int64_t axis = x.rank() - 2; axis >= 0; --axis)
    strides[static_cast<size_t>(axis)] = strides[static_cast<size_t>(axis) + 1] * x.dim(axis + 1);
  int64_t count = 1;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end())
      kept.push_back(axis);
    else
      count *= x.dim(axis);
  }
  const std::vector<int64_t> inner_first(axes.rbegin(), axes.rend());  // the first axis that is named changes first
  Tensor& output = c.output(0, without_axes(x.shape(), axes, c.attrs().get_bool("keep_dims")));
  for (int64_t i = 0; i < output.elements(); ++i) {
    const int64_t start = joined_offset(i, kept, x.shape(), strides);
    string& to = output.data<string>()[i];
    to.clear();
    for (int64_t k = 0; k < count; ++k) {
      if (k > 0) to += separator;
      to += x.data<string>()[start + joined_offset(k, inner_first, x.shape(), strides)];
    }
  }
}

// Patterns

void replace_all(KernelContext& c, const string& pattern, const string& rewrite) {
  const Regex regex(pattern);
  regex.check_rewrite(rewrite);
  const bool all = c.attrs().get_bool("replace_global");
  map_strings(c, [&](const string& text, int64_t i, Tensor& y) { y.data<string>()[i] = regex.replace(text, rewrite, all); });
}
void regex_replace_kernel(KernelContext& c) { replace_all(c, scalar_string(c, 1, "Pattern"), scalar_string(c, 2, "Rewrite")); }
void static_regex_replace_kernel(KernelContext& c) {
  replace_all(c, c.attrs().get_string("pattern"), c.attrs().get_string("rewrite"));
}

void match_all(KernelContext& c, const string& pattern) {
  const Regex regex(pattern);
  map_strings(c, [&](const string& text, int64_t i, Tensor& y) { y.data<bool>()[i] = regex.full_match(text); });
}
void regex_match_kernel(KernelContext& c) { match_all(c, scalar_string(c, 1, "Pattern")); }
void static_regex_match_kernel(KernelContext& c) { match_all(c, c.attrs().get_string("pattern")); }

// Numbers

template <class T>
T number_of(const string& text) {
  const std::optional<T> number = parse_number<T>(text);
  if (!number) throw InvalidArgumentError("StringToNumberOp could not correctly convert string: {}", text);
  return *number;
}

void to_number_kernel(KernelContext& c) {
  map_strings(c, [&](const string& text, int64_t i, Tensor& y) {
    switch (y.dtype()) {
      case DType::kFloat32: y.data<float>()[i] = number_of<float>(text); break;
      case DType::kFloat64: y.data<double>()[i] = number_of<double>(text); break;
      case DType::kInt32: y.data<int32_t>()[i] = number_of<int32_t>(text); break;
      default: y.data<int64_t>()[i] = number_of<int64_t>(text);
    }
  });
}

/// How AsString prints a number, as printf would be asked.
class NumberFormat {
 public:
  explicit NumberFormat(const Attrs& attrs, DType dtype) {
    const bool scientific = attrs.get_bool("scientific"), shortest = attrs.get_bool("shortest");
    const int64_t precision = attrs.get_int("precision"), width = attrs.get_int("width");
    const string& fill = attrs.get_string("fill");
    if (!is_floating(dtype) && (scientific || shortest || precision > -1)) {
      throw InvalidArgumentError("scientific, shortest and precision are not supported for datatype {}", dtype);
    }
    if (scientific && shortest) throw InvalidArgumentError("Cannot select both scientific and shortest notation");
    if (fill.size() > 1 || (fill.size() == 1 && string(" +-0#").find(fill) == string::npos)) {
      throw InvalidArgumentError("Fill argument not supported: {}", fill);
    }
    if (width > kMost || precision > kMost) throw InvalidArgumentError("width and precision must not exceed {}", kMost);
    format_ = "%" + fill;
    if (width > -1) format_ += std::to_string(width);
    if (precision > -1) format_ += "." + std::to_string(precision);
    format_ += !is_floating(dtype) ? "lld" : scientific ? "e" : shortest ? "g" : "f";
  }

  template <class T>
  string print(T value) const {
    char text[2 * kMost + 400];  // the longest double has 309 digits before its point
    const int size = std::snprintf(text, sizeof text, format_.c_str(), value);
    return {text, static_cast<size_t>(size)};
  }

 private:
  static constexpr int64_t kMost = 200;
  string format_;
};

void as_string_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, x.shape());
  const bool is_bool = x.dtype() == DType::kBool;
  if (x.dtype() == DType::kString) {
    for (int64_t i = 0; i < x.elements(); ++i) y.data<string>()[i] = x.data<string>()[i];
    return;
  }
  const NumberFormat format(c.attrs(), x.dtype());
  with_any_type(x.dtype(), "AsString", [&]<class T>(T) {
    for (int64_t i = 0; i < x.elements(); ++i) {
      const T value = x.data<T>()[i];
      string& to = y.data<string>()[i];
      if constexpr (std::is_floating_point_v<T>)
        to = format.print(static_cast<double>(value));
      else
        to = is_bool ? (value ? "true" : "false") : format.print(static_cast<long long>(value));
    }
  });
}

// Hashes

template <class Hash>
void hash_strings(KernelContext& c, Hash hash) {
  const auto buckets = c.attrs().get_int("num_buckets");
  if (buckets < 1) throw InvalidArgumentError("num_buckets must be positive, found {}", buckets);
  map_strings(c, [&](const string& text, int64_t i, Tensor& y) {
    y.data<int64_t>()[i] = static_cast<int64_t>(hash(text) % static_cast<uint64_t>(buckets));
  });
}
void hash_fast_kernel(KernelContext& c) { hash_strings(c, fingerprint64); }
void hash_strong_kernel(KernelContext& c) {
  const auto& key = c.attrs().get_ints("key");
  if (key.size() != 2) throw InvalidArgumentError("Key must have 2 elements, found {}", key);
  hash_strings(c,
               [&](const string& text) { return sip_hash(static_cast<uint64_t>(key[0]), static_cast<uint64_t>(key[1]), text); });
}

// N-grams

struct NGrams {
  static constexpr int64_t kMostTokens = 1 << 20;

  explicit NGrams(const Attrs& attrs)
      : separator(attrs.get_string("separator")),
        left(attrs.get_string("left_pad")),
        right(attrs.get_string("right_pad")),
        widths(attrs.get_ints("ngram_widths")),
        pad_width(attrs.get_int("pad_width")),
        keeps_short(attrs.get_bool("preserve_short_sequences")) {
    for (const int64_t width : widths) {
      if (width <= 0) throw InvalidArgumentError("ngram_widths must be positive, found {}", width);
      if (width > kMostTokens) throw ResourceExhaustedError("An n-gram of {} tokens is too long", width);
    }
    if (pad_width > kMostTokens) throw ResourceExhaustedError("A padding of {} tokens is too long", pad_width);
  }

  int64_t padding(int64_t width) const { return std::min(pad_width < 0 ? width - 1 : pad_width, width - 1); }
  int64_t count(int64_t tokens, int64_t width) const { return std::max<int64_t>(tokens + 2 * padding(width) - width + 1, 0); }

  void add(std::span<const string> tokens, int64_t width, int64_t count, std::vector<string>& to) const {
    const int64_t pad = padding(width);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t before = std::max<int64_t>(pad - i, 0), after = std::max<int64_t>(pad - (count - i - 1), 0);
      const int64_t first = before > 0 ? 0 : i - pad;
      string text;
      for (int64_t k = 0; k < width; ++k) {
        if (k > 0) text += separator;
        text += k < before ? left : k >= width - after ? right : tokens[static_cast<size_t>(first + k - before)];
      }
      to.push_back(std::move(text));
    }
  }

  void add_all(std::span<const string> tokens, std::vector<string>& to) const {
    const size_t before = to.size();
    const auto size = static_cast<int64_t>(tokens.size());
    for (const int64_t width : widths) add(tokens, width, count(size, width), to);
    if (keeps_short && to.size() == before && size > 0) add(tokens, size + 2 * std::max<int64_t>(pad_width, 0), 1, to);
  }

  const string &separator, &left, &right;
  const std::vector<int64_t>& widths;
  int64_t pad_width;
  bool keeps_short;
};

void ngrams_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 1, "data");
  shape::require_rank(c.input(1), 1, "data_splits");
  c.set_output(0, {kUnknownDim});
  c.set_output(1, c.input(1));
}

void ngrams_kernel(KernelContext& c) {
  const Tensor& data = c.input(0);
  const std::vector<int64_t> splits = c.input(1).to_int64s();
  const NGrams ngrams(c.attrs());
  for (size_t i = 0; i < splits.size(); ++i) {
    const int64_t low = i == 0 ? 0 : splits[i - 1];
    if (splits[i] < low || splits[i] > data.elements() || (i == 0 && splits[i] != 0)) {
      throw InvalidArgumentError("Invalid split value {}, must be in [{}, {}]", splits[i], low, data.elements());
    }
  }
  if (!splits.empty() && splits.back() != data.elements()) {
    throw InvalidArgumentError("Last split value must be data size. Expected {}, got {}", data.elements(), splits.back());
  }
  std::vector<string> found;
  std::vector<int64_t> ends(splits.empty() ? 0 : 1, 0);
  for (size_t i = 1; i < splits.size(); ++i) {
    ngrams.add_all(
        data.values<string>().subspan(static_cast<size_t>(splits[i - 1]), static_cast<size_t>(splits[i] - splits[i - 1])), found);
    ends.push_back(static_cast<int64_t>(found.size()));
  }
  std::move(found.begin(), found.end(), c.output(0, {static_cast<int64_t>(found.size())}).data<string>());
  Tensor& output = c.output(1, c.input(1).shape());
  with_compute_type(output.dtype(), "StringNGrams", [&]<class T>(T) {
    for (size_t i = 0; i < ends.size(); ++i) output.data<T>()[i] = static_cast<T>(ends[i]);
  });
}

constexpr OpDef op(const char* name, const char* signature, KernelFn kernel, const char* js, ShapeFn shape = shape::same_as<0>) {
  return {.name = name, .signature = signature, .shape = shape, .kernel = kernel, .js = js, .flags = kNoGradient};
}

constexpr OpDef kOps[] = {
    op("StringLower", "(input: string) -> (output: string); encoding: string = \"\"", case_kernel<false>, "strings.lower"),
    op("StringUpper", "(input: string) -> (output: string); encoding: string = \"\"", case_kernel<true>, "strings.upper"),
    op("StringStrip", "(input: string) -> (output: string)", strip_kernel, "strings.strip"),
    op("StringLength", "(input: string) -> (output: int32); unit: string = \"BYTE\"", length_kernel, "strings.length"),
    op("StringJoin", "(inputs: N * string) -> (output: string); N: int; separator: string = \"\"", join_kernel, "strings.join",
       join_shape),
    op("StringSplitV2", "(input: string, sep: string) -> (indices: int64, values: string, shape: int64); maxsplit: int = -1",
       split_kernel, nullptr, split_shape),
    op("Substr", "(input: string, pos: T, len: T) -> (output: string); T: {int32, int64}; unit: string = \"BYTE\"", substr_kernel,
       "strings.substr", substr_shape),
    op("ReduceJoin",
       "(inputs: string, reduction_indices: int32) -> (output: string); keep_dims: bool = false; separator: string = \"\"",
       reduce_join_kernel, "strings.reduceJoin", reduce_join_shape),
    op("RegexReplace", "(input: string, pattern: string, rewrite: string) -> (output: string); replace_global: bool = true",
       regex_replace_kernel, "strings.regexReplace"),
    op("StaticRegexReplace", "(input: string) -> (output: string); pattern: string; rewrite: string; replace_global: bool = true",
       static_regex_replace_kernel, nullptr),
    op("RegexFullMatch", "(input: string, pattern: string) -> (output: bool)", regex_match_kernel, "strings.regexFullMatch"),
    op("StaticRegexFullMatch", "(input: string) -> (output: bool); pattern: string", static_regex_match_kernel, nullptr),
    op("StringToNumber", "(string_tensor: string) -> (output: out_type); out_type: {float, double, int32, int64} = float",
       to_number_kernel, "strings.toNumber"),
    op("AsString",
       "(input: T) -> (output: string); T: {numeric, bool, variant, string}; precision: int = -1; scientific: bool = false; "
       "shortest: bool = false; width: int = -1; fill: string = \"\"",
       as_string_kernel, "strings.asString"),
    op("StringToHashBucketFast", "(input: string) -> (output: int64); num_buckets: int", hash_fast_kernel,
       "strings.toHashBucketFast"),
    op("StringToHashBucketStrong", "(input: string) -> (output: int64); num_buckets: int; key: list(int)", hash_strong_kernel,
       "strings.toHashBucketStrong"),
    op("StringNGrams",
       "(data: string, data_splits: Tsplits) -> (ngrams: string, ngrams_splits: Tsplits); separator: string; ngram_widths: "
       "list(int); left_pad: string; right_pad: string; pad_width: int; preserve_short_sequences: bool; Tsplits: {int32, int64} "
       "= int64",
       ngrams_kernel, nullptr, ngrams_shape),
};

}  // namespace

std::span<const OpDef> string_ops() { return kOps; }

}  // namespace keras
