// Inputs that an op refuses: the errors that TensorFlow's kernels give, not what memory happens to hold.
#include <gtest/gtest.h>

#include <limits>

#include "core/base/error.h"
#include "core/graph/executor.h"

namespace keras {
namespace {

class RefusedInputs : public ::testing::Test {
 protected:
  std::vector<Tensor> op(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    return run_op(name, inputs, std::move(attrs), runtime_);
  }
  void expect_refused(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    EXPECT_THROW(op(name, std::move(inputs), std::move(attrs)), InvalidArgumentError) << name;
  }
  static Tensor floats(const Shape& shape) { return Tensor::zeros(DType::kFloat32, shape); }
  static Tensor ints(const std::vector<int32_t>& values) { return Tensor::vector(values); }
  static Tensor longs(const std::vector<int64_t>& values) { return Tensor::vector(values); }
  static Tensor words(const std::vector<std::string>& values) { return Tensor::vector(values); }
  static Tensor word(const std::string& value) { return Tensor::scalar(value); }

  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_F(RefusedInputs, OfStrings) {
  expect_refused("StringToNumber", {words({"12x"})});
  expect_refused("StringToNumber", {words({"2147483648"})}, {{"out_type", DType::kInt32}});
  expect_refused("StringToNumber", {words({""})}, {{"out_type", DType::kInt64}});
  expect_refused("Substr", {words({"abc"}), ints({4}), ints({1})});
  expect_refused("RegexReplace", {words({"a"}), word("("), word("")});
  expect_refused("RegexReplace", {words({"a"}), word("a"), word("\\1")});
  expect_refused("StringJoin", {words({"a", "b"}), words({"c"})});
  expect_refused("StringNGrams", {words({"a", "b"}), longs({0, 3})},
                 {{"separator", std::string()},
                  {"ngram_widths", std::vector<int64_t>{1}},
                  {"left_pad", std::string()},
                  {"right_pad", std::string()},
                  {"pad_width", int64_t{0}},
                  {"preserve_short_sequences", false}});
  expect_refused("UnicodeEncode", {ints({65}), longs({0, 2})}, {{"output_encoding", std::string("UTF-8")}});
  expect_refused("UnicodeDecode", {words({"\xFF"})},
                 {{"input_encoding", std::string("UTF-8")}, {"errors", std::string("strict")}});
  EXPECT_THROW(op("UnicodeDecode", {words({"a"})}, {{"input_encoding", std::string("KOI8-R")}}), UnimplementedError);
}

TEST_F(RefusedInputs, OfSparseAndRaggedTensors) {
  const Tensor outside = longs({0, 5}).reshaped({1, 2});
  expect_refused("SparseToDense", {outside, longs({2, 2}), floats({1}), floats({})});
  expect_refused("SparseReorder", {outside, floats({1}), longs({2, 2})});
  expect_refused("SparseTensorDenseMatMul", {outside, floats({1}), longs({2, 2}), floats({2, 1})});
  expect_refused("SparseToDense", {longs({1, 1, 0, 0}).reshaped({2, 2}), longs({2, 2}), floats({2}), floats({})});
  const Tensor twice = longs({0, 0, 1}).reshaped({3, 1}), once = longs({1}).reshaped({1, 1});
  expect_refused("SparseAddGrad", {floats({2}), once, once, twice});
  expect_refused("SparseSliceGrad", {floats({2}), once, longs({0}), twice});
  expect_refused("SparseReshape", {longs({0, 0}).reshaped({1, 2}), longs({2, 2}), longs({3})});
  expect_refused("SparseSegmentSum", {floats({2, 2}), ints({2}), ints({0})});
  expect_refused("SparseSegmentSum", {floats({2, 2}), ints({0, 1}), ints({1, 0})});
  expect_refused("RaggedRange", {ints({0}), ints({3}), ints({0})});
  const Attrs splits = {{"row_partition_types", std::vector<std::string>{"ROW_SPLITS"}}};
  for (const auto& wrong : {std::vector<int64_t>{0, 3}, std::vector<int64_t>{1, 2}, std::vector<int64_t>{0, 2, 1, 2}}) {
    expect_refused("RaggedTensorToTensor", {longs({-1, -1}), floats({2}), floats({}), longs(wrong)}, splits);
  }
  expect_refused("RaggedGather", {longs({0, 2}), floats({2}), ints({1})}, {{"OUTPUT_RAGGED_RANK", int64_t{1}}});
  expect_refused("RaggedBincount", {longs({0, 1}), ints({-1}), Tensor::scalar<int32_t>(2), floats({0})});
}

TEST_F(RefusedInputs, OfImages) {
  expect_refused("CropAndResize", {floats({1, 2, 2, 1}), floats({1, 4}), ints({1}), ints({2, 2})});
  expect_refused("CropAndResize", {floats({1, 2, 2, 1}), floats({1, 4}), ints({0}), ints({0, 2})});
  expect_refused("ImageProjectiveTransformV2", {floats({2, 2, 2, 1}), floats({3, 8}), ints({2, 2})},
                 {{"interpolation", std::string("BILINEAR")}});
  expect_refused("ImageProjectiveTransformV2", {floats({1, 2, 2, 1}), floats({1, 8}), ints({2, 2})},
                 {{"interpolation", std::string("CUBIC")}});
  expect_refused("ResizeBicubic", {floats({1, 2, 2, 1}), ints({0, 2})});
  expect_refused("RGBToHSV", {floats({2, 4})});
  expect_refused("NonMaxSuppressionV3",
                 {floats({2, 4}), floats({3}), Tensor::scalar<int32_t>(1), Tensor::scalar(0.5f), Tensor::scalar(0.0f)});
}

TEST_F(RefusedInputs, OfTransformsAndFactors) {
  expect_refused("RFFT", {floats({3}), ints({4})});
  expect_refused("RFFT", {floats({3}), ints({-1})});
  expect_refused("Lu", {floats({2, 2})});  // singular
  expect_refused("SelfAdjointEigV2", {floats({2, 3})});
  Tensor bad = floats({2});
  bad.data<float>()[1] = std::numeric_limits<float>::infinity();
  expect_refused("CheckNumerics", {bad}, {{"message", std::string("here")}});
  expect_refused("Bitcast", {ints({1, 2, 3})}, {{"type", DType::kInt64}});
}

TEST_F(RefusedInputs, OfOptimizers) {
  const auto handle = [](const Shape& shape) {
    return Tensor::resource(std::make_shared<Variable>("v", Tensor::zeros(DType::kFloat32, shape), true));
  };
  const Tensor rate = Tensor::scalar(0.1f);
  expect_refused("ResourceApplyAdagrad", {handle({2}), handle({2}), rate, floats({3})});
  expect_refused("ResourceApplyAdagrad", {handle({2}), handle({3}), rate, floats({2})});
  expect_refused("ResourceSparseApplyAdagrad", {handle({2, 1}), handle({2, 1}), rate, floats({1, 1}), ints({2})});
  expect_refused("ResourceSparseApplyAdagrad", {handle({2, 1}), handle({2, 1}), rate, floats({1, 2}), ints({0})});
}

TEST_F(RefusedInputs, OfOpsThatRunOnGpusOnly) {
  for (const char* name : {"CudnnRNN", "CudnnRNNBackpropV3", "CTCLossV2"}) {
    try {
      op(name, {});
      FAIL() << name;
    } catch (const UnimplementedError& error) {
      EXPECT_NE(std::string(error.what()).find("GPUs only"), std::string::npos) << error.what();
    }
  }
}

TEST_F(RefusedInputs, OfReductionsAndRanges) {
  for (const char* name : {"Sum", "Mean", "Max", "Prod", "EuclideanNorm"}) {
    expect_refused(name, {floats({2, 3}), ints({0, 0})});
    expect_refused(name, {floats({2, 3}), ints({1, -1})});
  }
  const auto range = [](int32_t start, int32_t limit, int32_t delta) {
    return std::vector<Tensor>{Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)};
  };
  expect_refused("Range", range(3, 1, 1));
  expect_refused("Range", range(1, 3, -1));
  expect_refused("Range", range(1, 3, 0));
  EXPECT_EQ(op("Range", range(3, 3, 1))[0].elements(), 0);
  expect_refused("UnravelIndex", {ints({6}), ints({2, 3})});
  expect_refused("UnravelIndex", {ints({1}), ints({-2, 3})});
  expect_refused("UnravelIndex", {ints({0}), ints({0, 3})});
  expect_refused("UniqueV2", {ints({1, 2}), longs({0, 0})});
  expect_refused("UniqueV2", {ints({1, 2}), longs({1})});
  expect_refused("UniqueV2", {ints({1, 2, 3, 4}).reshaped({2, 2}), longs({})});
}

TEST_F(RefusedInputs, OfProductsAndMatrices) {
  expect_refused("Cross", {floats({2, 2}), floats({2, 2})});
  expect_refused("Cross", {floats({1, 3}), floats({3})});
  expect_refused("MatrixSquareRoot", {floats({2, 3})});
  EXPECT_THROW(op("BatchMatMulV3", {floats({1, 2}), floats({2, 1})}, {{"Tout", DType::kFloat64}}), UnimplementedError);
}

TEST_F(RefusedInputs, OfTextsAndPlaceholders) {
  expect_refused("StringFormat", {ints({1})}, {{"template", std::string("no place")}});
  expect_refused("StringFormat", {ints({1})}, {{"template", std::string("%s %s")}});
  expect_refused("Placeholder", {}, {{"dtype", DType::kFloat32}});
  expect_refused("PlaceholderWithDefault", {floats({2})}, {{"shape", Shape({3})}});
}

TEST_F(RefusedInputs, OfSequencesOfLabels) {
  const auto loss = [&](const Tensor& places, const Tensor& labels, const Tensor& lengths) {
    expect_refused("CTCLoss", {floats({4, 2, 3}), places, labels, lengths});
  };
  const Tensor places = longs({0, 0, 1, 0}).reshaped({2, 2});
  loss(places.reshaped({4}), ints({0, 1}), ints({4, 4}));
  loss(longs({0, 0, 0, 1}).reshaped({2, 2}), ints({0, 1}), ints({4, 4}));  // none in the second
  loss(longs({1, 0, 0, 0}).reshaped({2, 2}), ints({0, 1}), ints({4, 4}));  // not in order
  loss(longs({0, 0, 2, 0}).reshaped({2, 2}), ints({0, 1}), ints({4, 4}));
  loss(places, ints({0, -1}), ints({4, 4}));
  loss(places, ints({0, 1}), ints({4, 0}));
  loss(places, ints({0, 1}), ints({4, 5}));
  loss(places, ints({0, 1}), ints({4}));
  loss(longs({0, 0, 1, 0, 1, 1}).reshaped({3, 2}), ints({0, 2, 1}), ints({4, 4}));  // a label after the blank
  expect_refused("CTCGreedyDecoder", {floats({4, 2, 3}), ints({4, 5})});
  expect_refused("CTCGreedyDecoder", {floats({4, 2, 3}), ints({4, 4})}, {{"blank_index", int64_t{3}}});
}

TEST_F(RefusedInputs, OfUpdatesIn16Bits) {
  const Tensor half = Tensor::zeros(DType::kFloat16, {2});
  const auto handle = [](DType dtype) {
    return Tensor::resource(std::make_shared<Variable>("v", Tensor::zeros(dtype, {2}), true));
  };
  expect_refused("AssignAddVariableOp", {handle(DType::kFloat32), half});
  expect_refused("AssignAddVariableOp", {handle(DType::kBfloat16), half});
  expect_refused("AssignAddVariableOp", {handle(DType::kFloat16), floats({2})});
  expect_refused("AssignAddVariableOp", {handle(DType::kFloat16), Tensor::zeros(DType::kFloat16, {3})});
}

TEST_F(RefusedInputs, OfOptionals) {
  const Attrs one_float = {{"output_types", std::vector<DType>{DType::kFloat32}},
                           {"output_shapes", std::vector<Shape>{Shape({2})}}};
  const Tensor none = op("OptionalNone", {})[0], some = op("OptionalFromValue", {floats({2})})[0];
  EXPECT_FALSE(op("OptionalHasValue", {none})[0].data<bool>()[0]);
  EXPECT_TRUE(op("OptionalHasValue", {some})[0].data<bool>()[0]);
  EXPECT_EQ(op("OptionalGetValue", {some}, one_float)[0].shape(), Shape({2}));
  expect_refused("OptionalGetValue", {none}, one_float);
  expect_refused("OptionalGetValue", {op("OptionalFromValue", {floats({3})})[0]}, one_float);
  expect_refused("TensorListLength", {some});
}

}  // namespace
}  // namespace keras
