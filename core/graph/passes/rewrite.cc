// The order of the rewrites.
#include "core/graph/passes/passes.h"

namespace keras {

Function rewrite(const Function& function, const PassOptions& options) {
  Function result = function;
  if (options.fold_padding) result = fold_padding(result);
  if (options.fold_batch_norm) result = fold_batch_norm(result);
  if (options.einsum_to_matmul) result = einsum_to_matmul(result);
  if (options.fuse_activations) result = fuse_activations(result);
  if (options.fuse_recurrent) result = fuse_recurrent(result);
  if (options.prepack_weights) result = prepack_weights(result);
  return result;
}

}  // namespace keras
