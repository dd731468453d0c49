// What is known of a tensor that is not there yet.
#pragma once

#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace keras {

/// A dimension that may be any is unknown.
struct TensorSpec {
  Shape shape;
  DType dtype = DType::kInvalid;
  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

}  // namespace keras
