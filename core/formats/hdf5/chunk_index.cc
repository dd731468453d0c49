// Where the chunks of a dataset of layout version 4 or 5 are: the five indexes that came after the version 1 B-tree.
#include <algorithm>
#include <bit>
#include <set>

#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/dense.h"

namespace keras::hdf5 {
namespace {

enum Index : uint8_t { kSingle = 1, kImplicit = 2, kFixedArray = 3, kExtensibleArray = 4, kBTree2 = 5 };
constexpr uint8_t kPlainEdges = 1, kSingleFiltered = 2;
constexpr uint8_t kPlainRecords = 10, kFilteredRecords = 11;
constexpr uint64_t kMostEntries = uint64_t{1} << 40;

/// Fills dataset.chunks. Arrays number the chunks of the largest shape the dataset may take, row by row.
class ChunkIndex {
 public:
  ChunkIndex(const FileView& file, Dataset& dataset, const std::vector<uint64_t>& max_shape, uint8_t flags)
      : file_(file), dataset_(dataset), flags_(flags), raw_bytes_(static_cast<uint64_t>(dataset.type.bytes)) {
    for (size_t axis = 0; axis < dataset.shape.size(); ++axis) {
      const auto chunk = static_cast<uint64_t>(dataset.chunk_shape[axis]);
      raw_bytes_ *= chunk;
      const uint64_t most = max_shape[axis];
      counts_.push_back(most == kUndefined ? kUndefined : most / chunk + (most % chunk != 0));
      order_.push_back(axis);
    }
  }

  void read_single(uint64_t address, uint64_t bytes, uint32_t mask) {
    add(std::vector<uint64_t>(counts_.size(), 0), address, bytes, mask);
  }

  /// All chunks one behind the other, unfiltered.
  void read_implicit(uint64_t address) {
    int64_t total = 1;
    for (const uint64_t count : counts_) {
      const auto product = count > kMostEntries ? std::nullopt : checked_mul(total, static_cast<int64_t>(count));
      if (!product || *product > file_.limits.file_objects) file_.fail("a dataset has too many chunks", address);
      total = *product;
    }
    if (raw_bytes_ > static_cast<uint64_t>(file_.source.size_bytes())) file_.fail("a chunk lies outside the file", address);
    for (int64_t i = 0; i < total; ++i)
      place(static_cast<uint64_t>(i), address + static_cast<uint64_t>(i) * raw_bytes_, raw_bytes_, 0);
  }

  void read_fixed_array(uint64_t address) {
    const std::vector<std::byte> bytes = file_.read_checked(address, 28, "FAHD");
    Cursor cursor(bytes, file_.source.name(), file_.offset(address));
    cursor.skip(5);
    take_entry_size(cursor);
    const uint8_t page_bits = cursor.u8();
    const uint64_t entries = cursor.u64(), block = cursor.u64();
    if (page_bits > 40 || entries > kMostEntries) cursor.fail("a fixed array of impossible size");
    if (block == kUndefined) return;
    const uint64_t page = uint64_t{1} << page_bits;
    const bool paged = entries > page;
    const uint64_t pages = (entries + page - 1) / page, map_bytes = paged ? (pages + 7) / 8 : 0;
    const uint64_t prefix = 4 + 1 + 1 + 8 + map_bytes;
    const std::vector<std::byte> data =
        file_.read_checked(block, static_cast<int64_t>(prefix + (paged ? 0 : entries * entry_bytes_) + 4), "FADB");
    Cursor elements(data, file_.source.name(), file_.offset(block));
    elements.skip(4 + 1 + 1 + 8);
    const auto map = elements.bytes(map_bytes);
    if (!paged)
      read_entries(elements, 0, entries);
    else
      read_pages(block + prefix + 4, 0, entries, page, map, 0);
  }

  void read_extensible_array(uint64_t address) {
    unlimited_axis_first(address);
    const std::vector<std::byte> bytes = file_.read_checked(address, 12 + 6 * 8 + 8 + 4, "EAHD");
    Cursor cursor(bytes, file_.source.name(), file_.offset(address));
    cursor.skip(5);
    take_entry_size(cursor);
    const uint8_t max_bits = cursor.u8(), in_index = cursor.u8(), block_min = cursor.u8(), pointers_min = cursor.u8();
    page_ = uint64_t{1} << std::min<uint8_t>(cursor.u8(), 40);
    cursor.skip(6 * 8);
    const uint64_t index = cursor.u64();
    if (index == kUndefined) return;
    const int block_bits = std::bit_width(block_min) - 1;
    if (max_bits > 56 || max_bits < block_bits || !std::has_single_bit(block_min) || !std::has_single_bit(pointers_min))
      cursor.fail("an extensible array of impossible size");
    offset_bytes_ = (max_bits + 7) / 8;
    const int super_blocks = 1 + max_bits - block_bits, first = std::min(2 * (std::bit_width(pointers_min) - 1), super_blocks);
    read_index_block(index, in_index, block_min, first, super_blocks);
  }

  void read_btree2(uint64_t address) {
    std::set<std::vector<uint64_t>> seen;
    const bool filtered = !dataset_.filters.empty();
    walk_btree2(file_, address, filtered ? kFilteredRecords : kPlainRecords, [&](Cursor record) {
      const size_t fixed = 8 * counts_.size() + 8 + (filtered ? 4 : 0);
      if (record.remaining() < fixed || record.remaining() - fixed > 8) record.fail("a record of a chunk of impossible size");
      const size_t size_bytes = record.remaining() - fixed;
      const uint64_t chunk = record.u64();
      const uint64_t bytes = filtered ? record.uint(size_bytes) : raw_bytes_;
      const uint32_t mask = filtered ? record.u32() : 0;
      std::vector<uint64_t> scaled;
      for (size_t i = 0; i < counts_.size(); ++i) scaled.push_back(record.u64());
      if (!seen.insert(scaled).second) record.fail("a chunk is there twice");
      add(scaled, chunk, bytes, mask);
    });
  }

 private:
  /// Extensible arrays grow along the one axis without limit, which therefore varies slowest.
  void unlimited_axis_first(uint64_t address) {
    if (std::count(counts_.begin(), counts_.end(), kUndefined) != 1)
      file_.fail("an extensible array of a dataset that does not grow along one axis", address);
    const auto axis = std::find(counts_.begin(), counts_.end(), kUndefined) - counts_.begin();
    std::rotate(order_.begin(), order_.begin() + axis, order_.begin() + axis + 1);
  }

  void take_entry_size(Cursor& cursor) {
    const uint8_t filtered = cursor.u8();
    entry_bytes_ = cursor.u8();
    if (filtered > 1 || (filtered == 1) == dataset_.filters.empty())
      cursor.fail("a chunk index and its dataset differ in filters");
    if (filtered == 0 ? entry_bytes_ != 8 : entry_bytes_ < 13 || entry_bytes_ > 20)
      cursor.fail("a chunk index with entries of impossible size");
  }

  void read_entries(Cursor& cursor, uint64_t first, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t address = cursor.u64();
      const uint64_t bytes = entry_bytes_ == 8 ? raw_bytes_ : cursor.uint(entry_bytes_ - 12);
      const uint32_t mask = entry_bytes_ == 8 ? 0 : cursor.u32();
      if (address != kUndefined) place(first + i, address, bytes, mask);
    }
  }

  /// `map`: a bit for each page that was ever written, the highest bit first; of the first page here it is bit `number`.
  void read_pages(uint64_t address, uint64_t first, uint64_t count, uint64_t page, std::span<const std::byte> map,
                  uint64_t number) {
    for (uint64_t done = 0; done < count; done += page, ++number) {
      const uint64_t entries = std::min(page, count - done);
      if ((std::to_integer<unsigned>(map[number / 8]) & (0x80u >> (number % 8))) != 0) {
        const std::vector<std::byte> bytes = file_.read_checked(address, static_cast<int64_t>(entries * entry_bytes_ + 4), "");
        Cursor cursor(bytes, file_.source.name(), file_.offset(address));
        read_entries(cursor, first + done, entries);
      }
      address += page * entry_bytes_ + 4;
    }
  }

  struct SuperBlock {
    uint64_t blocks, entries;  // of each block
  };
  static SuperBlock super_block(int number, uint64_t block_min) {
    return {uint64_t{1} << (number / 2), block_min << ((number + 1) / 2)};
  }

  void read_index_block(uint64_t address, uint64_t in_index, uint64_t block_min, int first, int super_blocks) {
    uint64_t direct = 0;
    for (int i = 0; i < first; ++i) direct += super_block(i, block_min).blocks;
    const uint64_t pointers = direct + static_cast<uint64_t>(super_blocks - first);
    const uint64_t bytes = 14 + in_index * entry_bytes_ + pointers * 8 + 4;
    const std::vector<std::byte> node = file_.read_checked(address, static_cast<int64_t>(bytes), "EAIB");
    Cursor cursor(node, file_.source.name(), file_.offset(address));
    cursor.skip(14);
    read_entries(cursor, 0, in_index);
    uint64_t entry = in_index;
    for (int i = 0; i < super_blocks; ++i) {
      const SuperBlock shape = super_block(i, block_min);
      if (i >= first) {
        const uint64_t child = cursor.u64();
        if (child != kUndefined) read_super_block(child, entry, shape);
        entry += shape.blocks * shape.entries;
        continue;
      }
      for (uint64_t block = 0; block < shape.blocks; ++block, entry += shape.entries) {
        const uint64_t child = cursor.u64();
        if (child != kUndefined) read_data_block(child, entry, shape.entries, {}, 0);
      }
    }
  }

  void read_super_block(uint64_t address, uint64_t entry, SuperBlock shape) {
    const uint64_t pages = shape.entries > page_ ? shape.entries / page_ : 0, map_bytes = (pages + 7) / 8;
    const uint64_t bytes = 14 + static_cast<uint64_t>(offset_bytes_) + shape.blocks * (map_bytes + 8) + 4;
    const std::vector<std::byte> node = file_.read_checked(address, static_cast<int64_t>(bytes), "EASB");
    Cursor cursor(node, file_.source.name(), file_.offset(address));
    cursor.skip(14 + static_cast<size_t>(offset_bytes_));
    const auto maps = cursor.bytes(shape.blocks * map_bytes);
    for (uint64_t block = 0; block < shape.blocks; ++block, entry += shape.entries) {
      const uint64_t child = cursor.u64();
      if (child != kUndefined) read_data_block(child, entry, shape.entries, maps, block * pages);
    }
  }

  void read_data_block(uint64_t address, uint64_t first, uint64_t entries, std::span<const std::byte> map, uint64_t first_bit) {
    const bool paged = entries > page_;
    if (paged && map.empty()) file_.fail("an extensible array with pages where none can be", address);
    const uint64_t prefix = 14 + static_cast<uint64_t>(offset_bytes_);
    const uint64_t bytes = prefix + (paged ? 0 : entries * entry_bytes_) + 4;
    const std::vector<std::byte> node = file_.read_checked(address, static_cast<int64_t>(bytes), "EADB");
    if (paged) return read_pages(address + bytes, first, entries, page_, map, first_bit);
    Cursor cursor(node, file_.source.name(), file_.offset(address));
    cursor.skip(prefix);
    read_entries(cursor, first, entries);
  }

  void place(uint64_t number, uint64_t address, uint64_t bytes, uint32_t mask) {
    std::vector<uint64_t> scaled(counts_.size());
    for (size_t i = counts_.size(); i-- > 1;) {
      const uint64_t count = counts_[order_[i]];
      if (count == 0 || count == kUndefined) file_.fail("an array of chunks of a shape without limits", address);
      scaled[order_[i]] = number % count;
      number /= count;
    }
    scaled[order_[0]] = number;
    add(scaled, address, bytes, mask);
  }

  void add(const std::vector<uint64_t>& scaled, uint64_t address, uint64_t bytes, uint32_t mask) {
    Chunk chunk;
    bool edge = false;
    for (size_t axis = 0; axis < scaled.size(); ++axis) {
      const auto size = static_cast<uint64_t>(dataset_.shape[axis]), step = static_cast<uint64_t>(dataset_.chunk_shape[axis]);
      if (scaled[axis] >= size / step + (size % step != 0)) return;  // kept from when the dataset was larger
      chunk.start.push_back(static_cast<int64_t>(scaled[axis] * step));
      edge = edge || size - scaled[axis] * step < step;
    }
    chunk.offset = file_.offset(address);
    if (bytes > static_cast<uint64_t>(file_.source.size_bytes() - chunk.offset))
      file_.fail("a chunk lies outside the file", address);
    chunk.bytes = static_cast<int64_t>(bytes);
    chunk.skipped_filters = edge && (flags_ & kPlainEdges) != 0 ? ~uint32_t{0} : mask;
    if (static_cast<int64_t>(dataset_.chunks.size()) >= file_.limits.file_objects)
      file_.fail("a dataset has too many chunks", address);
    dataset_.chunks.push_back(std::move(chunk));
  }

  const FileView& file_;
  Dataset& dataset_;
  uint8_t flags_;
  uint64_t raw_bytes_;            // of a chunk
  std::vector<uint64_t> counts_;  // chunks along each axis of the largest shape
  std::vector<size_t> order_;     // axes, the slowest first
  size_t entry_bytes_ = 0;
  uint64_t page_ = 0;     // entries of a page of an extensible array
  int offset_bytes_ = 0;  // of a position in it
};

}  // namespace

void read_chunk_index(const FileView& file, Cursor& cursor, uint8_t flags, const std::vector<uint64_t>& max_shape,
                      Dataset& dataset) {
  ChunkIndex index(file, dataset, max_shape, flags);
  const uint8_t kind = cursor.u8();
  uint64_t bytes = 0;
  uint32_t mask = 0;
  switch (kind) {
    case kSingle:
      if ((flags & kSingleFiltered) != 0) {
        bytes = cursor.u64();
        mask = cursor.u32();
      } else {
        bytes = static_cast<uint64_t>(dataset.type.bytes);
        for (const int64_t dim : dataset.chunk_shape) bytes *= static_cast<uint64_t>(dim);
      }
      break;
    case kImplicit: break;
    case kFixedArray: cursor.skip(1); break;
    case kExtensibleArray: cursor.skip(5); break;
    case kBTree2: cursor.skip(6); break;
    default: cursor.fail("a chunk index of unknown kind");
  }
  const uint64_t address = cursor.u64();
  if (address == kUndefined) return;
  switch (kind) {
    case kSingle: return index.read_single(address, bytes, mask);
    case kImplicit: return index.read_implicit(address);
    case kFixedArray: return index.read_fixed_array(address);
    case kExtensibleArray: return index.read_extensible_array(address);
    default: return index.read_btree2(address);
  }
}

}  // namespace keras::hdf5
