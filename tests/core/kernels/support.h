// Helpers of the kernel tests: contexts, noise, comparison with sums in double.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/kernels/context.h"
#include "core/kernels/conv.h"

namespace keras::kernels {

/// Pretends to have several workers and runs the tasks backwards: results must not depend on either.
class Backwards final : public Parallel {
 public:
  explicit Backwards(int width) : width_(width) {}
  int width() const override { return width_; }
  void run(int64_t tasks, FunctionRef<void(int64_t, int)> task) override {
    for (int64_t i = tasks; i-- > 0;) task(i, static_cast<int>(i % width_));
  }

 private:
  int width_;
};

/// A context with its parts.
struct TestContext {
  explicit TestContext(int width) : parallel(width), scratch(width), context{parallel, scratch} {}
  Backwards parallel;
  Scratch scratch;
  Context context;
  operator Context&() { return context; }  // NOLINT: implicit, to be passed as what it stands for
};

/// What goes into a convolution, and how many channels come out.
inline ConvGeometry images(int64_t batch, int64_t height, int64_t width, int64_t in, int64_t out) {
  ConvGeometry g;
  g.batch = batch;
  g.in_height = height;
  g.in_width = width;
  g.in_channels = in;
  g.out_channels = out;
  return g;
}

template <class T = float>
std::vector<T> noise(int64_t count, uint32_t seed = 1) {
  std::vector<T> values(static_cast<size_t>(count));
  uint32_t state = seed * 747796405u + 2891336453u;
  for (T& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<T>(static_cast<double>(state >> 8) / 8388608.0 - 1.0);
  }
  return values;
}

/// |actual − expected| ≤ tolerance · max(1, max|expected|), everywhere; NaN never.
template <class T>
void expect_near(const std::vector<T>& actual, const std::vector<double>& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double scale = 1;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_LE(std::abs(static_cast<double>(actual[i]) - expected[i]), tolerance * scale) << what << ", element " << i;
  }
}

}  // namespace keras::kernels
