// Lists joined along their elements' first axis, and tensors split into lists: what TensorFlow 2.15.1 gives, and refuses.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/executor.h"

namespace keras {
namespace {

class JoinedLists : public ::testing::Test {
 protected:
  std::vector<Tensor> op(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    attrs.set("element_dtype", DType::kFloat32);
    return run_op(name, inputs, std::move(attrs), runtime_);
  }
  static Tensor matrix(int64_t rows, const std::vector<float>& values) {
    return Tensor::vector(values).reshaped({rows, rows > 0 ? std::ssize(values) / rows : 2});
  }
  static Tensor shape(const std::vector<int32_t>& dims) { return Tensor::vector(dims); }
  static Tensor any_shape() { return Tensor::scalar<int32_t>(-1); }
  Tensor list(const std::vector<Tensor>& elements, const Tensor& element_shape) {
    Tensor handle = op("EmptyTensorList", {element_shape, Tensor::scalar<int32_t>(-1)})[0];
    for (const Tensor& element : elements) handle = op("TensorListPushBack", {handle, element})[0];
    return handle;
  }
  std::vector<Tensor> joined(const Tensor& handle, const Tensor& element_shape, const std::vector<int64_t>& leading = {}) {
    return op("TensorListConcatV2", {handle, element_shape, Tensor::vector(leading)});
  }
  static std::vector<float> floats(const Tensor& tensor) {
    return {tensor.data<float>(), tensor.data<float>() + tensor.elements()};
  }
  Tensor split(const Tensor& tensor, const std::vector<int64_t>& lengths, const Tensor& element_shape) {
    return op("TensorListSplit", {tensor, element_shape, Tensor::vector(lengths)})[0];
  }

  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_F(JoinedLists, AreTheirElementsOneAfterTheOther) {
  const std::vector<Tensor> elements = {matrix(1, {1, 2}), matrix(2, {3, 4, 5, 6})};
  for (const Tensor& element_shape : {shape({-1, 2}), any_shape()}) {
    const std::vector<Tensor> found = joined(list(elements, element_shape), element_shape);
    EXPECT_EQ(found[0].shape(), Shape({3, 2}));
    EXPECT_EQ(floats(found[0]), (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(found[1].to_int64s(), (std::vector<int64_t>{1, 2}));
  }
  const std::vector<Tensor> none = joined(list({}, shape({-1, 2})), shape({-1, 2}));
  EXPECT_EQ(none[0].shape(), Shape({0, 2}));
  EXPECT_EQ(none[1].shape(), Shape({0}));
}

TEST_F(JoinedLists, HaveZerosForElementsThatWereNeverSet) {
  const auto reserved = [&](int32_t count) {
    const Tensor handle = op("TensorListReserve", {shape({-1, 2}), Tensor::scalar<int32_t>(count)})[0];
    return op("TensorListSetItem", {handle, Tensor::scalar<int32_t>(1), matrix(1, {1, 2})})[0];
  };
  EXPECT_EQ(floats(joined(reserved(3), shape({-1, 2}), {2, 1, 1})[0]), (std::vector<float>{0, 0, 0, 0, 1, 2, 0, 0}));
  EXPECT_EQ(joined(reserved(2), shape({-1, 2}))[1].to_int64s(), (std::vector<int64_t>{1, 1}));
}

TEST_F(JoinedLists, RefuseElementsThatDoNotFit) {
  const auto scalars = list({Tensor::scalar<float>(1)}, any_shape());
  EXPECT_THROW(joined(scalars, any_shape()), InvalidArgumentError);
  EXPECT_THROW(joined(list({}, any_shape()), any_shape()), InvalidArgumentError);
  EXPECT_THROW(joined(list({matrix(1, {1, 2}), matrix(1, {3, 4, 5})}, any_shape()), any_shape()), InvalidArgumentError);
  EXPECT_THROW(joined(list({matrix(1, {1, 2}), matrix(2, {3, 4, 5, 6})}, any_shape()), shape({1, 2})), InvalidArgumentError);
}

TEST_F(JoinedLists, ComeFromTensorsThatAreSplit) {
  const Tensor tensor = matrix(3, {1, 2, 3, 4, 5, 6});
  const auto element = [&](const Tensor& handle, int32_t i) {
    return op("TensorListGetItem", {handle, Tensor::scalar<int32_t>(i), any_shape()})[0];
  };
  EXPECT_EQ(floats(element(split(tensor, {1, 2}, shape({-1, 2})), 1)), (std::vector<float>{3, 4, 5, 6}));
  EXPECT_EQ(element(split(tensor, {3, 0}, shape({-1, 2})), 1).shape(), Shape({0, 2}));
  for (const std::vector<int64_t>& lengths : std::vector<std::vector<int64_t>>{{1, 1}, {1, 3}, {-1, 4}}) {
    EXPECT_THROW(split(tensor, lengths, shape({-1, 2})), InvalidArgumentError);
  }
  EXPECT_THROW(split(tensor, {1, 2}, shape({-1, 3})), InvalidArgumentError);
  EXPECT_THROW(split(Tensor::scalar<float>(1), {1}, any_shape()), InvalidArgumentError);
}

}  // namespace
}  // namespace keras
