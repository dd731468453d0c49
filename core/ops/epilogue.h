// What the private fused ops do to a product before it is stored: `fused_ops`, in TensorFlow's words.
#pragma once

#include "core/kernels/gemm.h"
#include "core/ops/registry.h"

namespace keras {

/// Inputs from `first` on are the operands of "BiasAdd" and "Add", in order. Throws InvalidArgumentError for another
/// sequence than [BiasAdd] [Add] [activation], or operands that do not fit `result`.
kernels::Epilogue make_epilogue(KernelContext& c, int first, const Shape& result);

}  // namespace keras
