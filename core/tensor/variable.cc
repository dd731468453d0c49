// Assignment of variables.
#include "core/tensor/variable.h"

#include "core/base/error.h"

namespace keras {

void Variable::assign(Tensor value) {
  if (value.dtype() != dtype()) {
    throw InvalidArgumentError("Cannot assign a value of dtype {} to variable '{}' of dtype {}", value.dtype(), name_, dtype());
  }
  if (value.shape() != shape_) {
    throw ValueError(
        "Cannot assign value to variable ' {}:0': Shape mismatch.The variable shape {}, and the assigned value shape {} "
        "are incompatible.",
        name_, shape_, value.shape());
  }
  value_ = value.owner() == nullptr ? value.clone() : std::move(value);
  ++version_;
}

Tensor& Variable::mutable_value() {
  if (value_.owner().use_count() > 1) value_ = value_.clone();
  ++version_;
  return value_;
}

}  // namespace keras
