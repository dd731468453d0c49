// From a KernelContext to the pools.
#pragma once

#include "core/ops/registry.h"

namespace keras {

/// `input` in the op's format. Throws InvalidArgumentError.
Shape pool_output_shape(const Attrs& attrs, const Shape& input);

void max_pool_kernel(KernelContext& c);
void max_pool_grad_kernel(KernelContext& c);
void max_pool_grad_grad_kernel(KernelContext& c);
void avg_pool_kernel(KernelContext& c);
void avg_pool_grad_kernel(KernelContext& c);

}  // namespace keras
