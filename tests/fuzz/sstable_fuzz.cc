// Sorted string tables. The first byte of an input says what it is: 0 a whole file, 1 a block, 2 a block that Snappy
// compressed; a table with right checksums is then made around the block.
#include "core/base/crc32c.h"
#include "core/formats/tensor_bundle/sstable.h"
#include "tests/fuzz/fuzz.h"

using namespace keras;
using namespace keras::fuzz;

namespace {

constexpr uint64_t kMagic = 0xDB4775248B80FB57u;
constexpr size_t kFooterBytes = 48;

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// A block with its kind and checksum; returns its handle.
std::string add_block(std::string& file, std::string contents, char kind) {
  std::string handle;
  put_varint(handle, file.size());
  put_varint(handle, contents.size());
  contents += kind;
  file += contents;
  put<uint32_t>(file, mask_crc32c(crc32c(std::as_bytes(std::span(contents)))));
  return handle;
}

/// A table of one block.
std::string table_around(std::string block, char kind) {
  std::string file, index, footer;
  const std::string handle = add_block(file, std::move(block), kind);
  for (const size_t number : {size_t{0}, size_t{1}, handle.size()}) put_varint(index, number);  // shared, key, value
  index += '\x7F' + handle;
  put<uint32_t>(index, 0);
  put<uint32_t>(index, 1);
  std::string empty(4, '\0');
  put<uint32_t>(empty, 1);
  footer = add_block(file, empty, 0);
  footer += add_block(file, index, 0);
  footer.resize(kFooterBytes - sizeof kMagic);
  put(footer, kMagic);
  return file + footer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || data[0] > 2) return -1;
  std::string file(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] > 0) file = table_around(std::move(file), static_cast<char>(data[0] - 1));
  survives([&] {
    const Limits limits = small_limits();
    const TableEntries entries = read_table(*source_of(std::as_bytes(std::span(file))), limits);
    const FileBytes written = write_table(entries);
    require(read_table(*source_of(written), limits) == entries);
  });
  return 0;
}
