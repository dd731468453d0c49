// The executor: runs a Function. Rewrites once, plans once per set of argument shapes, then runs node after node in one
// arena of memory.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/limits.h"
#include "core/graph/function.h"
#include "core/kernels/context.h"
#include "core/ops/resources.h"

namespace keras {

class Executor;

/// What running needs beside the Function: threads and scratch memory, the state of random ops, what ops find by name, limits,
/// cancellation.
/// One for an engine; used by one run at a time.
class Runtime {
 public:
  Runtime(std::unique_ptr<kernels::Parallel> parallel, uint64_t random_seed, const Limits& limits);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  kernels::Context& kernels() { return kernels_; }
  uint64_t next_random();
  void seed(uint64_t seed) { random_state_ = seed; }
  Resources& resources() { return resources_; }

  Limits limits;
  int64_t call_depth = 0;
  int64_t activation_bytes = 0;         // peak_bytes() of the outermost Function that ran last
  std::atomic<bool> cancelled = false;  // checked between ops: the run then throws AbortError
  /// Throws AbortError when cancelled, ResourceExhaustedError after limits.deadline_ms.
  void check_interrupts() const;
  /// The outermost call of a run begins: its time is counted from now.
  void start_clock();

 private:
  std::unique_ptr<kernels::Parallel> parallel_;
  kernels::Scratch scratch_;
  kernels::Context kernels_;
  uint64_t random_state_;
  Resources resources_;
  std::chrono::steady_clock::time_point deadline_;
};

/// Which rewrites run before planning (each keeps the results, up to rounding). All on by default.
struct PassOptions {
  bool fuse_recurrent = true;     // the functions of Keras's recurrent layers become one op each
  bool inline_calls = true;       // a call becomes the nodes of the Function; a condition that is known, its branch
  bool remove_no_ops = true;      // identities, reshapes to the same shape and of reshapes
  bool remove_casts = true;       // to the same dtype, and back to where they came from
  bool remove_transposes = true;  // that move nothing, after each other, or before a product that can transpose
  bool fold_constants = true;
  bool merge_duplicates = true;  // common subexpressions
  bool hoist_invariants = true;  // what is the same in all rounds of a loop is computed before it
  bool fold_padding = true;
  bool fold_batch_norm = true;
  bool einsum_to_matmul = true;
  bool fuse_activations = true;
  bool prepack_weights = true;

  /// All off.
  static PassOptions none();
  friend bool operator==(const PassOptions&, const PassOptions&) = default;
};

/// Runs one Function, again and again. Argument shapes may differ from run to run: a plan for each set is kept.
class Executor {
 public:
  explicit Executor(FunctionPtr function, const PassOptions& passes = {});
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// REQUIRES: as many `args` as the Function has. Throws InvalidArgumentError (dtype or shape of an argument does not
  /// fit; a kernel's complaint, with the node's name), AbortError, OutOfMemoryError. Results own their memory.
  std::vector<Tensor> run(std::span<const Tensor> args, Runtime& runtime);

  /// The same with arguments that are given away: what nobody else holds of them may be changed in place (TensorLists).
  std::vector<Tensor> run_taking(std::vector<Tensor> args, Runtime& runtime);

  const Function& function() const { return *function_; }
  /// Bytes of the arena of the last run's plan.
  int64_t arena_bytes() const;
  /// Bytes that the last run's activations took, as planned: arena and results, and those of the Functions that it called.
  int64_t peak_bytes() const;

 private:
  struct State;
  FunctionPtr function_;
  std::unique_ptr<State> state_;
};

/// Runs one op at once: for eager code.
std::vector<Tensor> run_op(std::string_view op, std::span<const Tensor> inputs, Attrs attrs, Runtime& runtime);

}  // namespace keras
