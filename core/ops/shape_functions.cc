// Shape functions and checks that several families share.
#include "core/ops/shape_functions.h"

#include "core/base/checked.h"

namespace keras::shape {

void broadcast(ShapeContext& c) { c.set_output(0, broadcast_shapes(c.input(0), c.input(1))); }

std::optional<std::vector<int64_t>> known_ints(ShapeContext& c, int input) {
  const Tensor* value = c.input_value(input);
  if (value == nullptr) return std::nullopt;
  return value->to_int64s();
}

std::optional<int64_t> known_int(ShapeContext& c, int input) {
  if (c.input(input).known_rank() && c.input(input).rank() != 0) {
    throw InvalidArgumentError("Input {} must be a scalar, found shape {}", input, c.input(input));
  }
  return known_element(c, input);
}

std::optional<int64_t> known_element(ShapeContext& c, int input) {
  const auto values = known_ints(c, input);
  if (!values) return std::nullopt;
  if (values->size() != 1) throw InvalidArgumentError("Input {} must be a scalar, found {} elements", input, values->size());
  return (*values)[0];
}

Shape from_input(ShapeContext& c, int input) {
  require_rank(c.input(input), 1, "A shape");
  if (const auto dims = known_ints(c, input)) {
    for (const int64_t dim : *dims) {
      if (dim < -1) throw InvalidArgumentError("A dimension of shape {} is negative", *dims);
    }
    return Shape(*dims);
  }
  const Shape& shape = c.input(input);
  if (shape.known_rank() && shape.rank() == 1 && shape.dim(0) >= 0) return Shape::unknown(shape.dim(0));
  return Shape::unknown_rank();
}

int64_t normalize_axis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    throw InvalidArgumentError("Axis {} is not in [{}, {}), the axes of a tensor of rank {}", axis, -rank, rank, rank);
  }
  return axis < 0 ? axis + rank : axis;
}

void require_rank(const Shape& shape, int64_t rank, std::string_view what) {
  if (shape.known_rank() && shape.rank() != rank) {
    throw InvalidArgumentError("{} must have rank {}, found shape {}", what, rank, shape);
  }
}

void require_min_rank(const Shape& shape, int64_t rank, std::string_view what) {
  if (shape.known_rank() && shape.rank() < rank) {
    throw InvalidArgumentError("{} must have a rank of at least {}, found shape {}", what, rank, shape);
  }
}

int64_t dim_or_unknown(const Shape& shape, int64_t axis) {
  if (!shape.known_rank()) return kUnknownDim;
  require_min_rank(shape, axis < 0 ? -axis : axis + 1, "An input");
  return shape.dim(axis);
}

int64_t one_element(const Tensor& tensor, std::string_view what) {
  if (tensor.elements() != 1) throw InvalidArgumentError("{} must be a scalar, found shape {}", what, tensor.shape());
  return tensor.to_int64s()[0];
}

int64_t same_dim(int64_t a, int64_t b, std::string_view what) {
  if (a >= 0 && b >= 0 && a != b) throw InvalidArgumentError("{} must be equal, found {} and {}", what, a, b);
  return a >= 0 ? a : b;
}

Shape same_shape(const Shape& a, const Shape& b, std::string_view what) {
  if (!a.compatible_with(b)) throw InvalidArgumentError("{} must have one shape, found {} and {}", what, a, b);
  return a.merged_with(b);
}

int64_t mul_dims(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return kUnknownDim;
  const auto product = checked_mul(a, b);
  if (!product) throw InvalidArgumentError("A dimension of {} times {} elements is too large", a, b);
  return *product;
}

int64_t add_dims(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return kUnknownDim;
  const auto sum = checked_add(a, b);
  if (!sum) throw InvalidArgumentError("A dimension of {} and {} elements is too large", a, b);
  return *sum;
}

}  // namespace keras::shape
