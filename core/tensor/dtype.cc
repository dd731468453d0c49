// One table of element types: number, Python's name, OpDef's name, size.
#include "core/tensor/dtype.h"

namespace keras {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::string_view signature_name;
  int64_t bytes;
};

constexpr Row kRows[] = {
    {DType::kFloat32, "float32", "float", 4},
    {DType::kFloat64, "float64", "double", 8},
    {DType::kInt32, "int32", "int32", 4},
    {DType::kUint8, "uint8", "uint8", 1},
    {DType::kInt16, "int16", "int16", 2},
    {DType::kInt8, "int8", "int8", 1},
    {DType::kString, "string", "string", 0},
    {DType::kComplex64, "complex64", "complex64", 8},
    {DType::kInt64, "int64", "int64", 8},
    {DType::kBool, "bool", "bool", 1},
    {DType::kBfloat16, "bfloat16", "bfloat16", 2},
    {DType::kUint16, "uint16", "uint16", 2},
    {DType::kComplex128, "complex128", "complex128", 16},
    {DType::kFloat16, "float16", "half", 2},
    {DType::kResource, "resource", "resource", 0},
    {DType::kVariant, "variant", "variant", 0},
    {DType::kUint32, "uint32", "uint32", 4},
    {DType::kUint64, "uint64", "uint64", 8},
};

constexpr Row kInvalidRow = {DType::kInvalid, "invalid", "invalid", 0};

const Row& row(DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return row;
  }
  return kInvalidRow;
}

}  // namespace

int64_t dtype_bytes(DType dtype) { return row(dtype).bytes; }
std::string_view dtype_name(DType dtype) { return row(dtype).name; }
std::string_view dtype_signature_name(DType dtype) { return row(dtype).signature_name; }
bool is_known_dtype(int32_t value) { return row(static_cast<DType>(value)).dtype != DType::kInvalid; }

DType parse_dtype(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return DType::kInvalid;
}

DType parse_signature_dtype(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.signature_name == name) return row.dtype;
  }
  return DType::kInvalid;
}

bool is_floating(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat64 || dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

bool is_integer(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64: return true;
    default: return false;
  }
}

}  // namespace keras
