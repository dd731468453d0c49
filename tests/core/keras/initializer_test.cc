// Seeded initializers against Keras 2.15: uniform kinds bit for bit, normal ones to the last bits of sin, cos and log.
#include "core/keras/initializers/initializer.h"

#include <cmath>

#include "tests/core/keras/fixtures.h"

namespace keras::testing {
namespace {

Tensor call(const std::string& class_name, const Json& arguments, const Shape& shape) {
  Session session(1);
  return make_initializer("initializer", {{"class_name", class_name}, {"config", arguments}}, session)
      ->call(shape, DType::kFloat32, session);
}

TEST(Initializer, SeededValuesAreThoseOfKeras) {
  const Json rows = read_fixture("layers.json").at("seededInitializers");
  ASSERT_FALSE(rows.empty());
  for (const Json& row : rows) {
    const Json& name = row.at("className");
    const auto dims = row.at("shape").get<std::vector<int64_t>>();
    const Tensor values = call(name, row.at("args"), Shape(dims));
    const Tensor expected = nested_floats(row.at("values")).reshaped(Shape(dims));
    const bool uniform = name.get<std::string>().ends_with("Uniform") || json_get(row.at("args"), "distribution") == "uniform";
    expect_close(values, expected, uniform ? 0 : 1e-6, name);
  }
}

// shared spec: keras-behaviour, section 5
TEST(Initializer, OrthogonalIsThatOfKeras) {
  const Tensor expected = nested_floats({{0.19673168659210205, -0.9804573655128479}, {0.9804573655128479, 0.19673168659210205}});
  expect_close(call("Orthogonal", {{"seed", 1}}, {2, 2}), expected, 1e-6, "Orthogonal");
}

TEST(Initializer, OrthogonalColumnsAreOrthonormal) {
  const Tensor q = call("Orthogonal", {{"seed", 5}, {"gain", 2.0}}, {2, 3, 4});
  for (int64_t a = 0; a < 4; ++a) {
    for (int64_t b = 0; b < 4; ++b) {
      double dot = 0;
      for (int64_t i = 0; i < 6; ++i) dot += q.number_at(i * 4 + a) * q.number_at(i * 4 + b);
      EXPECT_NEAR(dot, a == b ? 4.0 : 0.0, 1e-5);
    }
  }
}

TEST(Initializer, WithoutASeedOneIsDrawnOnceAndKept) {
  Session session(3);
  const InitializerPtr initializer = make_initializer("glorot_uniform", session);
  const Tensor first = initializer->call({3, 3}, DType::kFloat32, session);
  expect_close(initializer->call({3, 3}, DType::kFloat32, session), first, 0, "the second call");
  const Tensor other = make_initializer("glorot_uniform", session)->call({3, 3}, DType::kFloat32, session);
  EXPECT_NE(other.number_at(0), first.number_at(0));
}

}  // namespace
}  // namespace keras::testing
