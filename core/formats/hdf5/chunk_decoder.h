// From the bytes of a chunk as they are stored to its elements at their places in the dataset, piece by piece: what is held
// meanwhile is small, however large the chunk is. (Only shuffle takes the whole chunk once, where elements are converted, and
// behind another filter, which is an order that libraries do not choose by themselves.)
#pragma once

#include <functional>
#include <string>

#include "core/base/limits.h"
#include "core/formats/hdf5/hdf5_types.h"

namespace keras::hdf5 {

/// What the chunks of one dataset have in common. `out` are all its elements, to be little-endian or converted; where it is
/// empty, chunks are only checked.
struct ChunkTarget {
  Dataset dataset;
  std::string file, name;  // of the dataset; for errors
  Limits limits;
  std::span<std::byte> out;
  Conversion conversion = {};
};

/// What a filter undone gives its bytes to: in order, and then the end.
class ChunkStage {
 public:
  virtual ~ChunkStage() = default;
  virtual void add(std::span<const std::byte> bytes) = 0;
  virtual void finish() = 0;
};

class ChunkDecoder {
 public:
  ChunkDecoder(std::shared_ptr<const ChunkTarget> target, const Chunk& chunk);
  /// The next of chunk.bytes stored bytes. With the last of them the chunk is in place. Throws DataLossError: a broken deflate
  /// stream, a checksum that differs.
  void add(std::span<const std::byte> stored);

 private:
  std::unique_ptr<ChunkStage> make_stages() const;

  std::shared_ptr<const ChunkTarget> target_;
  Chunk chunk_;
  int64_t received_ = 0;
  std::unique_ptr<ChunkStage> stages_;  // while the chunk is being read
};

}  // namespace keras::hdf5
