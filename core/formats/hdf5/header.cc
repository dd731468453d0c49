// Headers are read block by block; what points back or does not end is refused. Also what all parsers read through: FileView.
#include "core/formats/hdf5/header.h"

#include <algorithm>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/checksum.h"

namespace keras::hdf5 {
namespace {

constexpr int64_t kMaxHeaderBytes = 16 << 20;
constexpr size_t kMaxBlocks = 4096;
constexpr int64_t kMetadataSlack = 1 << 16;

/// Collects the messages of a header through all its continuations.
class HeaderReader {
 public:
  HeaderReader(const FileView& file, uint64_t address) : file_(file), address_(address) {}

  std::vector<RawMessage> read() {
    const std::vector<std::byte> start = file_.read(address_, 4);
    const bool version2 =
        start[0] == std::byte{'O'} && start[1] == std::byte{'H'} && start[2] == std::byte{'D'} && start[3] == std::byte{'R'};
    if (version2)
      read_version2();
    else
      read_version1();
    return std::move(messages_);
  }

 private:
  void read_version1() {
    const std::vector<std::byte> prefix = file_.read(address_, 16);
    Cursor cursor(prefix, file_.source.name(), file_.offset(address_));
    if (cursor.u8() != 1) file_.fail("an object header of unknown version", address_);
    cursor.skip(1 + 2 + 4);
    blocks_.push_back({address_ + 16, check_size(cursor.u32())});
    for (size_t i = 0; i < blocks_.size(); ++i) read_block1(blocks_[i]);
  }

  struct Block {
    uint64_t address;
    int64_t bytes;
  };

  int64_t check_size(uint64_t bytes) {
    if (bytes > static_cast<uint64_t>(kMaxHeaderBytes)) file_.fail("an object header is too large", address_);
    return static_cast<int64_t>(bytes);
  }

  void read_block1(Block block) {
    const std::vector<std::byte> bytes = file_.read(block.address, block.bytes);
    Cursor cursor(bytes, file_.source.name(), file_.offset(block.address));
    while (cursor.remaining() >= 8) {
      const uint16_t type = cursor.u16(), size = cursor.u16();
      const uint8_t flags = cursor.u8();
      cursor.skip(3);
      add(type, flags, cursor, size);
    }
  }

  void read_version2() {
    Cursor sizes = cursor_at(address_, 6);
    sizes.skip(4);
    if (sizes.u8() != 2) file_.fail("an object header of unknown version", address_);
    const uint8_t flags = sizes.u8();
    tracks_order_ = (flags & 4) != 0;
    const int64_t skipped = 6 + ((flags & 0x20) ? 16 : 0) + ((flags & 0x10) ? 4 : 0);
    const int64_t width = 1 << (flags & 3);
    Cursor size = cursor_at(address_ + static_cast<uint64_t>(skipped), width);
    const int64_t bytes = check_size(size.uint(static_cast<size_t>(width)));
    read_block2({address_, skipped + width + bytes + 4}, "OHDR", static_cast<size_t>(skipped + width));
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (blocks_[i].bytes < 8) file_.fail("a continuation of an object header is too short", blocks_[i].address);
      read_block2(blocks_[i], "OCHK", 4);
    }
  }

  /// Messages between `prefix` bytes and a checksum.
  void read_block2(Block block, std::string_view signature, size_t prefix) {
    const std::vector<std::byte> bytes = file_.read_checked(block.address, block.bytes, signature);
    Cursor cursor(std::span(bytes).first(bytes.size() - 4), file_.source.name(), file_.offset(block.address));
    cursor.skip(prefix);
    const size_t header = tracks_order_ ? 6 : 4;
    while (cursor.remaining() >= header) {
      const uint16_t type = cursor.u8(), size = cursor.u16();
      const uint8_t flags = cursor.u8();
      if (tracks_order_) cursor.skip(2);
      add(type, flags, cursor, size);
    }
  }

  void add(uint16_t type, uint8_t flags, Cursor& cursor, uint16_t size) {
    const int64_t offset = cursor.file_offset();
    const auto data = cursor.bytes(size);
    if (type == kContinuation) {
      Cursor where(data, file_.source.name(), offset);
      const uint64_t address = where.u64();
      const Block block = {address, check_size(where.u64())};
      total_ += block.bytes;
      if (blocks_.size() >= kMaxBlocks || total_ > kMaxHeaderBytes) file_.fail("an object header does not end", address_);
      blocks_.push_back(block);
      return;
    }
    messages_.push_back({type, flags, {data.begin(), data.end()}, offset});
  }

  Cursor cursor_at(uint64_t address, int64_t bytes) {
    held_.push_back(file_.read(address, bytes));
    return Cursor(held_.back(), file_.source.name(), file_.offset(address));
  }

  const FileView& file_;
  uint64_t address_;
  bool tracks_order_ = false;
  int64_t total_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::vector<std::byte>> held_;
  std::vector<RawMessage> messages_;
};

}  // namespace

std::vector<RawMessage> read_header(const FileView& file, uint64_t address) { return HeaderReader(file, address).read(); }

int64_t FileView::offset(uint64_t address) const {
  const auto size = static_cast<uint64_t>(source.size_bytes());
  if (address > size || static_cast<uint64_t>(base) > size - address) fail("an address lies outside the file", address);
  return static_cast<int64_t>(address) + base;
}

std::vector<std::byte> FileView::read(uint64_t address, int64_t bytes) const {
  std::vector<std::byte> result = source.read(offset(address), bytes);
  charge(bytes, address);
  return result;
}

std::vector<std::byte> FileView::read_checked(uint64_t address, int64_t bytes, std::string_view signature) const {
  std::vector<std::byte> result = read(address, bytes);
  if (std::string_view(reinterpret_cast<const char*>(result.data()), result.size()).substr(0, signature.size()) != signature)
    fail("a structure does not begin with its signature", address);
  Cursor end(std::span(result).last(4), source.name(), offset(address) + bytes - 4);
  if (!lookup3_matches(std::span(result).first(result.size() - 4), end.u32()))
    fail("the checksum of a structure differs", address);
  return result;
}

void FileView::charge(int64_t bytes, uint64_t address) const {
  metadata_bytes += bytes;
  if (metadata_bytes <= kMetadataSlack + 2 * source.size_bytes() && metadata_bytes <= limits.metadata_bytes) return;
  throw ResourceExhaustedError(
      "{}: parts of the file are named again and again: {} bytes of metadata so far (limits.metadataBytes)", source.name(),
      metadata_bytes)
      .at(source.name(), offset(address));
}

void FileView::fail(std::string_view what, uint64_t address) const {
  const auto most = static_cast<uint64_t>(source.size_bytes() - base);
  const int64_t at = base + static_cast<int64_t>(std::min(address, most));
  throw DataLossError("{}: {} (at byte {})", source.name(), what, at).at(source.name(), at);
}

}  // namespace keras::hdf5
