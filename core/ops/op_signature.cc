// Reads signature texts. They are part of this source tree, so that a mistake in one is a bug, not an error.
#include "core/ops/op_signature.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <span>

namespace keras {
namespace {

using enum DType;

struct DTypeGroup {
  std::string_view name;
  std::vector<DType> dtypes;
};

const std::vector<DTypeGroup>& dtype_groups() {
  static const std::vector<DType> floating = {kFloat16, kBfloat16, kFloat32, kFloat64};
  static const std::vector<DType> integer = {kInt8, kInt16, kInt32, kInt64, kUint8, kUint16, kUint32, kUint64};
  static const std::vector<DType> complex = {kComplex64, kComplex128};
  static const auto joined = [](std::initializer_list<std::span<const DType>> parts) {
    std::vector<DType> all;
    for (const auto part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  static const std::vector<DTypeGroup> groups = {{"floating", floating},
                                                 {"integer", integer},
                                                 {"complex", complex},
                                                 {"real", joined({floating, integer})},
                                                 {"numeric", joined({floating, integer, complex})}};
  return groups;
}

/// A walk over the text; spaces between tokens mean nothing.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  OpSignature parse() {
    OpSignature signature;
    signature.inputs = parse_args();
    expect('-');
    expect('>');
    signature.outputs = parse_args();
    while (accept(';')) signature.attrs.push_back(parse_attr());
    assert(peek() == '\0' && "text after a signature's end");
    for (ArgDef& arg : signature.inputs) resolve(arg, signature);
    for (ArgDef& arg : signature.outputs) resolve(arg, signature);
    return signature;
  }

 private:
  void skip_spaces() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }
  char peek() {
    skip_spaces();
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    [[maybe_unused]] const bool found = accept(c);
    assert(found && "unexpected character in a signature");
  }

  std::string_view word() {
    skip_spaces();
    const size_t start = position_;
    while (position_ < text_.size() && std::string_view(" ,:;*(){}[]=").find(text_[position_]) == std::string_view::npos) {
      ++position_;
    }
    assert(position_ > start && "a word is missing in a signature");
    return text_.substr(start, position_ - start);
  }

  std::string quoted() {
    expect('"');
    const size_t start = position_;
    while (position_ < text_.size() && text_[position_] != '"') ++position_;
    std::string result;
    for (size_t i = start; i < position_; ++i) {
      const bool escaped = text_[i] == '\\' && i + 1 < position_;
      if (escaped) ++i;
      result += !escaped ? text_[i] : text_[i] == 't' ? '\t' : text_[i] == 'n' ? '\n' : text_[i];
    }
    expect('"');
    return result;
  }

  // "(a: T, b: N * float)". What a type word means is resolved when all attributes are known.
  std::vector<ArgDef> parse_args() {
    std::vector<ArgDef> args;
    expect('(');
    while (!accept(')')) {
      if (!args.empty()) expect(',');
      ArgDef arg;
      arg.name = word();
      expect(':');
      arg.type_attr = word();
      if (accept('*')) {
        arg.number_attr = std::move(arg.type_attr);
        arg.type_attr = word();
      }
      args.push_back(std::move(arg));
    }
    return args;
  }

  static void resolve(ArgDef& arg, const OpSignature& signature) {
    const AttrDef* attr = signature.attr(arg.type_attr);
    if (attr == nullptr) {
      arg.dtype = parse_signature_dtype(arg.type_attr);
      assert(arg.dtype != kInvalid && "no such dtype or attribute in a signature");
      arg.type_attr.clear();
    } else if (attr->kind == "list(type)") {
      arg.type_list_attr = std::move(arg.type_attr);
      arg.type_attr.clear();
    }
  }

  AttrDef parse_attr() {
    AttrDef attr;
    attr.name = word();
    expect(':');
    if (peek() == '{') {
      attr.kind = "type";
      attr.allowed = parse_dtype_set();
    } else {
      attr.kind = word();
      if (accept('(')) {
        attr.kind += "(" + std::string(word()) + ")";
        expect(')');
      }
    }
    if (accept('=')) attr.default_value = parse_value(attr.kind);
    return attr;
  }

  std::vector<DType> parse_dtype_set() {
    std::vector<DType> dtypes;
    expect('{');
    while (!accept('}')) {
      if (!dtypes.empty()) expect(',');
      const std::string_view name = word();
      const auto& groups = dtype_groups();
      const auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.name == name; });
      if (group != groups.end()) {
        dtypes.insert(dtypes.end(), group->dtypes.begin(), group->dtypes.end());
      } else {
        dtypes.push_back(parse_signature_dtype(name));
        assert(dtypes.back() != kInvalid && "no such dtype in a signature");
      }
    }
    return dtypes;
  }

  template <class T, class ReadOne>
  std::vector<T> list(ReadOne read_one) {
    std::vector<T> values;
    expect('[');
    while (!accept(']')) {
      if (!values.empty()) expect(',');
      values.push_back(read_one());
    }
    return values;
  }

  int64_t integer() { return std::strtoll(std::string(word()).c_str(), nullptr, 10); }
  float number() { return std::strtof(std::string(word()).c_str(), nullptr); }
  bool boolean() { return word() == "true"; }
  DType dtype() { return parse_signature_dtype(word()); }
  Shape shape() {
    if (accept('?')) return Shape::unknown_rank();
    return Shape(list<int64_t>([this] { return integer(); }));
  }

  AttrValue parse_value(std::string_view kind) {
    if (kind == "int") return integer();
    if (kind == "float") return number();
    if (kind == "bool") return boolean();
    if (kind == "string") return quoted();
    if (kind == "type") return dtype();
    if (kind == "shape") return shape();
    if (kind == "list(int)") return list<int64_t>([this] { return integer(); });
    if (kind == "list(float)") return list<float>([this] { return number(); });
    if (kind == "list(bool)") return list<bool>([this] { return boolean(); });
    if (kind == "list(string)") return list<std::string>([this] { return quoted(); });
    if (kind == "list(type)") return list<DType>([this] { return dtype(); });
    assert(kind == "list(shape)" && "a default of a kind that has none");
    return list<Shape>([this] { return shape(); });
  }

  std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

const AttrDef* OpSignature::attr(std::string_view name) const {
  const auto it = std::find_if(attrs.begin(), attrs.end(), [&](const AttrDef& attr) { return attr.name == name; });
  return it != attrs.end() ? &*it : nullptr;
}

OpSignature parse_signature(std::string_view text) { return Parser(text).parse(); }

}  // namespace keras
