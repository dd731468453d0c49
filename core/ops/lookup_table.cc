// Elements go into the map as their bytes, whatever their dtype is: there is one map, and one code for it.
#include "core/ops/lookup_table.h"

#include <cstring>

#include "core/base/error.h"

namespace keras {
namespace {

constexpr std::byte kTableMark{};  // where a table's handle points

std::string element(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kString) return tensor.data<std::string>()[i];
  const auto bytes = static_cast<size_t>(dtype_bytes(tensor.dtype()));
  return {reinterpret_cast<const char*>(tensor.raw()) + static_cast<size_t>(i) * bytes, bytes};
}

void set_element(Tensor& tensor, int64_t i, const std::string& value) {
  if (tensor.dtype() == DType::kString)
    tensor.data<std::string>()[i] = value;
  else
    std::memcpy(tensor.raw() + static_cast<size_t>(i) * value.size(), value.data(), value.size());
}

}  // namespace

void LookupTable::check_keys(const Tensor& keys) const {
  if (keys.dtype() != key_) throw InvalidArgumentError("Key must be type {} but got {}", key_, keys.dtype());
}

void LookupTable::insert(const Tensor& keys, const Tensor& values) {
  check_keys(keys);
  if (values.dtype() != value_) throw InvalidArgumentError("Value must be type {} but got {}", value_, values.dtype());
  if (keys.elements() != values.elements()) {
    throw InvalidArgumentError("{} keys have {} values: a table's values are single elements", keys.elements(),
                               values.elements());
  }
  for (int64_t i = 0; i < keys.elements(); ++i) entries_.insert_or_assign(element(keys, i), element(values, i));
}

void LookupTable::fill(const Tensor& keys, const Tensor& values) {
  if (kind_ == Kind::kMutable) {
    clear();
    return insert(keys, values);
  }
  LookupTable fresh(Kind::kMutable, key_, value_);
  fresh.insert(keys, values);
  for (int64_t i = 0; i < keys.elements(); ++i) {
    if (fresh.entries_.find(element(keys, i))->second != element(values, i)) {
      throw InvalidArgumentError("HashTable has different value for same key. Key number {} has two values", i);
    }
  }
  if (filled_ && entries_ != fresh.entries_) throw InvalidArgumentError("Table already initialized.");
  entries_ = std::move(fresh.entries_);
  filled_ = true;
}

void LookupTable::remove(const Tensor& keys) {
  check_keys(keys);
  for (int64_t i = 0; i < keys.elements(); ++i) entries_.erase(element(keys, i));
}

void LookupTable::find(const Tensor& keys, const Tensor& missing, Tensor& values) const {
  check_keys(keys);
  if (missing.dtype() != value_) throw InvalidArgumentError("Value must be type {} but got {}", value_, missing.dtype());
  if (kind_ == Kind::kStatic && !filled_) throw InvalidArgumentError("Table not initialized.");
  if (missing.elements() != 1 && missing.elements() != keys.elements()) {
    throw InvalidArgumentError("{} keys have {} default values", keys.elements(), missing.elements());
  }
  for (int64_t i = 0; i < keys.elements(); ++i) {
    const auto found = entries_.find(element(keys, i));
    set_element(values, i, found != entries_.end() ? found->second : element(missing, missing.elements() == 1 ? 0 : i));
  }
}

void LookupTable::export_to(Tensor& keys, Tensor& values) const {
  int64_t i = 0;
  for (const auto& [key, value] : entries_) {
    set_element(keys, i, key);
    set_element(values, i++, value);
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
