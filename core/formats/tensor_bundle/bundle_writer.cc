// Values in one shard, entries in a table.
#include "core/formats/tensor_bundle/bundle_writer.h"

#include "core/base/crc32c.h"
#include "core/formats/tensor_bundle/sstable.h"
#include "proto/tensor_bundle.pb.h"

namespace keras {
namespace {

constexpr int32_t kString = 7;

std::string entry_bytes(const BundleEntry& entry) {
  tensorflow::BundleEntryProto proto;
  proto.set_dtype(static_cast<tensorflow::DataType>(entry.dtype));
  proto.mutable_shape();
  for (const int64_t dim : entry.shape) proto.mutable_shape()->add_dim()->set_size(dim);
  proto.set_offset(entry.offset);
  proto.set_size(entry.bytes);
  proto.set_crc32c(entry.masked_crc32c);
  return proto.SerializeAsString();
}

template <class T>
void put(std::vector<std::byte>& out, T value) {
  const auto* p = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), p, p + sizeof(T));
}

}  // namespace

void BundleWriter::add(std::string name, int32_t dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes,
                       std::shared_ptr<const void> owner) {
  const auto size = static_cast<int64_t>(bytes.size());
  entries_[std::move(name)] = {dtype, std::move(shape), 0, offset_, size, mask_crc32c(crc32c(bytes))};
  data_.add(bytes, std::move(owner));
  offset_ += size;
}

void BundleWriter::add_strings(std::string name, std::vector<int64_t> shape, std::span<const std::string> values) {
  std::vector<std::byte> bytes, checked;  // the checksums run over lengths as fixed numbers
  for (const std::string& value : values) {
    for (uint64_t rest = value.size();; rest >>= 7) {
      put(bytes, static_cast<uint8_t>(rest >= 0x80 ? rest | 0x80 : rest));
      if (rest < 0x80) break;
    }
    put(checked, static_cast<uint32_t>(value.size()));
  }
  const uint32_t lengths_crc = mask_crc32c(crc32c(checked));
  put(bytes, lengths_crc);
  put(checked, lengths_crc);
  uint32_t crc = crc32c(checked);
  for (const std::string& value : values) {
    const auto text = std::as_bytes(std::span(value));
    bytes.insert(bytes.end(), text.begin(), text.end());
    crc = crc32c(text, crc);
  }
  const auto size = static_cast<int64_t>(bytes.size());
  entries_[std::move(name)] = {kString, std::move(shape), 0, offset_, size, mask_crc32c(crc)};
  data_.add(std::move(bytes));
  offset_ += size;
}

std::vector<OutputFile> BundleWriter::finish(const std::string& prefix) {
  tensorflow::BundleHeaderProto header;
  header.set_num_shards(1);
  header.mutable_version()->set_producer(1);
  TableEntries table = {{"", header.SerializeAsString()}};
  for (const auto& [name, entry] : entries_) table.emplace_back(name, entry_bytes(entry));
  std::vector<OutputFile> files(2);
  files[0] = std::move(data_);
  files[0].path = shard_name(prefix, 0, 1);
  files[1].path = prefix + ".index";
  files[1].add(write_table(table));
  return files;
}

}  // namespace keras
