// Drops the nodes of a Function that nothing needs.
#pragma once

#include "core/graph/function.h"

namespace keras {

/// Keeps arguments, and what outputs and stateful nodes need; unused captures go too. Order is kept, but that inputs are
/// put before their users.
Function prune(Function function);
/// Keeps the `wanted` nodes and what they need, arguments and outputs among them.
Function keep_nodes(Function function, std::vector<int32_t> wanted);

}  // namespace keras
