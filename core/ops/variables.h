// What ops on variables share: finding the variable behind a handle, and its memory for an update in place.
#pragma once

#include "core/base/error.h"
#include "core/ops/registry.h"
#include "core/ops/resources.h"
#include "core/tensor/variable.h"

namespace keras {

/// A handle of a variable that the graph makes.
Tensor named_handle(std::shared_ptr<NamedVariable> place);
/// Null for all other handles.
std::shared_ptr<NamedVariable> named_variable(const Tensor& handle);

/// The variable behind a handle of either kind; null if there is none, or none yet.
VariablePtr variable_of(const Tensor& handle);

/// The variable behind input `input`. Throws InvalidArgumentError if the handle has none, NotFoundError if it has none yet.
Variable& variable(KernelContext& c, int input);

/// The memory of a variable or slot that an op is about to change. Throws InvalidArgumentError if dtype or shape are not
/// those of `like`.
Tensor& updated(KernelContext& c, int input, const Tensor& like);

/// A hyperparameter: a scalar of the variable's dtype.
template <class T>
T rate(KernelContext& c, int input) {
  if (c.input(input).elements() != 1)
    throw InvalidArgumentError("Input {} must be a scalar, found {}", input, c.input(input).shape());
  return c.input(input).data<T>()[0];
}

}  // namespace keras
