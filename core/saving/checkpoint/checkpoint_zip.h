// The files of checkpoints inside a zip archive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/saving/file_set.h"
#include "core/saving/read_batches.h"

namespace keras {

/// One file: a range of the archive where it is stored, else its bytes, inflated.
struct CheckpointMember {
  std::string path;
  int64_t size_bytes;
  std::optional<int64_t> offset;
  SourcePtr inflated;
};

class CheckpointZip {
 public:
  explicit CheckpointZip(const Limits& limits) : limits_(limits) {}

  int add_file(std::string path, int64_t size_bytes) { return files_.add(std::move(path), size_bytes); }
  void add_bytes(int file, int64_t offset, std::span<const std::byte> bytes) { files_.add_bytes(file, offset, bytes); }
  /// Returns bytes that are needed; call again when they have been added. Throws typed errors that name the archive.
  std::vector<BytesWanted> prepare();
  /// Indexes, shards and `checkpoint` files, wherever they are. None for a file that is no zip.
  const std::vector<CheckpointMember>& members() const { return members_; }
  /// Whether these are the variables of a SavedModel.
  bool is_saved_model() const { return is_saved_model_; }
  ReadBatches& reads() { return reads_; }

 private:
  Limits limits_;
  FileSet files_;
  std::vector<CheckpointMember> members_;
  bool is_saved_model_ = false;
  ReadBatches reads_;  // none: members are read by range
};

}  // namespace keras
