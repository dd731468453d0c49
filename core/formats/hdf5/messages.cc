// Messages of all versions that libraries have written, field by field: docs/formats/hdf5.md.
#include "core/formats/hdf5/messages.h"

#include "core/base/checked.h"
#include "core/base/error.h"

namespace keras::hdf5 {
namespace {

constexpr uint8_t kInSharedHeap = 1;
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

/// Whether the two members of an enumeration are those that h5py gives a bool. Before version 3 names are padded to 8 bytes.
bool names_booleans(Cursor& cursor, bool padded) {
  for (const std::string_view name : {"FALSE", "TRUE"}) {
    const size_t bytes = padded ? 8 : name.size() + 1;
    if (cursor.remaining() < bytes) return false;
    const std::string_view found = cursor.text(bytes);
    if (!found.starts_with(name) || found[name.size()] != '\0') return false;
  }
  return true;
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
  for (const RawMessage& message : read_header(file, address)) {
    if (message.type != kDatatype || (message.flags & kSharedFlag) != 0) continue;
    Cursor type(message.data, file.source.name(), message.offset);
    return parse_datatype(type);
  }
  file.fail("a committed datatype without a type", address);
}

/// The sizes of a chunk and, behind them, the bytes of an element.
void parse_chunk_shape(const FileView& file, Cursor& cursor, uint8_t rank, size_t width, Dataset& dataset) {
  if (rank != dataset.shape.size() + 1 || rank < 2) cursor.fail("chunks have another rank than their dataset");
  int64_t bytes = dataset.type.bytes;
  for (int i = 0; i + 1 < rank; ++i) {
    const uint64_t dim = cursor.uint(width);
    if (dim == 0) cursor.fail("a chunk of impossible size");
    const auto product =
        dim > static_cast<uint64_t>(file.limits.tensor_bytes) ? std::nullopt : checked_mul(bytes, static_cast<int64_t>(dim));
    if (!product || *product > file.limits.tensor_bytes) {
      throw ResourceExhaustedError("{}: the chunks of a dataset are larger than limits.tensorBytes ({})", file.source.name(),
                                   file.limits.tensor_bytes)
          .at(file.source.name(), cursor.file_offset());
    }
    bytes = *product;
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

}  // namespace

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

Type parse_datatype(Cursor& cursor) {
  const uint8_t class_and_version = cursor.u8();
  const uint8_t bits0 = cursor.u8(), bits1 = cursor.u8();
  cursor.skip(1);
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
      const size_t members = bits0 | size_t{bits1} << 8;
      type = parse_datatype(cursor);
      if (members == 2 && type.bytes == 1 && names_booleans(cursor, (class_and_version >> 4) < 3))
        type.type_class = TypeClass::kBoolean;
      break;
    }
    case 9: type.type_class = (bits0 & 0x0F) == 1 ? TypeClass::kVlenString : TypeClass::kOther; break;
    default: type.type_class = TypeClass::kOther;
  }
  return type;
}

Type read_type(const FileView& file, Cursor cursor, bool shared) {
  return shared ? read_committed_type(file, cursor) : parse_datatype(cursor);
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

}  // namespace keras::hdf5
