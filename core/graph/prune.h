// Drops the nodes of a Function that nothing needs.
#pragma once

#include "core/graph/function.h"

namespace keras {

/// Keeps arguments, and what outputs and stateful nodes need; unused captures go too. Order is kept.
Function prune(Function function);

}  // namespace keras
