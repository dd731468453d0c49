// The files of a load as they come from outside: known by path and size, their bytes handed in piece by piece.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/byte_source.h"
#include "core/base/limits.h"

namespace keras {

using SourcePtr = std::shared_ptr<const ByteSource>;

/// Bytes that a loader wants: of file number `file`.
struct BytesWanted {
  int file;
  int64_t offset, count;
};

class FileSet {
 public:
  /// Returns the file's number.
  int add(std::string path, int64_t size_bytes);
  /// Answers BytesWanted.
  void add_bytes(int file, int64_t offset, std::span<const std::byte> bytes);
  /// Lets go of all bytes: what is read next is asked for again.
  void forget_bytes();

  size_t size() const { return files_.size(); }
  SourcePtr file(size_t index) const { return files_[index]; }
  const std::string& path(size_t index) const { return paths_[index]; }

  /// What files of this size can hold, even if all of it is compressed as well as can be.
  int64_t most_weight_bytes(const Limits& limits) const;
  /// In the order of files and bytes, neighbours together. Throws RuntimeError if no file has the name.
  std::vector<BytesWanted> wanted(const NeedBytes& need) const;
  /// The number of the file behind a source, and the offset there; nothing for sources in memory.
  std::optional<std::pair<int, int64_t>> locate(const ByteSource& source, int64_t offset) const;

 private:
  std::vector<std::shared_ptr<BlockSource>> files_;
  std::vector<std::string> paths_;
};

}  // namespace keras
