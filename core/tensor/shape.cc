// Shape arithmetic.
#include "core/tensor/shape.h"

#include <algorithm>

#include "core/base/error.h"

namespace keras {

bool Shape::fully_known() const {
  return known_rank_ && std::all_of(dims_.begin(), dims_.end(), [](int64_t dim) { return dim >= 0; });
}

int64_t Shape::elements() const {
  int64_t count = 1;
  for (const int64_t dim : dims_) count *= dim;
  return count;
}

bool Shape::compatible_with(const Shape& other) const {
  if (!known_rank_ || !other.known_rank_) return true;
  if (rank() != other.rank()) return false;
  for (int64_t i = 0; i < rank(); ++i) {
    if (dim(i) >= 0 && other.dim(i) >= 0 && dim(i) != other.dim(i)) return false;
  }
  return true;
}

Shape Shape::merged_with(const Shape& other) const {
  if (!known_rank_) return other;
  if (!other.known_rank_) return *this;
  Shape merged = *this;
  for (int64_t i = 0; i < rank(); ++i) {
    if (merged.dim(i) < 0) merged.set_dim(i, other.dim(i));
  }
  return merged;
}

std::string to_text(const Shape& shape) { return shape.known_rank() ? tuple_text(shape.dims()) : std::string("<unknown>"); }

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  if (!a.known_rank() || !b.known_rank()) return Shape::unknown_rank();
  const int64_t rank = std::max(a.rank(), b.rank());
  Shape result = Shape::unknown(rank);
  for (int64_t i = 1; i <= rank; ++i) {
    const int64_t x = i <= a.rank() ? a.dim(-i) : 1;
    const int64_t y = i <= b.rank() ? b.dim(-i) : 1;
    if (x >= 0 && y >= 0 && x != y && x != 1 && y != 1) {
      throw InvalidArgumentError("Incompatible shapes: {} vs. {}", a, b);
    }
    // An unknown dimension beside a 1 stays unknown; beside any other size it must turn out as 1 or that size.
    if (x == 1)
      result.set_dim(-i, y);
    else if (y == 1)
      result.set_dim(-i, x);
    else
      result.set_dim(-i, std::max(x, y));
  }
  return result;
}

}  // namespace keras
