// Where writers write to. A writer is pulled: the target asks for the next chunk when it has room, so that a model is
// never held twice in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keras {

/// One piece of a file: bytes that the piece owns (headers) or bytes that someone else keeps alive (weights).
struct FilePiece {
  std::vector<std::byte> owned;
  std::span<const std::byte> borrowed;
  std::shared_ptr<const void> owner;  // keeps `borrowed` alive

  std::span<const std::byte> bytes() const { return owned.empty() ? borrowed : std::span<const std::byte>(owned); }
};

/// A file to be written: its path below the target and its pieces in order.
struct OutputFile {
  std::string path;
  std::vector<FilePiece> pieces;

  int64_t size_bytes() const {
    int64_t total = 0;
    for (const FilePiece& piece : pieces) total += static_cast<int64_t>(piece.bytes().size());
    return total;
  }
  void add(std::vector<std::byte> bytes) { pieces.push_back({std::move(bytes), {}, nullptr}); }
  void add(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
    pieces.push_back({{}, bytes, std::move(owner)});
  }
};

}  // namespace keras
