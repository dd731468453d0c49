// Object headers of version 1 and 2 and the messages that Keras's files have.
#include "core/formats/hdf5/object_parser.h"

#include <set>

#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

namespace keras::hdf5 {
namespace {

constexpr uint8_t kSharedFlag = 2;
constexpr int64_t kMaxHeaderBytes = 16 << 20;
constexpr size_t kMaxBlocks = 4096;
constexpr int64_t kMetadataSlack = 1 << 16;

struct RawMessage {
  uint16_t type;
  uint8_t flags;
  std::vector<std::byte> data;
  int64_t offset;
};

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
    read_block2({address_ + static_cast<uint64_t>(skipped + width), bytes});
    for (size_t i = 0; i < blocks_.size(); ++i) {
      // A continuation has a signature in front and a checksum behind.
      if (blocks_[i].bytes < 8) file_.fail("a continuation of an object header is too short", blocks_[i].address);
      read_block2({blocks_[i].address + 4, blocks_[i].bytes - 8});
    }
  }

  void read_block2(Block block) {
    const std::vector<std::byte> bytes = file_.read(block.address, block.bytes);
    Cursor cursor(bytes, file_.source.name(), file_.offset(block.address));
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

std::vector<int64_t> parse_dataspace(Cursor cursor) {
  const uint8_t version = cursor.u8(), rank = cursor.u8();
  cursor.skip(1);
  bool null_space = false;
  if (version == 1)
    cursor.skip(5);
  else if (version == 2)
    null_space = cursor.u8() == 2;
  else
    cursor.fail("a dataspace of unknown version");
  if (rank > 32) cursor.fail("a dataspace of more than 32 dimensions");
  std::vector<int64_t> shape;
  int64_t elements = 1;
  for (int i = 0; i < rank; ++i) {
    const uint64_t dim = cursor.u64();
    const auto product = dim > static_cast<uint64_t>(INT64_MAX) ? std::nullopt : checked_mul(elements, static_cast<int64_t>(dim));
    if (!product) cursor.fail("a dataspace is too large");
    elements = *product;
    shape.push_back(static_cast<int64_t>(dim));
  }
  if (null_space) return {0};
  return shape;
}

Type parse_datatype(Cursor& cursor) {
  const uint8_t class_and_version = cursor.u8();
  const uint8_t bits0 = cursor.u8();
  cursor.skip(2);
  Type type;
  type.bytes = cursor.u32();
  if (type.bytes <= 0 || type.bytes > (1 << 30)) cursor.fail("a datatype of impossible size");
  switch (class_and_version & 0x0F) {
    case 0:
      type.type_class = TypeClass::kInteger;
      type.big_endian = bits0 & 1;
      type.is_signed = bits0 & 8;
      if (type.bytes > 8) cursor.fail("an integer of more than 8 bytes");
      break;
    case 1:
      type.type_class = TypeClass::kFloat;
      type.big_endian = bits0 & 1;
      break;
    case 3: type.type_class = TypeClass::kFixedString; break;
    case 5: type.type_class = TypeClass::kOpaque; break;
    case 8: {  // an enumeration (h5py's bool): its base type follows
      if ((std::to_integer<uint8_t>(cursor.bytes(1)[0]) & 0x0F) != 0)
        cursor.fail("an enumeration of something else than integers");
      cursor.seek(cursor.position() - 1);
      type = parse_datatype(cursor);
      break;
    }
    case 9: type.type_class = (bits0 & 0x0F) == 1 ? TypeClass::kVlenString : TypeClass::kOther; break;
    default: type.type_class = TypeClass::kOther;
  }
  return type;
}

Attribute parse_attribute(const FileView& file, const RawMessage& message) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  const uint8_t version = cursor.u8(), flags = cursor.u8();
  if (version < 1 || version > 3) cursor.fail("an attribute of unknown version");
  if (version > 1 && (flags & 3) != 0)
    throw UnimplementedError("{}: an attribute with a committed datatype is not supported", file.source.name());
  const uint16_t name_bytes = cursor.u16(), type_bytes = cursor.u16(), space_bytes = cursor.u16();
  if (version == 3) cursor.skip(1);
  const auto padded = [&](size_t bytes) { return version == 1 ? (bytes + 7) / 8 * 8 : bytes; };
  Attribute attribute;
  const std::string_view name = cursor.text(padded(name_bytes)).substr(0, name_bytes);
  attribute.name = std::string(name.substr(0, name.find('\0')));
  const int64_t type_offset = cursor.file_offset();
  Cursor type_cursor(cursor.bytes(padded(type_bytes)), file.source.name(), type_offset);
  attribute.type = parse_datatype(type_cursor);
  const int64_t space_offset = cursor.file_offset();
  attribute.shape = parse_dataspace(Cursor(cursor.bytes(padded(space_bytes)), file.source.name(), space_offset));
  int64_t bytes = attribute.type.bytes;
  for (const int64_t dim : attribute.shape) {
    const auto product = checked_mul(bytes, dim);
    if (!product) cursor.fail("an attribute is too large");
    bytes = *product;
  }
  const auto data = cursor.bytes(static_cast<size_t>(bytes));
  attribute.data.assign(data.begin(), data.end());
  return attribute;
}

std::vector<Filter> parse_filters(const FileView& file, const RawMessage& message) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  const uint8_t version = cursor.u8(), count = cursor.u8();
  if (version == 1) cursor.skip(6);
  std::vector<Filter> filters;
  for (int i = 0; i < count; ++i) {
    const uint16_t id = cursor.u16();
    const uint16_t name_bytes = version == 1 || id >= 256 ? cursor.u16() : 0;
    cursor.skip(2);
    const uint16_t values = cursor.u16();
    cursor.skip(version == 1 ? (name_bytes + 7) / 8 * 8 : name_bytes);
    cursor.skip(size_t{values} * 4 + (version == 1 && values % 2 == 1 ? 4 : 0));
    if (id < 1 || id > 3) {
      throw UnimplementedError("{}: filter {} is not supported (deflate, shuffle and fletcher32 are)", file.source.name(), id)
          .at(file.source.name(), message.offset);
    }
    filters.push_back(static_cast<Filter>(id));
  }
  return filters;
}

void parse_layout(const FileView& file, const RawMessage& message, Dataset& dataset) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  const uint8_t version = cursor.u8();
  if (version != 3 && version != 4) {
    throw UnimplementedError("{}: a dataset layout of version {} is not supported", file.source.name(), version)
        .at(file.source.name(), message.offset);
  }
  const uint8_t layout_class = cursor.u8();
  if (layout_class == 0) {
    const auto data = cursor.bytes(cursor.u16());
    dataset.layout = Dataset::Layout::kCompact;
    dataset.compact.assign(data.begin(), data.end());
    if (static_cast<int64_t>(data.size()) != dataset.size_bytes())
      cursor.fail("a compact dataset has another size than its shape");
  } else if (layout_class == 1) {
    const uint64_t address = cursor.u64(), bytes = cursor.u64();
    if (address == kUndefined) return;
    if (bytes != static_cast<uint64_t>(dataset.size_bytes())) cursor.fail("a contiguous dataset has another size than its shape");
    dataset.offset = file.offset(address);
    dataset.layout = Dataset::Layout::kContiguous;
  } else if (layout_class == 2 && version == 3) {
    const uint8_t rank = cursor.u8();
    const uint64_t tree = cursor.u64();
    if (rank != dataset.shape.size() + 1) cursor.fail("chunks have another rank than their dataset");
    int64_t elements = 1;
    for (int i = 0; i + 1 < rank; ++i) {
      const int64_t dim = cursor.u32();
      const auto product = checked_mul(elements, dim);
      if (dim == 0 || !product || *product > file.limits.tensor_bytes) cursor.fail("a chunk of impossible size");
      elements = *product;
      dataset.chunk_shape.push_back(dim);
    }
    dataset.layout = Dataset::Layout::kChunked;
    if (tree != kUndefined) dataset.chunks = read_chunk_tree(file, tree, dataset);
  } else {
    throw UnimplementedError("{}: dataset layout class {} of version {} is not supported", file.source.name(), layout_class,
                             version)
        .at(file.source.name(), message.offset);
  }
}

void parse_link(const FileView& file, const RawMessage& message, Object& object) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  if (cursor.u8() != 1) cursor.fail("a link of unknown version");
  const uint8_t flags = cursor.u8();
  const uint8_t type = (flags & 8) ? cursor.u8() : 0;
  if (flags & 4) cursor.skip(8);
  if (flags & 16) cursor.skip(1);
  const uint64_t name_bytes = cursor.uint(size_t{1} << (flags & 3));
  const std::string name(cursor.text(name_bytes));
  if (type == 64)
    throw UnimplementedError("{}: '{}' is an external link; other files are never read", file.source.name(), name)
        .at(file.source.name(), message.offset);
  if (type == 0) object.links.emplace_back(name, cursor.u64());
}

/// Dense storage keeps links or attributes in a fractal heap.
void refuse_dense(const FileView& file, const RawMessage& message, std::string_view what, std::string_view path) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  cursor.skip(1);
  const uint8_t flags = cursor.u8();
  if (flags & 1) cursor.skip(what == "links" ? 8 : 2);
  if (cursor.u64() == kUndefined) return;
  throw UnimplementedError("{}: the {} of '{}' are in dense storage (libver='latest'), which is not supported yet",
                           file.source.name(), what, path)
      .at(file.source.name(), message.offset);
}

}  // namespace

int64_t FileView::offset(uint64_t address) const {
  const auto size = static_cast<uint64_t>(source.size_bytes());
  if (address > size || static_cast<uint64_t>(base) > size - address) fail("an address lies outside the file", address);
  return static_cast<int64_t>(address) + base;
}

std::vector<std::byte> FileView::read(uint64_t address, int64_t bytes) const {
  std::vector<std::byte> result = source.read(offset(address), bytes);
  charge(bytes);
  return result;
}

void FileView::charge(int64_t bytes) const {
  metadata_bytes += bytes;
  if (metadata_bytes <= kMetadataSlack + 2 * source.size_bytes() && metadata_bytes <= limits.metadata_bytes) return;
  throw ResourceExhaustedError(
      "{}: parts of the file are named again and again: {} bytes of metadata so far (limits.metadataBytes)", source.name(),
      metadata_bytes)
      .at(source.name());
}

void FileView::fail(std::string_view what, uint64_t address) const {
  const auto at = static_cast<int64_t>(std::min<uint64_t>(address, static_cast<uint64_t>(source.size_bytes())));
  throw DataLossError("{}: {} (at byte {})", source.name(), what, at).at(source.name(), at);
}

Object parse_object(const FileView& file, uint64_t address, std::string_view path) {
  Object object;
  std::optional<Type> type;
  std::optional<std::vector<int64_t>> shape;
  const RawMessage* layout = nullptr;
  std::vector<Filter> filters;
  const std::vector<RawMessage> messages = HeaderReader(file, address).read();
  for (const RawMessage& message : messages) {
    Cursor cursor(message.data, file.source.name(), message.offset);
    if ((message.flags & kSharedFlag) != 0 && (message.type == kDatatype || message.type == kAttribute)) {
      throw UnimplementedError("{}: '{}' has a committed datatype, which is not supported", file.source.name(), path);
    }
    switch (message.type) {
      case kDataspace: shape = parse_dataspace(cursor); break;
      case kDatatype: type = parse_datatype(cursor); break;
      case kLayout: layout = &message; break;
      case kFilterPipeline: filters = parse_filters(file, message); break;
      case kAttribute: object.attributes.push_back(parse_attribute(file, message)); break;
      case kLink: parse_link(file, message, object); break;
      case kLinkInfo: refuse_dense(file, message, "links", path); break;
      case kAttributeInfo: refuse_dense(file, message, "attributes", path); break;
      case kSymbolTable: {
        const uint64_t tree = cursor.u64();
        object.links = read_symbol_table(file, tree, cursor.u64());
        break;
      }
      case kExternalFiles:
        throw UnimplementedError("{}: the data of '{}' are in another file; other files are never read", file.source.name(), path)
            .at(file.source.name(), message.offset);
      default: break;
    }
  }
  if (layout == nullptr) return object;
  if (!type || !shape) file.fail("a dataset without type or shape", address);
  Dataset dataset;
  dataset.type = *type;
  dataset.shape = *shape;
  int64_t bytes = type->bytes;
  for (const int64_t dim : *shape) {
    const auto product = checked_mul(bytes, dim);
    if (!product) file.fail("a dataset is too large", address);
    bytes = *product;
  }
  dataset.filters = std::move(filters);
  parse_layout(file, *layout, dataset);
  object.dataset = std::move(dataset);
  return object;
}

}  // namespace keras::hdf5
