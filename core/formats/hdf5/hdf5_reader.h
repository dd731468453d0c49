// Reads HDF5 files as Keras, h5py and h5repack write them: superblocks 0 to 3, groups as symbol tables or link messages,
// contiguous, compact and chunked datasets, deflate, shuffle, fletcher32. Layout: docs/formats/hdf5.md.
#pragma once

#include <functional>
#include <map>
#include <string_view>

#include "core/base/byte_source.h"
#include "core/base/limits.h"
#include "core/formats/hdf5/hdf5_types.h"

namespace keras::hdf5 {

/// A group or a dataset.
struct Object {
  std::vector<Attribute> attributes;
  std::vector<std::pair<std::string, uint64_t>> links;          // name → address, of a group; in the order of the file
  std::vector<std::pair<std::string, std::string>> soft_links;  // name → path inside the file
  std::vector<std::string> external_links;                      // names whose target is in another file
  std::optional<Dataset> dataset;

  const Attribute* attribute(std::string_view name) const;
};

/// A range of the file and what makes elements of it: gets its bytes in order, in pieces of any size.
struct StoredRange {
  int64_t offset, bytes;
  std::function<void(std::span<const std::byte>)> decode;
};

/// Reading may throw NeedBytes where the source has not all bytes; calling again then goes on.
/// All methods throw DataLossError (with file and offset), ResourceExhaustedError, UnimplementedError (external storage,
/// unknown filters, … by name).
class Reader {
 public:
  static Reader open(std::shared_ptr<const ByteSource> source, const Limits& limits);

  const Object& root() const { return object(root_address_, "/"); }
  /// Null if a part of the path does not exist. `path` without leading slash; soft links are followed.
  const Object* find(std::string_view path) const;
  /// Throws NotFoundError naming the path.
  const Object& at(std::string_view path) const;

  /// The strings of an attribute of fixed or variable length strings; a scalar is one. Empty arrays of any type are none.
  std::vector<std::string> strings(const Attribute& attribute) const;

  /// For a contiguous dataset in the machine's byte order: where its bytes are in the file, to be read without a copy.
  std::optional<int64_t> plain_offset(const Dataset& dataset) const;
  /// For a dataset that is not compact: what is to be read, one range after the other, so that all elements are, little-endian
  /// and converted, in `out`, which has to stay until then. What was never written is there at once. Where `out` is empty, the
  /// ranges are only checked. REQUIRES: it is, or holds all elements.
  std::vector<StoredRange> stored_ranges(const Dataset& dataset, std::string_view name, std::span<std::byte> out,
                                         const Conversion& conversion = {}) const;
  /// Copies the elements, little-endian, into `out`. REQUIRES: out.size() == dataset.size_bytes().
  void read(const Dataset& dataset, std::string_view name, std::span<std::byte> out) const;

  const ByteSource& source() const { return *source_; }

 private:
  using GlobalHeap = std::map<uint32_t, std::string>;

  const Object& object(uint64_t address, std::string_view path) const;
  const Object* follow(const Object* from, std::string_view path, int& soft_links) const;
  const GlobalHeap& global_heap(uint64_t collection) const;

  std::shared_ptr<const ByteSource> source_;
  Limits limits_;
  int64_t base_ = 0;
  uint64_t root_address_ = 0;
  mutable std::map<uint64_t, Object> objects_;           // parsed so far
  mutable std::map<uint64_t, GlobalHeap> global_heaps_;  // collections read so far
  mutable int64_t metadata_bytes_ = 0;                   // that these took
};

bool looks_like_hdf5(const ByteSource& source);

}  // namespace keras::hdf5
