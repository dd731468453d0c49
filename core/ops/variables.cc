// Variables behind handles.
#include "core/ops/variables.h"

namespace keras {

Variable& variable(KernelContext& c, int input) {
  const auto object = c.input(input).object<Variable>();
  // Memory is what an op of any dtype allocated for a handle, or the mark of another object.
  if (object == nullptr || c.input(input).raw() != nullptr) {
    throw InvalidArgumentError("Input {} is a handle without a variable", input);
  }
  return *object;
}

Tensor& updated(KernelContext& c, int input, const Tensor& like) {
  Variable& target = variable(c, input);
  if (target.dtype() != like.dtype() || target.shape() != like.shape()) {
    throw InvalidArgumentError("Variable '{}' is {} {}, but its update is {} {}", target.name(), target.dtype(), target.shape(),
                               like.dtype(), like.shape());
  }
  return target.mutable_value();
}

}  // namespace keras
