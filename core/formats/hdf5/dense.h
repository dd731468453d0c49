// The new kind of storage (libver='latest'): B-trees of version 2 and the fractal heaps whose objects they list.
#pragma once

#include <functional>
#include <map>
#include <tuple>

#include "core/formats/hdf5/object_parser.h"

namespace keras::hdf5 {

/// Visits the records of a version 2 B-tree of this type: `record(bytes)`. Work is bounded by the file's budget, since
/// each node is charged, and depth by the header's.
void walk_btree2(const FileView& file, uint64_t address, uint8_t type, const std::function<void(Cursor)>& record);

/// Bytes of a number up to `limit`, as B-trees and heaps have them.
int bytes_for(uint64_t limit);

/// The objects of a fractal heap by their ids.
class FractalHeap {
 public:
  FractalHeap(const FileView& file, uint64_t address);

  struct Item {
    std::vector<std::byte> bytes;
    int64_t file_offset;  // for messages
  };
  /// `id` as records of B-trees hold it; it may be followed by other bytes.
  Item read(Cursor id);

 private:
  struct Block {
    int64_t file_offset;
    std::vector<std::byte> bytes;
  };

  void add_direct(uint64_t address, uint64_t offset, uint64_t bytes);
  void add_indirect(uint64_t address, uint64_t offset, uint64_t rows, int depth);
  uint64_t row_bytes(uint64_t row) const { return row < 2 ? start_bytes_ : start_bytes_ << (row - 1); }
  Item read_managed(Cursor& id);
  Item read_huge(Cursor& id);

  const FileView& file_;
  uint64_t address_;
  uint8_t flags_ = 0;
  uint16_t id_bytes_ = 0, width_ = 0;
  uint64_t max_managed_ = 0, huge_tree_ = 0, start_bytes_ = 0, max_direct_ = 0;
  int offset_bytes_ = 0, length_bytes_ = 0;
  uint64_t direct_rows_ = 0;
  std::map<uint64_t, Block> blocks_;                        // by their offset in the heap
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> huge_;  // id → address, bytes
  bool huge_read_ = false;
};

}  // namespace keras::hdf5
