// Random Functions from a seed: elementwise ops, products, convolutions, reductions, moves, casts, lists, variables with
// assignments, conditions, loops, calls.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/graph/function.h"

namespace keras::testing {

struct RandomGraph {
  FunctionPtr function;
  std::vector<VariablePtr> variables;
  std::vector<Tensor> initial;  // values of the variables
};

struct RandomGraphOptions {
  uint64_t seed = 0;
  int steps = 30;
  bool gradients = false;     // returns gradients of the outputs by arguments and variables, too; only ops that have one
  bool dense_of_rows = true;  // with products between Reshapes
};

/// Two arguments: float32 [-1, 4] and an image, float32 [-1, 5, 4, 2]. The same for the same options; with fewer steps the graph
/// begins in the same way.
RandomGraph random_graph(const RandomGraphOptions& options);

/// Values for the arguments.
std::vector<Tensor> random_args(int64_t batch);

/// One node a line.
std::string to_lines(const Function& function);

}  // namespace keras::testing
