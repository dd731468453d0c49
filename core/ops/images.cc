// Moving channels between the second and the last axis; any number of spatial axes.
#include "core/ops/images.h"

#include "core/kernels/strided_copy.h"

namespace keras {
namespace {

/// [b, c, s…] → [b, s…, c]
template <class Sequence>
Sequence second_to_last(Sequence values) {
  const auto second = values[1];
  values.erase(values.begin() + 1);
  values.push_back(second);
  return values;
}

}  // namespace

Tensor channels_last(const Tensor& image, bool channels_first) {
  if (!channels_first) return image;
  const std::vector<int64_t> dims = second_to_last(image.shape().dims());
  Tensor turned = Tensor::allocate(image.dtype(), Shape(dims));
  auto from = kernels::view_of(image);
  from.strides = second_to_last(from.strides);
  kernels::copy_strided(image.dtype(), dims, kernels::view_of(turned), from);
  return turned;
}

Shape with_channels_first(const Shape& shape) {
  std::vector<int64_t> dims = shape.dims();
  const int64_t channels = dims.back();
  dims.pop_back();
  dims.insert(dims.begin() + 1, channels);
  return Shape(std::move(dims));
}

void turn_channels_first(const Tensor& from, Tensor& to) {
  auto target = kernels::view_of(to);
  target.strides = second_to_last(target.strides);
  kernels::copy_strided(from.dtype(), from.shape().dims(), target, kernels::view_of(from));
}

}  // namespace keras
