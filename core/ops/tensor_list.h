// TensorLists: what TensorFlow's TensorArrays and the gradients of loops are made of. A list is a value: ops make new ones,
// whose tensors are shared, or change one that nobody else holds.
#pragma once

#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace keras {

struct TensorList {
  DType element_dtype = DType::kInvalid;
  Shape element_shape;           // what is known of all elements
  std::vector<Tensor> elements;  // not valid(): not set yet
};

/// The sum of lists of equal length, element by element; an element that is not set counts as zero.
Tensor add_lists(std::span<const Tensor> lists);
/// A list of as many zeros; elements that are not set stay so.
Tensor zeros_like_list(const Tensor& list);

}  // namespace keras
