// Einsum with weights as a packed product gives what the einsum gives; other equations stay as they are.
#include <gtest/gtest.h>

#include "core/graph/passes/passes.h"
#include "core/ops/builders.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::expect_close;
using testing::noise;
using testing::serial_runtime;
using testing::variable;

struct Case {
  const char* equation;
  Shape input, weights;  // the input's first dimension is unknown while tracing
  bool becomes_product;
};

FunctionPtr einsum_with(const VariablePtr& weights, const char* equation, Shape input) {
  input.set_dim(0, kUnknownDim);
  GraphBuilder builder("einsum");
  const Value x = builder.arg("x", DType::kFloat32, input);
  const Value y = emit1("Einsum", {x, builder.read(weights)}, {{"equation", std::string(equation)}});
  return builder.finish(std::span(&y, 1), {"y"});
}

class EinsumToMatMul : public ::testing::TestWithParam<Case> {};

TEST_P(EinsumToMatMul, KeepsTheResult) {
  const auto& [equation, shape, weights_shape, becomes_product] = GetParam();
  const FunctionPtr function = einsum_with(variable("weights", noise(weights_shape, 1)), equation, shape);
  bool has_einsum = false;
  for (const Node& node : einsum_to_matmul(*function, {}).nodes) has_einsum |= node.op->def->name == std::string_view("Einsum");
  EXPECT_NE(has_einsum, becomes_product);
  const auto runtime = serial_runtime();
  const std::array x = {noise(shape, 2)};
  const Tensor found = Executor(function).run(x, *runtime)[0];
  expect_close(found, Executor(function, {.einsum_to_matmul = false}).run(x, *runtime)[0], 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Equations, EinsumToMatMul,
                         ::testing::Values(Case{"abc,cde->abde", {2, 3, 4}, {4, 5, 6}, true},
                                           Case{"abcd,cde->abe", {2, 3, 4, 5}, {4, 5, 6}, true},
                                           Case{"...x,xy->...y", {2, 3, 4}, {4, 5}, true},
                                           Case{"ab,bc->ac", {2, 3}, {3, 4}, true},
                                           Case{"ab,cb->ac", {2, 3}, {4, 3}, false},           // transposed weights
                                           Case{"ab,bc->ca", {2, 3}, {3, 4}, false},           // a transposed result
                                           Case{"abc,cb->ab", {2, 3, 4}, {4, 3}, false},       // no columns
                                           Case{"abc,abd->acd", {2, 3, 4}, {2, 3, 5}, false},  // a batch
                                           Case{"aab,bc->aac", {2, 2, 3}, {3, 4}, false}));    // a diagonal

}  // namespace
}  // namespace keras
