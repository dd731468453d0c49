// Memory of tensors.
#include "core/tensor/tensor.h"

#include <complex>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/tensor/half.h"

namespace keras {
namespace {

constexpr std::align_val_t kAlignment{64};

template <class F>
void visit_numeric(DType dtype, F&& visit) {
  switch (dtype) {
    case DType::kFloat32: return visit(float{});
    case DType::kFloat64: return visit(double{});
    case DType::kInt8: return visit(int8_t{});
    case DType::kInt16: return visit(int16_t{});
    case DType::kInt32: return visit(int32_t{});
    case DType::kInt64: return visit(int64_t{});
    case DType::kUint8: return visit(uint8_t{});
    case DType::kUint16: return visit(uint16_t{});
    case DType::kUint32: return visit(uint32_t{});
    case DType::kUint64: return visit(uint64_t{});
    case DType::kBool: return visit(bool{});
    default: throw TypeError("A number of dtype {} is not supported here", dtype);
  }
}

}  // namespace

std::shared_ptr<std::byte> allocate_aligned(int64_t size_bytes) {
  void* memory = ::operator new(static_cast<size_t>(size_bytes > 0 ? size_bytes : 1), kAlignment, std::nothrow);
  if (memory == nullptr) {
    throw OutOfMemoryError("The engine could not allocate {} bytes.", size_bytes);
  }
  return {static_cast<std::byte*>(memory), [](std::byte* p) { ::operator delete(p, kAlignment); }};
}

int64_t tensor_bytes(DType dtype, const Shape& shape) {
  int64_t bytes = dtype == DType::kString ? static_cast<int64_t>(sizeof(std::string)) : dtype_bytes(dtype);
  for (const int64_t dim : shape.dims()) {
    const auto product = checked_mul(bytes, dim);
    if (!product || *product < 0 || *product > INT64_C(1) << 46 || static_cast<uint64_t>(*product) > SIZE_MAX) {
      throw ResourceExhaustedError("A tensor of shape {} and dtype {} is too large", shape, dtype);
    }
    bytes = *product;
  }
  return bytes;
}

Tensor Tensor::allocate(DType dtype, const Shape& shape) {
  const int64_t bytes = tensor_bytes(dtype, shape);
  if (dtype == DType::kString) {
    const auto strings = std::make_shared<std::vector<std::string>>(static_cast<size_t>(shape.elements()));
    return borrow(dtype, shape, reinterpret_cast<std::byte*>(strings->data()), strings);
  }
  const auto memory = allocate_aligned(bytes);
  return borrow(dtype, shape, memory.get(), memory);
}

Tensor Tensor::zeros(DType dtype, const Shape& shape) {
  Tensor tensor = allocate(dtype, shape);
  if (tensor.size_bytes() > 0) std::memset(tensor.raw(), 0, static_cast<size_t>(tensor.size_bytes()));
  return tensor;
}

Tensor Tensor::borrow(DType dtype, const Shape& shape, std::byte* data, std::shared_ptr<void> owner) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = shape;
  tensor.elements_ = shape.elements();
  tensor.data_ = data;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::resource(std::shared_ptr<void> object) { return borrow(DType::kResource, Shape(), nullptr, std::move(object)); }

Tensor Tensor::variant(std::shared_ptr<void> object) { return borrow(DType::kVariant, Shape(), nullptr, std::move(object)); }

Tensor Tensor::number(DType dtype, double value) {
  Tensor tensor = allocate(dtype, Shape());
  const auto set = [&]<class T>(T) { *reinterpret_cast<T*>(tensor.data_) = static_cast<T>(value); };
  if (dtype == DType::kComplex64)
    set(std::complex<float>());
  else if (dtype == DType::kComplex128)
    set(std::complex<double>());
  else if (dtype == DType::kFloat16)
    *reinterpret_cast<uint16_t*>(tensor.data_) = float_to_half(static_cast<float>(value));
  else if (dtype == DType::kBfloat16)
    *reinterpret_cast<uint16_t*>(tensor.data_) = float_to_bfloat16(static_cast<float>(value));
  else
    visit_numeric(dtype, set);
  return tensor;
}

std::vector<int64_t> Tensor::to_int64s() const {
  std::vector<int64_t> result(static_cast<size_t>(elements_));
  for (size_t i = 0; i < result.size(); ++i) {
    if (dtype_ == DType::kInt32)
      result[i] = data<int32_t>()[i];
    else if (dtype_ == DType::kInt64)
      result[i] = data<int64_t>()[i];
    else
      throw InvalidArgumentError("Expected an int32 or int64 tensor, found {}", dtype_);
  }
  return result;
}

double Tensor::number_at(int64_t index) const {
  if (dtype_ == DType::kFloat16) return static_cast<double>(half_to_float(reinterpret_cast<const uint16_t*>(data_)[index]));
  if (dtype_ == DType::kBfloat16) return static_cast<double>(bfloat16_to_float(reinterpret_cast<const uint16_t*>(data_)[index]));
  double result = 0;
  visit_numeric(dtype_, [&]<class T>(T) { result = static_cast<double>(reinterpret_cast<const T*>(data_)[index]); });
  return result;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  assert(shape.elements() == elements_);
  Tensor tensor = *this;
  tensor.shape_ = shape;
  return tensor;
}

Tensor Tensor::bitcast(DType dtype) const {
  assert(dtype_bytes(dtype) == dtype_bytes(dtype_));
  Tensor tensor = *this;
  tensor.dtype_ = dtype;
  return tensor;
}

Tensor Tensor::clone() const {
  if (holds_object()) return *this;
  Tensor copy = allocate(dtype_, shape_);
  if (dtype_ == DType::kString) {
    for (int64_t i = 0; i < elements_; ++i) copy.data<std::string>()[i] = data<std::string>()[i];
  } else if (size_bytes() > 0) {
    std::memcpy(copy.data_, data_, static_cast<size_t>(size_bytes()));
  }
  return copy;
}

}  // namespace keras
