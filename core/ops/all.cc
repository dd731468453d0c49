// The list of op families: what is not in it is not in the registry.
#include "core/ops/families.h"
#include "core/ops/seldom_families.h"

namespace keras {

std::span<const std::span<const OpDef>> op_families() {
  static const std::span<const OpDef> families[] = {
      activation_ops(),  arrange_ops(),        array_ops(),         binary_ops(),       comparison_ops(), conv_ops(),
      diagonal_ops(),    einsum_ops(),         function_ops(),      indexing_ops(),     join_ops(),       linear_algebra_ops(),
      list_ops(),        loss_ops(),           math_ops(),          matmul_ops(),       norm_ops(),       pad_ops(),
      pool_ops(),        random_ops(),         reduction_ops(),     resize_ops(),       segment_ops(),    shape_ops(),
      slicing_ops(),     special_ops(),        variable_ops(),      color_ops(),        complex_ops(),    cross_ops(),
      debug_ops(),       decomposition_ops(),  detection_ops(),     fft_ops(),          gamma_ops(),      image_ops(),
      lookup_ops(),      optimizer_ops(),      patch_ops(),         quantization_ops(), scatter_ops(),    ragged_ops(),
      sparse_ops(),      sparse_segment_ops(), string_ops(),        unicode_ops(),      unique_ops(),     matrix_function_ops(),
      ctc_ops(),         ragged_variant_ops(), string_format_ops(), tensor_array_ops(), resample_ops(),   set_ops(),
      sparse_math_ops(),
  };
  return families;
}

}  // namespace keras
