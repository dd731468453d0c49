// The pool of threads: every task once, by a worker of its own at a time, errors at the caller; and kernels whose results are
// those of one thread, to the bit.
#include "core/kernels/thread_pool.h"

#include <new>
#include <stdexcept>

#include "core/kernels/batch_norm.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/functors.h"
#include "core/kernels/pool.h"
#include "tests/core/kernels/support.h"

namespace keras::kernels {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (const int width : {1, 2, 3, 7}) {
    ThreadPool pool(width);
    EXPECT_EQ(pool.width(), width);
    for (const int64_t tasks : {0, 1, 2, 3, 5, 64, 1001}) {
      std::vector<std::atomic<int>> times(static_cast<size_t>(tasks));
      pool.run(tasks, [&](int64_t task, int) { ++times[static_cast<size_t>(task)]; });
      for (const auto& count : times) EXPECT_EQ(count, 1) << width << " threads, " << tasks << " tasks";
    }
  }
}

TEST(ThreadPool, GivesAWorkerOneTaskAtATime) {
  constexpr int kWidth = 4;
  ThreadPool pool(kWidth);
  std::vector<int64_t> sums(kWidth);  // not atomic: a worker's number is its own while it works
  int64_t total = 0;
  for (int round = 0; round < 200; ++round) {
    pool.run(37, [&](int64_t task, int worker) { sums[static_cast<size_t>(worker)] += task; });
    total += 37 * 36 / 2;
  }
  int64_t sum = 0;
  for (const int64_t part : sums) sum += part;
  EXPECT_EQ(sum, total);
}

TEST(ThreadPool, UsesItsThreads) {
  ThreadPool pool(3);
  std::atomic<int> together = 0;
  pool.run(3, [&](int64_t, int) {  // ends only when three threads are in it
    ++together;
    while (together < 3) std::this_thread::yield();
  });
  EXPECT_EQ(pool.started(), 3);
}

TEST(ThreadPool, BringsAnExceptionToTheCaller) {
  ThreadPool pool(3);
  for (int64_t thrower = 0; thrower < 40; ++thrower) {
    std::atomic<int> done = 0;
    const auto task = [&](int64_t i, int) {
      if (i == thrower) throw std::runtime_error("task " + std::to_string(i));
      ++done;
    };
    try {
      pool.run(40, task);
      FAIL() << "no exception of task " << thrower;
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), "task " + std::to_string(thrower));
    }
    EXPECT_LT(done, 40);
    done = 0;
    pool.run(40, [&](int64_t, int) { ++done; });  // the pool goes on working
    EXPECT_EQ(done, 40);
  }
}

TEST(ThreadPool, BringsAnExceptionOfAThreadOfItsOwn) {
  ThreadPool pool(2);
  std::atomic<bool> thrown = false;
  const auto task = [&](int64_t, int worker) {
    if (worker == 1) {
      thrown = true;
      throw std::bad_alloc();
    }
    while (!thrown) std::this_thread::yield();
  };
  EXPECT_THROW(pool.run(2, task), std::bad_alloc);
}

TEST(ThreadPool, RunsANestedRunOnItsThread) {
  ThreadPool pool(3);
  std::atomic<int> done = 0;
  pool.run(5, [&](int64_t, int outer) {
    const auto self = std::this_thread::get_id();
    pool.run(7, [&](int64_t, int inner) {
      EXPECT_EQ(inner, outer);
      EXPECT_EQ(std::this_thread::get_id(), self);
      ++done;
    });
  });
  EXPECT_EQ(done, 35);
}

/// Runs `kernel(context, output)` on one thread and on several, and compares all bits of the `count` outputs.
template <class Kernel>
void expect_same_bits(int64_t count, Kernel kernel) {
  const auto run = [&](Parallel& parallel) {
    Scratch scratch(parallel.width());
    Context context{parallel, scratch};
    std::vector<float> output(static_cast<size_t>(count), -7.0f);
    kernel(context, output.data());
    return output;
  };
  const std::vector<float> alone = run(*make_serial());
  for (const int width : {2, 3}) {
    ThreadPool pool(width);
    EXPECT_EQ(run(pool), alone) << width << " threads";
  }
}

TEST(Threads, MakeTheSameProducts) {
  for (const int64_t m : {1, 5, 190}) {
    const int64_t n = 131, k = 257;
    const std::vector<float> a = noise(m * k, 1), b = noise(k * n, 2);
    expect_same_bits(m * n,
                     [&](Context& context, float* c) { gemm(context, m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c, n); });
  }
}

ConvGeometry geometry(int64_t batch, int64_t size, int64_t in, int64_t out) {
  ConvGeometry g;
  g.batch = batch;
  g.in_height = g.in_width = g.out_height = g.out_width = size;
  g.in_channels = in;
  g.out_channels = out;
  g.filter_height = g.filter_width = 3;
  g.pad_top = g.pad_left = 1;
  return g;
}

TEST(Threads, MakeTheSameConvolutionsAndGradients) {
  for (const int64_t batch : {1, 5}) {
    const ConvGeometry g = geometry(batch, 15, 20, 24);
    const int64_t in = batch * 15 * 15 * 20, out = batch * 15 * 15 * 24, taps = 9 * 20 * 24;
    const std::vector<float> x = noise(in, 1), filter = noise(taps, 2), dy = noise(out, 3);
    expect_same_bits(out, [&](Context& c, float* y) { conv2d(c, g, x.data(), filter.data(), y); });
    expect_same_bits(in, [&](Context& c, float* dx) { conv2d_backprop_input(c, g, filter.data(), dy.data(), dx); });
    expect_same_bits(taps, [&](Context& c, float* d) { conv2d_backprop_filter(c, g, x.data(), dy.data(), d); });
  }
}

TEST(Threads, MakeTheSameDepthwiseConvolutionsAndGradients) {
  for (const int64_t multiplier : {1, 2}) {
    const ConvGeometry g = geometry(3, 17, 40, 40 * multiplier);
    const int64_t in = 3 * 17 * 17 * 40, out = in * multiplier, taps = 9 * 40 * multiplier;
    const std::vector<float> x = noise(in, 1), filter = noise(taps, 2), dy = noise(out, 3);
    expect_same_bits(out, [&](Context& c, float* y) { depthwise(c, g, x.data(), filter.data(), y); });
    expect_same_bits(in, [&](Context& c, float* dx) { depthwise_backprop_input(c, g, filter.data(), dy.data(), dx); });
    expect_same_bits(taps, [&](Context& c, float* d) { depthwise_backprop_filter(c, g, x.data(), dy.data(), d); });
  }
}

TEST(Threads, MakeTheSamePoolsAndGradients) {
  const ConvGeometry g = geometry(5, 19, 24, 24);
  const int64_t count = 5 * 19 * 19 * 24;
  const std::vector<float> x = noise(count, 1), dy = noise(count, 2);
  std::vector<float> y(x.size());
  TestContext one(1);
  max_pool(one, g, x.data(), y.data());
  expect_same_bits(count, [&](Context& c, float* to) { max_pool(c, g, x.data(), to); });
  expect_same_bits(count, [&](Context& c, float* to) { avg_pool(c, g, x.data(), to); });
  expect_same_bits(count, [&](Context& c, float* dx) { max_pool_grad(c, g, x.data(), y.data(), dy.data(), dx); });
  expect_same_bits(count, [&](Context& c, float* dx) { avg_pool_grad(c, g, dy.data(), dx); });
}

TEST(Threads, MakeTheSameSums) {
  const int64_t rows = 3001, columns = 37;
  const std::vector<float> x = noise(rows * columns);
  for (const bool first : {true, false}) {
    const std::vector<AxisGroup> groups = {{rows, first}, {columns, !first}};
    expect_same_bits(first ? columns : rows, [&](Context& c, float* y) { reduce<SumOf>(c, groups, x.data(), y); });
  }
  expect_same_bits(rows * columns, [&](Context& c, float* y) { map<Exp>(c, rows * columns, x.data(), y); });
}

TEST(Threads, MakeTheSameBatchNormsAndGradients) {
  const int64_t rows = 2003, channels = 40, count = rows * channels;
  const std::vector<float> x = noise(count, 1), dy = noise(count, 2), scale = noise(channels, 3), offset = noise(channels, 4);
  std::vector<float> mean(scale.size()), variance(scale.size());
  TestContext one(1);
  channel_moments(one, rows, channels, x.data(), mean.data(), variance.data());
  expect_same_bits(2 * channels, [&](Context& c, float* to) { channel_moments(c, rows, channels, x.data(), to, to + channels); });
  expect_same_bits(count, [&](Context& c, float* y) {
    batch_norm(c, rows, channels, x.data(), mean.data(), variance.data(), scale.data(), offset.data(), 1e-3f, y);
  });
  expect_same_bits(count + 2 * channels, [&](Context& c, float* to) {
    batch_norm_grad(c, true, rows, channels, dy.data(), x.data(), scale.data(), mean.data(), variance.data(), 1e-3f, to,
                    to + count, to + count + channels);
  });
}

}  // namespace
}  // namespace keras::kernels
