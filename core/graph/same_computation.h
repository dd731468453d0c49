// Whether two Functions are written alike.
#pragma once

#include "core/graph/function.h"

namespace keras {

/// The same ops with the same attributes and constants tied in the same way between arguments and results, whatever they are
/// called and in whatever order they stand. Identities, and attributes that change no result, are overlooked. False where `a`
/// computes twice what `b` computes once, and for Functions with state. REQUIRES: `b` is not from a file: its nesting is that
/// of the walk.
bool same_computation(const Function& a, const Function& b);

}  // namespace keras
