// Variants that are no lists: ragged tensors, and arrays of variants.
#pragma once

#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace keras {

/// A variant tensor of this shape. REQUIRES: as many elements, each a scalar variant.
Tensor variant_array(const Shape& shape, std::vector<Tensor> elements);

/// Its elements, as long as it lives; a scalar variant is its own. Throws InvalidArgumentError for what only looks like one.
std::span<const Tensor> variant_elements(const Tensor& tensor);

/// Whether a variant is a ragged tensor.
bool holds_ragged(const Tensor& variant);
/// The sum of variants that hold ragged tensors of the same rows; zeros of those of one.
Tensor add_ragged(std::span<const Tensor> variants);
Tensor zeros_like_ragged(const Tensor& variant);

}  // namespace keras
