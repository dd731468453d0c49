#include "core/kernels/thread_pool.h"
#include "wasm/parallel/parallel.h"

namespace keras {

std::unique_ptr<kernels::Parallel> make_parallel(int threads) { return std::make_unique<kernels::ThreadPool>(threads); }

int threads_of(const kernels::Parallel& parallel) { return dynamic_cast<const kernels::ThreadPool&>(parallel).started(); }

}  // namespace keras
