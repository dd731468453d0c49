// What a run needs beside its Function.
#include "core/base/error.h"
#include "core/graph/executor.h"

namespace keras {

Runtime::Runtime(std::unique_ptr<kernels::Parallel> parallel, uint64_t random_seed, const Limits& limits)
    : limits(limits),
      parallel_(std::move(parallel)),
      scratch_(parallel_->width()),
      kernels_{*parallel_, scratch_},
      random_state_(random_seed) {}

Runtime::~Runtime() = default;

// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
uint64_t Runtime::next_random() {
  uint64_t z = random_state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void Runtime::check_interrupts() const {
  if (cancelled.load(std::memory_order_relaxed)) throw AbortError("The run was cancelled.");
  if (limits.deadline_ms > 0 && std::chrono::steady_clock::now() > deadline_) {
    throw ResourceExhaustedError("The run took more than {} ms (limits.deadlineMs).", limits.deadline_ms);
  }
}

void Runtime::start_clock() {
  if (limits.deadline_ms > 0) deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(limits.deadline_ms);
}

}  // namespace keras
