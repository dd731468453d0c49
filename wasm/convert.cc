// Values that cross between JavaScript and the core.
#include "wasm/convert.h"

#include <cstring>
#include <limits>

#include "wasm/engine.h"

namespace keras {
namespace {

int64_t length_of(const val& list) { return static_cast<int64_t>(list["length"].as<double>()); }

/// Dimensions arrive as numbers; what is no count is told before it becomes one.
int64_t dim_from_js(const val& value) {
  if (value.isNull() || value.isUndefined()) return kUnknownDim;
  const double dim = value.as<double>();
  if (!(dim >= -1 && dim <= 9007199254740991.0) || dim != static_cast<double>(static_cast<int64_t>(dim))) {
    throw ValueError("A shape holds {}, which is no dimension", dim);
  }
  return static_cast<int64_t>(dim);
}

void copy_bytes(const val& from, std::byte* to, int64_t count) {
  if (count == 0) return;
  val(emscripten::typed_memory_view(static_cast<size_t>(count), reinterpret_cast<uint8_t*>(to))).call<void>("set", from);
}

Tensor strings_from_js(const Shape& shape, const val& value) {
  Tensor tensor = Tensor::allocate(DType::kString, shape);
  const std::vector<std::byte> block = bytes_from_js(value["data"]);
  const std::vector<double> lengths = emscripten::convertJSArrayToNumberVector<double>(value["lengths"]);
  if (static_cast<int64_t>(lengths.size()) != tensor.elements())
    throw ValueError("A string tensor has too few or too many lengths");
  size_t at = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const size_t count = static_cast<size_t>(lengths[i]);
    if (count > block.size() - at) throw ValueError("A string tensor's lengths pass the end of its bytes");
    tensor.data<std::string>()[i].assign(reinterpret_cast<const char*>(block.data()) + at, count);
    at += count;
  }
  return tensor;
}

std::string camel_case(std::string_view name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_' && i > 0 && i + 1 < name.size()) {
      const char next = name[++i];
      result += next >= 'a' && next <= 'z' ? static_cast<char>(next - 'a' + 'A') : next;
    } else {
      result += name[i];
    }
  }
  return result;
}

DType dtype_from_js(const val& value) {
  const std::string name = value.as<std::string>();
  const DType dtype = parse_dtype(name);
  if (dtype == DType::kInvalid) throw TypeError("'{}' is no dtype", name);
  return dtype;
}

template <class T, class F>
std::vector<T> list_from_js(const val& value, F&& item) {
  std::vector<T> list;
  const int64_t count = length_of(value);
  for (int64_t i = 0; i < count; ++i) list.push_back(item(value[static_cast<unsigned>(i)]));
  return list;
}

int64_t int_from_js(const val& value) {
  if (value.isTrue() || value.isFalse()) return value.isTrue() ? 1 : 0;
  const double number = value.as<double>();
  if (number != static_cast<double>(static_cast<int64_t>(number))) throw TypeError("{} is no integer", number);
  return static_cast<int64_t>(number);
}

AttrValue attr_from_js(const std::string& op, const AttrDef& attr, const val& value) {
  const auto as_float = [](const val& v) { return v.as<float>(); };
  const auto as_bool = [](const val& v) { return v.as<bool>(); };
  const auto as_string = [](const val& v) { return v.as<std::string>(); };
  const std::string& kind = attr.kind;
  if (kind == "type") return dtype_from_js(value);
  if (kind == "int") return int_from_js(value);
  if (kind == "float") return as_float(value);
  if (kind == "bool") return as_bool(value);
  if (kind == "string") return as_string(value);
  if (kind == "shape") return shape_from_js(value);
  if (kind == "tensor") return tensor_from_js(value);
  if (kind == "list(int)") return list_from_js<int64_t>(value, int_from_js);
  if (kind == "list(float)") return list_from_js<float>(value, as_float);
  if (kind == "list(bool)") return list_from_js<bool>(value, as_bool);
  if (kind == "list(string)") return list_from_js<std::string>(value, as_string);
  if (kind == "list(type)") return list_from_js<DType>(value, dtype_from_js);
  if (kind == "list(shape)") return list_from_js<Shape>(value, shape_from_js);
  throw UnimplementedError("Op {}: attribute '{}' of kind {} cannot be given from JavaScript", op, attr.name, kind);
}

}  // namespace

Json json_from_js(const std::string& text) { return parse_json(text, "argument", engine().session.limits); }

Shape shape_from_js(const val& value) {
  if (value.isNull() || value.isUndefined()) return Shape::unknown_rank();
  return Shape(list_from_js<int64_t>(value, dim_from_js));
}

val shape_to_js(const Shape& shape) {
  if (!shape.known_rank()) return val::null();
  val list = val::array();
  for (const int64_t dim : shape.dims()) {
    if (dim < 0)
      list.call<void>("push", val::null());
    else
      list.call<void>("push", static_cast<double>(dim));
  }
  return list;
}

val bytes_to_js(std::span<const std::byte> bytes) {
  // The constructor copies: the result is an ordinary ArrayBuffer, also where the engine's memory is shared.
  const val view(emscripten::typed_memory_view(bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data())));
  return val::global("Uint8Array").new_(view);
}

std::vector<std::byte> bytes_from_js(const val& bytes) {
  std::vector<std::byte> result(static_cast<size_t>(length_of(bytes)));
  copy_bytes(bytes, result.data(), static_cast<int64_t>(result.size()));
  return result;
}

Tensor tensor_from_js(const val& value) {
  const int32_t number = value["dtype"].as<int32_t>();
  if (!is_known_dtype(number)) throw TypeError("{} is no dtype", number);
  const DType dtype = static_cast<DType>(number);
  if (dtype == DType::kResource || dtype == DType::kVariant) throw TypeError("A tensor of dtype {} cannot be given", dtype);
  const Shape shape = shape_from_js(value["shape"]);
  if (!shape.known_rank() || !shape.fully_known()) throw ValueError("A tensor needs a known shape, got {}", shape);
  if (dtype == DType::kString) return strings_from_js(shape, value);
  Tensor tensor = Tensor::allocate(dtype, shape);
  const val data = value["data"];
  if (length_of(data) != tensor.size_bytes()) {
    throw ValueError("A tensor of shape {} and dtype {} takes {} bytes, got {}", shape, dtype, tensor.size_bytes(),
                     length_of(data));
  }
  copy_bytes(data, tensor.raw(), tensor.size_bytes());
  return tensor;
}

Tensor optional_tensor_from_js(const val& value) {
  return value.isNull() || value.isUndefined() ? Tensor() : tensor_from_js(value);
}

std::vector<Tensor> tensors_from_js(const val& list) { return list_from_js<Tensor>(list, optional_tensor_from_js); }

val tensor_to_js(const Tensor& tensor) {
  if (tensor.holds_object()) {
    throw UnimplementedError("A value of dtype {} cannot leave the engine; use it inside a traced function.", tensor.dtype());
  }
  val result = val::object();
  result.set("dtype", static_cast<int32_t>(tensor.dtype()));
  result.set("shape", shape_to_js(tensor.shape()));
  if (tensor.dtype() != DType::kString) {
    result.set("data", bytes_to_js(tensor.bytes()));
    return result;
  }
  std::string block;
  std::vector<double> lengths;
  for (const std::string& text : tensor.values<std::string>()) {
    block += text;
    lengths.push_back(static_cast<double>(text.size()));
  }
  result.set("data", bytes_to_js(std::as_bytes(std::span(block))));
  result.set("lengths", val::global("Float64Array").new_(val(emscripten::typed_memory_view(lengths.size(), lengths.data()))));
  return result;
}

val tensors_to_js(std::span<const Tensor> tensors) {
  val list = val::array();
  for (const Tensor& tensor : tensors) list.call<void>("push", tensor_to_js(tensor));
  return list;
}

val variable_to_js(const VariablePtr& variable) {
  val result = val::object();
  result.set("id", engine().variables.add(variable));
  result.set("name", variable->name());
  result.set("dtype", static_cast<int32_t>(variable->dtype()));
  result.set("shape", shape_to_js(variable->shape()));
  result.set("trainable", variable->trainable);
  return result;
}

val variables_to_js(const std::vector<VariablePtr>& variables) {
  val list = val::array();
  for (const VariablePtr& variable : variables) list.call<void>("push", variable_to_js(variable));
  return list;
}

Attrs attrs_from_js(const RegisteredOp& op, const val& object) {
  Attrs attrs;
  const val keys = val::global("Object").call<val>("keys", object);
  const int64_t count = length_of(keys);
  for (int64_t i = 0; i < count; ++i) {
    const std::string key = keys[static_cast<unsigned>(i)].as<std::string>();
    const val value = object[key.c_str()];
    if (value.isUndefined()) continue;
    const AttrDef* found = nullptr;
    for (const AttrDef& attr : op.signature.attrs) {
      if (attr.name == key || camel_case(attr.name) == key) found = &attr;
    }
    if (found == nullptr) throw TypeError("Op {} has no argument '{}'", op.def->name, key);
    attrs.set(found->name, attr_from_js(op.def->name, *found, value));
  }
  return attrs;
}

}  // namespace keras
