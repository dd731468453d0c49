// Convolutions and pools over [batch, depth, height, width, channels] volumes.
#pragma once

#include "core/ops/registry.h"

namespace keras {

void conv3d_shape(ShapeContext& c);
void conv3d_kernel(KernelContext& c);
void conv3d_backprop_input_kernel(KernelContext& c);
void conv3d_backprop_filter_kernel(KernelContext& c);

void pool3d_shape(ShapeContext& c);
void max_pool3d_kernel(KernelContext& c);
void max_pool3d_grad_kernel(KernelContext& c);
void max_pool3d_grad_grad_kernel(KernelContext& c);
void avg_pool3d_kernel(KernelContext& c);
void avg_pool3d_grad_kernel(KernelContext& c);

/// Output 0 has the shape that input `sizes` names.
void named_volume_shape(ShapeContext& c, int sizes);
template <int kSizes>
void named_volume_shape(ShapeContext& c) {
  named_volume_shape(c, kSizes);
}

}  // namespace keras
