// What several families' gradients share.
#pragma once

#include "core/ops/builders.h"
#include "core/ops/registry.h"

namespace keras {

/// As unbroadcast(gradient, x), of an op whose other input was `other`: knows more cases before the run.
Value unbroadcast(const Value& gradient, const Value& x, const Value& other);

/// The gradients of a broadcasting op of two inputs, given those of the broadcast inputs.
inline Values unbroadcast_pair(GradContext& g, const Value& of_x, const Value& of_y) {
  return {unbroadcast(of_x, g.input(0), g.input(1)), unbroadcast(of_y, g.input(1), g.input(0))};
}

/// `gradient` where `condition` holds, else 0.
inline Value where(const Value& condition, const Value& gradient) {
  return select(condition, gradient, scalar_like(gradient, 0.0));
}
inline Value where_not(const Value& condition, const Value& gradient) {
  return select(condition, scalar_like(gradient, 0.0), gradient);
}

}  // namespace keras
