// From a KernelContext to the reductions.
#pragma once

#include "core/ops/registry.h"

namespace keras {

enum class Reduction { kSum, kMean, kMax, kMin, kProd, kNorm, kAll, kAny };

/// Whether `axes` (int32 or int64, counted from either end) name this axis of an array of this rank.
bool is_reduced(const Tensor& axes, int64_t axis, int64_t rank);
/// Throws InvalidArgumentError for an axis out of range, or one that occurs twice.
Shape reduced_shape(const Shape& input, const Tensor& axes, bool keep_dims);

template <Reduction kWhat>
void reduce(KernelContext& c);
extern template void reduce<Reduction::kSum>(KernelContext& c);
extern template void reduce<Reduction::kMean>(KernelContext& c);
extern template void reduce<Reduction::kMax>(KernelContext& c);
extern template void reduce<Reduction::kMin>(KernelContext& c);
extern template void reduce<Reduction::kProd>(KernelContext& c);
extern template void reduce<Reduction::kNorm>(KernelContext& c);
extern template void reduce<Reduction::kAll>(KernelContext& c);
extern template void reduce<Reduction::kAny>(KernelContext& c);

void arg_max_kernel(KernelContext& c);
void arg_min_kernel(KernelContext& c);
void top_k_kernel(KernelContext& c);
template <bool kProduct>
void cumulative(KernelContext& c);
extern template void cumulative<false>(KernelContext& c);
extern template void cumulative<true>(KernelContext& c);
void cumulative_logsumexp(KernelContext& c);

}  // namespace keras
