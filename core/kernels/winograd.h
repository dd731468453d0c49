// 3 × 3 convolutions with a quarter of the products: F(4 × 4, 3 × 3) after A. Lavin and S. Gray, "Fast Algorithms for
// Convolutional Neural Networks" (2015). An output is cut into tiles of 4 × 4; each is made of 36 sums of products of the
// transformed 6 × 6 inputs and the transformed filter.
#pragma once

#include "core/kernels/conv.h"

namespace keras::kernels {

/// Whether conv2d_winograd() computes this, in less time than the patches' product takes: 3 × 3, stride and dilation 1, one
/// group, input channels in fours, at least 8 on both sides; at least 4 tiles, 512 tiles × input channels, and 10 of 16 places of
/// the tiles within the image.
bool suits_winograd(const ConvGeometry& g, const Epilogue& epilogue);

/// The convolution with a filter that pack_filter() has packed: it is transformed 8 output channels at a time, so that no second
/// copy of weights is held. Rounding errors are some 10 times those of the sum itself: up to 5e-6 of the largest output were
/// seen with 512 channels. A value that is not finite makes its whole tile NaN. Takes about 1 MB of scratch memory for each
/// worker. REQUIRES: suits_winograd().
void conv2d_winograd(Context& context, const ConvGeometry& g, const float* input, const float* packed, float* output,
                     const Epilogue& epilogue);

}  // namespace keras::kernels
