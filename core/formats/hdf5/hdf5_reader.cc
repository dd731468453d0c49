// Superblocks, paths, strings and the elements of datasets.
#include "core/formats/hdf5/hdf5_reader.h"

#include <algorithm>
#include <cstring>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/hdf5/checksum.h"
#include "core/formats/hdf5/chunk_decoder.h"
#include "core/formats/hdf5/object_parser.h"

namespace keras::hdf5 {
namespace {

constexpr int kMaxSoftLinks = 64;  // on one path

/// User blocks in front of the file have 512 bytes or a power of two times that.
int64_t find_signature(const ByteSource& source) {
  for (int64_t offset = 0; offset + kSignatureBytes <= source.size_bytes(); offset = offset == 0 ? 512 : offset * 2) {
    const std::vector<std::byte> bytes = source.read(offset, kSignatureBytes);
    if (std::memcmp(bytes.data(), kSignature, kSignatureBytes) == 0) return offset;
    if (offset > (1 << 20)) break;
  }
  return -1;
}

/// What was never written: the dataset's fill value.
void fill(const Dataset& dataset, std::span<std::byte> out, const Conversion& conversion = {}) {
  std::vector<std::byte> value = dataset.fill;
  if (std::ranges::count(value, std::byte{0}) == std::ssize(value)) {
    std::ranges::fill(out, std::byte{0});
    return;
  }
  if (dataset.type.big_endian) std::ranges::reverse(value);
  if (conversion.convert) {
    std::vector<std::byte> converted(static_cast<size_t>(conversion.bytes));
    conversion.convert(value.data(), converted.data(), 1);
    value = std::move(converted);
  }
  for (size_t i = 0; i + value.size() <= out.size(); i += value.size()) std::memcpy(out.data() + i, value.data(), value.size());
}

/// Asks for all ranges before any is decoded; for those that lie close together at once, not one by one.
void require_all(const ByteSource& source, const std::vector<StoredRange>& ranges) {
  constexpr int64_t kGap = 1 << 16;
  int64_t begin = INT64_MAX, end = 0, bytes = kGap;
  for (const StoredRange& range : ranges) {
    begin = std::min(begin, range.offset);
    end = std::max(end, range.offset + range.bytes);
    bytes += range.bytes;
  }
  if (end > begin && (end - begin) / 2 <= bytes) return source.require(begin, end - begin);
  for (const StoredRange& range : ranges) source.require(range.offset, range.bytes);
}

/// Elements one behind the other, seen as a row of one chunk.
Dataset as_one_chunk(const Dataset& dataset) {
  Dataset result = dataset;
  result.shape = result.chunk_shape = {dataset.elements()};
  result.filters.clear();
  result.chunks = {{{0}, dataset.offset, dataset.size_bytes(), 0}};
  return result;
}

}  // namespace

bool looks_like_hdf5(const ByteSource& source) { return find_signature(source) >= 0; }

const Attribute* Object::attribute(std::string_view name) const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

Reader Reader::open(std::shared_ptr<const ByteSource> source, const Limits& limits) {
  Reader reader;
  reader.source_ = std::move(source);
  reader.limits_ = limits;
  const ByteSource& file = *reader.source_;
  reader.base_ = find_signature(file);
  if (reader.base_ < 0) throw DataLossError("{}: not an HDF5 file", file.name()).at(file.name(), 0);
  const std::vector<std::byte> bytes = file.read(reader.base_, std::min<int64_t>(96, file.size_bytes() - reader.base_));
  Cursor cursor(bytes, file.name(), reader.base_);
  cursor.skip(kSignatureBytes);
  const uint8_t version = cursor.u8();
  if (version > 3)
    throw UnimplementedError("{}: an HDF5 superblock of version {} is not supported", file.name(), version)
        .at(file.name(), reader.base_);
  if (version <= 1) cursor.skip(4);
  const uint8_t offset_bytes = cursor.u8(), length_bytes = cursor.u8();
  if (offset_bytes != 8 || length_bytes != 8) {
    throw UnimplementedError("{}: HDF5 addresses of {} bytes are not supported (8 are)", file.name(), offset_bytes)
        .at(file.name(), reader.base_);
  }
  cursor.skip(version == 0 ? 9 : version == 1 ? 13 : 1);
  cursor.skip(8 + 8);  // base address, free space or extension
  const uint64_t end = cursor.u64();
  if (version <= 1) cursor.skip(8 + 8);  // driver, the root's name
  reader.root_address_ = cursor.u64();
  const auto checked = std::span(bytes).first(cursor.position());
  if (version > 1 && !lookup3_matches(checked, cursor.u32()))
    throw DataLossError("{}: the checksum of the superblock differs", file.name()).at(file.name(), reader.base_);
  if (end > static_cast<uint64_t>(file.size_bytes())) {  // counted from the file's start, not from the base
    throw DataLossError("{}: the file is truncated: {} bytes of {}", file.name(), file.size_bytes(), end)
        .at(file.name(), file.size_bytes());
  }
  return reader;
}

const Object& Reader::object(uint64_t address, std::string_view path) const {
  const auto found = objects_.find(address);
  if (found != objects_.end()) return found->second;
  int64_t used = metadata_bytes_;
  const FileView file{*source_, base_, limits_, used};
  if (static_cast<int64_t>(objects_.size()) >= limits_.file_objects) {
    throw ResourceExhaustedError("{}: more than {} objects (limits.fileObjects)", source_->name(), limits_.file_objects)
        .at(source_->name(), file.offset(address));
  }
  Object parsed = parse_object(file, address, path);
  metadata_bytes_ = used;
  return objects_.emplace(address, std::move(parsed)).first->second;
}

const Object* Reader::find(std::string_view path) const {
  int soft_links = 0;
  return follow(&root(), path, soft_links);
}

const Object* Reader::follow(const Object* current, std::string_view path, int& soft_links) const {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    const auto soft =
        std::find_if(current->soft_links.begin(), current->soft_links.end(), [&](const auto& l) { return l.first == part; });
    if (soft != current->soft_links.end()) {
      if (++soft_links > kMaxSoftLinks)
        throw DataLossError("{}: the soft links of '{}' do not end", source_->name(), part).at(source_->name());
      current = follow(soft->second.starts_with('/') ? &root() : current, soft->second, soft_links);
      if (current == nullptr) return nullptr;
      continue;
    }
    const auto link = std::find_if(current->links.begin(), current->links.end(), [&](const auto& l) { return l.first == part; });
    if (link == current->links.end()) {
      if (std::ranges::find(current->external_links, part) != current->external_links.end())
        throw UnimplementedError("{}: '{}' is an external link; other files are never read", source_->name(), part)
            .at(source_->name());
      return nullptr;
    }
    current = &object(link->second, part);
  }
  return current;
}

const Object& Reader::at(std::string_view path) const {
  const Object* found = find(path);
  if (found == nullptr) throw NotFoundError("{}: '{}' does not exist in the file", source_->name(), path).at(source_->name());
  return *found;
}

std::vector<std::string> Reader::strings(const Attribute& attribute) const {
  int64_t count = 1;
  for (const int64_t dim : attribute.shape) count *= dim;
  std::vector<std::string> result;
  if (count == 0) return result;
  Cursor cursor(attribute.data, source_->name(), attribute.offset);
  int64_t total = 0;  // a sound file has each string of its own
  for (int64_t i = 0; i < count; ++i) {
    if (attribute.type.type_class == TypeClass::kFixedString) {
      std::string_view text = cursor.text(static_cast<size_t>(attribute.type.bytes));
      result.emplace_back(text.substr(0, std::min(text.find('\0'), text.size())));
    } else if (attribute.type.type_class == TypeClass::kVlenString) {
      const uint32_t length = cursor.u32();
      const uint64_t collection = cursor.u64();
      const uint32_t index = cursor.u32();
      result.emplace_back();
      if (length == 0) continue;
      const GlobalHeap& heap = global_heap(collection);
      const auto text = heap.find(index);
      if (text == heap.end() || text->second.size() < length) {
        throw DataLossError("{}: a string of attribute '{}' is missing from its heap", source_->name(), attribute.name)
            .at(source_->name(), attribute.offset);
      }
      total += length;
      if (total > source_->size_bytes())
        throw ResourceExhaustedError("{}: the strings of attribute '{}' are longer than the file", source_->name(),
                                     attribute.name)
            .at(source_->name(), attribute.offset);
      result.back() = text->second.substr(0, length);
    } else {
      throw DataLossError("{}: attribute '{}' holds no strings", source_->name(), attribute.name)
          .at(source_->name(), attribute.offset);
    }
  }
  return result;
}

const Reader::GlobalHeap& Reader::global_heap(uint64_t collection) const {
  const auto found = global_heaps_.find(collection);
  if (found != global_heaps_.end()) return found->second;
  int64_t used = metadata_bytes_;  // charged when all of it could be read
  const FileView file{*source_, base_, limits_, used};
  const std::vector<std::byte> start = file.read(collection, 16);
  Cursor header(start, source_->name(), file.offset(collection));
  if (header.text(4) != "GCOL") file.fail("a global heap is broken", collection);
  header.skip(4);
  const uint64_t size = header.u64();
  if (size < 16 || size > static_cast<uint64_t>(limits_.metadata_bytes))
    file.fail("a global heap of impossible size", collection);
  const std::vector<std::byte> bytes = file.read(collection, static_cast<int64_t>(size));
  Cursor cursor(bytes, source_->name(), file.offset(collection));
  cursor.skip(16);
  GlobalHeap heap;
  while (cursor.remaining() >= 16) {
    const uint16_t id = cursor.u16();
    cursor.skip(6);
    const uint64_t object_bytes = cursor.u64();
    if (id == 0) break;  // free space
    if (object_bytes > cursor.remaining()) cursor.fail("a heap object is longer than its heap");
    const size_t padding = std::min<size_t>((8 - object_bytes % 8) % 8, cursor.remaining() - object_bytes);
    heap.emplace(id, cursor.text(object_bytes));
    cursor.skip(padding);
  }
  metadata_bytes_ = used;
  return global_heaps_.emplace(collection, std::move(heap)).first->second;
}

std::optional<int64_t> Reader::plain_offset(const Dataset& dataset) const {
  if (dataset.layout != Dataset::Layout::kContiguous || dataset.type.big_endian) return std::nullopt;
  return dataset.offset;
}

std::vector<StoredRange> Reader::stored_ranges(const Dataset& dataset, std::string_view name, std::span<std::byte> out,
                                               const Conversion& conversion) const {
  std::vector<StoredRange> ranges;
  if (dataset.elements() == 0) return ranges;
  const bool contiguous = dataset.layout == Dataset::Layout::kContiguous;
  if (!contiguous) fill(dataset, out, conversion);
  const auto target = std::make_shared<const ChunkTarget>(
      ChunkTarget{contiguous ? as_one_chunk(dataset) : dataset, source_->name(), std::string(name), limits_, out, conversion});
  for (const Chunk& chunk : target->dataset.chunks) {
    const auto decoder = std::make_shared<ChunkDecoder>(target, chunk);
    ranges.push_back({chunk.offset, chunk.bytes, [decoder](std::span<const std::byte> bytes) { decoder->add(bytes); }});
  }
  return ranges;
}

void Reader::read(const Dataset& dataset, std::string_view name, std::span<std::byte> out) const {
  if (out.empty()) return;
  if (const auto offset = plain_offset(dataset)) return source_->read(*offset, out);
  if (dataset.layout == Dataset::Layout::kCompact) {
    std::ranges::copy(dataset.compact, out.begin());
    const int64_t element = dataset.type.bytes;
    for (int64_t i = 0; dataset.type.big_endian && i < dataset.size_bytes(); i += element)
      std::reverse(out.begin() + i, out.begin() + i + element);
    return;
  }
  const std::vector<StoredRange> ranges = stored_ranges(dataset, name, out);
  require_all(*source_, ranges);
  for (const StoredRange& range : ranges) source_->read_pieces(range.offset, range.bytes, range.decode);
}

}  // namespace keras::hdf5
