// Reverse-mode differentiation, graph to graph: adds to the graph the nodes that compute dy/dx.
#pragma once

#include "core/graph/builder.h"

namespace keras {

/// d(Σ ys · grad_ys)/dxs. `xs` are values of the graph or handles of variables (the gradient then is that of the value,
/// over all reads). `grad_ys` defaults to ones. A result is not valid() where no y depends on that x.
/// Throws UnimplementedError naming op and node where an op on the way has no gradient.
Values gradients(GraphBuilder& builder, std::span<const Value> ys, std::span<const Value> xs,
                 std::span<const Value> grad_ys = {});

}  // namespace keras
