// Several threads for the kernels.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/kernels/context.h"

namespace keras::kernels {

/// Runs tasks on up to `width` threads, of which the caller of run() is one (worker 0). It works with the others and waits
/// only for those that have joined: a thread that the system has not started or woken yet is never waited for, so that a run
/// ends even where threads cannot start (a page's, before its script returns). Inside of a task run() stays on the task's
/// thread. After an exception no further task begins, and the first one reaches the caller. One thread calls run() at a time.
class ThreadPool final : public Parallel {
 public:
  /// REQUIRES: width ≥ 1. Where the system has no more threads to give, the pool does with fewer.
  explicit ThreadPool(int width);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int width() const override { return width_; }
  /// How many of `width` threads run by now, the caller's among them.
  int started() const { return 1 + started_.load(std::memory_order_relaxed); }
  void run(int64_t tasks, FunctionRef<void(int64_t task, int worker)> task) override;

 private:
  void serve(int worker);
  bool join_run(uint64_t& seen);
  void work(int worker);

  const int width_;
  std::vector<std::thread> threads_;
  std::atomic<int> started_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;            // under mutex_
  bool open_ = false;               // under mutex_: a thread may join the run
  std::exception_ptr error_;        // under mutex_: the first
  std::atomic<uint64_t> runs_ = 0;  // written under mutex_
  std::atomic<int> busy_ = 0;       // threads that have joined the run and not left it
  std::atomic<int64_t> next_ = 0;   // the first task that nobody has taken
  int64_t tasks_ = 0;               // of the run; not written while threads are in it
  const FunctionRef<void(int64_t, int)>* task_ = nullptr;
};

}  // namespace keras::kernels
