// Shape functions and checks that several families share.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/ops/registry.h"

namespace keras::shape {

/// Output 0 has the shape of one input.
template <int kInput>
void same_as(ShapeContext& c) {
  c.set_output(0, c.input(kInput));
}
/// Output 0 is a scalar.
inline void scalar(ShapeContext& c) { c.set_output(0, Shape()); }
/// No output, or nothing is known about them.
inline void unknown(ShapeContext&) {}
/// Two inputs, numpy's broadcasting.
void broadcast(ShapeContext& c);

/// The elements of an int32 or int64 input, where known.
std::optional<std::vector<int64_t>> known_ints(ShapeContext& c, int input);
/// The element of such an input that is a scalar, where known. Throws InvalidArgumentError for another shape.
std::optional<int64_t> known_int(ShapeContext& c, int input);
/// The same; TensorFlow takes a vector of one element, too.
std::optional<int64_t> known_element(ShapeContext& c, int input);
/// The shape that an input, a vector, names: its value where known, else as many unknown dimensions as it has elements.
Shape from_input(ShapeContext& c, int input);

/// Counts a negative axis from the end. Throws InvalidArgumentError if it is not in [-rank, rank).
int64_t normalize_axis(int64_t axis, int64_t rank);
/// Throws InvalidArgumentError, with `what` in it, if the shape's rank is known and another.
void require_rank(const Shape& shape, int64_t rank, std::string_view what);
void require_min_rank(const Shape& shape, int64_t rank, std::string_view what);
/// What two dimensions that must be equal are. Throws InvalidArgumentError if they differ.
int64_t same_dim(int64_t a, int64_t b, std::string_view what);
/// Two shapes that must be equal, each giving what it knows.
Shape same_shape(const Shape& a, const Shape& b, std::string_view what);
/// Axis `axis` of a shape, -1 if the rank is unknown. Throws InvalidArgumentError if there is no such axis.
int64_t dim_or_unknown(const Shape& shape, int64_t axis);
/// a·b, a+b where both are known. Throw InvalidArgumentError on overflow.
int64_t mul_dims(int64_t a, int64_t b);
int64_t add_dims(int64_t a, int64_t b);

/// The one element of an int32 or int64 tensor. Throws InvalidArgumentError, with `what` in it, if it has more or none.
int64_t one_element(const Tensor& tensor, std::string_view what);

}  // namespace keras::shape
