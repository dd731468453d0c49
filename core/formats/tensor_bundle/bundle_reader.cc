// The index of a bundle and the checks of its values.
#include "core/formats/tensor_bundle/bundle_reader.h"

#include <algorithm>
#include <optional>

#include "core/base/checked.h"
#include "core/base/crc32c.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/parse_proto.h"
#include "core/formats/tensor_bundle/sstable.h"
#include "proto/tensor_bundle.pb.h"

namespace keras {
namespace {

constexpr int32_t kMaxShards = 100'000;
constexpr int32_t kString = 7;
constexpr int32_t kReadableVersion = 1;
constexpr int kMaxSlices = 1024;

/// Bytes of an element as stored, by TensorFlow's DataType; 0 where they differ from element to element or are not known.
int64_t stored_element_bytes(int32_t dtype) {
  switch (dtype) {
    case 4:
    case 6:
    case 10:
    case 11:
    case 12:
    case 24:
    case 25: return 1;  // uint8 int8 bool qint8 quint8 float8s
    case 5:
    case 14:
    case 15:
    case 16:
    case 17:
    case 19: return 2;  // int16 bfloat16 qint16 quint16 uint16 half
    case 1:
    case 3:
    case 13:
    case 22: return 4;  // float int32 qint32 uint32
    case 2:
    case 8:
    case 9:
    case 23: return 8;   // double complex64 int64 uint64
    case 18: return 16;  // complex128
    default: return 0;
  }
}

void check_size(const std::string& file, const std::string& name, const BundleEntry& entry) {
  std::optional<int64_t> bytes = stored_element_bytes(entry.dtype);
  if (*bytes == 0) return;
  for (const int64_t dim : entry.shape) {
    if (bytes) bytes = checked_mul(*bytes, dim);
  }
  if (bytes != entry.bytes) {
    throw DataLossError("{}: '{}' has {} bytes, which is not what its shape and dtype need", file, name, entry.bytes)
        .at(file, entry.offset);
  }
}

TensorSlice parse_slice(const std::string& name, const tensorflow::TensorSliceProto& proto, const std::vector<int64_t>& shape) {
  TensorSlice slice;
  std::vector<bool> full;
  for (int i = 0; i < proto.extent_size(); ++i) {
    const auto& extent = proto.extent(i);
    full.push_back(extent.has_length_case() == tensorflow::TensorSliceProto::Extent::HAS_LENGTH_NOT_SET);
    slice.start.push_back(extent.start());
    slice.size.push_back(!full.back()                            ? extent.length()
                         : static_cast<size_t>(i) < shape.size() ? shape[static_cast<size_t>(i)]
                                                                 : 0);
  }
  slice.key = slice_key(name, slice, full);
  return slice;
}

BundleEntry parse_entry(const std::string& file, const std::string& name, const std::string& bytes, const Limits& limits) {
  tensorflow::BundleEntryProto proto;
  if (!parse_proto(std::as_bytes(std::span(bytes)), proto))
    throw DataLossError("{}: the entry of '{}' is broken", file, name).at(file);
  BundleEntry entry;
  entry.dtype = proto.dtype();
  for (const auto& dim : proto.shape().dim()) {
    if (dim.size() < 0) throw DataLossError("{}: '{}' has a negative dimension", file, name).at(file);
    entry.shape.push_back(dim.size());
  }
  entry.shard = proto.shard_id();
  entry.offset = proto.offset();
  entry.bytes = proto.size();
  entry.masked_crc32c = proto.crc32c();
  if (entry.offset < 0 || entry.bytes < 0 || !checked_add(entry.offset, entry.bytes)) {
    throw DataLossError("{}: '{}' has an impossible place", file, name).at(file);
  }
  if (entry.bytes > limits.tensor_bytes) {
    throw ResourceExhaustedError("{}: '{}' has {} bytes, more than limits.tensorBytes ({})", file, name, entry.bytes,
                                 limits.tensor_bytes)
        .at(file);
  }
  if (proto.slices_size() > kMaxSlices)
    throw ResourceExhaustedError("{}: '{}' has {} slices; {} are the most that are read", file, name, proto.slices_size(),
                                 kMaxSlices)
        .at(file);
  for (const auto& slice : proto.slices()) entry.slices.push_back(parse_slice(name, slice, entry.shape));
  if (entry.slices.empty()) check_size(file, name, entry);
  return entry;
}

void append_u32(std::vector<std::byte>& out, uint32_t value) {
  const auto* p = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), p, p + 4);
}

}  // namespace

BundleReader BundleReader::open(const ByteSource& index, const Limits& limits) {
  BundleReader reader;
  reader.file_ = index.name();
  const TableEntries table = read_table(index, limits);
  tensorflow::BundleHeaderProto header;
  if (table.empty() || !table.front().first.empty() || !parse_proto(std::as_bytes(std::span(table.front().second)), header)) {
    throw DataLossError("{}: the header of the checkpoint is missing", index.name()).at(index.name());
  }
  if (header.endianness() != tensorflow::BundleHeaderProto::LITTLE) {
    throw UnimplementedError("{}: a big-endian checkpoint, which is not supported", index.name()).at(index.name());
  }
  if (header.version().min_consumer() > kReadableVersion) {
    throw UnimplementedError("{}: a checkpoint of version {}, which is newer than what can be read", index.name(),
                             header.version().min_consumer())
        .at(index.name());
  }
  reader.shard_count_ = header.num_shards();
  if (reader.shard_count_ < 0 || reader.shard_count_ > kMaxShards) {
    throw DataLossError("{}: {} shards", index.name(), header.num_shards()).at(index.name());
  }
  for (size_t i = 1; i < table.size(); ++i) {
    BundleEntry entry = parse_entry(index.name(), table[i].first, table[i].second, limits);
    if (entry.shard < 0 || entry.shard >= reader.shard_count_) {
      throw DataLossError("{}: '{}' lies in shard {} of {}", index.name(), table[i].first, entry.shard, reader.shard_count_)
          .at(index.name());
    }
    reader.entries_.emplace(table[i].first, std::move(entry));
  }
  for (const auto& [name, entry] : reader.entries_) {
    if (!entry.slices.empty()) reader.check_slices(name, entry, limits);
  }
  return reader;
}

const BundleEntry& BundleReader::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw NotFoundError("Key {} not found in checkpoint {}", name, file_).at(file_);
  return found->second;
}

void BundleReader::check_shards(std::span<const int64_t> sizes) const {
  for (const auto& [name, entry] : entries_) {
    const int64_t size = sizes[static_cast<size_t>(entry.shard)];
    if (entry.offset > size || size - entry.offset < entry.bytes) {
      throw DataLossError("{}: the values of '{}' should lie at bytes {} to {}, but shard {} has {} bytes", file_, name,
                          entry.offset, entry.offset + entry.bytes, entry.shard, size)
          .at(file_, entry.offset);
    }
  }
  check_overlap();
}

/// TensorFlow never shares bytes between entries; a small file that does could ask for any amount of memory.
void BundleReader::check_overlap() const {
  using Entry = std::pair<const std::string, BundleEntry>;
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries_) {
    if (entry.second.bytes > 0) sorted.push_back(&entry);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->second.shard, a->second.offset) < std::pair(b->second.shard, b->second.offset);
  });
  for (size_t i = 1; i < sorted.size(); ++i) {
    const BundleEntry &a = sorted[i - 1]->second, &b = sorted[i]->second;
    if (a.shard == b.shard && a.offset + a.bytes > b.offset) {
      throw DataLossError("{}: the values of '{}' and '{}' overlap", file_, sorted[i - 1]->first, sorted[i]->first)
          .at(file_, b.offset);
    }
  }
}

void BundleReader::check_slices(const std::string& name, const BundleEntry& entry, const Limits& limits) const {
  std::optional<int64_t> bytes = element_bytes(entry);
  if (*bytes == 0) throw UnimplementedError("{}: '{}' is a partitioned variable of strings or variants", file_, name).at(file_);
  for (const int64_t dim : entry.shape) bytes = bytes ? checked_mul(*bytes, dim) : bytes;
  if (!bytes || *bytes > limits.tensor_bytes)
    throw ResourceExhaustedError("{}: '{}' is larger than limits.tensorBytes ({})", file_, name, limits.tensor_bytes).at(file_);
  if (!slices_cover(entry.slices, entry.shape))
    throw DataLossError("{}: the slices of '{}' do not make the whole", file_, name).at(file_);
  for (const TensorSlice& slice : entry.slices) {
    const auto found = entries_.find(slice.key);
    if (found == entries_.end() || found->second.dtype != entry.dtype || found->second.shape != slice.size ||
        !found->second.slices.empty())
      throw DataLossError("{}: a slice of '{}' is missing, or of another shape or dtype", file_, name).at(file_);
  }
}

int64_t BundleReader::element_bytes(const BundleEntry& entry) const { return stored_element_bytes(entry.dtype); }

void BundleReader::verify(std::string_view name, std::span<const std::byte> values) const { verify_crc(name, crc32c(values)); }

void BundleReader::verify_crc(std::string_view name, uint32_t crc) const { check_crc(name, entry(name), crc); }

void BundleReader::check_crc(std::string_view name, const BundleEntry& e, uint32_t crc) const {
  const uint32_t found = mask_crc32c(crc);
  if (found == e.masked_crc32c) return;
  throw DataLossError("{}: the checksum of '{}' does not match: stored {}, calculated on the values {}", file_, name,
                      unmask_crc32c(e.masked_crc32c), unmask_crc32c(found))
      .at(file_, e.offset);
}

void BundleReader::verify_slice_crc(std::string_view name, size_t index, uint32_t crc) const {
  check_crc(name, entry(entry(name).slices.at(index).key), crc);
}

void BundleReader::place_slice(std::string_view name, size_t index, std::span<const std::byte> values,
                               std::span<std::byte> tensor) const {
  const BundleEntry& whole = entry(name);
  const TensorSlice& slice = whole.slices.at(index);
  copy_slice(slice, values, whole.shape, element_bytes(whole), tensor);
}

std::vector<std::string> BundleReader::decode_strings(std::string_view name, std::span<const std::byte> stored,
                                                      const Limits& limits) const {
  const BundleEntry& e = entry(name);
  int64_t count = 1;
  for (const int64_t dim : e.shape) {
    const auto product = checked_mul(count, dim);
    if (!product || *product > limits.file_objects)
      throw ResourceExhaustedError("{}: '{}' has too many strings", file_, name).at(file_);
    count = *product;
  }
  if (e.dtype != kString || count > static_cast<int64_t>(stored.size())) {
    throw DataLossError("{}: '{}' is no tensor of {} strings", file_, name, count).at(file_, e.offset);
  }
  Cursor cursor(stored, file_, e.offset);
  std::vector<uint64_t> lengths;
  std::vector<std::byte> checked;  // what the checksums run over: lengths as fixed numbers
  for (int64_t i = 0; i < count; ++i) {
    lengths.push_back(cursor.varint64());
    if (lengths.back() > stored.size()) cursor.fail("a string is longer than its tensor");
    append_u32(checked, static_cast<uint32_t>(lengths.back()));
  }
  const uint32_t stored_crc = cursor.u32();
  if (mask_crc32c(crc32c(checked)) != stored_crc) cursor.fail("the checksum of the lengths of strings differs");
  append_u32(checked, stored_crc);
  uint32_t crc = crc32c(checked);
  std::vector<std::string> strings;
  for (const uint64_t length : lengths) {
    const auto bytes = cursor.bytes(length);
    crc = crc32c(bytes, crc);
    strings.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  if (mask_crc32c(crc) != e.masked_crc32c) cursor.fail("the checksum of strings differs");
  return strings;
}

std::string shard_name(std::string_view prefix, int shard, int shard_count) {
  const auto padded = [](int value) {
    std::string text = std::to_string(value);
    return text.size() < 5 ? std::string(5 - text.size(), '0') + text : text;
  };
  return keras::format("{}.data-{}-of-{}", prefix, padded(shard), padded(shard_count));
}

}  // namespace keras
