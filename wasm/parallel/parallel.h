// What shares the kernels' work: one of the two files beside this one is linked into an engine.
#pragma once

#include <memory>

#include "core/kernels/context.h"

namespace keras {

/// `threads` ≥ 1; an engine without threads has one.
std::unique_ptr<kernels::Parallel> make_parallel(int threads);

/// How many threads of `parallel`, which make_parallel() made, run by now.
int threads_of(const kernels::Parallel& parallel);

}  // namespace keras
