// Fused ops by name.
#include "core/ops/epilogue.h"

#include <string_view>

#include "core/base/error.h"

namespace keras {
namespace {

using kernels::Activation;

struct NamedActivation {
  std::string_view name;
  Activation activation;
};

constexpr NamedActivation kActivations[] = {{"Relu", Activation::kRelu},           {"Relu6", Activation::kRelu6},
                                            {"LeakyRelu", Activation::kLeakyRelu}, {"Elu", Activation::kElu},
                                            {"Sigmoid", Activation::kSigmoid},     {"Tanh", Activation::kTanh}};

Activation activation_of(std::string_view name) {
  for (const NamedActivation& row : kActivations) {
    if (row.name == name) return row.activation;
  }
  throw UnimplementedError("Fused op '{}' is not implemented", name);
}

const Tensor& operand(KernelContext& c, int input, const Shape& wanted) {
  if (input >= c.inputs() || c.input(input).shape() != wanted) {
    throw InvalidArgumentError("A fused op needs an operand of shape {}", wanted);
  }
  return c.input(input);
}

}  // namespace

kernels::Epilogue make_epilogue(KernelContext& c, int first, const Shape& result) {
  kernels::Epilogue epilogue;
  epilogue.alpha = c.attrs().get_float("leakyrelu_alpha");
  for (const std::string& name : c.attrs().get<std::vector<std::string>>("fused_ops")) {
    if (epilogue.activation != Activation::kNone) throw InvalidArgumentError("Fused op '{}' stands behind an activation", name);
    if (name == "Mul" && (epilogue.bias != nullptr || epilogue.residual != nullptr || epilogue.scale != nullptr))
      throw InvalidArgumentError("Factors of a fused op come first, and once");
    if (name == "Mul")
      epilogue.scale = operand(c, first++, {result.dim(-1)}).data<float>();
    else if (name == "BiasAdd")
      epilogue.bias = operand(c, first++, {result.dim(-1)}).data<float>();
    else if (name == "Add")
      epilogue.residual = operand(c, first++, result).data<float>();
    else
      epilogue.activation = activation_of(name);
  }
  return epilogue;
}

}  // namespace keras
