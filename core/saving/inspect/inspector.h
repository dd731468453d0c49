// Looks into files of every kind that is known here, and makes nothing of them: no layer, no variable, no graph is built.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/limits.h"
#include "core/saving/file_set.h"

namespace keras {

class Inspector {
 public:
  explicit Inspector(const Limits& limits);
  ~Inspector();

  /// As ModelLoader has them. Of a checkpoint: its index and those of its shards that there are.
  int add_file(std::string path, int64_t size_bytes);
  void add_bytes(int file, int64_t offset, std::span<const std::byte> bytes);
  /// Reads metadata. Returns bytes that are needed; call again when they have been added. Throws typed errors that name
  /// the file: ValueError (nothing that we know), DataLossError, ResourceExhaustedError.
  std::vector<BytesWanted> prepare();
  /// Adds digests to the tables, array after array, in pieces: memory stays bounded. A value: as prepare().
  /// Throws DataLossError where the file's own checksum of an array differs.
  std::vector<BytesWanted> digest();

  /// JSON: {"format", …, "weights": [{"name", "path", "dtype", "shape", "bytes", "digest", "problem"}],
  /// "optimizerWeights"}. Keys that a format has not are left out. REQUIRES: prepare() is done.
  std::string report() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keras
