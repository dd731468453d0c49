// Ragged tensors as variants: what goes in comes out, whole, row by row and through lists. Expected numbers are what TensorFlow
// 2.15.1 gives for the same calls.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/gradients.h"
#include "core/ops/builders.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

class RaggedVariantOps : public ::testing::Test {
 protected:
  std::vector<Tensor> op(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    return run_op(name, inputs, std::move(attrs), runtime_);
  }
  Tensor to_variant(const std::vector<Ints>& splits, const Tensor& values, bool batched) {
    std::vector<Tensor> inputs;
    for (const Ints& level : splits) inputs.push_back(Tensor::vector(level));
    inputs.push_back(values);
    return op("RaggedTensorToVariant", inputs,
              {{"batched_input", batched}, {"RAGGED_RANK", static_cast<int64_t>(splits.size())}, {"Tsplits", DType::kInt64}})[0];
  }
  std::vector<Tensor> from_variant(const Tensor& encoded, int64_t input_rank, int64_t output_rank,
                                   DType dtype = DType::kFloat32) {
    return op("RaggedTensorFromVariant", {encoded},
              {{"input_ragged_rank", input_rank}, {"output_ragged_rank", output_rank}, {"Tvalues", dtype}});
  }
  static std::vector<float> floats(const Tensor& tensor) {
    return {tensor.values<float>().begin(), tensor.values<float>().end()};
  }
  static void expect_ragged(const std::vector<Tensor>& found, const std::vector<Ints>& splits, const std::vector<float>& values) {
    ASSERT_EQ(found.size(), splits.size() + 1);
    for (size_t i = 0; i < splits.size(); ++i) EXPECT_EQ(found[i].to_int64s(), splits[i]);
    EXPECT_EQ(floats(found.back()), values);
  }

  const Tensor values_ = Tensor::vector<float>({0, 1, 2, 3, 4, 5});
  const Ints splits_ = {0, 2, 2, 5, 6};
  const std::vector<Ints> two_levels_ = {{0, 1, 4}, {0, 2, 2, 5, 6}};
  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_F(RaggedVariantOps, WholeOnesComeBack) {
  expect_ragged(from_variant(to_variant({splits_}, values_, false), -1, 1), {splits_}, floats(values_));
  expect_ragged(from_variant(to_variant({}, values_, false), -1, 0), {}, floats(values_));
  EXPECT_EQ(from_variant(to_variant({}, Tensor::scalar(3.0f), false), -1, 0)[0].shape(), Shape());
}

TEST_F(RaggedVariantOps, RowsComeBackTogether) {
  const Tensor rows = to_variant({splits_}, values_, true);
  EXPECT_EQ(rows.shape(), Shape({4}));
  expect_ragged(from_variant(rows, 0, 1), {splits_}, floats(values_));
  expect_ragged(from_variant(rows, -1, 1), {splits_}, floats(values_));
  expect_ragged(from_variant(to_variant(two_levels_, values_, true), -1, 2), two_levels_, floats(values_));
  expect_ragged(from_variant(to_variant({{0}}, Tensor::vector<float>({}), true), -1, 1), {{0}}, {});
}

TEST_F(RaggedVariantOps, RowsOfADenseTensorStackOrSplit) {
  const Tensor rows = to_variant({}, values_.reshaped({3, 2}), true);
  EXPECT_EQ(from_variant(rows, -1, 0)[0].shape(), Shape({3, 2}));
  expect_ragged(from_variant(rows, 0, 1), {{0, 2, 4, 6}}, floats(values_));
  EXPECT_EQ(from_variant(to_variant({}, values_, true), -1, 0)[0].shape(), Shape({6}));
  const std::vector<Tensor> inner = from_variant(to_variant({{0, 1, 3}}, values_.reshaped({3, 2}), true), -1, 1);
  EXPECT_EQ(inner[1].shape(), Shape({3, 2}));
}

TEST_F(RaggedVariantOps, AMatrixOfVariantsHasARegularAxis) {
  const Tensor rows = to_variant({splits_}, values_, true).reshaped({2, 2});
  expect_ragged(from_variant(rows, -1, 2), {{0, 2, 4}, splits_}, floats(values_));
}

// What tf.map_fn does with ragged elements.
TEST_F(RaggedVariantOps, ListsCarryThem) {
  const Attrs variants = {{"element_dtype", DType::kVariant}};
  const Tensor none = Tensor::allocate(DType::kInt32, {0});
  const Tensor list = op("TensorListFromTensor", {to_variant(two_levels_, values_, true), none}, variants)[0];
  const Tensor second = op("TensorListGetItem", {list, Tensor::scalar<int32_t>(1), none}, variants)[0];
  expect_ragged(from_variant(second, -1, 1), {{0, 0, 3, 4}}, {2, 3, 4, 5});
  const Tensor stacked = op("TensorListStack", {list, none}, variants)[0];
  EXPECT_EQ(stacked.shape(), Shape({2}));
  expect_ragged(from_variant(stacked, -1, 2), two_levels_, floats(values_));
}

TEST_F(RaggedVariantOps, StringsAndOtherSplitsKeepTheirDtypes) {
  const Tensor words = Tensor::vector<std::string>({"a", "b", "c"});
  const Attrs small = {{"batched_input", true}, {"RAGGED_RANK", int64_t{1}}, {"Tsplits", DType::kInt32}};
  const Tensor rows = op("RaggedTensorToVariant", {Tensor::vector<int32_t>({0, 1, 3}), words}, small)[0];
  const std::vector<Tensor> found = op("RaggedTensorFromVariant", {rows},
                                       {{"input_ragged_rank", int64_t{-1}},
                                        {"output_ragged_rank", int64_t{1}},
                                        {"Tvalues", DType::kString},
                                        {"Tsplits", DType::kInt32}});
  EXPECT_EQ(found[0].dtype(), DType::kInt32);
  EXPECT_EQ(found[0].to_int64s(), (Ints{0, 1, 3}));
  EXPECT_EQ(found[1].data<std::string>()[2], "c");
}

TEST_F(RaggedVariantOps, OtherRanksDtypesAndVariantsAreRefused) {
  const Tensor rows = to_variant({splits_}, values_, true), two = to_variant(two_levels_, values_, true);
  const auto refused = [&](const Tensor& encoded, int64_t input, int64_t output, DType dtype = DType::kFloat32) {
    EXPECT_THROW(from_variant(encoded, input, output, dtype), InvalidArgumentError) << input << ' ' << output;
  };
  refused(rows, -1, 0);  // rows of two lengths
  refused(rows, -1, 2);
  refused(two, 0, 1);
  refused(two, -1, 3);
  refused(two, 1, 2, DType::kFloat64);
  refused(rows.reshaped({2, 2}), -1, 1);
  refused(to_variant({{0, 6}}, values_, false), 1, 0);
  refused(op("OptionalNone", {})[0], -1, 1);
  EXPECT_THROW(to_variant({}, Tensor::scalar(3.0f), true), InvalidArgumentError);
  EXPECT_THROW(to_variant({{0, 3}}, values_, false), InvalidArgumentError);
  EXPECT_THROW(to_variant({{0, 9, 4}, splits_}, values_, true), InvalidArgumentError);
  EXPECT_THROW(op("TensorListLength", {rows.reshaped({4})}), InvalidArgumentError);
}

TEST_F(RaggedVariantOps, GradientsOfRowsComeTogether) {
  const Tensor rows = to_variant({splits_}, values_, true);
  const auto gradient = [&](const Tensor& encoded, const Ints& shape) {
    return op("RaggedTensorToVariantGradient",
              {encoded, Tensor::vector(splits_), Tensor::vector(std::vector<int32_t>(shape.begin(), shape.end()))},
              {{"Tvalues", DType::kFloat32}})[0];
  };
  EXPECT_EQ(floats(gradient(rows, {6})), floats(values_));
  EXPECT_THROW(gradient(rows, {5}), InvalidArgumentError);
  // Of a list of which only some rows were written.
  const Attrs variants = {{"element_dtype", DType::kVariant}};
  const Tensor none = Tensor::allocate(DType::kInt32, {0});
  Tensor list = op("TensorListReserve", {none, Tensor::scalar<int32_t>(4)}, variants)[0];
  const Tensor row = to_variant({}, Tensor::vector<float>({7, 8, 9}), false);
  list = op("TensorListSetItem", {list, Tensor::scalar<int32_t>(2), row}, variants)[0];
  EXPECT_EQ(floats(gradient(op("TensorListStack", {list, none}, variants)[0], {6})), (std::vector<float>{0, 0, 7, 8, 9, 0}));
}

}  // namespace
}  // namespace keras
