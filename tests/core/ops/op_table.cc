#include "tests/core/ops/op_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/format.h"
#include "core/ops/half_precision.h"
#include "core/tensor/complex.h"
#include "core/tensor/half.h"

namespace keras::testing {
namespace {

using nlohmann::json;

double number(const json& value) {
  if (!value.is_string()) return value.get<double>();
  const auto text = value.get<std::string>();
  return text == "NaN" ? std::nan("") : text == "Infinity" ? HUGE_VAL : -HUGE_VAL;
}

/// Bytes that are no UTF-8 are a list of numbers.
std::string text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string bytes;
  for (const json& byte : value) bytes += static_cast<char>(byte.get<int>());
  return bytes;
}

/// Each complex number is two in the table.
template <class T>
Tensor read_complex(const json& value, DType dtype) {
  Tensor tensor = Tensor::allocate(dtype, Shape(value["shape"].get<std::vector<int64_t>>()));
  T* to = reinterpret_cast<T*>(tensor.raw());
  for (const json& part : value["data"]) *to++ = static_cast<T>(number(part));
  return tensor;
}

Tensor read_tensor(const json& value) {
  if (value.is_null()) return {};
  const DType dtype = parse_dtype(value["dtype"].get<std::string>());
  if (dtype == DType::kResource) return {};
  if (dtype == DType::kComplex64) return read_complex<float>(value, dtype);
  if (dtype == DType::kComplex128) return read_complex<double>(value, dtype);
  Tensor tensor = Tensor::allocate(dtype, Shape(value["shape"].get<std::vector<int64_t>>()));
  int64_t i = 0;
  for (const json& element : value["data"]) {
    switch (dtype) {
      case DType::kFloat32: tensor.data<float>()[i] = static_cast<float>(number(element)); break;
      case DType::kFloat64: tensor.data<double>()[i] = number(element); break;
      case DType::kInt32: tensor.data<int32_t>()[i] = element.get<int32_t>(); break;
      case DType::kInt64: tensor.data<int64_t>()[i] = element.get<int64_t>(); break;
      case DType::kInt8: tensor.data<int8_t>()[i] = element.get<int8_t>(); break;
      case DType::kUint8: tensor.data<uint8_t>()[i] = element.get<uint8_t>(); break;
      case DType::kFloat16:
        reinterpret_cast<uint16_t*>(tensor.raw())[i] = float_to_half(static_cast<float>(number(element)));
        break;
      case DType::kBfloat16:
        reinterpret_cast<uint16_t*>(tensor.raw())[i] = float_to_bfloat16(static_cast<float>(number(element)));
        break;
      case DType::kBool: tensor.data<bool>()[i] = element.is_boolean() ? element.get<bool>() : element.get<int>() != 0; break;
      case DType::kString: tensor.data<std::string>()[i] = text(element); break;
      case DType::kUint32:
      case DType::kUint64: {  // little-endian
        const auto bits = element.get<uint64_t>();
        const int64_t bytes = dtype_bytes(dtype);
        std::memcpy(tensor.raw() + i * bytes, &bits, static_cast<size_t>(bytes));
        break;
      }
      default: throw std::runtime_error("dtype in the op table: " + std::string(dtype_name(dtype)));
    }
    ++i;
  }
  return tensor;
}

std::vector<Tensor> read_tensors(const json& values) {
  std::vector<Tensor> tensors;
  for (const json& value : values) tensors.push_back(read_tensor(value));
  return tensors;
}

DType read_type(const json& value) {
  std::string name = value.get<std::string>().substr(3);
  for (char& c : name) c = static_cast<char>(std::tolower(c));
  return parse_signature_dtype(name);
}

/// An empty list is written as one of integers, whatever its kind.
AttrValue read_attr(const json& value, const std::string& kind) {
  const std::string key = value.begin().key();
  const json& data = *value.begin();
  if (key == "i") return data.get<int64_t>();
  if (key == "f") return static_cast<float>(number(data));
  if (key == "b") return data.get<bool>();
  if (key == "s") return data.get<std::string>();
  if (key == "type") return read_type(data);
  if (key == "shape") return Shape(data.get<std::vector<int64_t>>());
  if (kind == "list(float)") return data.get<std::vector<float>>();
  if (kind == "list(string)") return data.get<std::vector<std::string>>();
  if (kind == "list(type)") {
    std::vector<DType> types;
    for (const json& type : data) types.push_back(read_type(type));
    return types;
  }
  return data.get<std::vector<int64_t>>();
}

OpCase read_case(const json& row) {
  OpCase result;
  result.op = row["op"];
  result.name = row["name"];
  const RegisteredOp* op = find_op(result.op);
  for (const auto& [name, value] : row["attrs"].items()) {
    const AttrDef* def = op != nullptr ? op->signature.attr(name) : nullptr;
    result.attrs.set(name, read_attr(value, def != nullptr ? def->kind : ""));
  }
  result.inputs = read_tensors(row["inputs"]);
  for (const json& input : row["inputs"]) result.variables.push_back(read_tensor(input.value("value", json())));
  if (row.contains("after")) result.after = read_tensors(row["after"]);
  result.outputs = read_tensors(row["outputs"]);
  result.tolerance = row["tol"];
  if (row.contains("grad")) {
    result.has_gradient = true;
    result.upstream = read_tensors(row["grad"]["upstream"]);
    result.input_gradients = read_tensors(row["grad"]["inputs"]);
  }
  return result;
}

std::vector<OpCase> read_cases() {
  std::vector<std::filesystem::path> families;
  for (const auto& entry : std::filesystem::directory_iterator(KERAS_SOURCE_DIR "/tests/fixtures/ops")) {
    families.push_back(entry.path());
  }
  std::sort(families.begin(), families.end());
  std::vector<OpCase> cases;
  for (const auto& family : families) {
    std::ifstream file(family);
    const json table = json::parse(file);
    for (const json& row : table["cases"]) cases.push_back(read_case(row));
  }
  return cases;
}

/// A complex tensor as real and imaginary parts.
Tensor parts_of(const Tensor& tensor) {
  std::vector<int64_t> dims = tensor.shape().dims();
  dims.push_back(2);
  const DType dtype = tensor.dtype() == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
  return Tensor::borrow(dtype, Shape(std::move(dims)), const_cast<std::byte*>(tensor.raw()), tensor.owner());
}

std::string string_difference(const Tensor& found, const Tensor& wanted) {
  for (int64_t i = 0; i < wanted.elements(); ++i) {
    const std::string &a = found.data<std::string>()[i], &b = wanted.data<std::string>()[i];
    if (a != b) return format("element {}: \"{}\" instead of \"{}\"", i, a, b);
  }
  return "";
}

/// One unit in the last place of 1. TensorFlow rounds inside of its kernels for half and bfloat16, each in its own way: after
/// every step of a sum, or of a formula, or at the end only, as here. What is moved only has a tolerance of 0.
double unit_of(DType dtype) { return dtype == DType::kFloat16 ? 0x1p-10 : 0x1p-7; }

std::string at(int64_t i, double found, double wanted) {
  return "element " + std::to_string(i) + ": " + format("{} instead of {}", found, wanted);
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = read_cases();
  return cases;
}

std::string difference(const Tensor& found, const Tensor& wanted, double tolerance) {
  if (found.dtype() != wanted.dtype()) return format("dtype {} instead of {}", found.dtype(), wanted.dtype());
  if (found.shape() != wanted.shape()) return format("shape {} instead of {}", found.shape(), wanted.shape());
  if (wanted.dtype() == DType::kString) return string_difference(found, wanted);
  if (wanted.dtype() == DType::kComplex64) return difference(parts_of(found), parts_of(wanted), tolerance);
  if (wanted.dtype() == DType::kComplex128) return difference(parts_of(found), parts_of(wanted), tolerance);
  if (wanted.dtype() == DType::kUint32 || wanted.dtype() == DType::kUint64) {
    return std::memcmp(found.raw(), wanted.raw(), wanted.bytes().size()) == 0 ? "" : "other bits";
  }
  if (is_half_precision(wanted.dtype()) && tolerance > 0) tolerance = std::max(tolerance, unit_of(wanted.dtype()));
  double largest = 0;
  for (int64_t i = 0; i < wanted.elements(); ++i) {
    if (std::isfinite(wanted.number_at(i))) largest = std::max(largest, std::abs(wanted.number_at(i)));
  }
  for (int64_t i = 0; i < wanted.elements(); ++i) {
    const double a = found.number_at(i), b = wanted.number_at(i);
    const bool same = a == b || (std::isnan(a) && std::isnan(b));
    if (!same && !(std::abs(a - b) <= tolerance * largest)) return at(i, a, b);
  }
  return "";
}

}  // namespace keras::testing
