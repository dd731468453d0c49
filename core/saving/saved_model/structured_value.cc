// One walk for each of the two views of a StructuredValue.
#include "core/saving/saved_model/structured_value.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/graph/graph_def.h"

namespace keras {
namespace {

using tensorflow::StructuredValue;

DType dtype_of(int number) {
  if (!is_known_dtype(number)) throw UnimplementedError("dtype number {} in a signature is not supported", number);
  return static_cast<DType>(number);
}

Json shape_json(const tensorflow::TensorShapeProto& proto) {
  const Shape shape = from_shape_proto(proto);
  if (!shape.known_rank()) return nullptr;
  Json dims = Json::array();
  for (const int64_t dim : shape.dims()) dims.push_back(dim == kUnknownDim ? Json(nullptr) : Json(dim));
  return dims;
}

template <class Spec>
Json spec_json(const Spec& spec) {
  return {
      {"tensor", spec.name()}, {"dtype", std::string(dtype_name(dtype_of(spec.dtype())))}, {"shape", shape_json(spec.shape())}};
}

template <class Values>
Json list_json(const Values& values) {
  Json list = Json::array();
  for (const StructuredValue& value : values) list.push_back(structured_to_json(value));
  return list;
}

/// TensorFlow flattens dicts in order of keys.
std::vector<std::pair<std::string, const StructuredValue*>> sorted_fields(const tensorflow::DictValue& dict) {
  std::vector<std::pair<std::string, const StructuredValue*>> fields;
  for (const auto& [key, value] : dict.fields()) fields.emplace_back(key, &value);
  std::sort(fields.begin(), fields.end());
  return fields;
}

void add_specs(const StructuredValue& value, std::vector<TensorSpec>& specs) {
  switch (value.kind_case()) {
    case StructuredValue::kTensorSpecValue:
      specs.push_back({from_shape_proto(value.tensor_spec_value().shape()), dtype_of(value.tensor_spec_value().dtype())});
      return;
    case StructuredValue::kBoundedTensorSpecValue:
      specs.push_back(
          {from_shape_proto(value.bounded_tensor_spec_value().shape()), dtype_of(value.bounded_tensor_spec_value().dtype())});
      return;
    case StructuredValue::kTypeSpecValue:
      throw UnimplementedError("a {} in a signature is not supported by this version",
                               value.type_spec_value().type_spec_class_name());
    case StructuredValue::kListValue:
      for (const auto& item : value.list_value().values()) add_specs(item, specs);
      return;
    case StructuredValue::kTupleValue:
      for (const auto& item : value.tuple_value().values()) add_specs(item, specs);
      return;
    case StructuredValue::kDictValue:
      for (const auto& [key, item] : sorted_fields(value.dict_value())) add_specs(*item, specs);
      return;
    case StructuredValue::kNamedTupleValue:
      for (const auto& pair : value.named_tuple_value().values()) add_specs(pair.value(), specs);
      return;
    default: return;
  }
}

}  // namespace

Json structured_to_json(const StructuredValue& value) {
  switch (value.kind_case()) {
    case StructuredValue::kFloat64Value: return value.float64_value();
    case StructuredValue::kInt64Value: return value.int64_value();
    case StructuredValue::kStringValue: return value.string_value();
    case StructuredValue::kBoolValue: return value.bool_value();
    case StructuredValue::kTensorShapeValue: return {{"type", "shape"}, {"value", shape_json(value.tensor_shape_value())}};
    case StructuredValue::kTensorDtypeValue:
      return {{"type", "dtype"}, {"value", std::string(dtype_name(dtype_of(value.tensor_dtype_value())))}};
    case StructuredValue::kTensorSpecValue: return spec_json(value.tensor_spec_value());
    case StructuredValue::kBoundedTensorSpecValue: return spec_json(value.bounded_tensor_spec_value());
    case StructuredValue::kTypeSpecValue: return {{"type", value.type_spec_value().type_spec_class_name()}};
    case StructuredValue::kListValue: return {{"list", list_json(value.list_value().values())}};
    case StructuredValue::kTupleValue: return {{"tuple", list_json(value.tuple_value().values())}};
    case StructuredValue::kDictValue: {
      Json fields = Json::array();
      for (const auto& [key, item] : sorted_fields(value.dict_value()))
        fields.push_back(Json::array({key, structured_to_json(*item)}));
      return {{"dict", std::move(fields)}};
    }
    case StructuredValue::kNamedTupleValue: {
      Json fields = Json::array();
      for (const auto& pair : value.named_tuple_value().values())
        fields.push_back(Json::array({pair.key(), structured_to_json(pair.value())}));
      return {{"namedtuple", value.named_tuple_value().name()}, {"fields", std::move(fields)}};
    }
    case StructuredValue::kTensorValue:
    case StructuredValue::kNumpyValue: return {{"type", "tensor value"}};
    default: return nullptr;
  }
}

std::vector<TensorSpec> flat_specs(const StructuredValue& value) {
  std::vector<TensorSpec> specs;
  add_specs(value, specs);
  return specs;
}

}  // namespace keras
