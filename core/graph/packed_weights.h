// Weights that are packed are held once. What is packed for a product is a copy of a variable in another order; where nothing
// else in the Function reads the variable, the packed form takes the place of the variable's own memory until somebody asks for
// its value (a training step).
#pragma once

#include <string>
#include <vector>

#include "core/graph/function.h"
#include "core/graph/hoist.h"

namespace keras {

/// A hoisted node that packs the value of a captured variable.
struct PackedWeight {
  std::vector<int32_t> nodes;  // the read, perhaps reshapes, the node that packs: nobody else uses these
  VariablePtr variable;
  std::string layout;

  int32_t packing() const { return nodes.back(); }
};

std::vector<PackedWeight> find_packed_weights(const Function& function, const Hoisting& hoisting);

/// Makes `packed`, which node weight.packing() made of the variable's value, what the variable holds, unless somebody else holds
/// its value, too. Returns it, in the memory that the value had where it fits: weight after weight, new memory and holes in the
/// place of the old would tear the heap into pieces.
Tensor hold_packed(const Function& function, const PackedWeight& weight, const Tensor& packed);

}  // namespace keras
