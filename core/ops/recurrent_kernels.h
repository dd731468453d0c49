// From a KernelContext to recurrent layers.
#pragma once

#include "core/ops/registry.h"

namespace keras {

void fused_lstm_shape(ShapeContext& c);
void fused_lstm_kernel(KernelContext& c);
void fused_gru_shape(ShapeContext& c);
void fused_gru_kernel(KernelContext& c);

}  // namespace keras
