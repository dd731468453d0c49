// Shapes, possibly with unknown dimensions (-1) or unknown rank.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace keras {

constexpr int64_t kUnknownDim = -1;

class Shape {
 public:
  Shape() = default;  // a scalar
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<int64_t> dims) : dims_(std::move(dims)) {}
  static Shape unknown_rank() {
    Shape shape;
    shape.known_rank_ = false;
    return shape;
  }
  /// `rank` dimensions, all unknown.
  static Shape unknown(int64_t rank) { return Shape(std::vector<int64_t>(static_cast<size_t>(rank), kUnknownDim)); }

  bool known_rank() const { return known_rank_; }
  /// REQUIRES: known_rank().
  int64_t rank() const { return static_cast<int64_t>(dims_.size()); }
  /// `axis` may be negative. REQUIRES: in range.
  int64_t dim(int64_t axis) const { return dims_[static_cast<size_t>(axis < 0 ? axis + rank() : axis)]; }
  int64_t operator[](int64_t axis) const { return dim(axis); }
  void set_dim(int64_t axis, int64_t size) { dims_[static_cast<size_t>(axis < 0 ? axis + rank() : axis)] = size; }
  const std::vector<int64_t>& dims() const { return dims_; }
  bool fully_known() const;
  /// Product of the dimensions. REQUIRES: fully_known().
  int64_t elements() const;
  /// Whether the two may be the same shape once all is known.
  bool compatible_with(const Shape& other) const;
  /// The more precise of two compatible shapes, dimension by dimension.
  Shape merged_with(const Shape& other) const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  bool known_rank_ = true;
  std::vector<int64_t> dims_;
};

/// "(None, 3)" as Python prints it; "<unknown>" for an unknown rank.
std::string to_text(const Shape& shape);

/// The shape of elementwise results, numpy's rule. Throws InvalidArgumentError if the two do not fit.
Shape broadcast_shapes(const Shape& a, const Shape& b);

}  // namespace keras
