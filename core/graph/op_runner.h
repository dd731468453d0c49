// Runs the kernel of one op on tensors that own their memory: for eager code and for folding constants.
#pragma once

#include <span>
#include <vector>

#include "core/ops/registry.h"

namespace keras {

class Runtime;

/// REQUIRES: attributes complete, `dtypes` those of the outputs.
std::vector<Tensor> run_kernel(const RegisteredOp& op, std::span<const Tensor> inputs, const Attrs& attrs,
                               std::span<const DType> dtypes, Runtime& runtime);

/// A runtime of one thread for folding while tracing and planning.
Runtime& folding_runtime(std::unique_ptr<Runtime>& slot);

}  // namespace keras
