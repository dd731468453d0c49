// Values that cross between JavaScript and the core.
#include "wasm/convert.h"

#include <emscripten/em_js.h>

#include <algorithm>

#include "wasm/engine.h"

using emscripten::EM_VAL;

// Each prediction comes through here. To read and make tensors property by property, as val does, would take longer than the
// layers of a small model; so a few functions of the glue look at several at a time. Addresses may be above 2 GB: hence `>>>`.
EM_JS_DEPS(keras_convert, "$Emval");
EM_JS(double, keras_length, (EM_VAL list), { return Emval.toValue(list).length; });
EM_JS(EM_VAL, keras_item, (EM_VAL list, int index), { return Emval.toHandle(Emval.toValue(list)[index]); });
EM_JS(void, keras_push, (EM_VAL list, EM_VAL item), { Emval.toValue(list).push(Emval.toValue(item)); });
EM_JS(int, keras_dtype, (EM_VAL tensor), { return Emval.toValue(tensor).dtype; });
EM_JS(EM_VAL, keras_shape, (EM_VAL tensor), { return Emval.toHandle(Emval.toValue(tensor).shape); });
EM_JS(EM_VAL, keras_data, (EM_VAL tensor), { return Emval.toHandle(Emval.toValue(tensor).data); });
// -1 stands for null, an unknown dimension.
EM_JS(void, keras_read_dims, (EM_VAL shape, double* dims), {
  const list = Emval.toValue(shape);
  for (let i = 0; i < list.length; ++i) HEAPF64[(dims >>> 3) + i] = list[i] == null ? -1 : list[i];
});
EM_JS(void, keras_read_bytes, (EM_VAL data, void* to), { HEAPU8.set(Emval.toValue(data), to >>> 0); });
EM_JS(EM_VAL, keras_make_shape, (const double* dims, int rank), {
  const shape = [];
  for (let i = 0; i < rank; ++i) shape.push(HEAPF64[(dims >>> 3) + i] < 0 ? null : HEAPF64[(dims >>> 3) + i]);
  return Emval.toHandle(shape);
});
// An ordinary ArrayBuffer, also where the engine's memory is shared.
EM_JS(EM_VAL, keras_make_bytes, (const void* from, size_t count),
      { return Emval.toHandle(HEAPU8.slice(from >>> 0, (from >>> 0) + (count >>> 0))); });
EM_JS(EM_VAL, keras_make_tensor, (int dtype, EM_VAL shape, EM_VAL data),
      { return Emval.toHandle({dtype, shape : Emval.toValue(shape), data : Emval.toValue(data)}); });

namespace keras {
namespace {

int64_t length_of(const val& list) { return static_cast<int64_t>(keras_length(list.as_handle())); }

/// Dimensions arrive as numbers; what is no count is told before it becomes one.
int64_t dim_from_js(double dim) {
  if (!(dim >= -1 && dim <= 9007199254740991.0) || dim != static_cast<double>(static_cast<int64_t>(dim))) {
    throw ValueError("A shape holds {}, which is no dimension", dim);
  }
  return static_cast<int64_t>(dim);
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
  for (int64_t i = 0; i < count; ++i)
    list.push_back(item(val::take_ownership(keras_item(value.as_handle(), static_cast<int>(i)))));
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
  std::vector<double> numbers(static_cast<size_t>(length_of(value)));
  keras_read_dims(value.as_handle(), numbers.data());
  std::vector<int64_t> dims(numbers.size());
  std::transform(numbers.begin(), numbers.end(), dims.begin(), dim_from_js);
  return Shape(std::move(dims));
}

val shape_to_js(const Shape& shape) {
  if (!shape.known_rank()) return val::null();
  const std::vector<double> dims(shape.dims().begin(), shape.dims().end());
  return val::take_ownership(keras_make_shape(dims.data(), static_cast<int>(dims.size())));
}

val bytes_to_js(std::span<const std::byte> bytes) { return val::take_ownership(keras_make_bytes(bytes.data(), bytes.size())); }

std::vector<std::byte> bytes_from_js(const val& bytes) {
  std::vector<std::byte> result(static_cast<size_t>(length_of(bytes)));
  keras_read_bytes(bytes.as_handle(), result.data());
  return result;
}

Tensor tensor_from_js(const val& value) {
  const int number = keras_dtype(value.as_handle());
  if (!is_known_dtype(number)) throw TypeError("{} is no dtype", number);
  const DType dtype = static_cast<DType>(number);
  if (dtype == DType::kResource || dtype == DType::kVariant) throw TypeError("A tensor of dtype {} cannot be given", dtype);
  const Shape shape = shape_from_js(val::take_ownership(keras_shape(value.as_handle())));
  if (!shape.known_rank() || !shape.fully_known()) throw ValueError("A tensor needs a known shape, got {}", shape);
  if (dtype == DType::kString) return strings_from_js(shape, value);
  Tensor tensor = Tensor::allocate(dtype, shape);
  const val data = val::take_ownership(keras_data(value.as_handle()));
  if (length_of(data) != tensor.size_bytes()) {
    throw ValueError("A tensor of shape {} and dtype {} takes {} bytes, got {}", shape, dtype, tensor.size_bytes(),
                     length_of(data));
  }
  keras_read_bytes(data.as_handle(), tensor.raw());
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
  const auto with_data = [&](std::span<const std::byte> data) {
    return val::take_ownership(keras_make_tensor(static_cast<int>(tensor.dtype()), shape_to_js(tensor.shape()).as_handle(),
                                                 bytes_to_js(data).as_handle()));
  };
  if (tensor.dtype() != DType::kString) return with_data(tensor.bytes());
  std::string block;
  std::vector<double> lengths;
  for (const std::string& text : tensor.values<std::string>()) {
    block += text;
    lengths.push_back(static_cast<double>(text.size()));
  }
  val result = with_data(std::as_bytes(std::span(block)));
  result.set("lengths", val::global("Float64Array").new_(val(emscripten::typed_memory_view(lengths.size(), lengths.data()))));
  return result;
}

val tensors_to_js(std::span<const Tensor> tensors) {
  val list = val::array();
  for (const Tensor& tensor : tensors) keras_push(list.as_handle(), tensor_to_js(tensor).as_handle());
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
