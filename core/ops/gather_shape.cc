// Gathering along an axis.
#include "core/ops/gather_shape.h"

#include "core/kernels/gather.h"
#include "core/ops/shape_functions.h"

namespace keras {

Shape gathered_shape(const Shape& params, const Shape& indices, std::optional<int64_t> axis, int64_t batch_dims) {
  if (!params.known_rank() || !indices.known_rank()) return Shape::unknown_rank();
  if (batch_dims < 0) batch_dims += indices.rank();
  if (batch_dims < 0 || batch_dims > indices.rank() || batch_dims >= params.rank()) {
    throw InvalidArgumentError("batch_dims {} do not fit params {} and indices {}", batch_dims, params, indices);
  }
  if (!axis) return Shape::unknown(params.rank() - 1 + indices.rank() - batch_dims);
  const int64_t position = shape::normalize_axis(*axis, params.rank());
  if (position < batch_dims) throw InvalidArgumentError("batch_dims {} must not exceed the axis {}", batch_dims, position);
  std::vector<int64_t> dims(params.dims().begin(), params.dims().begin() + position);
  for (int64_t i = 0; i < batch_dims; ++i) {
    dims[static_cast<size_t>(i)] = shape::same_dim(params.dim(i), indices.dim(i), "The batches of params and indices");
  }
  dims.insert(dims.end(), indices.dims().begin() + batch_dims, indices.dims().end());
  dims.insert(dims.end(), params.dims().begin() + position + 1, params.dims().end());
  return Shape(std::move(dims));
}

void gather_elements(const Tensor& params, const Tensor& indices, int64_t axis, int64_t batch_dims, Tensor& output) {
  const auto product = [](const Shape& shape, int64_t from, int64_t to) {
    int64_t result = 1;
    for (int64_t i = from; i < to; ++i) result *= shape.dim(i);
    return result;
  };
  const int64_t batches = product(indices.shape(), 0, batch_dims);
  const kernels::GatherShape gather{product(params.shape(), batch_dims, axis), params.dim(axis),
                                    product(params.shape(), axis + 1, params.rank())};
  const std::vector<int64_t> all = indices.to_int64s();
  for (const int64_t index : all) {
    if (index < 0 || index >= gather.size)
      throw InvalidArgumentError("indices contains {}, which is not in [0, {})", index, gather.size);
  }
  const size_t each = batches == 0 ? 0 : all.size() / static_cast<size_t>(batches);
  const int64_t element_bytes = params.elements() == 0 ? 0 : kernels::element_bytes(params.dtype());
  for (int64_t batch = 0; batch < batches; ++batch) {
    const auto part = std::span(all).subspan(static_cast<size_t>(batch) * each, each);
    const int64_t from = batch * gather.outer * gather.size * gather.inner;
    const int64_t to = batch * gather.outer * static_cast<int64_t>(each) * gather.inner;
    kernels::gather_rows(params.dtype(), gather, params.raw() + from * element_bytes, part, output.raw() + to * element_bytes);
  }
}

}  // namespace keras
