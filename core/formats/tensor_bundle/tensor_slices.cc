// Keys in TensorFlow's ordered code (lib/strings/ordered_code.cc); boxes in tensors.
#include "core/formats/tensor_bundle/tensor_slices.h"

#include <algorithm>

#include "core/base/checked.h"

namespace keras {
namespace {

constexpr char kEscape0 = '\0', kEscape255 = '\xff';

/// A byte count, then the bytes, the highest first; 0 has none.
void append_unsigned(std::string& key, uint64_t value) {
  std::string bytes;
  for (; value > 0; value >>= 8) bytes.insert(bytes.begin(), static_cast<char>(value & 0xff));
  key += static_cast<char>(bytes.size());
  key += bytes;
}

/// Zero and 255 bytes are escaped; ends in 00 01.
void append_string(std::string& key, std::string_view text) {
  for (const char c : text) {
    key += c;
    if (c == kEscape0) key += kEscape255;
    if (c == kEscape255) key += kEscape0;
  }
  key += kEscape0;
  key += '\1';
}

/// n bytes hold 7n − 1 bits: the value, sign-extended, highest byte first, xor a header of n one-bits.
void append_signed(std::string& key, int64_t value) {
  const uint64_t magnitude = static_cast<uint64_t>(value < 0 ? ~value : value);
  int count = 1;
  while (count < 10 && (magnitude >> (7 * count - 1)) != 0) ++count;
  for (int i = 0; i < count; ++i) {
    const int shift = 8 * (count - 1 - i);
    const auto byte = static_cast<uint8_t>(shift >= 64 ? (value < 0 ? 0xff : 0) : static_cast<uint64_t>(value) >> shift);
    const int header_bits = std::clamp(count - 8 * i, 0, 8);
    key += static_cast<char>(byte ^ static_cast<uint8_t>(0xff00 >> header_bits));
  }
}

int64_t product(std::span<const int64_t> sizes) {
  int64_t result = 1;
  for (const int64_t size : sizes) result *= size;
  return result;
}

bool overlap(const TensorSlice& a, const TensorSlice& b) {
  for (size_t i = 0; i < a.start.size(); ++i) {
    if (a.start[i] + a.size[i] <= b.start[i] || b.start[i] + b.size[i] <= a.start[i]) return false;
  }
  return true;
}

}  // namespace

std::string slice_key(std::string_view name, const TensorSlice& slice, const std::vector<bool>& full) {
  std::string key;
  append_unsigned(key, 0);
  append_string(key, name);
  append_unsigned(key, slice.start.size());
  for (size_t i = 0; i < slice.start.size(); ++i) {
    append_signed(key, full[i] ? 0 : slice.start[i]);
    append_signed(key, full[i] ? -1 : slice.size[i]);
  }
  return key;
}

bool slices_cover(const std::vector<TensorSlice>& slices, const std::vector<int64_t>& shape) {
  int64_t covered = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    const TensorSlice& slice = slices[i];
    if (slice.start.size() != shape.size()) return false;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (slice.start[d] < 0 || slice.size[d] <= 0 || slice.start[d] > shape[d] || shape[d] - slice.start[d] < slice.size[d])
        return false;
    }
    covered += product(slice.size);
    if (std::any_of(slices.begin(), slices.begin() + static_cast<ptrdiff_t>(i),
                    [&](const TensorSlice& other) { return overlap(slice, other); }))
      return false;
  }
  return covered == product(shape);
}

void copy_slice(const TensorSlice& slice, std::span<const std::byte> values, const std::vector<int64_t>& shape,
                int64_t element_bytes, std::span<std::byte> tensor) {
  const size_t rank = shape.size();
  if (rank == 0) {
    std::copy(values.begin(), values.end(), tensor.begin());
    return;
  }
  // A row is what lies together: the last dimension.
  const int64_t row_bytes = slice.size[rank - 1] * element_bytes;
  const int64_t rows = static_cast<int64_t>(values.size()) / row_bytes;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t rest = row, offset = slice.start[rank - 1], stride = shape[rank - 1];
    for (size_t d = rank - 1; d-- > 0;) {
      offset += (slice.start[d] + rest % slice.size[d]) * stride;
      rest /= slice.size[d];
      stride *= shape[d];
    }
    std::copy_n(values.begin() + row * row_bytes, row_bytes, tensor.begin() + offset * element_bytes);
  }
}

}  // namespace keras
