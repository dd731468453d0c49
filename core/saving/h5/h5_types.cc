#include "core/saving/h5/h5_types.h"

namespace keras {

using hdf5::TypeClass;

DType dtype_of(const hdf5::Type& type) {
  switch (type.type_class) {
    case TypeClass::kFloat:
      if (type.bytes == 2) return DType::kFloat16;
      return type.bytes == 4 ? DType::kFloat32 : DType::kFloat64;
    case TypeClass::kBoolean: return DType::kBool;
    case TypeClass::kInteger:
      switch (type.bytes) {
        case 1: return type.is_signed ? DType::kInt8 : DType::kUint8;
        case 2: return type.is_signed ? DType::kInt16 : DType::kUint16;
        case 4: return type.is_signed ? DType::kInt32 : DType::kUint32;
        case 8: return type.is_signed ? DType::kInt64 : DType::kUint64;
        default: return DType::kInvalid;
      }
    case TypeClass::kFixedString:
    case TypeClass::kVlenString: return DType::kString;
    case TypeClass::kOpaque: return type.bytes == 2 ? DType::kBfloat16 : DType::kInvalid;
    case TypeClass::kOther: break;
  }
  return DType::kInvalid;
}

hdf5::Type h5_type(DType dtype) {
  const int64_t bytes = dtype_bytes(dtype);
  if (dtype == DType::kBfloat16) return {TypeClass::kOpaque, bytes, false, false};
  if (is_floating(dtype)) return {TypeClass::kFloat, bytes, false, true};
  const bool is_unsigned = dtype == DType::kUint8 || dtype == DType::kUint16 || dtype == DType::kUint32 ||
                           dtype == DType::kUint64 || dtype == DType::kBool;
  return {TypeClass::kInteger, bytes, false, !is_unsigned};
}

}  // namespace keras
