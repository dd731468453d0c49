// Sources of bytes: whole files in memory, files known in blocks, windows into another source.
#include "core/base/byte_source.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"

namespace keras {
namespace {

void check_range(const ByteSource& source, int64_t offset, int64_t count) {
  if (offset < 0 || count < 0 || offset > source.size_bytes() || source.size_bytes() - offset < count) {
    throw DataLossError("{}: the file ends at byte {}, but {} bytes are needed at byte {}", source.name(), source.size_bytes(),
                        count, offset)
        .at(source.name(), offset);
  }
}

}  // namespace

std::vector<std::byte> ByteSource::read(int64_t offset, int64_t count) const {
  if (count < 0) throw DataLossError("{}: a negative size at byte {}", name(), offset).at(name(), offset);
  check_range(*this, offset, count);
  std::vector<std::byte> bytes(static_cast<size_t>(count));
  read(offset, std::span(bytes));
  return bytes;
}

void ByteSource::read_pieces(int64_t offset, int64_t count, const std::function<void(std::span<const std::byte>)>& use) const {
  constexpr int64_t kPieceBytes = 1 << 20;
  check_range(*this, offset, count);
  std::vector<std::byte> buffer(static_cast<size_t>(std::min(count, kPieceBytes)));
  for (int64_t done = 0; done < count; done += kPieceBytes) {
    const auto piece = std::span(buffer).first(static_cast<size_t>(std::min(count - done, kPieceBytes)));
    read(offset + done, piece);
    use(piece);
  }
}

void ByteSource::require(int64_t offset, int64_t count) const { check_range(*this, offset, count); }

MemorySource::MemorySource(std::string name, std::vector<std::byte> bytes)
    : name_(std::move(name)), owned_(std::move(bytes)), bytes_(owned_) {}

MemorySource::MemorySource(std::string name, std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
    : name_(std::move(name)), owner_(std::move(owner)), bytes_(bytes) {}

void MemorySource::read(int64_t offset, std::span<std::byte> out) const {
  check_range(*this, offset, static_cast<int64_t>(out.size()));
  if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
}

void BlockSource::require(int64_t offset, int64_t count) const {
  check_range(*this, offset, count);
  if (count == 0) return;
  const int64_t last = (offset + count - 1) / kBlockBytes;
  for (int64_t block = offset / kBlockBytes; block <= last; ++block) {
    if (blocks_.contains(block)) continue;
    const int64_t begin = block * kBlockBytes;
    const int64_t end = std::min((last + 1) * kBlockBytes, size_bytes_);
    throw NeedBytes{name_, begin, end - begin};
  }
}

void BlockSource::read(int64_t offset, std::span<std::byte> out) const {
  require(offset, static_cast<int64_t>(out.size()));
  if (out.empty()) return;
  const int64_t first = offset / kBlockBytes;
  const int64_t last = (offset + static_cast<int64_t>(out.size()) - 1) / kBlockBytes;
  for (int64_t block = first; block <= last; ++block) {
    const std::byte* bytes = blocks_.at(block).get();
    const int64_t block_begin = block * kBlockBytes;
    const int64_t from = std::max(offset, block_begin);
    const int64_t to = std::min(offset + static_cast<int64_t>(out.size()), block_begin + kBlockBytes);
    std::memcpy(out.data() + (from - offset), bytes + (from - block_begin), static_cast<size_t>(to - from));
  }
}

void BlockSource::add(int64_t offset, std::span<const std::byte> bytes) {
  const int64_t end = offset + static_cast<int64_t>(bytes.size());
  if (offset < 0 || offset % kBlockBytes != 0 || end > size_bytes_ || (end % kBlockBytes != 0 && end != size_bytes_)) {
    throw InvalidArgumentError("{}: bytes [{}, {}) are no whole blocks", name_, offset, end).at(name_, offset);
  }
  for (int64_t begin = offset; begin < end; begin += kBlockBytes) {
    const auto part = bytes.subspan(static_cast<size_t>(begin - offset), static_cast<size_t>(std::min(kBlockBytes, end - begin)));
    auto block = std::make_unique_for_overwrite<std::byte[]>(part.size());
    std::memcpy(block.get(), part.data(), part.size());
    blocks_.try_emplace(begin / kBlockBytes, std::move(block));
  }
}

WindowSource::WindowSource(std::string name, std::shared_ptr<const ByteSource> parent, int64_t offset, int64_t size_bytes)
    : name_(std::move(name)), parent_(std::move(parent)), offset_(offset), size_bytes_(size_bytes) {
  check_range(*parent_, offset, size_bytes);
}

void WindowSource::read(int64_t offset, std::span<std::byte> out) const {
  check_range(*this, offset, static_cast<int64_t>(out.size()));
  parent_->read(offset_ + offset, out);
}

void WindowSource::require(int64_t offset, int64_t count) const {
  check_range(*this, offset, count);
  parent_->require(offset_ + offset, count);
}

}  // namespace keras
