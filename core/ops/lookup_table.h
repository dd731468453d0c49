// Tables that map keys to values: what tf.lookup's tables and the vocabularies of preprocessing layers are.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/tensor/tensor.h"

namespace keras {

/// Keys and values are rows of one dtype and one shape each, kept as their bytes.
class LookupTable {
 public:
  enum class Kind { kStatic, kMutable, kDense };  // a static one is filled once

  /// Of tf.lookup.experimental.DenseHashTable: two keys that stand for no entry, and the size of its memory, which is seen where
  /// its entries are exported.
  struct Dense {
    Tensor empty_key, deleted_key;
    int64_t buckets;
    float max_load_factor;
  };

  /// Keys are single elements.
  LookupTable(Kind kind, DType key, DType value, Shape value_shape = Shape())
      : kind_(kind), key_(key), value_(value), value_shape_(std::move(value_shape)) {}
  /// Keys have the shape of those two. Throws InvalidArgumentError if they are equal, or the sizes are none.
  LookupTable(DType value, Shape value_shape, const Dense& dense);

  Kind kind() const { return kind_; }
  int64_t size() const { return static_cast<int64_t>(entries_.size()); }

  /// Of a table that can be changed. Throws InvalidArgumentError if dtypes or shapes are not the table's, or for a key that
  /// stands for no entry.
  void insert(const Tensor& keys, const Tensor& values);
  void remove(const Tensor& keys);
  /// Of a static table: gives it its entries; if it has as many already, nothing. Throws FailedPreconditionError: other entries
  /// than it has, a key with two values; InvalidArgumentError.
  void initialize(const Tensor& keys, const Tensor& values);
  /// initialize(), or puts the entries in the place of all that a table has.
  void import_from(const Tensor& keys, const Tensor& values);
  /// The shape of what find() gives. Throws InvalidArgumentError: keys of another shape.
  Shape found_shape(const Shape& keys) const;
  /// The values of `keys`, those of `missing` (one, or one for each key) for keys that are not there. Throws
  /// InvalidArgumentError (other dtypes or shapes), FailedPreconditionError (a static table that has not been filled).
  void find(const Tensor& keys, const Tensor& missing, Tensor& values) const;
  /// The shapes of what export_to() fills. Throws FailedPreconditionError for a static table that has not been filled.
  Shape exported_keys() const;
  Shape exported_values() const;
  /// All entries, in order of their keys' bytes; of a dense table empty places after them.
  void export_to(Tensor& keys, Tensor& values) const;

  DType key_dtype() const { return key_; }
  DType value_dtype() const { return value_; }
  const Shape& value_shape() const { return value_shape_; }

 private:
  using Entries = std::map<std::string, std::string, std::less<>>;

  Shape prefix_of(const Shape& keys) const;
  void check_filled() const;
  void check_values(const Tensor& keys, const Tensor& values) const;
  /// A key of an entry. Throws InvalidArgumentError for one that stands for none.
  std::string key_at(const Tensor& keys, int64_t i) const;
  void make_room(int64_t count);

  Kind kind_;
  DType key_, value_;
  Shape key_shape_, value_shape_;
  bool filled_ = false;
  Entries entries_;
  std::string empty_key_, deleted_key_;
  int64_t buckets_ = 0;
  float max_load_factor_ = 1;
};

/// A resource tensor that holds a table; variables' ops refuse it.
Tensor table_handle(std::shared_ptr<LookupTable> table);
/// Throws InvalidArgumentError if the handle holds no table.
LookupTable& table_of(const Tensor& handle);

}  // namespace keras
