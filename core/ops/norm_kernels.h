// From a KernelContext to batch normalization.
#pragma once

#include "core/ops/registry.h"

namespace keras {

/// 1 for NCHW and NCDHW, -1 for NHWC and NDHWC.
int64_t batch_norm_channel_axis(const Attrs& attrs);

void batch_norm_kernel(KernelContext& c);
void batch_norm_grad_kernel(KernelContext& c);

}  // namespace keras
