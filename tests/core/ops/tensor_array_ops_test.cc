// TensorFlow 1's TensorArrays, op by op; in loops: tests/core/graph/functionalize_test.cc. Results and refusals are those of
// TensorFlow 2.15.1.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/gradients.h"
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
  /// The array of an array's gradients.
  Tensor gradients_of(const Tensor& array, const std::string& source = "gradients") {
    return op("TensorArrayGradV3", {array, flow_}, {{"source", source}})[0];
  }
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

TEST_F(TensorArrayOps, GradientsAreSummedWhereTheyAreWritten) {
  const Tensor array = make(1, {{"dynamic_size", true}});
  write(array, 0, {1, 2});
  const Tensor to = gradients_of(array), other = gradients_of(array, "other");
  EXPECT_THROW(write(array, 1, {1, 2}), InvalidArgumentError);  // grows no more
  EXPECT_THROW(write(to, 0, {1}), InvalidArgumentError);        // of another shape than the element
  write(to, 0, {1, 2});
  write(to, 0, {10, 20});
  EXPECT_EQ(floats(read(gradients_of(array), 0)), (Floats{11, 22}));
  EXPECT_THROW(read(to, 0), InvalidArgumentError);  // twice
  EXPECT_EQ(floats(read(other, 0)), (Floats{0, 0}));
  EXPECT_THROW(gradients_of(to), InvalidArgumentError);  // of a sum
}

/// Builds y from an array of x², and asks for the gradient of y's sum by x.
class TensorArrayGradients : public ::testing::Test {
 protected:
  static Attrs floats() { return {{"dtype", DType::kFloat32}}; }
  template <class T>
  Value constant(std::vector<T> values) {
    return builder_.constant(Tensor::vector(values));
  }
  Value scalar(int32_t value) { return builder_.constant(Tensor::scalar(value)); }
  Value argument(const Shape& shape) { return x_ = builder_.arg("x", DType::kFloat32, shape); }
  void make(int32_t size, Attrs attrs = {}) {
    const Values made = builder_.emit("TensorArrayV3", std::array{scalar(size)}, attrs.set("dtype", DType::kFloat32));
    handle_ = made[0];
    flow_ = made[1];
  }
  void scatter(std::vector<int32_t> indices) {
    flow_ = emit1("TensorArrayScatterV3", {handle_, constant(std::move(indices)), mul(x_, x_), flow_});
  }
  Value read(int32_t index) { return emit1("TensorArrayReadV3", {handle_, scalar(index), flow_}, floats()); }

  Floats gradient(const Value& y, const Tensor& x) {
    const Values found = gradients(builder_, std::array{y}, std::array{x_});
    Executor executor(builder_.finish(found, {"gradient"}));
    Runtime runtime(kernels::make_serial(), 1, Limits());
    executor.run(std::array{x}, runtime);
    const Tensor result = executor.run(std::array{x}, runtime)[0];  // a second run has arrays of its own
    return {result.values<float>().begin(), result.values<float>().end()};
  }

  const Tensor matrix_ = Tensor::vector<float>({1, 2, 3, 4}).reshaped({2, 2});
  GraphBuilder builder_{"gradients"};
  Value x_, handle_, flow_;
};

TEST_F(TensorArrayGradients, OfElementsThatAreReadTwiceOrNever) {
  const Value x = argument({2, 2});
  make(3, {{"clear_after_read", false}, {"element_shape", Shape({2})}});
  for (int32_t i = 0; i < 2; ++i) {
    const Value row = emit1("GatherV2", {mul(x, x), scalar(i), scalar(0)});
    flow_ = emit1("TensorArrayWriteV3", {handle_, scalar(i), row, flow_});
  }
  const Value twice = mul(read(0), read(0));
  EXPECT_EQ(gradient(twice, matrix_), (Floats{4, 32, 0, 0}));
}

TEST_F(TensorArrayGradients, OfScatteredRowsThatAreGathered) {
  argument({2, 2});
  make(3, {{"clear_after_read", false}});
  scatter({2, 0});
  const Value rows = emit1("TensorArrayGatherV3", {handle_, constant<int32_t>({0, 2, 2}), flow_}, floats());
  const Value weights = builder_.constant(Tensor::vector<float>({1, 2, 10, 20, 100, 200}).reshaped({3, 2}));
  EXPECT_EQ(gradient(mul(rows, weights), matrix_), (Floats{220, 880, 6, 16}));
}

TEST_F(TensorArrayGradients, OfPartsThatAreJoined) {
  const Value x = argument({3});
  make(2);
  flow_ = emit1("TensorArraySplitV3", {handle_, mul(x, x), constant<int64_t>({1, 2}), flow_});
  const Value joined = builder_.emit("TensorArrayConcatV3", std::array{handle_, flow_}, floats())[0];
  EXPECT_EQ(gradient(mul(joined, constant<float>({1, 10, 100})), Tensor::vector<float>({1, 2, 3})), (Floats{2, 40, 600}));
}

TEST_F(TensorArrayGradients, OfRowsOfWhichOneIsRead) {
  argument({2, 2});
  make(2);
  scatter({0, 1});
  EXPECT_EQ(gradient(read(1), matrix_), (Floats{0, 0, 6, 8}));
}

}  // namespace
}  // namespace keras
