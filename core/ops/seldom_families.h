// The families of ops that few models use: core/ops/<family>_ops.cc. Apart from the others, so that one more rebuilds little.
#pragma once

#include <span>

#include "core/ops/registry.h"

namespace keras {

std::span<const OpDef> color_ops();
std::span<const OpDef> complex_ops();
std::span<const OpDef> cross_ops();
std::span<const OpDef> ctc_ops();
std::span<const OpDef> debug_ops();
std::span<const OpDef> decomposition_ops();
std::span<const OpDef> detection_ops();
std::span<const OpDef> fft_ops();
std::span<const OpDef> gamma_ops();
std::span<const OpDef> image_ops();
std::span<const OpDef> lookup_ops();
std::span<const OpDef> matrix_function_ops();
std::span<const OpDef> optimizer_ops();
std::span<const OpDef> patch_ops();
std::span<const OpDef> quantization_ops();
std::span<const OpDef> ragged_ops();
std::span<const OpDef> ragged_variant_ops();
std::span<const OpDef> resample_ops();
std::span<const OpDef> scatter_ops();
std::span<const OpDef> set_ops();
std::span<const OpDef> sparse_math_ops();
std::span<const OpDef> sparse_ops();
std::span<const OpDef> sparse_segment_ops();
std::span<const OpDef> string_format_ops();
std::span<const OpDef> string_ops();
std::span<const OpDef> tensor_array_ops();
std::span<const OpDef> unicode_ops();
std::span<const OpDef> unique_ops();

}  // namespace keras
