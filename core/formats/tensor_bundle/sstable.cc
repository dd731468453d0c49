// Blocks with prefix-compressed keys and restart points.
#include "core/formats/tensor_bundle/sstable.h"

#include <algorithm>
#include <cstring>

#include "core/base/crc32c.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/snappy.h"

namespace keras {
namespace {

constexpr uint64_t kMagic = 0xDB4775248B80FB57u;
constexpr int64_t kFooterBytes = 48;
constexpr int64_t kTrailerBytes = 5;  // compression type, masked crc32c
constexpr int kNotCompressed = 0, kSnappy = 1;
constexpr size_t kBlockBytes = 262144;
constexpr size_t kRestartInterval = 16;

struct BlockHandle {
  uint64_t offset, bytes;
};

BlockHandle read_handle(Cursor& cursor) {
  const uint64_t offset = cursor.varint64();
  return {offset, cursor.varint64()};
}

/// The contents of a block, checksum verified, uncompressed.
std::vector<std::byte> read_block(const ByteSource& source, const BlockHandle& handle, const Limits& limits) {
  const auto size = static_cast<uint64_t>(source.size_bytes());
  const auto at = static_cast<int64_t>(std::min<uint64_t>(handle.offset, size));
  if (handle.offset > size || handle.bytes > size - handle.offset || size - handle.offset - handle.bytes < kTrailerBytes) {
    throw DataLossError("{}: a block lies outside the file (at byte {})", source.name(), at).at(source.name(), at);
  }
  if (static_cast<int64_t>(handle.bytes) > limits.metadata_bytes) {
    throw ResourceExhaustedError("{}: a block of {} bytes, more than limits.metadataBytes ({})", source.name(), handle.bytes,
                                 limits.metadata_bytes)
        .at(source.name(), at);
  }
  std::vector<std::byte> bytes = source.read(at, static_cast<int64_t>(handle.bytes) + kTrailerBytes);
  const std::span<const std::byte> checked(bytes.data(), handle.bytes + 1);
  uint32_t stored;
  std::memcpy(&stored, bytes.data() + handle.bytes + 1, 4);
  if (mask_crc32c(crc32c(checked)) != stored) {
    throw DataLossError("{}: the checksum of a block differs (at byte {})", source.name(), at).at(source.name(), at);
  }
  const int type = std::to_integer<int>(bytes[handle.bytes]);
  bytes.resize(handle.bytes);
  if (type == kNotCompressed) return bytes;
  if (type == kSnappy) return uncompress_snappy(bytes, source.name(), at, limits.metadata_bytes);
  throw UnimplementedError("{}: a block compressed in a way that is not known ({}, at byte {})", source.name(), type, at)
      .at(source.name(), at);
}

/// The places at a block's end that name entries whose key is whole: where readers may begin that look for one key.
class RestartArray {
 public:
  /// Throws DataLossError where the array is longer than its block.
  RestartArray(std::span<const std::byte> block, const Cursor& cursor) : block_(block) {
    if (block.size() < 4) cursor.fail("a block is too short");
    std::memcpy(&count_, block.data() + block.size() - 4, 4);
    if (count_ > (block.size() - 4) / 4) cursor.fail("the restart array is larger than its block");
  }
  /// Where it begins, and the entries end.
  size_t begin() const { return block_.size() - 4 - size_t{count_} * 4; }
  /// Whether it names this place. REQUIRES: called for the place of each entry, in order.
  bool names(size_t position) {
    const bool named = met_ < count_ && place(met_) == position;
    if (named) ++met_;
    return named;
  }
  /// After the last entry: the first was named, and nothing else than entries.
  void check(bool empty, const Cursor& cursor) const {
    if (count_ == 0 || place(0) != 0) cursor.fail("the restart array does not begin with the first entry");
    if (met_ != count_ && !(empty && count_ == 1)) cursor.fail("the restart array names a place where no entry begins");
  }

 private:
  uint32_t place(uint32_t i) const {
    uint32_t value;
    std::memcpy(&value, block_.data() + begin() + size_t{i} * 4, 4);
    return value;
  }

  std::span<const std::byte> block_;
  uint32_t count_ = 0, met_ = 0;
};

void read_entries(const std::vector<std::byte>& block, const ByteSource& source, int64_t offset, const Limits& limits,
                  TableEntries& entries, int64_t& total_bytes) {
  Cursor cursor(block, source.name(), offset);
  RestartArray restarts(block, cursor);
  const size_t end = restarts.begin();
  std::string key;
  while (cursor.position() < end) {
    const bool whole = restarts.names(cursor.position());
    const uint64_t shared = cursor.varint64(), unshared = cursor.varint64(), value_bytes = cursor.varint64();
    if (cursor.position() > end) cursor.fail("an entry leaves its block");
    if (shared > key.size()) cursor.fail("a key shares more than the previous one has");
    if (whole && shared != 0) cursor.fail("a key shares where it should be whole");
    if (unshared > end - cursor.position() || value_bytes > end - cursor.position() - unshared)
      cursor.fail("an entry leaves its block");
    key.resize(shared);
    key += cursor.text(unshared);
    entries.emplace_back(key, std::string(cursor.text(value_bytes)));
    total_bytes += static_cast<int64_t>(key.size() + value_bytes);
    if (total_bytes > limits.metadata_bytes) {  // shared prefixes make long keys out of few bytes
      throw ResourceExhaustedError("{}: entries of more than limits.metadataBytes ({})", source.name(), limits.metadata_bytes)
          .at(source.name(), cursor.file_offset());
    }
    if (static_cast<int64_t>(entries.size()) > limits.file_objects) {
      throw ResourceExhaustedError("{}: more than {} entries (limits.fileObjects)", source.name(), limits.file_objects)
          .at(source.name(), cursor.file_offset());
    }
  }
  restarts.check(end == 0, cursor);
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

template <class T>
void put_fixed(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

class BlockWriter {
 public:
  explicit BlockWriter(size_t restart_interval) : interval_(restart_interval) {}

  void add(const std::string& key, const std::string& value) {
    size_t shared = 0;
    if (count_ % interval_ == 0)
      restarts_.push_back(static_cast<uint32_t>(contents_.size()));
    else
      while (shared < key.size() && shared < previous_.size() && key[shared] == previous_[shared]) ++shared;
    put_varint(contents_, shared);
    put_varint(contents_, key.size() - shared);
    put_varint(contents_, value.size());
    contents_.append(key, shared);
    contents_ += value;
    previous_ = key;
    ++count_;
  }
  bool empty() const { return count_ == 0; }
  size_t bytes() const { return contents_.size(); }
  const std::string& last_key() const { return previous_; }

  /// The block with restarts, type and checksum; the writer is empty again.
  std::string finish() {
    if (restarts_.empty()) restarts_.push_back(0);
    for (const uint32_t restart : restarts_) put_fixed(contents_, restart);
    put_fixed(contents_, static_cast<uint32_t>(restarts_.size()));
    contents_ += '\0';
    put_fixed(contents_, mask_crc32c(crc32c(std::as_bytes(std::span(contents_)))));
    std::string done = std::move(contents_);
    contents_.clear();
    restarts_.clear();
    previous_.clear();
    count_ = 0;
    return done;
  }

 private:
  size_t interval_, count_ = 0;
  std::string contents_, previous_;
  std::vector<uint32_t> restarts_;
};

}  // namespace

TableEntries read_table(const ByteSource& source, const Limits& limits) {
  if (source.size_bytes() < kFooterBytes) {
    throw DataLossError("{}: {} bytes are too few for an index", source.name(), source.size_bytes()).at(source.name(), 0);
  }
  const int64_t footer_offset = source.size_bytes() - kFooterBytes;
  const std::vector<std::byte> footer = source.read(footer_offset, kFooterBytes);
  Cursor cursor(footer, source.name(), footer_offset);
  read_handle(cursor);  // the metaindex, always empty
  const BlockHandle index = read_handle(cursor);
  cursor.seek(static_cast<size_t>(kFooterBytes) - 8);
  if (cursor.u64() != kMagic)
    throw DataLossError("{}: not an index of a checkpoint (bad magic number)", source.name()).at(source.name(), footer_offset);
  TableEntries blocks, entries;
  int64_t total_bytes = 0;
  read_entries(read_block(source, index, limits), source, static_cast<int64_t>(index.offset), limits, blocks, total_bytes);
  uint64_t blocks_end = 0;
  for (const auto& [key, value] : blocks) {
    Cursor handle_cursor(std::as_bytes(std::span(value)), source.name(), static_cast<int64_t>(index.offset));
    const BlockHandle handle = read_handle(handle_cursor);
    if (handle.offset < blocks_end) handle_cursor.fail("blocks overlap");
    const std::vector<std::byte> block = read_block(source, handle, limits);
    blocks_end = handle.offset + handle.bytes + static_cast<uint64_t>(kTrailerBytes);
    read_entries(block, source, static_cast<int64_t>(handle.offset), limits, entries, total_bytes);
  }
  for (size_t i = 1; i < entries.size(); ++i) {
    if (entries[i - 1].first >= entries[i].first)
      throw DataLossError("{}: keys are not in order", source.name()).at(source.name(), static_cast<int64_t>(index.offset));
  }
  return entries;
}

std::vector<std::byte> write_table(const TableEntries& entries) {
  std::string file;
  BlockWriter block(kRestartInterval), index(1);
  const auto flush = [&] {
    const std::string last = block.last_key();
    std::string handle;
    put_varint(handle, file.size());
    const std::string done = block.finish();
    put_varint(handle, done.size() - static_cast<size_t>(kTrailerBytes));
    file += done;
    index.add(last, handle);
  };
  for (const auto& [key, value] : entries) {
    block.add(key, value);
    if (block.bytes() >= kBlockBytes) flush();
  }
  if (!block.empty()) flush();
  std::string footer;
  const std::string metaindex = BlockWriter(kRestartInterval).finish();
  put_varint(footer, file.size());
  put_varint(footer, metaindex.size() - static_cast<size_t>(kTrailerBytes));
  file += metaindex;
  const std::string index_block = index.finish();
  put_varint(footer, file.size());
  put_varint(footer, index_block.size() - static_cast<size_t>(kTrailerBytes));
  file += index_block;
  footer.resize(static_cast<size_t>(kFooterBytes) - 8, '\0');
  put_fixed(footer, kMagic);
  file += footer;
  const auto bytes = std::as_bytes(std::span(file));
  return {bytes.begin(), bytes.end()};
}

}  // namespace keras
