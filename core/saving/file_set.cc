// Files by number, and where in them the bytes of a source lie.
#include "core/saving/file_set.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace keras {

int FileSet::add(std::string path, int64_t size_bytes) {
  files_.push_back(std::make_shared<BlockSource>(path, size_bytes));
  paths_.push_back(std::move(path));
  return static_cast<int>(files_.size()) - 1;
}

void FileSet::add_bytes(int file, int64_t offset, std::span<const std::byte> bytes) {
  files_.at(static_cast<size_t>(file))->add(offset, bytes);
}

void FileSet::forget_bytes() {
  for (const auto& file : files_) file->forget();
}

std::optional<std::pair<int, int64_t>> FileSet::locate(const ByteSource& source, int64_t offset) const {
  if (const auto* window = dynamic_cast<const WindowSource*>(&source))
    return locate(window->parent(), offset + window->offset_in_parent());
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i].get() == &source) return std::pair(static_cast<int>(i), offset);
  }
  return std::nullopt;
}

int64_t FileSet::most_weight_bytes(const Limits& limits) const {
  constexpr int64_t kSmall = 1 << 20;
  int64_t bytes = kSmall;
  for (const auto& file : files_) {
    const auto most = checked_mul(file->size_bytes(), limits.inflate_ratio);
    const auto sum = most ? checked_add(bytes, *most) : std::nullopt;
    if (!sum || *sum > limits.total_bytes) return limits.total_bytes;
    bytes = *sum;
  }
  return bytes;
}

std::vector<BytesWanted> FileSet::wanted(const NeedBytes& need) const {
  std::vector<BytesWanted> all;
  const auto add = [&](const NeedBytes& range) {
    for (size_t i = 0; i < files_.size(); ++i) {
      if (files_[i]->name() != range.file) continue;
      all.push_back({static_cast<int>(i), range.offset, range.count});
      return;
    }
    throw RuntimeError("Bytes of an unknown file '{}' are needed", range.file);
  };
  add(need);
  for (const NeedBytes& other : need.others) add(other);
  std::ranges::sort(all, {}, [](const BytesWanted& range) { return std::pair(range.file, range.offset); });
  std::vector<BytesWanted> merged;
  for (const BytesWanted& range : all) {
    if (merged.empty() || merged.back().file != range.file || merged.back().offset + merged.back().count < range.offset)
      merged.push_back(range);
    else
      merged.back().count = std::max(merged.back().count, range.offset + range.count - merged.back().offset);
  }
  return merged;
}

}  // namespace keras
