// half and bfloat16 compute through float32, whatever the op.
#pragma once

#include "core/ops/registry.h"

namespace keras {

constexpr bool is_half_precision(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBfloat16; }

/// Runs an op's kernel. Where inputs or outputs are half or bfloat16, the kernel sees float32 in their place, in its
/// attributes and in the variables that it updates too, and what it makes is rounded. Both ways are exact for what is moved
/// only. Kernels that see nothing but bytes, handles or functions run as they are.
void run_op_kernel(const OpDef& op, KernelContext& context);

}  // namespace keras
