// A text with tensors in it, as tf.strings.format and tf.print make it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using std::string;

string printed(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

/// The fewer digits if they read back as the same number.
string printed(double value) {
  const string text = printed(value, std::numeric_limits<double>::digits10);
  return std::strtod(text.c_str(), nullptr) == value || std::isnan(value) ? text : printed(value, 17);
}
string printed(float value) {
  const string text = printed(value, std::numeric_limits<float>::digits10);
  return std::strtof(text.c_str(), nullptr) == value || std::isnan(value) ? text : printed(value, 9);
}

/// In quotes, with C's escapes; what is beyond ASCII stays.
string printed(const string& value) {
  string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const size_t special = string("\n\r\t\"'\\").find(c);
    if (special != string::npos) {
      text += '\\';
      text += "nrt\"'\\"[special];
    } else if (byte < 0x20 || byte == 0x7F) {
      char octal[5];
      std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(byte));
      text += octal;
    } else {
      text += c;
    }
  }
  return text + '"';
}

string element(const Tensor& tensor, int64_t i) {
  string text = "?";  // what TensorFlow has no text for
  switch (tensor.dtype()) {
    case DType::kString: return printed(tensor.data<string>()[i]);
    case DType::kBool: return tensor.data<bool>()[i] ? "1" : "0";
    case DType::kComplex64:
    case DType::kComplex128: return text;
    default: break;
  }
  with_compute_type(tensor.dtype(), "StringFormat", [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>)
      text = printed(tensor.data<T>()[i]);
    else
      text = std::to_string(tensor.data<T>()[i]);
  });
  return text;
}

/// A tensor's text, of which each axis shows its first and last elements.
struct Printer {
  const Tensor& tensor;
  int64_t at_ends;  // how many
  string text = {};

  void separate(int64_t axis) {
    const int64_t below = tensor.rank() - 1 - axis;
    if (below == 0)
      text += ' ';
    else
      text += string(static_cast<size_t>(below), '\n') + string(static_cast<size_t>(axis) + 1, ' ');
  }

  void print(int64_t axis, int64_t first) {
    if (axis == tensor.rank()) {
      text += element(tensor, first);
      return;
    }
    const int64_t count = tensor.dim(axis);
    int64_t step = 1;
    for (int64_t i = axis + 1; i < tensor.rank(); ++i) step *= tensor.dim(i);
    text += '[';
    for (int64_t i = 0; i < std::min(at_ends, count); ++i) {
      if (i > 0) separate(axis);
      print(axis + 1, first + i * step);
    }
    if (count - at_ends > at_ends) {
      separate(axis);
      text += "...";
    }
    for (int64_t i = std::max(at_ends, count - at_ends); i < count; ++i) {
      separate(axis);
      print(axis + 1, first + i * step);
    }
    text += ']';
  }
};

void format_kernel(KernelContext& c) {
  const string &form = c.attrs().get_string("template"), &placeholder = c.attrs().get_string("placeholder");
  const int64_t summarize = c.attrs().get_int("summarize");
  std::vector<string> parts(1);
  for (size_t at = 0; at < form.size();) {
    if (!placeholder.empty() && form.compare(at, placeholder.size(), placeholder) == 0) {
      parts.emplace_back();
      at += placeholder.size();
    } else {
      parts.back() += form[at++];
    }
  }
  if (static_cast<int>(parts.size()) - 1 != c.inputs()) {
    throw InvalidArgumentError("num placeholders in template and num inputs must match: {} vs. {}", parts.size() - 1, c.inputs());
  }
  string text = parts[0];
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor& input = c.input(i);
    Printer printer{input, summarize < 0 ? input.elements() : std::min(summarize, input.elements())};
    printer.print(0, 0);
    text += printer.text + parts[static_cast<size_t>(i) + 1];
  }
  c.output(0, Shape()).data<string>()[0] = std::move(text);
}

constexpr OpDef kOps[] = {
    {.name = "StringFormat",
     .signature = "(inputs: T) -> (output: string); T: list(type); template: string = \"%s\"; placeholder: string = \"%s\"; "
                  "summarize: int = 3",
     .shape = shape::scalar,
     .kernel = format_kernel,
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> string_format_ops() { return kOps; }

}  // namespace keras
