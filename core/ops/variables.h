// What ops on variables share: finding the variable behind a handle, and its memory for an update in place.
#pragma once

#include "core/base/error.h"
#include "core/ops/registry.h"
#include "core/tensor/variable.h"

namespace keras {

/// The variable behind input `input`. Throws InvalidArgumentError if the handle has none.
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
