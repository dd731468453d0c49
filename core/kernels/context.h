// What a kernel gets beside its operands: threads to share the work among, and scratch memory for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace keras::kernels {

/// A reference to a callable, for the length of one call.
template <class Signature>
class FunctionRef;
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
  FunctionRef(F&& f)  // NOLINT: implicit, as std::function's
      : object_(const_cast<void*>(static_cast<const void*>(&f))), call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// Runs tasks, perhaps on several threads.
class Parallel {
 public:
  virtual ~Parallel() = default;
  /// How many tasks run at the same time.
  virtual int width() const = 0;
  /// Runs task(0) … task(tasks − 1) in any order and returns when all are done. `worker` is in [0, width()).
  /// An exception in a task reaches the caller.
  virtual void run(int64_t tasks, FunctionRef<void(int64_t task, int worker)> task) = 0;
};

/// One task after the other on the calling thread.
std::unique_ptr<Parallel> make_serial();

/// Memory that kernels reuse from call to call, one block for each worker.
class Scratch {
 public:
  explicit Scratch(int width) : blocks_(static_cast<size_t>(width)) {}
  /// At least `bytes`, aligned to 64, until the next call for this worker. Throws std::bad_alloc.
  void* get(int worker, size_t bytes);

 private:
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    size_t bytes = 0;
  };
  std::vector<Block> blocks_;
};

struct Context {
  Parallel& parallel;
  Scratch& scratch;
};

}  // namespace keras::kernels
