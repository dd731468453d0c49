// What the largest block of memory was that the program asked for: what a hostile size must not reach.
#pragma once

#include <cstddef>

namespace keras::testing {

/// The largest request to operator new since the last call. What no test needs is refused.
size_t take_largest_allocation();

}  // namespace keras::testing
