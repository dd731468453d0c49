// Tensors and variables: ownership, sizes, conversions, assignment.
#include "core/tensor/tensor.h"

#include <gtest/gtest.h>

#include <complex>

#include "core/base/error.h"
#include "core/tensor/variable.h"

namespace keras {
namespace {

TEST(Tensor, NoTensorIsInvalid) { EXPECT_FALSE(Tensor().valid()); }

TEST(Tensor, MemoryIsAlignedTo64) {
  for (const int64_t count : {0, 1, 3, 1000}) {
    const Tensor tensor = Tensor::allocate(DType::kFloat32, Shape{count});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u);
    EXPECT_EQ(tensor.size_bytes(), 4 * count);
    EXPECT_EQ(tensor.bytes().size(), static_cast<size_t>(4 * count));
  }
}

TEST(Tensor, ZerosAreZero) {
  const Tensor tensor = Tensor::zeros(DType::kInt64, {3, 2});
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(tensor.data<int64_t>()[i], 0);
  EXPECT_EQ(Tensor::zeros(DType::kFloat32, {0, 4}).elements(), 0);
}

TEST(Tensor, TooLargeSizesAreRefusedBeforeMemoryIsAsked) {
  EXPECT_THROW(Tensor::allocate(DType::kFloat32, {int64_t{1} << 40, int64_t{1} << 40}), ResourceExhaustedError);
  EXPECT_THROW(Tensor::allocate(DType::kFloat64, {int64_t{1} << 45}), ResourceExhaustedError);
  EXPECT_THROW(Tensor::allocate(DType::kFloat32, {INT64_MAX}), ResourceExhaustedError);
  EXPECT_THROW(Tensor::allocate(DType::kString, {int64_t{1} << 60}), ResourceExhaustedError);
}

TEST(Tensor, NumbersOfEveryNumericDtype) {
  for (const DType dtype :
       {DType::kFloat32, DType::kFloat64, DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64, DType::kUint8,
        DType::kUint16, DType::kUint32, DType::kUint64, DType::kBool, DType::kFloat16, DType::kBfloat16}) {
    EXPECT_EQ(Tensor::number(dtype, 1).number_at(0), 1) << dtype_name(dtype);
  }
  EXPECT_THROW(Tensor::number(DType::kString, 1), TypeError);
  const Tensor one = Tensor::number(DType::kComplex64, 1);
  EXPECT_EQ(*reinterpret_cast<const std::complex<float>*>(one.raw()), std::complex<float>(1));
}

TEST(Tensor, ToInt64sTakesInt32AndInt64Only) {
  EXPECT_EQ(Tensor::vector<int32_t>({1, -2}).to_int64s(), (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(Tensor::vector<int64_t>({INT64_MIN}).to_int64s(), (std::vector<int64_t>{INT64_MIN}));
  EXPECT_THROW(Tensor::vector<float>({1}).to_int64s(), InvalidArgumentError);
}

TEST(Tensor, CopiesShareAndClonesDoNot) {
  Tensor a = Tensor::vector<float>({1, 2, 3, 4});
  Tensor shared = a.reshaped({2, 2}), own = a.clone();
  a.data<float>()[0] = 9;
  EXPECT_EQ(shared.data<float>()[0], 9);
  EXPECT_EQ(own.data<float>()[0], 1);
  EXPECT_EQ(shared.shape(), (Shape{2, 2}));
}

TEST(Tensor, BitcastKeepsTheBits) { EXPECT_EQ(Tensor::scalar(1.0f).bitcast(DType::kInt32).data<int32_t>()[0], 0x3F800000); }

TEST(Tensor, StringsLiveInTheTensor) {
  const std::string text(1000, 'x');
  Tensor copy;
  {
    const Tensor tensor = Tensor::vector<std::string>({"a", text});
    copy = tensor.clone();
    EXPECT_EQ(tensor.size_bytes(), 0);
  }
  EXPECT_EQ(copy.data<std::string>()[1], text);
}

TEST(Tensor, BorrowedMemoryIsNotCopied) {
  float values[3] = {1, 2, 3};
  const Tensor tensor = Tensor::borrow(DType::kFloat32, {3}, reinterpret_cast<std::byte*>(values));
  EXPECT_EQ(tensor.data<float>(), values);
  EXPECT_EQ(tensor.owner(), nullptr);
}

TEST(Variable, AssignTakesOverOwnedAndCopiesBorrowedMemory) {
  Variable variable("v", Tensor::vector<float>({1, 2}), true);
  float values[2] = {3, 4};
  variable.assign(Tensor::borrow(DType::kFloat32, {2}, reinterpret_cast<std::byte*>(values)));
  values[0] = 99;
  EXPECT_EQ(variable.value().data<float>()[0], 3);
  EXPECT_EQ(variable.version(), 1u);
}

TEST(Variable, AssignRefusesOtherShapesAndDtypes) {
  Variable variable("v", Tensor::vector<float>({1, 2}), true);
  EXPECT_THROW(variable.assign(Tensor::vector<float>({1})), ValueError);
  EXPECT_THROW(variable.assign(Tensor::vector<int32_t>({1, 2})), InvalidArgumentError);
  EXPECT_EQ(variable.version(), 0u);
}

TEST(Variable, InPlaceChangesDoNotReachThoseWhoHoldTheOldValue) {
  Variable variable("v", Tensor::vector<float>({1, 2}), true);
  const Tensor held = variable.value();
  variable.mutable_value().data<float>()[0] = 5;
  EXPECT_EQ(held.data<float>()[0], 1);
  EXPECT_EQ(variable.value().data<float>()[0], 5);
  const float* memory = variable.value().data<float>();
  variable.mutable_value();
  EXPECT_EQ(variable.value().data<float>(), memory);
  EXPECT_EQ(variable.version(), 2u);
}

}  // namespace
}  // namespace keras
