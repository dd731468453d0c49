// Gathering along an axis: what GatherV2 and ResourceGather share.
#pragma once

#include <optional>

#include "core/tensor/tensor.h"

namespace keras {

/// params[:axis] + indices[batch_dims:] + params[axis + 1:]. Throws InvalidArgumentError.
Shape gathered_shape(const Shape& params, const Shape& indices, std::optional<int64_t> axis, int64_t batch_dims);

/// REQUIRES: `output` of the shape above; axis and batch_dims not negative. Throws InvalidArgumentError for an index
/// outside the axis.
void gather_elements(const Tensor& params, const Tensor& indices, int64_t axis, int64_t batch_dims, Tensor& output);

}  // namespace keras
