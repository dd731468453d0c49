// Tables that map keys to values: what tf.lookup's tables and the vocabularies of preprocessing layers are.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/tensor/tensor.h"

namespace keras {

/// Keys and values are single elements of one dtype each, kept as their bytes.
class LookupTable {
 public:
  enum class Kind { kStatic, kMutable };  // a static one is filled once

  LookupTable(Kind kind, DType key, DType value) : kind_(kind), key_(key), value_(value) {}

  Kind kind() const { return kind_; }
  int64_t size() const { return static_cast<int64_t>(entries_.size()); }

  /// Throws InvalidArgumentError if the dtypes are not the table's, or the numbers of keys and values differ.
  void insert(const Tensor& keys, const Tensor& values);
  /// insert() into an empty table. Throws InvalidArgumentError for a static table that has been filled, or a key with two values.
  void fill(const Tensor& keys, const Tensor& values);
  void remove(const Tensor& keys);
  void clear() { entries_.clear(); }
  /// The values of `keys`, those of `missing` (one element, or one for each key) for keys that are not there. Throws
  /// InvalidArgumentError: other dtypes, a static table that has not been filled.
  void find(const Tensor& keys, const Tensor& missing, Tensor& values) const;
  /// All entries, in order of their keys' bytes. REQUIRES: vectors of size() elements.
  void export_to(Tensor& keys, Tensor& values) const;

  DType key_dtype() const { return key_; }
  DType value_dtype() const { return value_; }

 private:
  void check_keys(const Tensor& keys) const;

  Kind kind_;
  DType key_, value_;
  bool filled_ = false;
  std::map<std::string, std::string, std::less<>> entries_;
};

/// A resource tensor that holds a table; variables' ops refuse it.
Tensor table_handle(std::shared_ptr<LookupTable> table);
/// Throws InvalidArgumentError if the handle holds no table.
LookupTable& table_of(const Tensor& handle);

}  // namespace keras
