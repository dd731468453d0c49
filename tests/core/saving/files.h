// Files of the disk for tests: models loaded from and written to real files through the loader, as JavaScript does it.
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/byte_sink.h"
#include "core/saving/inspect/inspector.h"
#include "core/saving/model_loader.h"

namespace keras::testing {

using FileBytes = std::vector<std::byte>;
/// Path below the model's folder → bytes.
using MemoryFiles = std::vector<std::pair<std::string, FileBytes>>;

inline FileBytes read_bytes(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> chars((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const auto* begin = reinterpret_cast<const std::byte*>(chars.data());
  return {begin, begin + chars.size()};
}

/// A file, or all files of a folder.
inline MemoryFiles read_files(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {{path.filename().string(), read_bytes(path)}};
  MemoryFiles files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file())
      files.emplace_back(std::filesystem::relative(entry.path(), path).string(), read_bytes(entry.path()));
  }
  return files;
}

inline FileBytes bytes_of(const OutputFile& file) {
  FileBytes bytes;
  for (const FilePiece& piece : file.pieces) bytes.insert(bytes.end(), piece.bytes().begin(), piece.bytes().end());
  return bytes;
}

inline MemoryFiles to_memory(const std::vector<OutputFile>& files) {
  MemoryFiles result;
  for (const OutputFile& file : files) result.emplace_back(file.path, bytes_of(file));
  return result;
}

/// Gives `job` what `next()` wants of files' bytes, until it wants nothing. Returns how many bytes that were.
template <class Job, class Next, class BytesOf>
int64_t answer_wishes(Job& job, Next&& next, BytesOf&& bytes_of_file) {
  int64_t count = 0;
  for (std::vector<BytesWanted> wanted = next(); !wanted.empty(); wanted = next()) {
    for (const BytesWanted& want : wanted) {
      const FileBytes& bytes = bytes_of_file(static_cast<size_t>(want.file));
      job.add_bytes(want.file, want.offset,
                    std::span(bytes).subspan(static_cast<size_t>(want.offset), static_cast<size_t>(want.count)));
      count += want.count;
    }
  }
  return count;
}

/// Does all reads, from the bytes of files by number; a piece at a time, as JavaScript does it.
template <class Bytes>
void read_all(ReadBatches& reads, Bytes&& bytes_of_file) {
  constexpr int64_t kPiece = 1 << 20;
  for (const std::vector<FileRange>* ranges = &reads.next(); !ranges->empty(); ranges = &reads.next()) {
    for (size_t i = 0; i < ranges->size(); ++i) {
      const FileRange range = (*ranges)[i];
      const std::span<const std::byte> file = bytes_of_file(range.file);
      for (int64_t at = 0; at < range.bytes; at += kPiece) {
        const std::span<std::byte> target = reads.target(i, at, std::min(kPiece, range.bytes - at));
        std::copy_n(file.begin() + range.offset + at, target.size(), target.begin());
        reads.filled(i);
      }
    }
  }
}

/// Does the reads of a list whose sources are in memory.
inline void read_all(ReadList list) {
  ReadBatches reads(FileSet{}, std::move(list));
  reads.next();
}

/// Answers a loader's wishes from memory. `asked`, if given, counts the bytes of metadata that were fetched.
template <class Loader>
void feed(Loader& loader, const MemoryFiles& files, int64_t* asked = nullptr) {
  for (const auto& [path, bytes] : files) loader.add_file(path, static_cast<int64_t>(bytes.size()));
  const int64_t count = answer_wishes(
      loader, [&] { return loader.prepare(); }, [&](size_t file) -> const FileBytes& { return files[file].second; });
  if (asked != nullptr) *asked += count;
  read_all(loader.reads(), [&](int file) { return std::span(files[static_cast<size_t>(file)].second); });
}

inline LoadedModel load_files(Session& session, const MemoryFiles& files, const CustomObjects& custom_objects = {},
                              int64_t* asked = nullptr) {
  ModelLoader loader(session, custom_objects, true);
  feed(loader, files, asked);
  return loader.finish();
}

/// The inspector's report with digests, its wishes answered from memory.
inline Json inspect_files(const Limits& limits, const MemoryFiles& files) {
  Inspector inspector(limits);
  for (const auto& [path, bytes] : files) inspector.add_file(path, static_cast<int64_t>(bytes.size()));
  const auto bytes_of_file = [&](size_t file) -> const FileBytes& { return files[file].second; };
  answer_wishes(inspector, [&] { return inspector.prepare(); }, bytes_of_file);
  answer_wishes(inspector, [&] { return inspector.digest(); }, bytes_of_file);
  return parse_json(inspector.report(), "report", limits);
}

}  // namespace keras::testing
