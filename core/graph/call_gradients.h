// Differentiating ops that call Functions: PartitionedCall, If, Case, While and their other forms.
#pragma once

#include "core/graph/builder.h"

namespace keras {

/// Whether call_gradients() can differentiate the op.
bool is_differentiable_call(const Node& node);

/// The gradients of node `id`'s inputs (not valid() where there is none), given those of its outputs. As TensorFlow does:
/// the called Functions are made to return what their gradients need as further outputs of the node, so that nothing is
/// computed, drawn or assigned twice, and the gradient is a call of the same kind.
Values call_gradients(GraphBuilder& builder, int32_t id, std::span<const Value> upstream);
/// The same for loops.
Values loop_gradients(GraphBuilder& builder, int32_t id, std::span<const Value> upstream);

}  // namespace keras
