// Version 1 B-trees: of groups (names) and of chunks.
#include <algorithm>
#include <set>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/object_parser.h"

namespace keras::hdf5 {
namespace {

constexpr int kMaxLevels = 256;  // a level is one byte; trees of the smallest nodes get deep
constexpr int64_t kNodeHeaderBytes = 24;
constexpr int64_t kSymbolEntryBytes = 40;
constexpr uint32_t kSoftLink = 2;

/// Visits the leaves of a tree: `leaf(key, child)` for each entry of level 0. Nodes met twice are an error.
class TreeWalker {
 public:
  TreeWalker(const FileView& file, uint8_t type, int64_t key_bytes) : file_(file), type_(type), key_bytes_(key_bytes) {}

  template <class Leaf>
  void walk(uint64_t address, int level_limit, Leaf&& leaf) {
    if (level_limit == 0 || !seen_.insert(address).second) file_.fail("a B-tree loops", address);
    if (static_cast<int64_t>(seen_.size()) > file_.limits.file_objects) file_.fail("a B-tree has too many nodes", address);
    const std::vector<std::byte> start = file_.read(address, kNodeHeaderBytes);
    Cursor header(start, file_.source.name(), file_.offset(address));
    if (header.text(4) != "TREE" || header.u8() != type_) file_.fail("a B-tree node is broken", address);
    const uint8_t level = header.u8();
    const uint16_t entries = header.u16();
    const int64_t bytes = int64_t{entries} * (key_bytes_ + 8);
    const std::vector<std::byte> body = file_.read(address + kNodeHeaderBytes, bytes);
    Cursor cursor(body, file_.source.name(), file_.offset(address) + kNodeHeaderBytes);
    if (level > 0 || type_ == 0) ask_for_children(cursor, entries);
    for (int i = 0; i < entries; ++i) {
      const int64_t at = cursor.file_offset();
      const Cursor key(cursor.bytes(static_cast<size_t>(key_bytes_)), file_.source.name(), at);
      const uint64_t child = cursor.u64();
      if (level == 0)
        leaf(key, child);
      else
        walk(child, level_limit - 1, leaf);
    }
  }

 private:
  /// At once, not one after the other.
  void ask_for_children(Cursor cursor, uint16_t entries) const {
    std::vector<uint64_t> children;
    for (int i = 0; i < entries; ++i) {
      cursor.skip(static_cast<size_t>(key_bytes_));
      children.push_back(cursor.u64());
    }
    gather_needs(children, [&](uint64_t child) { file_.source.require(file_.offset(child), kNodeHeaderBytes); });
  }

  const FileView& file_;
  uint8_t type_;
  int64_t key_bytes_;
  std::set<uint64_t> seen_;
};

std::string heap_name(std::span<const std::byte> heap, uint64_t offset, const FileView& file, uint64_t address) {
  if (offset >= heap.size()) file.fail("a name lies outside its heap", address);
  const std::string_view text(reinterpret_cast<const char*>(heap.data()) + offset, heap.size() - offset);
  const size_t end = text.find('\0');
  if (end == std::string_view::npos) file.fail("a name does not end", address);
  return std::string(text.substr(0, end));
}

std::vector<std::byte> read_local_heap(const FileView& file, uint64_t address) {
  const std::vector<std::byte> bytes = file.read(address, 32);
  Cursor cursor(bytes, file.source.name(), file.offset(address));
  if (cursor.text(4) != "HEAP") file.fail("a local heap is broken", address);
  cursor.skip(4);
  const uint64_t size = cursor.u64();
  cursor.skip(8);
  if (size > static_cast<uint64_t>(file.limits.metadata_bytes)) file.fail("a local heap is too large", address);
  return file.read(cursor.u64(), static_cast<int64_t>(size));
}

}  // namespace

void read_symbol_table(const FileView& file, uint64_t tree, uint64_t heap_address, Object& group) {
  const std::vector<std::byte> heap = read_local_heap(file, heap_address);
  TreeWalker(file, 0, 8).walk(tree, kMaxLevels, [&](Cursor, uint64_t node) {
    const std::vector<std::byte> start = file.read(node, 8);
    Cursor header(start, file.source.name(), file.offset(node));
    if (header.text(4) != "SNOD") file.fail("a symbol table node is broken", node);
    header.skip(2);
    const uint16_t count = header.u16();
    const std::vector<std::byte> entries = file.read(node + 8, int64_t{count} * kSymbolEntryBytes);
    Cursor cursor(entries, file.source.name(), file.offset(node) + 8);
    for (int i = 0; i < count; ++i) {
      const uint64_t name = cursor.u64(), address = cursor.u64();
      const uint32_t kind = cursor.u32();
      cursor.skip(4);
      const uint32_t target = cursor.u32();
      cursor.skip(12);
      std::string text = heap_name(heap, name, file, node);
      file.charge(static_cast<int64_t>(text.size()), node);
      if (kind == kSoftLink) {
        group.soft_links.emplace_back(std::move(text), heap_name(heap, target, file, node));
        file.charge(static_cast<int64_t>(group.soft_links.back().second.size()), node);
      } else {
        group.links.emplace_back(std::move(text), address);
      }
    }
  });
}

std::vector<Chunk> read_chunk_tree(const FileView& file, uint64_t address, const Dataset& dataset) {
  const size_t rank = dataset.shape.size();
  std::vector<Chunk> chunks;
  std::set<std::vector<int64_t>> starts;
  const auto key_bytes = static_cast<int64_t>(8 + (rank + 1) * 8);
  TreeWalker(file, 1, key_bytes).walk(address, kMaxLevels, [&](Cursor key, uint64_t child) {
    Chunk chunk;
    chunk.bytes = key.u32();
    chunk.skipped_filters = key.u32();
    for (size_t i = 0; i < rank; ++i) {
      const uint64_t start = key.u64();
      if (start >= static_cast<uint64_t>(dataset.shape[i])) key.fail("a chunk lies outside its dataset");
      if (start % static_cast<uint64_t>(dataset.chunk_shape[i]) != 0) key.fail("a chunk begins inside another");
      chunk.start.push_back(static_cast<int64_t>(start));
    }
    if (!starts.insert(chunk.start).second) key.fail("a chunk is there twice");
    chunk.offset = file.offset(child);
    if (file.source.size_bytes() - chunk.offset < chunk.bytes) file.fail("a chunk lies outside the file", child);
    chunks.push_back(std::move(chunk));
    if (static_cast<int64_t>(chunks.size()) > file.limits.file_objects) file.fail("a dataset has too many chunks", address);
  });
  return chunks;
}

}  // namespace keras::hdf5
