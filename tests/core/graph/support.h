// Helpers of the graph tests: tensors from lists, a runtime of one thread, closeness.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/graph/builder.h"
#include "core/graph/executor.h"

namespace keras::testing {

inline Tensor floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from(shape, std::span<const float>(values));
}

/// Values that look random but are the same everywhere: a linear congruential sequence in [-1, 1].
inline Tensor noise(const Shape& shape, uint32_t seed = 1) {
  Tensor tensor = Tensor::allocate(DType::kFloat32, shape);
  uint32_t state = seed * 747796405u + 2891336453u;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    state = state * 1664525u + 1013904223u;
    tensor.data<float>()[i] = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
  return tensor;
}

inline VariablePtr variable(std::string name, Tensor value, bool trainable = true) {
  return std::make_shared<Variable>(std::move(name), std::move(value), trainable);
}

inline std::unique_ptr<Runtime> serial_runtime() { return std::make_unique<Runtime>(kernels::make_serial(), 1, Limits{}); }

/// max|a − b| ≤ tolerance · max|b|
inline void expect_close(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(to_text(a.shape()), to_text(b.shape()));
  double error = 0, scale = 0;
  for (int64_t i = 0; i < a.elements(); ++i) {
    error = std::max(error, std::abs(a.number_at(i) - b.number_at(i)));
    scale = std::max(scale, std::abs(b.number_at(i)));
  }
  EXPECT_LE(error, tolerance * scale) << "max|b| is " << scale;
}

inline std::vector<float> list(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

}  // namespace keras::testing
