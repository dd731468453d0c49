// Fractal heaps: objects inside blocks whose sizes double row by row ("managed"), or in the file by themselves ("huge"). Those
// that stand in their id ("tiny") are too short for any link or attribute.
#include <algorithm>
#include <bit>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/checksum.h"
#include "core/formats/hdf5/dense.h"

namespace keras::hdf5 {
namespace {

constexpr int64_t kHeaderBytes = 146;
constexpr uint8_t kChecksummedBlocks = 2;
constexpr uint8_t kHugeObjects = 1;  // type of the B-tree that lists them
constexpr int kMaxDepth = 16;

}  // namespace

FractalHeap::FractalHeap(const FileView& file, uint64_t address) : file_(file), address_(address) {
  const std::vector<std::byte> bytes = file.read(address, kHeaderBytes);
  Cursor cursor(bytes, file.source.name(), file.offset(address));
  if (cursor.text(4) != "FRHP" || cursor.u8() != 0) file.fail("a fractal heap is broken", address);
  id_bytes_ = cursor.u16();
  if (cursor.u16() != 0) {  // never the case for links and attributes that h5py or Keras wrote
    throw UnimplementedError("{}: a fractal heap with filters is not supported", file.source.name())
        .at(file.source.name(), file.offset(address));
  }
  flags_ = cursor.u8();
  max_managed_ = cursor.u32();
  cursor.skip(8);
  huge_tree_ = cursor.u64();
  cursor.skip(8 * 10);
  width_ = cursor.u16();
  start_bytes_ = cursor.u64();
  max_direct_ = cursor.u64();
  const uint16_t heap_bits = cursor.u16();
  cursor.skip(2);
  const uint64_t root = cursor.u64();
  const uint16_t rows = cursor.u16();
  const auto checked = std::span(bytes).first(cursor.position());
  if (!lookup3_matches(checked, cursor.u32())) file.fail("the checksum of a fractal heap differs", address);
  if (id_bytes_ < 2 || heap_bits == 0 || heap_bits > 63 || !std::has_single_bit(start_bytes_) ||
      !std::has_single_bit(max_direct_) || max_direct_ < start_bytes_ || !std::has_single_bit(width_) ||
      max_direct_ > static_cast<uint64_t>(file.limits.metadata_bytes))
    file.fail("a fractal heap of impossible sizes", address);
  offset_bytes_ = (heap_bits + 7) / 8;
  length_bytes_ = std::min(bytes_for(max_direct_), bytes_for(max_managed_));
  direct_rows_ = static_cast<uint64_t>(std::countr_zero(max_direct_) - std::countr_zero(start_bytes_) + 2);
  if (root == kUndefined) return;
  if (rows == 0)
    add_direct(root, 0, start_bytes_);
  else
    add_indirect(root, 0, rows, kMaxDepth);
}

void FractalHeap::add_direct(uint64_t address, uint64_t offset, uint64_t bytes) {
  Block block = {file_.offset(address), file_.read(address, static_cast<int64_t>(bytes))};
  Cursor cursor(block.bytes, file_.source.name(), block.file_offset);
  if (cursor.text(4) != "FHDB" || cursor.u8() != 0 || cursor.u64() != address_ ||
      cursor.uint(static_cast<size_t>(offset_bytes_)) != offset)
    file_.fail("a block of a fractal heap is broken", address);
  if ((flags_ & kChecksummedBlocks) != 0) {  // of the block with zeros in its place
    const size_t at = cursor.position();
    const uint32_t stored = cursor.u32();
    std::fill_n(block.bytes.begin() + static_cast<ptrdiff_t>(at), 4, std::byte{0});
    if (!lookup3_matches(block.bytes, stored)) file_.fail("the checksum of a fractal heap's block differs", address);
  }
  blocks_.emplace(offset, std::move(block));
}

void FractalHeap::add_indirect(uint64_t address, uint64_t offset, uint64_t rows, int depth) {
  if (depth == 0 || rows > 64) file_.fail("a fractal heap is too deep", address);
  const uint64_t children = rows * width_;
  const int64_t bytes = 4 + 1 + 8 + offset_bytes_ + static_cast<int64_t>(children) * 8 + 4;
  const std::vector<std::byte> node = file_.read_checked(address, bytes, "FHIB");
  Cursor cursor(node, file_.source.name(), file_.offset(address));
  cursor.skip(4);
  if (cursor.u8() != 0 || cursor.u64() != address_ || cursor.uint(static_cast<size_t>(offset_bytes_)) != offset)
    cursor.fail("a block of a fractal heap is broken");
  for (uint64_t row = 0; row < rows; ++row) {
    if (std::bit_width(start_bytes_) + static_cast<int>(row) > 62) cursor.fail("a fractal heap is too large");
    const uint64_t size = row_bytes(row);
    for (uint64_t column = 0; column < width_; ++column, offset += size) {
      const uint64_t child = cursor.u64();
      if (child == kUndefined) continue;
      const uint64_t first_row = start_bytes_ * width_;  // what an indirect block of one row holds
      if (row < direct_rows_)
        add_direct(child, offset, size);
      else if (size < first_row)
        cursor.fail("a block of a fractal heap is too small for its row");
      else
        add_indirect(child, offset, static_cast<uint64_t>(std::bit_width(size) - std::bit_width(first_row) + 1), depth - 1);
    }
  }
}

FractalHeap::Item FractalHeap::read(Cursor id) {
  const int64_t at = id.file_offset();
  Cursor cursor(id.bytes(id_bytes_), file_.source.name(), at);
  const uint8_t kind = cursor.u8();
  if (kind >> 6 != 0) cursor.fail("a heap id of unknown version");
  Item item;
  switch (kind >> 4 & 3) {
    case 0: item = read_managed(cursor); break;
    case 1: item = read_huge(cursor); break;
    default: cursor.fail("a heap id of unknown kind");
  }
  file_.charge(static_cast<int64_t>(item.bytes.size()), address_);
  return item;
}

FractalHeap::Item FractalHeap::read_managed(Cursor& id) {
  const uint64_t offset = id.uint(static_cast<size_t>(offset_bytes_));
  const uint64_t length = id.uint(static_cast<size_t>(length_bytes_));
  auto block = blocks_.upper_bound(offset);
  if (block == blocks_.begin()) id.fail("an object lies outside its heap");
  --block;
  const uint64_t within = offset - block->first;
  const std::vector<std::byte>& bytes = block->second.bytes;
  if (within > bytes.size() || length > bytes.size() - within) id.fail("an object lies outside its heap");
  const auto begin = bytes.begin() + static_cast<ptrdiff_t>(within);
  return {{begin, begin + static_cast<ptrdiff_t>(length)}, block->second.file_offset + static_cast<int64_t>(within)};
}

FractalHeap::Item FractalHeap::read_huge(Cursor& id) {
  uint64_t address, bytes;
  if (id.remaining() >= 16) {  // the id has room for the place itself
    address = id.u64();
    bytes = id.u64();
  } else {
    if (!huge_read_ && huge_tree_ != kUndefined) {
      walk_btree2(file_, huge_tree_, kHugeObjects, [&](Cursor record) {
        const uint64_t place = record.u64(), size = record.u64();
        huge_[record.u64()] = {place, size};
      });
    }
    huge_read_ = true;
    const auto found = huge_.find(id.uint(std::min<size_t>(id.remaining(), 8)));
    if (found == huge_.end()) id.fail("a huge object is missing from its heap");
    std::tie(address, bytes) = found->second;
  }
  if (bytes > static_cast<uint64_t>(file_.limits.metadata_bytes)) id.fail("a huge object is too large");
  return {file_.read(address, static_cast<int64_t>(bytes)), file_.offset(address)};
}

}  // namespace keras::hdf5
