// Objects from their headers: attributes and links, in messages or dense, and datasets.
#include "core/formats/hdf5/object_parser.h"

#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/dense.h"
#include "core/formats/hdf5/messages.h"

namespace keras::hdf5 {
namespace {

Attribute parse_attribute(const FileView& file, const RawMessage& message) {
  Cursor cursor(message.data, file.source.name(), message.offset);
  const uint8_t version = cursor.u8(), flags = cursor.u8();
  if (version < 1 || version > 3) cursor.fail("an attribute of unknown version");
  if (version > 1 && (flags & 2) != 0)
    throw UnimplementedError("{}: an attribute with a shared dataspace is not supported", file.source.name())
        .at(file.source.name(), message.offset);
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
  attribute.offset = cursor.file_offset();
  const auto data = cursor.bytes(static_cast<size_t>(bytes));
  attribute.data.assign(data.begin(), data.end());
  return attribute;
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
  if (type == 64) object.external_links.push_back(name);
  if (type == 0) object.links.emplace_back(name, cursor.u64());
  if (type == 1) object.soft_links.emplace_back(name, cursor.text(cursor.u16()));
}

constexpr uint8_t kLinkNames = 5, kAttributeNames = 8;  // types of B-trees

/// `record` lists an attribute: its heap id, flags, …
void refuse_shared(const FileView& file, Cursor record) {
  constexpr size_t kIdBytes = 8;
  record.skip(kIdBytes);
  const int64_t at = record.file_offset();
  if ((record.u8() & kSharedFlag) != 0)
    throw UnimplementedError("{}: an attribute in the heap of shared messages is not supported", file.source.name())
        .at(file.source.name(), at);
}

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
    if (!links) refuse_shared(file, record);
    const RawMessage inner = {links ? kLink : kAttribute, 0, std::move(item.bytes), item.file_offset};
    if (links)
      parse_link(file, inner, object);
    else
      object.attributes.push_back(parse_attribute(file, inner));
  });
}

/// A chunk takes as many bytes as its elements, or, with filters, not much more: deflate stores what it cannot make smaller, or,
/// at worst, spends nine bits on eight.
void check_chunks(const FileView& file, const Dataset& dataset, std::string_view path) {
  constexpr int64_t kSlack = 64;
  int64_t raw = dataset.type.bytes;
  for (const int64_t dim : dataset.chunk_shape) raw *= dim;
  for (const Chunk& chunk : dataset.chunks) {
    bool filtered = false;
    for (size_t i = 0; i < dataset.filters.size(); ++i) filtered = filtered || chunk.applied(i);
    if (filtered ? chunk.bytes > 0 && chunk.bytes <= raw + raw / 8 + kSlack : chunk.bytes == raw) continue;
    throw DataLossError("{}: a chunk of '{}' has {} bytes, stored, of {}", file.source.name(), path, chunk.bytes, raw)
        .at(file.source.name(), chunk.offset);
  }
}

bool is_needed(uint16_t type) {
  return type == kDataspace || type == kDatatype || type == kLayout || type == kFilterPipeline || type == kAttribute ||
         type == kFillValue || type == kLink;
}

}  // namespace

Object parse_object(const FileView& file, uint64_t address, std::string_view path) {
  Object object;
  std::optional<Type> type;
  std::optional<Dataspace> space;
  std::vector<std::byte> fill;
  const RawMessage* layout = nullptr;
  std::vector<Filter> filters;
  const std::vector<RawMessage> messages = read_header(file, address);
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
  check_chunks(file, dataset, path);
  object.dataset = std::move(dataset);
  return object;
}

}  // namespace keras::hdf5
