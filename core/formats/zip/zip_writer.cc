// Local headers, members, central directory.
#include "core/formats/zip/zip_writer.h"

#include <cstring>

#include "core/base/error.h"
#include "core/formats/deflate.h"
#include "core/formats/inflate.h"
#include "core/formats/zip/zip_constants.h"

namespace keras {
namespace {

constexpr uint16_t kVersion = 20, kVersionZip64 = 45;
constexpr uint16_t kDosDate = 1 << 5 | 1;  // 1980-01-01, zip's earliest day

class Bytes {
 public:
  template <class T>
  void put(T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), p, p + sizeof(T));
  }
  void text(const std::string& value) {
    const auto* p = reinterpret_cast<const std::byte*>(value.data());
    bytes_.insert(bytes_.end(), p, p + value.size());
  }
  size_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

struct Entry {
  std::string name;
  uint64_t offset, size;
  uint32_t crc;
  uint64_t stored_size;  // what it takes in the archive
  bool deflated;
  bool zip64() const { return size >= zip::kInZip64 || offset >= zip::kInZip64; }
};

void put_common(Bytes& out, const Entry& entry, bool zip64_sizes) {
  out.put<uint16_t>(entry.zip64() ? kVersionZip64 : kVersion);
  out.put<uint16_t>(zip::kFlagUtf8);
  out.put<uint16_t>(entry.deflated ? zip::kMethodDeflated : zip::kMethodStored);
  out.put<uint16_t>(0);
  out.put<uint16_t>(kDosDate);
  out.put<uint32_t>(entry.crc);
  out.put<uint32_t>(zip64_sizes ? zip::kInZip64 : static_cast<uint32_t>(entry.stored_size));
  out.put<uint32_t>(zip64_sizes ? zip::kInZip64 : static_cast<uint32_t>(entry.size));
  out.put<uint16_t>(static_cast<uint16_t>(entry.name.size()));
}

std::vector<std::byte> local_header(const Entry& entry) {
  Bytes out;
  out.put<uint32_t>(zip::kLocalHeader);
  put_common(out, entry, entry.zip64());
  out.put<uint16_t>(entry.zip64() ? 20 : 0);
  out.text(entry.name);
  if (entry.zip64()) {
    out.put<uint16_t>(zip::kExtraZip64);
    out.put<uint16_t>(16);
    out.put<uint64_t>(entry.size);
    out.put<uint64_t>(entry.stored_size);
  }
  return out.take();
}

void put_central_header(Bytes& out, const Entry& entry) {
  out.put<uint32_t>(zip::kCentralHeader);
  out.put<uint16_t>(entry.zip64() ? kVersionZip64 : kVersion);
  put_common(out, entry, entry.zip64());
  out.put<uint16_t>(entry.zip64() ? 28 : 0);
  out.put<uint16_t>(0);
  out.put<uint16_t>(0);
  out.put<uint16_t>(0);
  out.put<uint32_t>(0);
  out.put<uint32_t>(entry.zip64() ? zip::kInZip64 : static_cast<uint32_t>(entry.offset));
  out.text(entry.name);
  if (!entry.zip64()) return;
  out.put<uint16_t>(zip::kExtraZip64);
  out.put<uint16_t>(24);
  out.put<uint64_t>(entry.size);
  out.put<uint64_t>(entry.stored_size);
  out.put<uint64_t>(entry.offset);
}

void put_end(Bytes& out, uint64_t members, uint64_t directory_offset, uint64_t directory_bytes) {
  const bool zip64 = members >= zip::kInZip64Short || directory_offset >= zip::kInZip64;
  if (zip64) {
    const uint64_t record_offset = directory_offset + directory_bytes;
    out.put<uint32_t>(zip::kEndOfDirectory64);
    out.put<uint64_t>(zip::kEnd64Bytes - 12);
    out.put<uint16_t>(kVersionZip64);
    out.put<uint16_t>(kVersionZip64);
    out.put<uint32_t>(0);
    out.put<uint32_t>(0);
    out.put<uint64_t>(members);
    out.put<uint64_t>(members);
    out.put<uint64_t>(directory_bytes);
    out.put<uint64_t>(directory_offset);
    out.put<uint32_t>(zip::kLocator64);
    out.put<uint32_t>(0);
    out.put<uint64_t>(record_offset);
    out.put<uint32_t>(1);
  }
  out.put<uint32_t>(zip::kEndOfDirectory);
  out.put<uint16_t>(0);
  out.put<uint16_t>(0);
  out.put<uint16_t>(zip64 ? zip::kInZip64Short : static_cast<uint16_t>(members));
  out.put<uint16_t>(zip64 ? zip::kInZip64Short : static_cast<uint16_t>(members));
  out.put<uint32_t>(zip64 ? zip::kInZip64 : static_cast<uint32_t>(directory_bytes));
  out.put<uint32_t>(zip64 ? zip::kInZip64 : static_cast<uint32_t>(directory_offset));
  out.put<uint16_t>(0);
}

/// Deflates the file in place if that makes it smaller.
bool deflate_file(OutputFile& file) {
  std::vector<std::byte> deflated = deflate_pieces(file.pieces);
  if (static_cast<int64_t>(deflated.size()) >= file.size_bytes()) return false;
  file.pieces.clear();
  file.add(std::move(deflated));
  return true;
}

}  // namespace

OutputFile zip_files(std::string path, std::vector<OutputFile> files, ZipCompression compression) {
  OutputFile archive;
  archive.path = std::move(path);
  std::vector<Entry> entries;
  uint64_t offset = 0;
  for (OutputFile& file : files) {
    if (file.path.size() > zip::kMaxNameBytes) throw ValueError("A name of {} bytes is too long for a zip", file.path.size());
    Entry entry{file.path, offset, static_cast<uint64_t>(file.size_bytes()), 0, 0, false};
    for (const FilePiece& piece : file.pieces) entry.crc = crc32_of(piece.bytes(), entry.crc);
    entry.deflated = compression == ZipCompression::kDeflated && deflate_file(file);
    entry.stored_size = static_cast<uint64_t>(file.size_bytes());
    std::vector<std::byte> header = local_header(entry);
    offset += header.size() + entry.stored_size;
    archive.add(std::move(header));
    for (FilePiece& piece : file.pieces) archive.pieces.push_back(std::move(piece));
    entries.push_back(std::move(entry));
  }
  Bytes directory;
  for (const Entry& entry : entries) put_central_header(directory, entry);
  const uint64_t directory_bytes = directory.size();
  put_end(directory, entries.size(), offset, directory_bytes);
  archive.add(directory.take());
  return archive;
}

}  // namespace keras
