// Variables behind handles.
#include "core/ops/variables.h"

namespace keras {
namespace {

constexpr std::byte kNamedMark{};  // where the handle of a named variable points

}  // namespace

Tensor named_handle(std::shared_ptr<NamedVariable> place) {
  return Tensor::borrow(DType::kResource, Shape(), const_cast<std::byte*>(&kNamedMark), std::move(place));
}

std::shared_ptr<NamedVariable> named_variable(const Tensor& handle) {
  return handle.raw() == &kNamedMark ? handle.object<NamedVariable>() : nullptr;
}

VariablePtr variable_of(const Tensor& handle) {
  if (const auto named = named_variable(handle)) return named->variable;
  // Memory is what an op of any dtype allocated for a handle, or the mark of another object.
  return handle.raw() == nullptr ? handle.object<Variable>() : nullptr;
}

Variable& variable(KernelContext& c, int input) {
  const VariablePtr found = variable_of(c.input(input));  // the handle keeps it
  if (found != nullptr) return *found;
  if (const auto named = named_variable(c.input(input))) {
    throw NotFoundError("Could not find resource: {}/{}", named->container, named->name);
  }
  throw InvalidArgumentError("Input {} is a handle without a variable", input);
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
