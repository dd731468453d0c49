// Restores a checkpoint into objects that exist. The shards' bytes come from outside, piece by piece: see ByteSource.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/saving/checkpoint/restoration.h"
#include "core/saving/read_batches.h"

namespace keras {

class CheckpointLoader {
 public:
  CheckpointLoader(std::shared_ptr<const BundleReader> bundle, TrackedRoot root, const Limits& limits);

  /// The shards in order.
  int add_file(std::string path, int64_t size_bytes) { return files_.add(std::move(path), size_bytes); }
  void add_bytes(int file, int64_t offset, std::span<const std::byte> bytes) { files_.add_bytes(file, offset, bytes); }

  /// Reads the object graph and matches it. Returns bytes that are needed; call again when they have been added. None: reads()
  /// are to be done. Throws typed errors that name what does not fit; no variable has changed then.
  std::vector<BytesWanted> prepare();
  ReadBatches& reads() { return reads_; }
  /// After all reads.
  std::shared_ptr<Restoration> finish();

 private:
  std::shared_ptr<const BundleReader> bundle_;
  TrackedRoot root_;
  Limits limits_;
  FileSet files_;
  ReadBatches reads_;
  std::shared_ptr<Restoration> restoration_;
};

}  // namespace keras
