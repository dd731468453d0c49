// What a Function computes from variables and constants alone (folded batch norms, packed weights) is hoisted: computed
// when a variable has changed, not at every run.
#pragma once

#include <set>
#include <vector>

#include "core/graph/function.h"

namespace keras {

struct Hoisting {
  std::vector<char> hoisted;           // node → it depends on constants and unassigned variables only
  std::vector<char> kept;              // node → hoisted, and its values are kept for nodes that are not
  std::vector<VariablePtr> variables;  // whose versions decide whether kept values are stale
};

/// Reads of variables count as hoisted but are never kept: they cost nothing, and a kept handle would force a copy of the
/// weights at the next training step. Of a loop's body, `invariant` says which arguments are the same in all rounds: what
/// depends on those counts as hoisted, too.
Hoisting find_hoisted(const Function& function, const std::vector<char>& invariant = {});

/// The arguments and captures, as nodes, whose variables the Function may change: by an op, or in a Function that it calls.
std::set<int32_t> written_handles(const Function& function);

}  // namespace keras
