// Rows go into the map as their bytes, whatever their dtype is: there is one map, and one code for it.
#include "core/ops/lookup_table.h"

#include <cmath>
#include <cstring>

#include "core/base/error.h"

namespace keras {
namespace {

constexpr std::byte kTableMark{};  // where a table's handle points
constexpr int64_t kMostBuckets = INT64_C(1) << 32;

/// Row `i` of `count` elements. Several strings stand behind their sizes.
std::string row_at(const Tensor& tensor, int64_t i, int64_t count) {
  if (tensor.dtype() != DType::kString) {
    const int64_t bytes = dtype_bytes(tensor.dtype()) * count;
    return {reinterpret_cast<const char*>(tensor.raw()) + i * bytes, static_cast<size_t>(bytes)};
  }
  const std::string* strings = tensor.data<std::string>() + i * count;
  if (count == 1) return strings[0];
  std::string row;
  for (int64_t k = 0; k < count; ++k) {
    const auto size = static_cast<uint64_t>(strings[k].size());
    row.append(reinterpret_cast<const char*>(&size), sizeof size).append(strings[k]);
  }
  return row;
}

void set_row(Tensor& tensor, int64_t i, int64_t count, const std::string& row) {
  if (tensor.dtype() != DType::kString) {
    if (!row.empty()) std::memcpy(tensor.raw() + i * static_cast<int64_t>(row.size()), row.data(), row.size());
    return;
  }
  std::string* strings = tensor.data<std::string>() + i * count;
  if (count == 1) {
    strings[0] = row;
    return;
  }
  size_t at = 0;
  for (int64_t k = 0; k < count; ++k) {
    uint64_t size = 0;
    std::memcpy(&size, row.data() + at, sizeof size);
    strings[k] = row.substr(at + sizeof size, size);
    at += sizeof size + size;
  }
}

/// As messages show an element.
std::string text_at(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kString) return tensor.data<std::string>()[i];
  const double number = tensor.number_at(i);
  return number == std::trunc(number) ? keras::format("{}", static_cast<int64_t>(number)) : keras::format("{}", number);
}

Shape joined(const Shape& prefix, const Shape& rows) {
  std::vector<int64_t> dims = prefix.dims();
  dims.insert(dims.end(), rows.dims().begin(), rows.dims().end());
  return Shape(std::move(dims));
}

}  // namespace

LookupTable::LookupTable(DType value, Shape value_shape, const Dense& dense)
    : kind_(Kind::kDense),
      key_(dense.empty_key.dtype()),
      value_(value),
      key_shape_(dense.empty_key.shape()),
      value_shape_(std::move(value_shape)),
      empty_key_(row_at(dense.empty_key, 0, dense.empty_key.elements())),
      buckets_(dense.buckets),
      max_load_factor_(dense.max_load_factor) {
  if (dense.deleted_key.shape() != key_shape_) {
    throw InvalidArgumentError("Empty and deleted keys must have same shape, got shapes: {} and {}", key_shape_,
                               dense.deleted_key.shape());
  }
  deleted_key_ = row_at(dense.deleted_key, 0, dense.deleted_key.elements());
  if (empty_key_ == deleted_key_) throw InvalidArgumentError("Empty and deleted keys cannot be equal");
  if (!(max_load_factor_ > 0 && max_load_factor_ < 1)) {
    throw InvalidArgumentError("max_load_factor must be between 0 and 1, got: {}", max_load_factor_);
  }
  if (buckets_ < 4 || (buckets_ & (buckets_ - 1)) != 0) {
    throw InvalidArgumentError("Number of buckets must be at least 4 and a power of 2, got: {}", buckets_);
  }
}

/// The shape of the keys without that of one key.
Shape LookupTable::prefix_of(const Shape& keys) const {
  const int64_t rank = keys.rank() - key_shape_.rank();
  if (key_shape_.rank() == 0) return keys;
  if (rank != 1 || keys != joined(Shape{keys.dim(0)}, key_shape_)) {
    throw InvalidArgumentError("Expected key shape {} got {}", key_shape_, keys);
  }
  return Shape{keys.dim(0)};
}

Shape LookupTable::found_shape(const Shape& keys) const { return joined(prefix_of(keys), value_shape_); }

void LookupTable::check_filled() const {
  if (kind_ == Kind::kStatic && !filled_) throw FailedPreconditionError("Table not initialized.");
}

void LookupTable::check_values(const Tensor& keys, const Tensor& values) const {
  if (keys.dtype() != key_) throw InvalidArgumentError("Key must be type {} but got {}", key_, keys.dtype());
  if (values.dtype() != value_) throw InvalidArgumentError("Value must be type {} but got {}", value_, values.dtype());
}

std::string LookupTable::key_at(const Tensor& keys, int64_t i) const {
  std::string key = row_at(keys, i, key_shape_.elements());
  if (kind_ != Kind::kDense) return key;
  if (key == empty_key_) throw InvalidArgumentError("Using the empty_key as a table key is not allowed");
  if (key == deleted_key_) throw InvalidArgumentError("Using the deleted_key as a table key is not allowed");
  return key;
}

/// For `count` more entries, as TensorFlow's table makes it.
void LookupTable::make_room(int64_t count) {
  if (kind_ != Kind::kDense) return;
  const auto needed = static_cast<float>(size() + count);
  int64_t buckets = buckets_;
  for (; needed > static_cast<float>(buckets) * max_load_factor_; buckets *= 2) {
    if (buckets > kMostBuckets / 2) {
      throw ResourceExhaustedError("A table of {} entries with a max_load_factor of {} is too large", size() + count,
                                   max_load_factor_);
    }
  }
  buckets_ = buckets;
}

void LookupTable::insert(const Tensor& keys, const Tensor& values) {
  check_values(keys, values);
  const Shape wanted = found_shape(keys.shape());
  if (values.shape() != wanted) throw InvalidArgumentError("Expected shape {} for value, got {}", wanted, values.shape());
  const int64_t count = prefix_of(keys.shape()).elements(), width = value_shape_.elements();
  std::vector<std::string> checked;
  for (int64_t i = 0; i < count; ++i) checked.push_back(key_at(keys, i));
  make_room(count);
  for (int64_t i = 0; i < count; ++i) {
    entries_.insert_or_assign(std::move(checked[static_cast<size_t>(i)]), row_at(values, i, width));
  }
}

void LookupTable::initialize(const Tensor& keys, const Tensor& values) {
  LookupTable fresh(Kind::kMutable, key_, value_);
  fresh.insert(keys, values);
  if (filled_ && keys.elements() == size()) return;
  if (filled_) throw FailedPreconditionError("Table was already initialized with different data.");
  for (int64_t i = 0; i < keys.elements(); ++i) {
    const std::string &kept = fresh.entries_.find(row_at(keys, i, 1))->second, given = row_at(values, i, 1);
    if (kept == given) continue;
    Tensor last = Tensor::allocate(value_, Shape());
    set_row(last, 0, 1, kept);
    throw FailedPreconditionError("HashTable has different value for same key. Key {} has {} and trying to add value {}",
                                  text_at(keys, i), text_at(values, i), text_at(last, 0));
  }
  entries_ = std::move(fresh.entries_);
  filled_ = true;
}

void LookupTable::import_from(const Tensor& keys, const Tensor& values) {
  if (kind_ == Kind::kStatic) return initialize(keys, values);
  if (kind_ == Kind::kMutable) {
    LookupTable fresh(Kind::kMutable, key_, value_, value_shape_);
    fresh.insert(keys, values);
    entries_ = std::move(fresh.entries_);
    return;
  }
  check_values(keys, values);
  if (keys.rank() != 2 || keys.dim(0) < 1 || keys.dim(1) != key_shape_.elements()) {
    throw InvalidArgumentError("Expected shape [*, {}] for key, got {}", key_shape_.elements(), keys.shape());
  }
  const Shape wanted = {keys.dim(0), value_shape_.elements()};
  if (values.shape() != wanted) throw InvalidArgumentError("Expected shape {} for value, got {}", wanted, values.shape());
  Entries fresh;
  for (int64_t i = 0; i < keys.dim(0); ++i) {
    std::string key = row_at(keys, i, keys.dim(1));
    if (key != empty_key_ && key != deleted_key_) fresh.insert_or_assign(std::move(key), row_at(values, i, values.dim(1)));
  }
  entries_ = std::move(fresh);
  buckets_ = keys.dim(0);
}

void LookupTable::remove(const Tensor& keys) {
  if (keys.dtype() != key_) throw InvalidArgumentError("Key must be type {} but got {}", key_, keys.dtype());
  const int64_t count = prefix_of(keys.shape()).elements();
  std::vector<std::string> checked;
  for (int64_t i = 0; i < count; ++i) checked.push_back(key_at(keys, i));
  for (const std::string& key : checked) entries_.erase(key);
}

void LookupTable::find(const Tensor& keys, const Tensor& missing, Tensor& values) const {
  check_values(keys, missing);
  check_filled();
  const Shape all = found_shape(keys.shape());
  const bool one = missing.shape() == value_shape_;
  if (!one && missing.shape() != all) {
    throw InvalidArgumentError("Expected shape {} or {} for default value, got {}", value_shape_, all, missing.shape());
  }
  const int64_t count = prefix_of(keys.shape()).elements(), width = value_shape_.elements();
  for (int64_t i = 0; i < count; ++i) {
    const auto found = entries_.find(key_at(keys, i));
    set_row(values, i, width, found != entries_.end() ? found->second : row_at(missing, one ? 0 : i, width));
  }
}

Shape LookupTable::exported_keys() const {
  if (kind_ == Kind::kStatic && !filled_) throw FailedPreconditionError("HashTable is not initialized.");
  return kind_ == Kind::kDense ? Shape{buckets_, key_shape_.elements()} : Shape{size()};
}

Shape LookupTable::exported_values() const {
  return kind_ == Kind::kDense ? Shape{buckets_, value_shape_.elements()} : joined(Shape{size()}, value_shape_);
}

void LookupTable::export_to(Tensor& keys, Tensor& values) const {
  const int64_t key_width = key_shape_.elements(), width = value_shape_.elements();
  int64_t i = 0;
  for (const auto& [key, value] : entries_) {
    set_row(keys, i, key_width, key);
    set_row(values, i++, width, value);
  }
  if (i == exported_keys().dim(0)) return;
  const Tensor nothing = Tensor::zeros(value_, value_shape_);
  const std::string empty_value = row_at(nothing, 0, width);
  for (; i < buckets_; ++i) {
    set_row(keys, i, key_width, empty_key_);
    set_row(values, i, width, empty_value);
  }
}

Tensor table_handle(std::shared_ptr<LookupTable> table) {
  return Tensor::borrow(DType::kResource, Shape(), const_cast<std::byte*>(&kTableMark), std::move(table));
}

LookupTable& table_of(const Tensor& handle) {
  const auto table = handle.raw() == &kTableMark ? handle.object<LookupTable>() : nullptr;
  if (table == nullptr) throw InvalidArgumentError("The handle holds no table");
  return *table;
}

}  // namespace keras
