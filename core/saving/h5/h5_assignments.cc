#include "core/saving/h5/h5_assignments.h"

#include <algorithm>
#include <bit>

#include "core/base/error.h"
#include "core/saving/h5/h5_types.h"

namespace keras {
namespace {

DType weight_dtype(const hdf5::Type& type, const std::string& where) {
  const DType dtype = dtype_of(type);
  if (dtype_bytes(dtype) != 0) return dtype;
  throw UnimplementedError("HDF5: '{}' has an element type that no weight can have", where).at(where);
}

/// IEEE binary16 → float.
float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half >> 15) << 31, exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const uint32_t bits = sign | (exponent == 31 ? 0x7F800000u : (exponent + 112) << 23) | mantissa << 13;
  return std::bit_cast<float>(bits);
}

double element(const Tensor& tensor, int64_t index) {
  const auto half = [&] { return reinterpret_cast<const uint16_t*>(tensor.raw())[index]; };
  if (tensor.dtype() == DType::kFloat16) return static_cast<double>(half_to_float(half()));
  if (tensor.dtype() == DType::kBfloat16) return static_cast<double>(std::bit_cast<float>(uint32_t{half()} << 16));
  return tensor.number_at(index);
}

Tensor cast_values(const Tensor& from, DType dtype) {
  Tensor to = Tensor::allocate(dtype, from.shape());
  const auto bytes = static_cast<size_t>(dtype_bytes(dtype));
  for (int64_t i = 0; i < from.elements(); ++i) {
    const Tensor value = Tensor::number(dtype, element(from, i));
    std::copy_n(value.raw(), bytes, to.raw() + static_cast<size_t>(i) * bytes);
  }
  return to;
}

}  // namespace

const hdf5::Dataset& dataset_at(const hdf5::Reader& reader, const std::string& path) {
  const hdf5::Object& object = reader.at(path);
  if (!object.dataset) throw DataLossError("{}: '{}' is no dataset", reader.source().name(), path).at(reader.source().name());
  return *object.dataset;
}

Tensor read_saved(const hdf5::Reader& reader, const SavedArray& saved) {
  Tensor values = Tensor::allocate(weight_dtype(saved.dataset->type, saved.path), Shape(saved.dataset->shape));
  reader.read(*saved.dataset, saved.path, values.bytes());
  return values;
}

void H5Assignments::add(SavedArray saved, const VariablePtr& variable) {
  if (saved.shape != variable->shape()) {
    throw ValueError(
        "Cannot assign value to variable ' {}:0': Shape mismatch.The variable shape {}, and the assigned value shape "
        "{} are incompatible.",
        variable->name(), variable->shape(), saved.shape)
        .at(saved.path);
  }
  if (!saved.converted) {
    const hdf5::Dataset::Layout layout = saved.dataset->layout;
    const bool ranges = layout == hdf5::Dataset::Layout::kContiguous || layout == hdf5::Dataset::Layout::kChunked;
    if (ranges && weight_dtype(saved.dataset->type, saved.path) == variable->dtype()) {
      direct_.emplace_back(variable, std::move(saved));
      return;
    }
    saved.converted = read_saved(*reader_, saved);
  }
  copies_.emplace_back(variable, std::move(*saved.converted));
}

void H5Assignments::add_all(H5Assignments&& others) {
  std::ranges::move(others.direct_, std::back_inserter(direct_));
  std::ranges::move(others.copies_, std::back_inserter(copies_));
}

void H5Assignments::commit(ReadList& reads) {
  for (const auto& [variable, saved] : direct_) {
    if (const auto offset = reader_->plain_offset(*saved.dataset)) {
      reads.items.push_back({&reader_->source(), *offset, {}, variable});
      continue;
    }
    // What is decoded wrongly must not stand in a variable that is in use.
    Tensor beside = reads.in_place ? Tensor() : Tensor::allocate(variable->dtype(), variable->shape());
    const std::span<std::byte> values = reads.in_place ? variable->mutable_value().bytes() : beside.bytes();
    for (hdf5::StoredRange& range : reader_->stored_ranges(*saved.dataset, saved.path, values))
      reads.items.push_back({.source = &reader_->source(),
                             .offset = range.offset,
                             .decode = std::move(range.decode),
                             .encoded_bytes = range.bytes});
    if (!reads.in_place)
      reads.assignments.push_back([variable = variable, beside = std::move(beside)] { variable->assign(beside); });
  }
  for (auto& [variable, values] : copies_) {
    Tensor value = values.dtype() == variable->dtype() ? std::move(values) : cast_values(values, variable->dtype());
    reads.assignments.push_back([variable = variable, value = std::move(value)] { variable->assign(value); });
  }
}

}  // namespace keras
