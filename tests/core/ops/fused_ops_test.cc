// The private fused and packed ops agree with the chains of public ops that they stand for.
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "core/graph/executor.h"

namespace keras {
namespace {

class FusedOps : public ::testing::Test {
 protected:
  /// Values in [-1, 1] that repeat nowhere nearby.
  static Tensor sample(const Shape& shape, double phase) {
    Tensor tensor = Tensor::allocate(DType::kFloat32, shape);
    for (int64_t i = 0; i < tensor.elements(); ++i)
      tensor.data<float>()[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i * i % 1013) + phase));
    return tensor;
  }

  Tensor op(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    return run_op(name, inputs, std::move(attrs), runtime_)[0];
  }

  static void expect_near(const Tensor& found, const Tensor& wanted) {
    ASSERT_EQ(found.shape(), wanted.shape());
    for (int64_t i = 0; i < wanted.elements(); ++i) ASSERT_NEAR(found.data<float>()[i], wanted.data<float>()[i], 2e-5) << i;
  }

  static Attrs fused(std::vector<std::string> ops, int64_t args) { return {{"fused_ops", std::move(ops)}, {"num_args", args}}; }
  static Attrs conv_attrs(Attrs attrs = {}) {
    return attrs.set("strides", std::vector<int64_t>{1, 2, 1, 1}).set("padding", std::string("SAME"));
  }

  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_F(FusedOps, MatMulWithBiasAndEachActivation) {
  const Tensor a = sample({7, 19}, 0), b = sample({19, 13}, 1), bias = sample({13}, 2);
  const Tensor sum = op("BiasAdd", {op("MatMul", {a, b}), bias});
  expect_near(op("_FusedMatMul", {a, b, bias}, fused({"BiasAdd"}, 1)), sum);
  for (const char* activation : {"Relu", "Relu6", "LeakyRelu", "Elu", "Sigmoid", "Tanh"}) {
    SCOPED_TRACE(activation);
    expect_near(op("_FusedMatMul", {a, b, bias}, fused({"BiasAdd", activation}, 1)), op(activation, {sum}));
  }
}

TEST_F(FusedOps, PackedWeightsGiveTheSameProduct) {
  for (const bool transposed : {false, true}) {
    for (const int64_t units : {1, 8, 13}) {
      const Tensor a = sample({5, 9}, 0), b = sample(transposed ? Shape{units, 9} : Shape{9, units}, 1);
      const Attrs attrs{{"transpose_b", transposed}};
      const Tensor packed = op("_PackMatMulWeights", {b}, attrs);
      Attrs with_shape = fused({"Relu"}, 0);
      with_shape.set("transpose_b", transposed).set("b_shape", b.shape());
      expect_near(op("_FusedMatMul", {a, packed}, with_shape), op("Relu", {op("MatMul", {a, b}, attrs)}));
    }
  }
}

TEST_F(FusedOps, ConvolutionWithBiasResidualAndActivation) {
  const Tensor x = sample({2, 9, 7, 5}, 0), filter = sample({3, 3, 5, 11}, 1), bias = sample({11}, 2);
  const Tensor product = op("Conv2D", {x, filter}, conv_attrs());
  const Tensor residual = sample(product.shape(), 3);
  const Tensor sum = op("AddV2", {op("BiasAdd", {product, bias}), residual});
  const Attrs attrs = conv_attrs(fused({"BiasAdd", "Add", "Relu"}, 2));
  expect_near(op("_FusedConv2D", {x, filter, bias, residual}, attrs), op("Relu", {sum}));

  Attrs packed_attrs = attrs;
  packed_attrs.set("filter_shape", filter.shape());
  expect_near(op("_FusedConv2D", {x, op("_PackConv2DFilter", {filter}), bias, residual}, packed_attrs), op("Relu", {sum}));
}

TEST_F(FusedOps, PointwiseConvolution) {
  const Tensor x = sample({3, 4, 5, 6}, 0), filter = sample({1, 1, 6, 10}, 1), bias = sample({10}, 2);
  Attrs attrs = fused({"BiasAdd", "Relu6"}, 1);
  attrs.set("strides", std::vector<int64_t>{1, 1, 1, 1}).set("padding", std::string("VALID"));
  const Tensor flat = op("MatMul", {x.reshaped({60, 6}), filter.reshaped({6, 10})});
  expect_near(op("_FusedConv2D", {x, filter, bias}, attrs).reshaped({60, 10}), op("Relu6", {op("BiasAdd", {flat, bias})}));
}

TEST_F(FusedOps, DepthwiseConvolutionWithBiasAndActivation) {
  for (const int64_t multiplier : {1, 3}) {
    const Tensor x = sample({2, 6, 7, 5}, 0), filter = sample({3, 3, 5, multiplier}, 1), bias = sample({5 * multiplier}, 2);
    Attrs attrs;
    attrs.set("strides", std::vector<int64_t>{1, 2, 2, 1}).set("padding", std::string("SAME"));
    Attrs with_ops = attrs;
    with_ops.set("fused_ops", std::vector<std::string>{"BiasAdd", "Relu6"}).set("num_args", int64_t{1});
    const Tensor plain = op("DepthwiseConv2dNative", {x, filter}, attrs);
    expect_near(op("_FusedDepthwiseConv2dNative", {x, filter, bias}, with_ops), op("Relu6", {op("BiasAdd", {plain, bias})}));
  }
}

TEST_F(FusedOps, AnUnknownFusedOpIsNamed) {
  const Tensor a = sample({2, 2}, 0);
  EXPECT_THROW(op("_FusedMatMul", {a, a}, fused({"Mystery"}, 0)), UnimplementedError);
  EXPECT_THROW(op("_FusedMatMul", {a, a}, fused({"BiasAdd"}, 0)), InvalidArgumentError);
}

}  // namespace
}  // namespace keras
