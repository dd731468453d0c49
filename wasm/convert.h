// Values that cross: tensors, shapes, JSON. A tensor crosses as {dtype, shape, data}, data being one copy of its bytes;
// strings as one block of UTF-8 and their lengths.
#pragma once

#include <emscripten/val.h>

#include <span>
#include <string>
#include <vector>

#include "core/graph/builder.h"
#include "core/keras/config/json.h"
#include "core/tensor/variable.h"

namespace keras {

using emscripten::val;

/// REQUIRES: {dtype: number, shape: number[], data: Uint8Array, lengths?: number[]}. Throws ValueError if sizes differ.
Tensor tensor_from_js(const val& value);
/// null or undefined: no tensor.
Tensor optional_tensor_from_js(const val& value);
std::vector<Tensor> tensors_from_js(const val& list);
val tensor_to_js(const Tensor& tensor);
val tensors_to_js(std::span<const Tensor> tensors);

/// null is an unknown dimension; null instead of a list an unknown rank.
Shape shape_from_js(const val& value);
val shape_to_js(const Shape& shape);

val bytes_to_js(std::span<const std::byte> bytes);
std::vector<std::byte> bytes_from_js(const val& bytes);

Json json_from_js(const std::string& text);

/// {id, name, dtype, shape, trainable}
val variable_to_js(const VariablePtr& variable);
val variables_to_js(const std::vector<VariablePtr>& variables);

/// Attributes of an op from an object: keys as TensorFlow writes them, or in camelCase. Throws TypeError for others.
Attrs attrs_from_js(const RegisteredOp& op, const val& object);

inline val list_to_js() { return val::array(); }

}  // namespace keras
