// Element types: numbers, names and sizes are TensorFlow's.
#include "core/tensor/dtype.h"

#include <gtest/gtest.h>

namespace keras {
namespace {

struct Row {
  int32_t number;
  const char* name;
  const char* signature_name;
  int64_t bytes;
  bool floating, integer;
};

// tf.dtypes.as_dtype(n).name, op_def_library's names, .size
constexpr Row kRows[] = {
    {1, "float32", "float", 4, true, false},
    {2, "float64", "double", 8, true, false},
    {3, "int32", "int32", 4, false, true},
    {4, "uint8", "uint8", 1, false, true},
    {5, "int16", "int16", 2, false, true},
    {6, "int8", "int8", 1, false, true},
    {7, "string", "string", 0, false, false},
    {8, "complex64", "complex64", 8, false, false},
    {9, "int64", "int64", 8, false, true},
    {10, "bool", "bool", 1, false, false},
    {14, "bfloat16", "bfloat16", 2, true, false},
    {17, "uint16", "uint16", 2, false, true},
    {18, "complex128", "complex128", 16, false, false},
    {19, "float16", "half", 2, true, false},
    {20, "resource", "resource", 0, false, false},
    {21, "variant", "variant", 0, false, false},
    {22, "uint32", "uint32", 4, false, true},
    {23, "uint64", "uint64", 8, false, true},
};

TEST(DType, TableIsTensorFlows) {
  for (const Row& row : kRows) {
    const DType dtype = static_cast<DType>(row.number);
    EXPECT_TRUE(is_known_dtype(row.number)) << row.name;
    EXPECT_EQ(dtype_name(dtype), row.name);
    EXPECT_EQ(dtype_signature_name(dtype), row.signature_name);
    EXPECT_EQ(dtype_bytes(dtype), row.bytes) << row.name;
    EXPECT_EQ(parse_dtype(row.name), dtype);
    EXPECT_EQ(parse_signature_dtype(row.signature_name), dtype);
    EXPECT_EQ(is_floating(dtype), row.floating) << row.name;
    EXPECT_EQ(is_integer(dtype), row.integer) << row.name;
  }
}

TEST(DType, UnknownOnesAreInvalid) {
  for (const int32_t number : {-1, 0, 11, 24, 101, 1 << 30}) {
    EXPECT_FALSE(is_known_dtype(number)) << number;
    EXPECT_EQ(dtype_bytes(static_cast<DType>(number)), 0);
  }
  for (const char* name : {"", "float", "Float32", "qint8", "invalid"}) EXPECT_EQ(parse_dtype(name), DType::kInvalid) << name;
  EXPECT_EQ(parse_signature_dtype("float32"), DType::kInvalid);
}

}  // namespace
}  // namespace keras
