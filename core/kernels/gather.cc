// Rows picked by index: whole rows are copied, so that the element type matters for strings only.
#include "core/kernels/gather.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/base/error.h"

namespace keras::kernels {

int64_t element_bytes(DType dtype) {
  return dtype == DType::kString ? static_cast<int64_t>(sizeof(std::string)) : dtype_bytes(dtype);
}

void gather_rows(DType dtype, const GatherShape& shape, const std::byte* from, std::span<const int64_t> indices, std::byte* to) {
  const int64_t row_bytes = shape.inner * element_bytes(dtype);
  if (element_bytes(dtype) == 0) throw UnimplementedError("Elements of dtype {} cannot be gathered", dtype);
  for (int64_t outer = 0; outer < shape.outer; ++outer, from += shape.size * row_bytes) {
    for (const int64_t index : indices) {
      const std::byte* row = from + index * row_bytes;
      if (dtype == DType::kString) {
        std::copy_n(reinterpret_cast<const std::string*>(row), shape.inner, reinterpret_cast<std::string*>(to));
      } else if (row_bytes > 0) {
        std::memcpy(to, row, static_cast<size_t>(row_bytes));
      }
      to += row_bytes;
    }
  }
}

}  // namespace keras::kernels
