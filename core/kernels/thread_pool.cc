// A pool of threads that shares tasks with the thread that asks for them. Nothing here blocks the caller for long: a page's
// main thread, which may not sleep, can be the one.
#include "core/kernels/thread_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace keras::kernels {
namespace {

/// Looks before a thread sleeps or yields: about 0.1 ms, since one op mostly follows another, and waking takes as long as a small
/// op. MobileNetV2 on two threads in Node: 15 ms, with a twentieth of it 18 ms, more gains nothing.
constexpr int kSpins = 100'000;

/// The worker that runs a task on this thread; −1 outside of tasks.
thread_local int current_worker = -1;

}  // namespace

ThreadPool::ThreadPool(int width) : width_(width) {
  threads_.reserve(static_cast<size_t>(width - 1));
  try {
    for (int worker = 1; worker < width; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
  } catch (const std::system_error&) {  // started() tells
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(int64_t tasks, FunctionRef<void(int64_t, int)> task) {
  if (tasks <= 1 || current_worker >= 0) {
    for (int64_t i = 0; i < tasks; ++i) task(i, std::max(current_worker, 0));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    tasks_ = tasks;
    task_ = &task;
    error_ = nullptr;
    next_.store(0, std::memory_order_relaxed);
    open_ = true;
    runs_.fetch_add(1, std::memory_order_relaxed);
  }
  for (int64_t i = 1; i < std::min<int64_t>(tasks, width_); ++i) wake_.notify_one();
  work(0);
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  for (int spins = 0; busy_.load(std::memory_order_acquire) > 0; ++spins) {
    if (spins > kSpins) std::this_thread::yield();
  }
  const std::lock_guard lock(mutex_);
  if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::work(int worker) {
  current_worker = worker;
  try {
    for (;;) {
      const int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= tasks_) break;
      (*task_)(i, worker);
    }
  } catch (...) {
    next_.store(tasks_, std::memory_order_relaxed);  // the rest is not begun
    const std::lock_guard lock(mutex_);
    if (error_ == nullptr) error_ = std::current_exception();
  }
  current_worker = -1;
}

/// Waits for the next run and joins it; false at the end of the pool.
bool ThreadPool::join_run(uint64_t& seen) {
  for (int spins = 0; spins < kSpins && runs_.load(std::memory_order_relaxed) == seen; ++spins) {
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return stopped_ || (open_ && runs_.load(std::memory_order_relaxed) != seen); });
  if (stopped_) return false;
  seen = runs_.load(std::memory_order_relaxed);
  busy_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void ThreadPool::serve(int worker) {
  started_.fetch_add(1, std::memory_order_relaxed);
  for (uint64_t seen = 0; join_run(seen);) {
    work(worker);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace keras::kernels
