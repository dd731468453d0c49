// A tensor: dtype, shape and memory. Copying a Tensor copies the handle, not the elements.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace keras {

/// Elements are row-major, plain bytes aligned to 64, or std::string for string tensors. A resource or variant tensor is
/// a scalar that holds an object (a Variable, a TensorList). A tensor may borrow memory that someone else keeps (the executor's
/// arena); what leaves the executor owns its memory.
class Tensor {
 public:
  Tensor() = default;  // dtype kInvalid: no tensor

  /// Uninitialised elements (strings: empty). Throws ResourceExhaustedError if the size overflows, OutOfMemoryError.
  /// REQUIRES: shape.fully_known().
  static Tensor allocate(DType dtype, const Shape& shape);
  static Tensor zeros(DType dtype, const Shape& shape);
  /// Memory of someone else. `owner` keeps it alive (null: the caller promises to).
  static Tensor borrow(DType dtype, const Shape& shape, std::byte* data, std::shared_ptr<void> owner = nullptr);
  static Tensor resource(std::shared_ptr<void> object);
  /// A scalar of dtype variant that holds an object (a TensorList).
  static Tensor variant(std::shared_ptr<void> object);

  template <class T>
  static Tensor scalar(T value) {
    Tensor tensor = allocate(DTypeOf<T>::value, Shape());
    tensor.data<T>()[0] = std::move(value);
    return tensor;
  }
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> values) {
    Tensor tensor = allocate(DTypeOf<T>::value, shape);
    assert(static_cast<int64_t>(values.size()) == tensor.elements());
    for (size_t i = 0; i < values.size(); ++i) tensor.data<T>()[i] = values[i];
    return tensor;
  }
  template <class T>
  static Tensor vector(const std::vector<T>& values) {
    return from(Shape{static_cast<int64_t>(values.size())}, std::span<const T>(values));
  }
  /// A scalar of any numeric or bool dtype.
  static Tensor number(DType dtype, double value);

  bool valid() const { return dtype_ != DType::kInvalid; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int64_t axis) const { return shape_.dim(axis); }
  int64_t rank() const { return shape_.rank(); }
  int64_t elements() const { return elements_; }
  /// 0 for strings and resources.
  int64_t size_bytes() const { return elements_ * dtype_bytes(dtype_); }

  template <class T>
  T* data() {
    assert(DTypeOf<T>::value == dtype_);
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  const T* data() const {
    assert(DTypeOf<T>::value == dtype_);
    return reinterpret_cast<const T*>(data_);
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<size_t>(elements_)};
  }
  std::byte* raw() { return data_; }
  const std::byte* raw() const { return data_; }
  std::span<std::byte> bytes() { return {data_, static_cast<size_t>(size_bytes())}; }
  std::span<const std::byte> bytes() const { return {data_, static_cast<size_t>(size_bytes())}; }
  const std::shared_ptr<void>& owner() const { return owner_; }
  bool holds_object() const { return dtype_ == DType::kResource || dtype_ == DType::kVariant; }
  template <class T>
  std::shared_ptr<T> object() const {
    assert(holds_object());
    return std::static_pointer_cast<T>(owner_);
  }

  /// The elements of an integer tensor (int32 or int64) as int64. Throws InvalidArgumentError for other dtypes.
  std::vector<int64_t> to_int64s() const;
  /// Element `index` of any numeric or bool tensor as a double.
  double number_at(int64_t index) const;

  /// The same memory under another shape. REQUIRES: as many elements.
  Tensor reshaped(const Shape& shape) const;
  /// The same bytes under another dtype of the same size.
  Tensor bitcast(DType dtype) const;
  /// A copy that owns its memory.
  Tensor clone() const;

 private:
  DType dtype_ = DType::kInvalid;
  Shape shape_;
  int64_t elements_ = 0;
  std::byte* data_ = nullptr;
  std::shared_ptr<void> owner_;
};

/// Bytes that a tensor of this dtype and shape takes. Throws ResourceExhaustedError on overflow.
int64_t tensor_bytes(DType dtype, const Shape& shape);

/// A block of bytes aligned to 64. Throws OutOfMemoryError.
std::shared_ptr<std::byte> allocate_aligned(int64_t size_bytes);

}  // namespace keras
