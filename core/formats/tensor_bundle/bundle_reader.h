// Reads a TensorFlow V2 checkpoint ("tensor bundle"): `<prefix>.index`, a sorted table of names with block checksums, and
// `<prefix>.data-NNNNN-of-MMMMM`, raw little-endian values. Layout: docs/formats/tensor_bundle.md.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_source.h"
#include "core/base/limits.h"
#include "core/formats/tensor_bundle/tensor_slices.h"

namespace keras {

struct BundleEntry {
  int32_t dtype = 0;  // TensorFlow's DataType number
  std::vector<int64_t> shape;
  int32_t shard = 0;
  int64_t offset = 0, bytes = 0;
  uint32_t masked_crc32c = 0;
  std::vector<TensorSlice> slices = {};  // of a partitioned variable, which has no bytes of its own
};

class BundleReader {
 public:
  /// Reads the index, no values. Throws DataLossError (magic, checksum, truncation, a size that is not the shape's; with file
  /// and offset), ResourceExhaustedError (a limit), UnimplementedError (big endian, newer versions).
  static BundleReader open(const ByteSource& index, const Limits& limits);

  int shard_count() const { return shard_count_; }
  /// Those of slices too, whose names begin with a zero byte.
  const std::map<std::string, BundleEntry, std::less<>>& entries() const { return entries_; }
  /// Bytes of an element of a tensor, 0 for strings.
  int64_t element_bytes(const BundleEntry& entry) const;
  /// Throws NotFoundError.
  const BundleEntry& entry(std::string_view name) const;
  /// Throws DataLossError where an entry lies outside its shard or on another one. `sizes` in order of shards.
  void check_shards(std::span<const int64_t> sizes) const;
  /// Throws DataLossError naming `name` if the values' checksum is not the one in the index.
  void verify(std::string_view name, std::span<const std::byte> values) const;
  /// The same, of values whose crc32c is known.
  void verify_crc(std::string_view name, uint32_t crc) const;
  /// The same, of slice `index` of a partitioned variable.
  void verify_slice_crc(std::string_view name, size_t index, uint32_t crc) const;
  /// Puts the verified values of slice `index` of a partitioned variable in their places. REQUIRES: they have the size of the
  /// slice, and `tensor` that of the whole.
  void place_slice(std::string_view name, size_t index, std::span<const std::byte> values, std::span<std::byte> tensor) const;
  /// The elements of a string tensor from its stored bytes, checksums verified.
  std::vector<std::string> decode_strings(std::string_view name, std::span<const std::byte> stored, const Limits& limits) const;

 private:
  void check_overlap() const;
  void check_slices(const std::string& name, const BundleEntry& entry, const Limits& limits) const;
  void check_crc(std::string_view name, const BundleEntry& entry, uint32_t crc) const;

  std::string file_;
  int shard_count_ = 0;
  std::map<std::string, BundleEntry, std::less<>> entries_;
};

/// "variables.data-00000-of-00001"
std::string shard_name(std::string_view prefix, int shard, int shard_count);

}  // namespace keras
