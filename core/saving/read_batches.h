// Carries out a ReadList, so that no variable of an object that exists ever holds what is damaged: what is read waits beside the
// variables until its checksums are verified.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/saving/file_set.h"
#include "core/saving/read_list.h"

namespace keras {

/// Bytes that the caller reads: of file number `file`.
struct FileRange {
  int file;
  int64_t offset, bytes;
};

class ReadBatches {
 public:
  /// Unless the list is to be read in place, a batch of values of up to kStagedBytes is read, verified, and then copied into its
  /// variables, so that a load of no more changes all of them or none. A larger value is read twice: to be verified, and into its
  /// variable. (Where the file has nothing to verify it by, as contiguous values in HDF5, it is read once, into its variable. New
  /// memory that became the variable's own would save the copy, but the holes that the old one leaves fit too few.)
  static constexpr int64_t kStagedBytes = 32 << 20;

  ReadBatches() = default;
  /// Throws DataLossError where a file ends before the values do.
  ReadBatches(const FileSet& files, ReadList list);

  /// What is going to be read; twice what is read twice.
  int64_t total_bytes() const;
  /// Takes over what has been read, then gives the ranges that are to be read next; none: that was all. Throws DataLossError
  /// where a checksum differs. `in_memory`: the caller has all bytes already, so that nothing goes wrong half way; what cannot be
  /// verified is then read in place.
  const std::vector<FileRange>& next(bool in_memory = false);
  /// Where bytes [at, at + count) of a range belong, until the next call. Those of a range come in order, at most kStagedBytes at
  /// once. Throws RuntimeError otherwise.
  std::span<std::byte> target(size_t range, int64_t at, int64_t count);
  /// They are there.
  void filled(size_t range);

 private:
  enum class Way { kTarget, kStaged, kVerifyOnly, kVariable };
  /// Of a batch.
  struct Value {
    const ReadItem* item;
    Way way;
    Tensor memory = {};  // beside the variable, or, where decoders put values into it, its own
    uint32_t crc = 0;
  };
  struct Reading {
    size_t value;
    int64_t bytes;
    RangeDecoder decode;
    int64_t done = 0;
  };
  struct Place {
    int file;
    int64_t offset;  // of the source in the file
  };

  bool at_end() const { return next_ == list_.items.size() && !verified_; }
  void begin_batch(bool in_memory);
  void begin(size_t item, Way way);
  void begin_range(const std::optional<Place>& place, int64_t offset, int64_t bytes, RangeDecoder decode);
  std::span<std::byte> memory_for(const Reading& reading, int64_t count);
  void read_from_memory(const ByteSource& source, int64_t offset);
  void extend(Reading& reading, std::span<const std::byte> bytes);
  Tensor stage(const Variable& variable);
  void take_over();

  ReadList list_;                             // items for targets first, then those for variables in the order of files
  std::vector<std::optional<Place>> places_;  // of the items' sources; none for those in memory
  size_t next_ = 0;                           // item
  bool verified_ = false;                     // the item before `next_`, which has still to be read into its variable
  std::vector<Value> values_;
  std::vector<Reading> readings_;
  std::vector<FileRange> ranges_;
  std::vector<size_t> range_readings_;  // for each range its place in readings_
  std::span<std::byte> filling_;
  int64_t staged_bytes_ = 0;
  std::shared_ptr<std::byte> staging_;
  std::vector<std::byte> passing_;  // a piece that is only verified or decoded
};

}  // namespace keras
