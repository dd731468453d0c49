// Object headers: messages become an Object.
#pragma once

#include "core/base/cursor.h"
#include "core/formats/hdf5/hdf5_reader.h"

namespace keras::hdf5 {

/// What parsing needs to know of the file.
struct FileView {
  const ByteSource& source;
  int64_t base;
  const Limits& limits;
  int64_t& metadata_bytes;  // read so far; charged, so that what many point at cannot be read again and again

  /// Address → offset in the file. Throws DataLossError outside it.
  int64_t offset(uint64_t address) const;
  std::vector<std::byte> read(uint64_t address, int64_t bytes) const;
  /// A structure that begins with `signature` and ends with its checksum, which is verified.
  std::vector<std::byte> read_checked(uint64_t address, int64_t bytes, std::string_view signature) const;
  /// Counts bytes of metadata that are made from the file, of the structure at an address. A sound file says each byte once
  /// (headers are looked at twice).
  void charge(int64_t bytes, uint64_t address) const;
  [[noreturn]] void fail(std::string_view what, uint64_t address) const;
};

Object parse_object(const FileView& file, uint64_t address, std::string_view path);

/// The chunks of a dataset from its version 1 B-tree; each begins inside the dataset, on a multiple of the chunk's shape.
std::vector<Chunk> read_chunk_tree(const FileView& file, uint64_t address, const Dataset& dataset);
/// The chunks of a dataset of layout version 4 or 5; `cursor` is at the kind of the index in the layout message.
void read_chunk_index(const FileView& file, Cursor& cursor, uint8_t flags, const std::vector<uint64_t>& max_shape,
                      Dataset& dataset);
/// Adds the links of a group from its version 1 B-tree and local heap.
void read_symbol_table(const FileView& file, uint64_t tree, uint64_t heap, Object& group);

}  // namespace keras::hdf5
