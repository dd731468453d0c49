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

namespace keras {

struct BundleEntry {
  int32_t dtype = 0;  // TensorFlow's DataType number
  std::vector<int64_t> shape;
  int32_t shard = 0;
  int64_t offset = 0, bytes = 0;
  uint32_t masked_crc32c = 0;
};

class BundleReader {
 public:
  /// Reads the index, no values. Throws DataLossError (magic, checksum, truncation, a size that is not the shape's; with file
  /// and offset), ResourceExhaustedError (a limit), UnimplementedError (big endian, partitioned variables, newer versions).
  static BundleReader open(const ByteSource& index, const Limits& limits);

  int shard_count() const { return shard_count_; }
  const std::map<std::string, BundleEntry, std::less<>>& entries() const { return entries_; }
  /// Throws NotFoundError.
  const BundleEntry& entry(std::string_view name) const;
  /// Throws DataLossError where an entry lies outside its shard or on another one. `sizes` in order of shards.
  void check_shards(std::span<const int64_t> sizes) const;
  /// Throws DataLossError naming `name` if the values' checksum is not the one in the index.
  void verify(std::string_view name, std::span<const std::byte> values) const;
  /// The same, of values whose crc32c is known.
  void verify_crc(std::string_view name, uint32_t crc) const;
  /// The elements of a string tensor from its stored bytes, checksums verified.
  std::vector<std::string> decode_strings(std::string_view name, std::span<const std::byte> stored, const Limits& limits) const;

 private:
  void check_overlap() const;

  std::string file_;
  int shard_count_ = 0;
  std::map<std::string, BundleEntry, std::less<>> entries_;
};

/// "variables.data-00000-of-00001"
std::string shard_name(std::string_view prefix, int shard, int shard_count);

}  // namespace keras
