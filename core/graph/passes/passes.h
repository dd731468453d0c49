// The rewrites that run before planning, each in a file of its own. A rewritten Function computes the same, up to rounding.
#pragma once

#include "core/graph/executor.h"
#include "core/graph/function.h"

namespace keras {

/// Pad before an unpadded convolution becomes the convolution's explicit padding: one pass over the image less.
Function fold_padding(const Function& function);
/// Inference batch norm after a convolution becomes a factor on its filter and a bias, computed when variables change.
Function fold_batch_norm(const Function& function);
/// Einsum with weights becomes a matrix product, so that they can be packed.
Function einsum_to_matmul(const Function& function);
/// Bias, residual sum and activation become the epilogue of the product that they follow.
Function fuse_activations(const Function& function);
/// Calls of the functions of Keras's recurrent layers become ops that compute the same.
Function fuse_recurrent(const Function& function);
/// Weights are brought into the order in which the kernels read them, once, not at each run.
Function prepack_weights(const Function& function);

/// All that `options` ask for, in this order.
Function rewrite(const Function& function, const PassOptions& options);

}  // namespace keras
