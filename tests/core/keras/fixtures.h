// The fixtures recorded from Keras 2.15: config tables, and models with their weights, outputs and training steps.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/graph/executor.h"
#include "core/keras/models/serialization.h"

namespace keras::testing {

/// A JSON file below tests/fixtures.
Json read_fixture(const std::string& path);

/// A number as fixtures write it: NaN and the infinities are strings or literals.
double fixture_number(const Json& value);

/// A tensor from nested lists of numbers.
Tensor nested_floats(const Json& lists);

/// One model of tests/fixtures/models.
class ModelFixture {
 public:
  explicit ModelFixture(const std::string& name);

  const Json& operator[](const char* key) const { return expected_.at(key); }
  /// A tensor that the fixture describes: {"dtype", "shape", "offset", "bytes"}.
  Tensor tensor(const Json& description) const;
  std::vector<Tensor> tensors(const Json& descriptions) const;
  /// The model from its JSON, with the saved weights.
  FunctionalPtr load(Session& session, const CustomObjects& custom_objects = {}) const;

 private:
  Json expected_;
  std::string data_;
};

/// Names of the models that have all parts (no custom classes, no unknown losses, metrics or optimizers).
std::vector<std::string> plain_models();

std::unique_ptr<Runtime> serial_runtime();

/// max|a − b| ≤ tolerance · max|b|
void expect_close(const Tensor& actual, const Tensor& expected, double tolerance, const std::string& what);

}  // namespace keras::testing
