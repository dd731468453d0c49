// Tensor bundles. An input is the entries of an index, each as u8 bytes of the key, the key, u16 bytes of the value, the value,
// up to a key of 255 bytes; what follows are the bytes of every shard. A table with right checksums is made of the entries.
#include <map>

#include "core/formats/tensor_bundle/bundle_reader.h"
#include "core/formats/tensor_bundle/sstable.h"
#include "tests/fuzz/fuzz.h"

using namespace keras;
using namespace keras::fuzz;

namespace {

constexpr uint8_t kEnd = 255;

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  size_t number(size_t bytes) {
    size_t value = 0;
    for (const char c : text(bytes)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  /// As many bytes as there are.
  std::string_view text(size_t bytes) {
    const std::string_view part = rest_.substr(0, bytes);
    rest_.remove_prefix(part.size());
    return part;
  }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

void read_values(const BundleReader& bundle, std::span<const std::byte> shard) {
  for (const auto& [name, entry] : bundle.entries()) {
    const auto offset = static_cast<size_t>(entry.offset), bytes = static_cast<size_t>(entry.bytes);
    survives([&, n = std::string_view(name)] { bundle.verify(n, shard.subspan(offset, bytes)); });
    survives([&, n = std::string_view(name)] { bundle.decode_strings(n, shard.subspan(offset, bytes), small_limits()); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  std::map<std::string, std::string> entries;
  while (!input.at_end()) {
    const size_t key_bytes = input.number(1);
    if (key_bytes == kEnd) break;
    const std::string key(input.text(key_bytes));
    const size_t value_bytes = input.number(2);
    entries[key] = input.text(value_bytes);
  }
  const std::string_view shard = input.rest();
  survives([&] {
    const FileBytes index = write_table({entries.begin(), entries.end()});
    const BundleReader bundle = BundleReader::open(*source_of(index), small_limits());
    const std::vector<int64_t> sizes(static_cast<size_t>(bundle.shard_count()), static_cast<int64_t>(shard.size()));
    bundle.check_shards(sizes);
    read_values(bundle, std::as_bytes(std::span(shard)));
  });
  return 0;
}
