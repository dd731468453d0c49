// Version 2 B-trees: the indexes of dense links and attributes, of huge heap objects and of chunks.
#include <algorithm>
#include <bit>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/dense.h"

namespace keras::hdf5 {
namespace {

constexpr int64_t kHeaderBytes = 38;
constexpr int64_t kNodeOverhead = 10;  // signature, version, type, checksum
constexpr uint16_t kMaxDepth = 32;

/// What a node of one level may hold.
struct Level {
  uint64_t max_records;
  uint64_t max_total;  // with all its descendants
  int pointer_bytes;   // of a child; 0 in leaves
};

class Tree2 {
 public:
  Tree2(const FileView& file, uint64_t address, uint8_t type, const std::function<void(Cursor)>& record)
      : file_(file), type_(type), record_(record) {
    const std::vector<std::byte> bytes = file.read_checked(address, kHeaderBytes, "BTHD");
    Cursor cursor(bytes, file.source.name(), file.offset(address));
    cursor.skip(4);
    if (cursor.u8() != 0) cursor.fail("a version 2 B-tree of unknown version");
    if (cursor.u8() != type) cursor.fail("a version 2 B-tree of another type than expected");
    const uint32_t node_bytes = cursor.u32();
    record_bytes_ = cursor.u16();
    const uint16_t depth = cursor.u16();
    cursor.skip(2);
    root_ = cursor.u64();
    root_records_ = cursor.u16();
    if (depth > kMaxDepth) cursor.fail("a version 2 B-tree is too deep");
    add_levels(cursor, node_bytes, depth);
  }

  void walk() {
    if (root_ != kUndefined && root_records_ > 0) walk(root_, root_records_, levels_.size() - 1);
  }

 private:
  void add_levels(const Cursor& cursor, uint32_t node_bytes, uint16_t depth) {
    if (record_bytes_ == 0 || node_bytes < kNodeOverhead + record_bytes_) cursor.fail("a version 2 B-tree of impossible sizes");
    const uint64_t leaf = (node_bytes - kNodeOverhead) / record_bytes_;
    levels_.push_back({leaf, leaf, 0});
    count_bytes_ = bytes_for(leaf);
    for (int i = 1; i <= depth; ++i) {
      const Level& below = levels_.back();
      const int pointer = 8 + count_bytes_ + (i > 1 ? bytes_for(below.max_total) : 0);
      if (node_bytes < static_cast<uint64_t>(kNodeOverhead + pointer)) cursor.fail("a version 2 B-tree of impossible sizes");
      const uint64_t most =
          (node_bytes - kNodeOverhead - static_cast<uint64_t>(pointer)) / (record_bytes_ + static_cast<uint64_t>(pointer));
      if (most == 0) cursor.fail("a version 2 B-tree of impossible sizes");
      const bool fits = below.max_total < (~uint64_t{0} - most) / (most + 1);
      levels_.push_back({most, fits ? below.max_total * (most + 1) + most : ~uint64_t{0}, pointer});
    }
  }

  void walk(uint64_t address, uint64_t records, size_t level) {
    const Level& shape = levels_[level];
    if (records > shape.max_records) file_.fail("a B-tree node has more records than room", address);
    const uint64_t bytes =
        kNodeOverhead + records * record_bytes_ + (level > 0 ? (records + 1) * static_cast<uint64_t>(shape.pointer_bytes) : 0);
    const std::vector<std::byte> node = file_.read_checked(address, static_cast<int64_t>(bytes), level > 0 ? "BTIN" : "BTLF");
    Cursor cursor(node, file_.source.name(), file_.offset(address));
    cursor.skip(4);
    if (cursor.u8() != 0 || cursor.u8() != type_) cursor.fail("a B-tree node is broken");
    for (uint64_t i = 0; i < records; ++i) {
      const int64_t at = cursor.file_offset();
      record_(Cursor(cursor.bytes(record_bytes_), file_.source.name(), at));
    }
    for (uint64_t i = 0; level > 0 && i <= records; ++i) {
      const uint64_t child = cursor.u64(), child_records = cursor.uint(static_cast<size_t>(count_bytes_));
      cursor.skip(static_cast<size_t>(shape.pointer_bytes - 8 - count_bytes_));
      walk(child, child_records, level - 1);
    }
  }

  const FileView& file_;
  uint8_t type_;
  const std::function<void(Cursor)>& record_;
  uint16_t record_bytes_ = 0;
  int count_bytes_ = 0;
  uint64_t root_ = 0;
  uint16_t root_records_ = 0;
  std::vector<Level> levels_;  // leaves first
};

}  // namespace

int bytes_for(uint64_t limit) { return limit == 0 ? 1 : (std::bit_width(limit) + 7) / 8; }

void walk_btree2(const FileView& file, uint64_t address, uint8_t type, const std::function<void(Cursor)>& record) {
  Tree2(file, address, type, record).walk();
}

}  // namespace keras::hdf5
