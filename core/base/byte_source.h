// Where parsers read from. Parsers are synchronous, sources are not: what is not in memory yet raises NeedBytes, the
// caller fetches those bytes, adds them and runs the (metadata-only) parse again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace keras {

/// Thrown by a source whose bytes at [offset, offset + count) are not in memory. Not an Error: callers handle it.
struct NeedBytes {
  std::string file;
  int64_t offset;
  int64_t count;
  std::vector<NeedBytes> others = {};  // wanted at the same time; these have no others
};

/// Calls `read` for every item, and then throws one NeedBytes for what any of them needs: so a file whose parts do not depend on
/// each other comes in few rounds. Typed errors are left to whoever reads the same in earnest.
template <class Items, class Read>
void gather_needs(Items&& items, Read&& read) {
  std::vector<NeedBytes> needs;
  for (auto&& item : items) {
    try {
      read(item);
    } catch (NeedBytes& need) {
      std::vector<NeedBytes> others = std::move(need.others);
      needs.push_back({std::move(need.file), need.offset, need.count});
      for (NeedBytes& other : others) needs.push_back(std::move(other));
    } catch (const Error&) {
    }
  }
  if (needs.empty()) return;
  NeedBytes all = std::move(needs.back());
  needs.pop_back();
  all.others = std::move(needs);
  throw all;
}

/// Random access to the bytes of one file.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// The file's name as error messages show it.
  virtual const std::string& name() const = 0;
  virtual int64_t size_bytes() const = 0;
  /// Copies [offset, offset + out.size()). Throws DataLossError past the end, NeedBytes if not in memory.
  virtual void read(int64_t offset, std::span<std::byte> out) const = 0;
  /// Throws NeedBytes for all of a range that is going to be read in parts, unless all of it is in memory.
  virtual void require(int64_t offset, int64_t count) const;

  std::vector<std::byte> read(int64_t offset, int64_t count) const;
  /// Hands a range on in pieces of at most a megabyte.
  void read_pieces(int64_t offset, int64_t count, const std::function<void(std::span<const std::byte>)>& use) const;
};

/// Bytes that are all in memory. `owner` keeps them alive.
class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string name, std::vector<std::byte> bytes);
  MemorySource(std::string name, std::span<const std::byte> bytes, std::shared_ptr<const void> owner = nullptr);

  const std::string& name() const override { return name_; }
  int64_t size_bytes() const override { return static_cast<int64_t>(bytes_.size()); }
  void read(int64_t offset, std::span<std::byte> out) const override;
  using ByteSource::read;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::string name_;
  std::vector<std::byte> owned_;
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

/// A file of known size of which only some blocks are in memory.
class BlockSource final : public ByteSource {
 public:
  static constexpr int64_t kBlockBytes = 16 * 1024;  // what is wanted of a file, an index say, lies about in small pieces

  BlockSource(std::string name, int64_t size_bytes) : name_(std::move(name)), size_bytes_(size_bytes) {}

  const std::string& name() const override { return name_; }
  int64_t size_bytes() const override { return size_bytes_; }
  void read(int64_t offset, std::span<std::byte> out) const override;
  /// NeedBytes ranges start and end on block boundaries (or the file's end).
  void require(int64_t offset, int64_t count) const override;
  using ByteSource::read;
  /// Adds what NeedBytes asked for: `offset` a multiple of kBlockBytes, whole blocks or up to the file's end.
  void add(int64_t offset, std::span<const std::byte> bytes);
  /// Lets go of all blocks; reading asks for them again.
  void forget() { blocks_.clear(); }

 private:
  std::string name_;
  int64_t size_bytes_;
  std::map<int64_t, std::unique_ptr<const std::byte[]>> blocks_;  // by block number
};

/// A part of another source, seen as a file of its own (a stored zip member). `parent` must outlive it.
class WindowSource final : public ByteSource {
 public:
  WindowSource(std::string name, std::shared_ptr<const ByteSource> parent, int64_t offset, int64_t size_bytes);

  const std::string& name() const override { return name_; }
  int64_t size_bytes() const override { return size_bytes_; }
  void read(int64_t offset, std::span<std::byte> out) const override;
  void require(int64_t offset, int64_t count) const override;
  using ByteSource::read;
  const ByteSource& parent() const { return *parent_; }
  int64_t offset_in_parent() const { return offset_; }

 private:
  std::string name_;
  std::shared_ptr<const ByteSource> parent_;
  int64_t offset_;
  int64_t size_bytes_;
};

}  // namespace keras
