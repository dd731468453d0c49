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

/// Answers a loader's wishes from memory. `asked`, if given, counts the bytes of metadata that were fetched.
template <class Loader>
void feed(Loader& loader, const MemoryFiles& files, int64_t* asked = nullptr) {
  for (const auto& [path, bytes] : files) loader.add_file(path, static_cast<int64_t>(bytes.size()));
  const int64_t count = answer_wishes(
      loader, [&] { return loader.prepare(); }, [&](size_t file) -> const FileBytes& { return files[file].second; });
  if (asked != nullptr) *asked += count;
  for (const DirectRead& read : loader.direct_reads()) {
    const FileBytes& bytes = files[static_cast<size_t>(read.file)].second;
    read.fill(0, std::span(bytes).subspan(static_cast<size_t>(read.offset), static_cast<size_t>(read.bytes)));
  }
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
