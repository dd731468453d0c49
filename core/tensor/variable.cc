// Values of variables, and how they change.
#include "core/tensor/variable.h"

#include "core/base/error.h"

namespace keras {

const Tensor& Variable::value() const {
  if (packed_ != nullptr) {
    value_ = read();
    packed_.reset();
  }
  return value_;
}

void Variable::hold_packed(PackedValue packed) {
  packed_ = std::make_unique<const PackedValue>(std::move(packed));
  value_ = Tensor();
}

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
  packed_.reset();
  ++version_;
}

Tensor& Variable::mutable_value() {
  if (value().owner().use_count() > 1) value_ = value_.clone();
  ++version_;
  return value_;
}

}  // namespace keras
