// TensorFlow 1's control flow (Switch, Merge, Enter, Exit, NextIteration, LoopCond) as If and While, which is what runs here.
#pragma once

#include <string_view>
#include <vector>

#include "core/base/limits.h"
#include "proto/graph.pb.h"

namespace keras {

/// Whether the op, or its form for references, steers a graph of TensorFlow 1.
bool is_v1_control_flow(std::string_view op);

/// The function with each loop's frame as a While and each condition's branches as an If, followed by their functions, which
/// are named after it. Loops and conditions may stand in each other.
/// Throws InvalidArgumentError naming the node (frames or branches that do not fit together), UnimplementedError (what has no
/// such form), DataLossError (cycles), ResourceExhaustedError (limits.nestingDepth).
std::vector<tensorflow::FunctionDef> functionalize(const tensorflow::FunctionDef& def, const Limits& limits);

}  // namespace keras
