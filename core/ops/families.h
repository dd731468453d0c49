// The families of the op registry, one per file: core/ops/<family>_ops.cc.
#pragma once

#include <span>

#include "core/ops/registry.h"

namespace keras {

std::span<const OpDef> activation_ops();
std::span<const OpDef> arrange_ops();
std::span<const OpDef> array_ops();
std::span<const OpDef> binary_ops();
std::span<const OpDef> comparison_ops();
std::span<const OpDef> conv_ops();
std::span<const OpDef> diagonal_ops();
std::span<const OpDef> einsum_ops();
std::span<const OpDef> function_ops();
std::span<const OpDef> indexing_ops();
std::span<const OpDef> join_ops();
std::span<const OpDef> linear_algebra_ops();
std::span<const OpDef> list_ops();
std::span<const OpDef> loss_ops();
std::span<const OpDef> math_ops();
std::span<const OpDef> matmul_ops();
std::span<const OpDef> norm_ops();
std::span<const OpDef> pad_ops();
std::span<const OpDef> pool_ops();
std::span<const OpDef> random_ops();
std::span<const OpDef> reduction_ops();
std::span<const OpDef> resize_ops();
std::span<const OpDef> segment_ops();
std::span<const OpDef> shape_ops();
std::span<const OpDef> slicing_ops();
std::span<const OpDef> special_ops();
std::span<const OpDef> variable_ops();

/// All of them (all.cc).
std::span<const std::span<const OpDef>> op_families();

}  // namespace keras
