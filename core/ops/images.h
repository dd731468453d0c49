// Kernels know [batch, height, width, channels]. What comes as NCHW is turned before and after.
#pragma once

#include "core/ops/registry.h"

namespace keras {

/// `image` itself, or a copy with its channels last.
Tensor channels_last(const Tensor& image, bool channels_first);

Shape with_channels_first(const Shape& channels_last_shape);
void turn_channels_first(const Tensor& from, Tensor& to);

/// Calls write(tensor) with a channels-last tensor of the given shape, which becomes output `index` in the op's format.
template <class Write>
void write_image(KernelContext& c, int index, const Shape& shape, bool channels_first, Write write) {
  if (!channels_first) return write(c.output(index, shape));
  Tensor turned = Tensor::allocate(c.output_dtype(index), shape);
  write(turned);
  turn_channels_first(turned, c.output(index, with_channels_first(shape)));
}

}  // namespace keras
