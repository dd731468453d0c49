// What the fuzzers share: typed errors are fine, anything else ends the program, which libFuzzer then reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/byte_sink.h"
#include "core/base/byte_source.h"
#include "core/base/error.h"
#include "core/base/limits.h"

namespace keras::fuzz {

using FileBytes = std::vector<std::byte>;

/// Limits that a run of the fuzzer may exhaust without harm. It is started with a limit of memory a little above.
inline Limits small_limits() {
  Limits limits;
  limits.tensor_bytes = limits.inflated_bytes = 16 << 20;
  limits.metadata_bytes = limits.json_bytes = 4 << 20;
  limits.file_objects = limits.zip_members = 10'000;
  return limits;
}

inline std::span<const std::byte> bytes_of(const uint8_t* data, size_t size) { return std::as_bytes(std::span(data, size)); }

inline FileBytes bytes_of(const OutputFile& file) {
  FileBytes bytes;
  for (const FilePiece& piece : file.pieces) bytes.insert(bytes.end(), piece.bytes().begin(), piece.bytes().end());
  return bytes;
}

inline std::shared_ptr<const MemorySource> source_of(std::span<const std::byte> bytes) {
  return std::make_shared<MemorySource>("fuzzed", bytes);
}

/// Runs `parse`; true if it went through, false if it threw a typed error, which must have a message and a file's name.
template <class F>
bool survives(F&& parse) {
  try {
    parse();
    return true;
  } catch (const Error& error) {
    if (error.message().empty() || error.path().empty()) abort();
    return false;
  }
}

/// What must hold of every input.
inline void require(bool holds) {
  if (!holds) abort();
}

}  // namespace keras::fuzz
