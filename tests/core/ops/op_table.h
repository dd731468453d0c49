// The op table of tests/fixtures/ops/, recorded from TensorFlow: inputs, outputs and gradients of each op.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/ops/registry.h"

namespace keras::testing {

struct OpCase {
  std::string op, name;
  Attrs attrs;
  std::vector<Tensor> inputs;     // not valid(): the handle of a variable
  std::vector<Tensor> variables;  // for each input, what its variable holds; not valid(): no variable
  std::vector<Tensor> after;      // for each variable, what it holds after the op
  std::vector<Tensor> outputs;    // not valid(): not compared
  double tolerance = 0;           // max|a - b| <= tolerance · max|b|; 0: bit for bit
  bool has_gradient = false;
  std::vector<Tensor> upstream;         // not valid(): no gradient into that output
  std::vector<Tensor> input_gradients;  // not valid(): TensorFlow gives none
};

/// All rows of all families, in the order of their names; read once.
const std::vector<OpCase>& op_cases();

/// Empty if `found` is as near to `wanted` as the tolerance asks, else what differs. NaN meets NaN, infinities meet.
std::string difference(const Tensor& found, const Tensor& wanted, double tolerance);

}  // namespace keras::testing
