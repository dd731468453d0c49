// The op families that models often use: all that test_threads has, which is compiled under ThreadSanitizer for it alone.
#include "core/ops/families.h"

namespace keras {

std::span<const std::span<const OpDef>> op_families() {
  static const std::span<const OpDef> families[] = {
      activation_ops(), arrange_ops(),  array_ops(),    binary_ops(),  comparison_ops(),     conv_ops(),     diagonal_ops(),
      einsum_ops(),     function_ops(), indexing_ops(), join_ops(),    linear_algebra_ops(), list_ops(),     loss_ops(),
      math_ops(),       matmul_ops(),   norm_ops(),     pad_ops(),     pool_ops(),           random_ops(),   reduction_ops(),
      resize_ops(),     segment_ops(),  shape_ops(),    slicing_ops(), special_ops(),        variable_ops(),
  };
  return families;
}

}  // namespace keras
