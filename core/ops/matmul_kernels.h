// From a KernelContext to matrix products and biases.
#pragma once

#include "core/ops/registry.h"

namespace keras {

void matmul_kernel(KernelContext& c);
void batch_matmul_kernel(KernelContext& c);
/// Of two dtypes, with a product of a third.
void batch_matmul_v3_kernel(KernelContext& c);
void bias_add_kernel(KernelContext& c);
void bias_add_grad_kernel(KernelContext& c);
void fused_matmul_kernel(KernelContext& c);
void pack_matmul_weights_shape(ShapeContext& c);
void pack_matmul_weights_kernel(KernelContext& c);
/// The matrix of this shape of which _PackMatMulWeights made `packed`.
Tensor unpack_matmul_weights(const Tensor& packed, const Shape& matrix, bool transpose_b);

}  // namespace keras
