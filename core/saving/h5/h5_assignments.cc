#include "core/saving/h5/h5_assignments.h"

#include <algorithm>
#include <array>
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

/// Calls use(a value of the C++ type).
template <class Use>
void with_type(DType dtype, Use&& use) {
  switch (dtype) {
    case DType::kFloat32: return use(float{});
    case DType::kFloat64: return use(double{});
    case DType::kInt8: return use(int8_t{});
    case DType::kInt16: return use(int16_t{});
    case DType::kInt32: return use(int32_t{});
    case DType::kInt64: return use(int64_t{});
    case DType::kUint8: return use(uint8_t{});
    case DType::kUint16: return use(uint16_t{});
    case DType::kUint32: return use(uint32_t{});
    case DType::kUint64: return use(uint64_t{});
    case DType::kBool: return use(bool{});
    default: throw TypeError("A weight of dtype {} takes no values of another dtype", dtype);
  }
}

void read_numbers(DType dtype, const std::byte* from, std::span<double> numbers) {
  const auto copy = [&]<class T>(const T* values, auto&& number) {
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(number(values[i]));
  };
  const auto* halves = reinterpret_cast<const uint16_t*>(from);
  if (dtype == DType::kFloat16) return copy(halves, half_to_float);
  if (dtype == DType::kBfloat16) return copy(halves, [](uint16_t half) { return std::bit_cast<float>(uint32_t{half} << 16); });
  with_type(dtype, [&]<class T>(T) { copy(reinterpret_cast<const T*>(from), [](T value) { return value; }); });
}

/// Throws TypeError where no values of another dtype can become values of `to`.
hdf5::Conversion cast_between(DType from, DType to) {
  with_type(to, [](auto) {});
  const auto convert = [from, to](const std::byte* source, std::byte* target, int64_t count) {
    constexpr int64_t kAtOnce = 256;
    std::array<double, kAtOnce> buffer;
    for (int64_t begin = 0; begin < count; begin += kAtOnce) {
      const auto numbers = std::span(buffer).first(static_cast<size_t>(std::min(count - begin, kAtOnce)));
      read_numbers(from, source + begin * dtype_bytes(from), numbers);
      with_type(to, [&]<class T>(T) {
        std::ranges::transform(numbers, reinterpret_cast<T*>(target) + begin,
                               [](double number) { return static_cast<T>(number); });
      });
    }
  };
  return {dtype_bytes(to), convert};
}

Tensor cast_values(const Tensor& from, DType dtype) {
  Tensor to = Tensor::allocate(dtype, from.shape());
  cast_between(from.dtype(), dtype).convert(from.raw(), to.raw(), from.elements());
  return to;
}

std::shared_ptr<const EncodedValues> encoded_values(const hdf5::Reader& reader, const SavedArray& saved, DType dtype) {
  const DType stored = weight_dtype(saved.dataset->type, saved.path);
  const auto ranges = [&reader, path = saved.path, dataset = saved.dataset,
                       conversion = stored == dtype ? hdf5::Conversion{} : cast_between(stored, dtype)](
                          std::span<std::byte> out) { return reader.stored_ranges(*dataset, path, out, conversion); };
  EncodedValues values;
  for (const hdf5::StoredRange& range : ranges({})) values.ranges.emplace_back(range.offset, range.bytes);
  values.checked = saved.dataset->layout == hdf5::Dataset::Layout::kChunked;
  values.decode = [ranges](std::span<std::byte> out) {
    std::vector<RangeDecoder> decoders;
    for (hdf5::StoredRange& range : ranges(out)) decoders.push_back(std::move(range.decode));
    return decoders;
  };
  return std::make_shared<const EncodedValues>(std::move(values));
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
    if (saved.dataset->layout != hdf5::Dataset::Layout::kCompact) {
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
    ReadItem& item = reads.items.emplace_back(ReadItem{.source = &reader_->source(), .offset = 0, .variable = variable});
    const auto offset = reader_->plain_offset(*saved.dataset);
    if (offset && weight_dtype(saved.dataset->type, saved.path) == variable->dtype())
      item.offset = *offset;
    else
      item.encoded = encoded_values(*reader_, saved, variable->dtype());
  }
  for (auto& [variable, values] : copies_) {
    Tensor value = values.dtype() == variable->dtype() ? std::move(values) : cast_values(values, variable->dtype());
    reads.assignments.push_back([variable = variable, value = std::move(value)] { variable->assign(value); });
  }
}

}  // namespace keras
