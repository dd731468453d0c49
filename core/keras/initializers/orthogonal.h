// The orthogonal matrix behind the Orthogonal initializer.
#pragma once

#include "core/tensor/tensor.h"

namespace keras {

/// Q of the QR decomposition of `tall` [rows ≥ columns, columns], each column times the sign of R's diagonal, times `gain`;
/// transposed on request. float32.
Tensor orthogonal_columns(const Tensor& tall, bool transpose, double gain);

}  // namespace keras
