// TensorFlow 1's TensorArrays, op by op; in loops: tests/core/graph/functionalize_test.cc. Results and refusals are those of
// TensorFlow 2.15.1.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/ops/builders.h"

namespace keras {
namespace {

using Floats = std::vector<float>;

class TensorArrayOps : public ::testing::Test {
 protected:
  std::vector<Tensor> op(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    return run_op(name, inputs, std::move(attrs), runtime_);
  }
  Tensor make(int32_t size, Attrs attrs = {}) {
    return op("TensorArrayV3", {Tensor::scalar(size)}, attrs.set("dtype", DType::kFloat32))[0];
  }
  void write(const Tensor& array, int32_t index, const Floats& values) {
    op("TensorArrayWriteV3", {array, Tensor::scalar(index), Tensor::vector(values), flow_});
  }
  Tensor read(const Tensor& array, int32_t index) {
    return op("TensorArrayReadV3", {array, Tensor::scalar(index), flow_}, {{"dtype", DType::kFloat32}})[0];
  }
  Tensor gather(const Tensor& array, const std::vector<int32_t>& indices, const Shape& element = Shape::unknown_rank()) {
    return op("TensorArrayGatherV3", {array, Tensor::vector(indices), flow_},
              {{"dtype", DType::kFloat32}, {"element_shape", element}})[0];
  }
  std::vector<Tensor> concat(const Tensor& array) {
    return op("TensorArrayConcatV3", {array, flow_}, {{"dtype", DType::kFloat32}});
  }
  int32_t size(const Tensor& array) { return op("TensorArraySizeV3", {array, flow_})[0].data<int32_t>()[0]; }
  static Floats floats(const Tensor& tensor) { return {tensor.values<float>().begin(), tensor.values<float>().end()}; }

  const Tensor flow_ = Tensor::scalar(0.0f);
  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_F(TensorArrayOps, ElementsAreWrittenGatheredAndJoined) {
  const Tensor array = make(3, {{"clear_after_read", false}});
  write(array, 0, {1, 2});
  write(array, 1, {3, 4});
  EXPECT_EQ(gather(array, {1, 0}).shape(), Shape({2, 2}));
  EXPECT_EQ(floats(gather(array, {1, 0})), (Floats{3, 4, 1, 2}));
  write(array, 2, {9});
  const std::vector<Tensor> all = concat(array);
  EXPECT_EQ(floats(all[0]), (Floats{1, 2, 3, 4, 9}));
  EXPECT_EQ(all[1].to_int64s(), (std::vector<int64_t>{2, 2, 1}));
  EXPECT_THROW(gather(array, {0, 2}), InvalidArgumentError);  // of two shapes
  EXPECT_EQ(size(array), 3);
}

TEST_F(TensorArrayOps, RowsAreScatteredAndSplit) {
  const Tensor scattered = make(3), split = make(3);
  op("TensorArrayScatterV3", {scattered, Tensor::vector<int32_t>({2, 0}), Tensor::vector<float>({1, 2}), flow_});
  EXPECT_EQ(floats(read(scattered, 0)), (Floats{2}));
  EXPECT_EQ(read(scattered, 2).shape(), Shape());
  const Tensor values = Tensor::vector<float>({1, 2, 3});
  op("TensorArraySplitV3", {split, values, Tensor::vector<int64_t>({2, 1, 0}), flow_});
  EXPECT_EQ(floats(read(split, 0)), (Floats{1, 2}));
  EXPECT_EQ(read(split, 2).shape(), Shape({0}));
  EXPECT_THROW(op("TensorArraySplitV3", {make(3), values, Tensor::vector<int64_t>({2, 1}), flow_}), InvalidArgumentError);
  EXPECT_THROW(op("TensorArraySplitV3", {make(2), values, Tensor::vector<int64_t>({2, 2}), flow_}), InvalidArgumentError);
  EXPECT_THROW(op("TensorArrayScatterV3", {make(3), Tensor::vector<int32_t>({2}), values, flow_}), InvalidArgumentError);
}

TEST_F(TensorArrayOps, GrowOnlyWhereTheyMay) {
  EXPECT_THROW(write(make(3), 3, {1}), InvalidArgumentError);
  const Tensor grows = make(0, {{"dynamic_size", true}});
  write(grows, 4, {1});
  EXPECT_EQ(size(grows), 5);
  EXPECT_THROW(write(grows, -1, {1}), InvalidArgumentError);
  EXPECT_THROW(write(grows, INT32_MAX, {1}), ResourceExhaustedError);
  EXPECT_THROW(make(-1), InvalidArgumentError);
}

TEST_F(TensorArrayOps, AreWrittenOnceAndReadOnce) {
  const Tensor array = make(2);
  write(array, 0, {1, 2});
  EXPECT_THROW(write(array, 0, {1, 2}), InvalidArgumentError);
  EXPECT_EQ(floats(read(array, 0)), (Floats{1, 2}));
  EXPECT_THROW(read(array, 0), InvalidArgumentError);
  EXPECT_THROW(write(array, 0, {1, 2}), InvalidArgumentError);
}

TEST_F(TensorArrayOps, WhatWasNotWrittenIsZeroWhereItsShapeIsKnown) {
  EXPECT_EQ(floats(read(make(3, {{"element_shape", Shape({2})}}), 1)), (Floats{0, 0}));
  EXPECT_EQ(floats(gather(make(3, {{"element_shape", Shape({2})}}), {1, 2})), (Floats{0, 0, 0, 0}));
  EXPECT_THROW(read(make(3), 1), InvalidArgumentError);
  EXPECT_THROW(read(make(3, {{"element_shape", Shape({kUnknownDim})}}), 1), InvalidArgumentError);
  EXPECT_EQ(gather(make(3), {}, Shape({2})).shape(), Shape({0, 2}));
  EXPECT_THROW(gather(make(3), {}), UnimplementedError);
}

TEST_F(TensorArrayOps, OtherDtypesShapesAndHandlesAreRefused) {
  const Tensor array = make(3, {{"element_shape", Shape({2})}}), same = make(3, {{"identical_element_shapes", true}});
  EXPECT_THROW(write(array, 0, {1}), InvalidArgumentError);
  write(same, 0, {1});
  EXPECT_THROW(write(same, 1, {1, 2}), InvalidArgumentError);
  EXPECT_THROW(op("TensorArrayWriteV3", {array, Tensor::scalar<int32_t>(0), Tensor::vector<int32_t>({1, 2}), flow_}),
               InvalidArgumentError);
  EXPECT_THROW(op("TensorArrayReadV3", {array, Tensor::scalar<int32_t>(0), flow_}, {{"dtype", DType::kInt32}}),
               InvalidArgumentError);
  const Tensor variable = Tensor::resource(std::make_shared<Variable>("v", Tensor::vector<float>({1}), true));
  EXPECT_THROW(size(variable), InvalidArgumentError);
  EXPECT_THROW(op("ReadVariableOp", {array}, {{"dtype", DType::kFloat32}}), InvalidArgumentError);
  op("TensorArrayCloseV3", {array});
  EXPECT_THROW(size(array), InvalidArgumentError);
}

}  // namespace
}  // namespace keras
