// Element types. The numbers are TensorFlow's DataType enum, so that they can be written to and read from its protos.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keras {

enum class DType : int32_t {
  kInvalid = 0,
  kFloat32 = 1,
  kFloat64 = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kComplex64 = 8,
  kInt64 = 9,
  kBool = 10,
  kBfloat16 = 14,
  kUint16 = 17,
  kComplex128 = 18,
  kFloat16 = 19,
  kResource = 20,
  kVariant = 21,
  kUint32 = 22,
  kUint64 = 23,
};

/// Bytes of one element; 0 for string, resource and variant, whose elements are no plain bytes.
int64_t dtype_bytes(DType dtype);
/// Python's name: "float32".
std::string_view dtype_name(DType dtype);
/// The name in OpDef signatures: "float", "double", "int32", "resource".
std::string_view dtype_signature_name(DType dtype);
/// From Python's name. kInvalid if there is none.
DType parse_dtype(std::string_view name);
/// From the name in OpDef signatures. kInvalid if there is none.
DType parse_signature_dtype(std::string_view name);
/// Whether TensorFlow's enum value is one of ours.
bool is_known_dtype(int32_t value);

bool is_floating(DType dtype);
bool is_integer(DType dtype);

inline std::string to_text(DType dtype) { return std::string(dtype_name(dtype)); }

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFloat32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFloat64;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::kInt32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::kInt64;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::kUint8;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::kInt8;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <>
struct DTypeOf<std::string> {
  static constexpr DType value = DType::kString;
};

}  // namespace keras
