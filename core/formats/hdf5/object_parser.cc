// Object headers of version 1 and 2 and the messages that Keras's files have.
#include "core/formats/hdf5/object_parser.h"

#include <set>

#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/checksum.h"
#include "core/formats/hdf5/dense.h"

namespace keras::hdf5 {
namespace {

constexpr uint8_t kSharedFlag = 2;
constexpr int64_t kMaxHeaderBytes = 16 << 20;
constexpr size_t kMaxBlocks = 4096;
constexpr uint8_t kInSharedHeap = 1;
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

struct Dataspace {
  std::vector<int64_t> shape;
  std::vector<uint64_t> max_shape;  // kUndefined: without limit
};

Dataspace parse_dataspace(Cursor cursor) {
  const uint8_t version = cursor.u8(), rank = cursor.u8(), flags = cursor.u8();
  bool null_space = false;
  if (version == 1)
    cursor.skip(5);
  else if (version == 2)
    null_space = cursor.u8() == 2;
  else
    cursor.fail("a dataspace of unknown version");
  if (rank > 32) cursor.fail("a dataspace of more than 32 dimensions");
  Dataspace space;
  int64_t elements = 1;
  for (int i = 0; i < rank; ++i) {
    const uint64_t dim = cursor.u64();
    const auto product = dim > static_cast<uint64_t>(INT64_MAX) ? std::nullopt : checked_mul(elements, static_cast<int64_t>(dim));
    if (!product) cursor.fail("a dataspace is too large");
    elements = *product;
    space.shape.push_back(static_cast<int64_t>(dim));
    space.max_shape.push_back(dim);
  }
  if ((flags & 1) != 0) {
    for (int i = 0; i < rank; ++i) {
      space.max_shape[static_cast<size_t>(i)] = cursor.u64();
      if (space.max_shape[static_cast<size_t>(i)] < static_cast<uint64_t>(space.shape[static_cast<size_t>(i)]))
        cursor.fail("a dataspace that is larger than it may be");
    }
  }
  if (null_space) return {{0}, {0}};
  return space;
}

constexpr uint8_t kVaxOrder = 0x40;

/// What the bits of a float say of its class: IEEE's three are floats, bfloat16 stays bits as Keras stores it.
TypeClass float_class(Cursor& cursor, int64_t bytes, uint8_t bits0) {
  cursor.skip(2);
  const uint16_t precision = cursor.u16();
  cursor.skip(1);
  const uint8_t exponent_bits = cursor.u8();
  cursor.skip(1);
  const uint8_t mantissa_bits = cursor.u8();
  if ((bits0 & kVaxOrder) != 0 || precision != bytes * 8) return TypeClass::kOther;
  if (bytes == 2 && exponent_bits == 8 && mantissa_bits == 7) return TypeClass::kOpaque;
  const bool ieee = (bytes == 2 && exponent_bits == 5 && mantissa_bits == 10) ||
                    (bytes == 4 && exponent_bits == 8 && mantissa_bits == 23) ||
                    (bytes == 8 && exponent_bits == 11 && mantissa_bits == 52);
  return ieee ? TypeClass::kFloat : TypeClass::kOther;
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
      if (cursor.u16() != 0 || cursor.u16() != type.bytes * 8) type.type_class = TypeClass::kOther;  // padded bits
      break;
    case 1:
      type.big_endian = bits0 & 1;
      type.type_class = float_class(cursor, type.bytes, bits0);
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

/// A committed datatype: the message says where the object is whose type is meant.
Type read_committed_type(const FileView& file, Cursor cursor) {
  const uint8_t version = cursor.u8(), kind = cursor.u8();
  if (version == 0 || version > 3) cursor.fail("a shared datatype of unknown version");
  if (version == 3 && kind == kInSharedHeap) {
    throw UnimplementedError("{}: a datatype in the heap of shared messages is not supported", file.source.name())
        .at(file.source.name(), cursor.file_offset());
  }
  if (version == 1) cursor.skip(6);
  const uint64_t address = cursor.u64();
  for (const RawMessage& message : HeaderReader(file, address).read()) {
    if (message.type != kDatatype || (message.flags & kSharedFlag) != 0) continue;
    Cursor type(message.data, file.source.name(), message.offset);
    return parse_datatype(type);
  }
  file.fail("a committed datatype without a type", address);
}

Type read_type(const FileView& file, Cursor cursor, bool shared) {
  return shared ? read_committed_type(file, cursor) : parse_datatype(cursor);
}

Attribute parse_attribute(const FileView& file, const RawMessage& message) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  const uint8_t version = cursor.u8(), flags = cursor.u8();
  if (version < 1 || version > 3) cursor.fail("an attribute of unknown version");
  if (version > 1 && (flags & 2) != 0)
    throw UnimplementedError("{}: an attribute with a shared dataspace is not supported", file.source.name());
  const uint16_t name_bytes = cursor.u16(), type_bytes = cursor.u16(), space_bytes = cursor.u16();
  if (version == 3) cursor.skip(1);
  const auto padded = [&](size_t bytes) { return version == 1 ? (bytes + 7) / 8 * 8 : bytes; };
  Attribute attribute;
  const std::string_view name = cursor.text(padded(name_bytes)).substr(0, name_bytes);
  attribute.name = std::string(name.substr(0, name.find('\0')));
  const int64_t type_offset = cursor.file_offset();
  const Cursor type_cursor(cursor.bytes(padded(type_bytes)), file.source.name(), type_offset);
  attribute.type = read_type(file, type_cursor, version > 1 && (flags & 1) != 0);
  const int64_t space_offset = cursor.file_offset();
  attribute.shape = parse_dataspace(Cursor(cursor.bytes(padded(space_bytes)), file.source.name(), space_offset)).shape;
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

/// The sizes of a chunk and, behind them, the bytes of an element.
void parse_chunk_shape(const FileView& file, Cursor& cursor, uint8_t rank, size_t width, Dataset& dataset) {
  if (rank != dataset.shape.size() + 1 || rank < 2) cursor.fail("chunks have another rank than their dataset");
  int64_t elements = 1;
  for (int i = 0; i + 1 < rank; ++i) {
    const uint64_t dim = cursor.uint(width);
    const auto product =
        dim > static_cast<uint64_t>(file.limits.tensor_bytes) ? std::nullopt : checked_mul(elements, static_cast<int64_t>(dim));
    if (dim == 0 || !product || *product > file.limits.tensor_bytes) cursor.fail("a chunk of impossible size");
    elements = *product;
    dataset.chunk_shape.push_back(static_cast<int64_t>(dim));
  }
  if (cursor.uint(width) != static_cast<uint64_t>(dataset.type.bytes))
    cursor.fail("chunks have other elements than their dataset");
  dataset.layout = Dataset::Layout::kChunked;
}

/// Versions 1 and 2, of libraries before 1.6.
void parse_old_layout(const FileView& file, Cursor& cursor, Dataset& dataset) {
  const uint8_t rank = cursor.u8(), layout_class = cursor.u8();
  cursor.skip(5);
  const uint64_t address = layout_class == 0 ? 0 : cursor.u64();
  if (layout_class == 2) {
    parse_chunk_shape(file, cursor, rank, 4, dataset);
    if (address != kUndefined) dataset.chunks = read_chunk_tree(file, address, dataset);
    return;
  }
  cursor.skip(size_t{rank} * 4);
  if (layout_class == 0) {
    const auto data = cursor.bytes(cursor.u32());
    if (static_cast<int64_t>(data.size()) != dataset.size_bytes())
      cursor.fail("a compact dataset has another size than its shape");
    dataset.compact.assign(data.begin(), data.end());
    dataset.layout = Dataset::Layout::kCompact;
  } else if (layout_class == 1) {
    if (address == kUndefined) return;
    dataset.offset = file.offset(address);
    if (dataset.size_bytes() > file.source.size_bytes() - dataset.offset) file.fail("a dataset lies outside the file", address);
    dataset.layout = Dataset::Layout::kContiguous;
  } else {
    cursor.fail("a dataset layout of unknown class");
  }
}

/// The value of elements that were never written, by the old message or the new one (versions 1 to 3).
std::vector<std::byte> parse_fill(Cursor cursor, uint16_t message) {
  bool present = true;
  if (message == kFillValue) {
    const uint8_t version = cursor.u8();
    if (version < 1 || version > 3) cursor.fail("a fill value of unknown version");
    if (version == 3) {
      present = (cursor.u8() & 0x20) != 0;
    } else {
      cursor.skip(2);
      present = cursor.u8() != 0;
    }
  }
  if (!present) return {};
  const auto value = cursor.bytes(cursor.u32());
  return {value.begin(), value.end()};
}

void parse_layout(const FileView& file, const RawMessage& message, const std::vector<uint64_t>& max_shape, Dataset& dataset) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  const uint8_t version = cursor.u8();
  if (version == 1 || version == 2) return parse_old_layout(file, cursor, dataset);
  if (version < 3 || version > 5) {
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
    parse_chunk_shape(file, cursor, rank, 4, dataset);
    if (tree != kUndefined) dataset.chunks = read_chunk_tree(file, tree, dataset);
  } else if (layout_class == 2) {
    const uint8_t flags = cursor.u8(), rank = cursor.u8(), width = cursor.u8();
    if (width == 0 || width > 8) cursor.fail("chunk sizes of impossible width");
    parse_chunk_shape(file, cursor, rank, width, dataset);
    read_chunk_index(file, cursor, flags, max_shape, dataset);
  } else if (layout_class == 3) {
    throw UnimplementedError("{}: a virtual dataset is not supported; other files are never read", file.source.name())
        .at(file.source.name(), message.offset);
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
  if (type == 1) object.soft_links.emplace_back(name, cursor.text(cursor.u16()));
}

constexpr uint8_t kLinkNames = 5, kAttributeNames = 8;  // types of B-trees

/// Many links or attributes are messages in a fractal heap, which a B-tree of their names lists.
void read_dense(const FileView& file, const RawMessage& message, Object& object) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  const bool links = message.type == kLinkInfo;
  cursor.skip(1);
  if ((cursor.u8() & 1) != 0) cursor.skip(links ? 8 : 2);
  const uint64_t heap_address = cursor.u64(), tree = cursor.u64();
  if (heap_address == kUndefined || tree == kUndefined) return;
  FractalHeap heap(file, heap_address);
  walk_btree2(file, tree, links ? kLinkNames : kAttributeNames, [&](Cursor record) {
    if (links) record.skip(4);  // the name's hash
    FractalHeap::Item item = heap.read(record);
    const RawMessage inner = {links ? kLink : kAttribute, 0, std::move(item.bytes), item.file_offset};
    if (links)
      parse_link(file, inner, object);
    else
      object.attributes.push_back(parse_attribute(file, inner));
  });
}

bool is_needed(uint16_t type) {
  return type == kDataspace || type == kDatatype || type == kLayout || type == kFilterPipeline || type == kAttribute ||
         type == kFillValue || type == kLink;
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

std::vector<std::byte> FileView::read_checked(uint64_t address, int64_t bytes, std::string_view signature) const {
  std::vector<std::byte> result = read(address, bytes);
  if (std::string_view(reinterpret_cast<const char*>(result.data()), result.size()).substr(0, signature.size()) != signature)
    fail("a structure does not begin with its signature", address);
  Cursor end(std::span(result).last(4), source.name(), offset(address) + bytes - 4);
  if (lookup3(std::span(result).first(result.size() - 4)) != end.u32()) fail("the checksum of a structure differs", address);
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
  std::optional<Dataspace> space;
  std::vector<std::byte> fill;
  const RawMessage* layout = nullptr;
  std::vector<Filter> filters;
  const std::vector<RawMessage> messages = HeaderReader(file, address).read();
  for (const RawMessage& message : messages) {
    Cursor cursor(message.data, file.source.name(), message.offset);
    if ((message.flags & kSharedFlag) != 0 && is_needed(message.type) && message.type != kDatatype) {
      throw UnimplementedError("{}: '{}' has shared messages, which are not supported", file.source.name(), path)
          .at(file.source.name(), message.offset);
    }
    switch (message.type) {
      case kDataspace: space = parse_dataspace(cursor); break;
      case kDatatype: type = read_type(file, cursor, (message.flags & kSharedFlag) != 0); break;
      case kLayout: layout = &message; break;
      case kOldFillValue:
        if (fill.empty()) fill = parse_fill(cursor, message.type);
        break;
      case kFillValue: fill = parse_fill(cursor, message.type); break;
      case kFilterPipeline: filters = parse_filters(file, message); break;
      case kAttribute: object.attributes.push_back(parse_attribute(file, message)); break;
      case kLink: parse_link(file, message, object); break;
      case kLinkInfo: read_dense(file, message, object); break;
      case kAttributeInfo: read_dense(file, message, object); break;
      case kSymbolTable: {
        const uint64_t tree = cursor.u64();
        read_symbol_table(file, tree, cursor.u64(), object);
        break;
      }
      case kExternalFiles:
        throw UnimplementedError("{}: the data of '{}' are in another file; other files are never read", file.source.name(), path)
            .at(file.source.name(), message.offset);
      default: break;
    }
  }
  if (layout == nullptr) return object;
  if (!type || !space) file.fail("a dataset without type or shape", address);
  Dataset dataset;
  dataset.type = *type;
  dataset.shape = space->shape;
  int64_t bytes = type->bytes;
  for (const int64_t dim : space->shape) {
    const auto product = checked_mul(bytes, dim);
    if (!product) file.fail("a dataset is too large", address);
    bytes = *product;
  }
  dataset.filters = std::move(filters);
  if (static_cast<int64_t>(fill.size()) == type->bytes) dataset.fill = std::move(fill);
  parse_layout(file, *layout, space->max_shape, dataset);
  object.dataset = std::move(dataset);
  return object;
}

}  // namespace keras::hdf5
