// The plain twin of the Executor: one op after the other through run_op(), no rewrites, no plan, no arena.
#pragma once

#include <span>
#include <vector>

#include "core/graph/executor.h"
#include "core/graph/function.h"

namespace keras::testing {

std::vector<Tensor> interpret(const Function& function, std::span<const Tensor> args, Runtime& runtime);

/// Bytes of the two largest values that are alive at one time, arguments, constants and variables aside: what no order of these
/// nodes and no sharing of memory can do without.
int64_t largest_live_pair(const Function& function, std::span<const Tensor> args, Runtime& runtime);

}  // namespace keras::testing
