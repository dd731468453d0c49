// One batch after the other: where its bytes go while they are read, and what becomes of them when all are there.
#include "core/saving/read_batches.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <tuple>

#include "core/base/crc32c.h"
#include "core/base/error.h"

namespace keras {
namespace {

constexpr int64_t kDecodedBytes = 1 << 20;  // given to a decoder at once, of what is in memory

/// Of a value beside its variable.
int64_t room_for(const ReadItem& item) { return (item.size_bytes() + 63) / 64 * 64; }

void check_range(const ReadItem& item) {
  if (item.offset >= 0 && item.source->size_bytes() - item.offset >= item.size_bytes()) return;
  throw DataLossError("{}: the file ends before the values at byte {}", item.source->name(), item.offset)
      .at(item.source->name(), item.offset);
}

}  // namespace

ReadBatches::ReadBatches(const FileSet& files, ReadList list) {
  std::vector<std::optional<std::pair<int, int64_t>>> places;
  for (const ReadItem& item : list.items) {
    check_range(item);
    places.push_back(files.locate(*item.source, item.offset));
  }
  std::vector<size_t> order(list.items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(
      order, {}, [&](size_t i) { return std::tuple(list.items[i].variable != nullptr, places[i].value_or(std::pair(-1, 0))); });
  for (const size_t i : order) {
    list_.items.push_back(std::move(list.items[i]));
    places_.push_back(places[i]);
  }
  list_.in_place = list.in_place;
  list_.checks = std::move(list.checks);
  list_.assignments = std::move(list.assignments);
}

int64_t ReadBatches::total_bytes() const {
  int64_t total = 0;
  for (size_t i = 0; i < list_.items.size(); ++i) {
    const ReadItem& item = list_.items[i];
    const bool twice = !list_.in_place && item.variable && item.verify && room_for(item) > kStagedBytes;
    if (places_[i]) total += item.size_bytes() * (twice ? 2 : 1);
  }
  return total;
}

const std::vector<FileRange>& ReadBatches::next() {
  for (;;) {
    take_over();
    if (at_end()) break;
    begin_batch();
    if (!ranges_.empty()) return ranges_;
  }
  for (const auto& check : std::exchange(list_.checks, {})) check();
  for (const auto& assign : std::exchange(list_.assignments, {})) assign();
  staging_.reset();
  encoded_ = {};
  return ranges_;
}

void ReadBatches::begin_batch() {
  if (std::exchange(verified_, false)) return begin(list_.items[next_ - 1], Way::kVariable);
  for (; next_ < list_.items.size(); ++next_) {
    const ReadItem& item = list_.items[next_];
    if (!item.variable) {
      begin(item, item.decode ? Way::kDecoded : Way::kTarget);
    } else if (list_.in_place) {
      begin(item, Way::kVariable);
    } else if (room_for(item) <= kStagedBytes - staged_bytes_) {
      begin(item, Way::kStaged);
    } else if (batch_.empty()) {
      verified_ = item.verify != nullptr;
      ++next_;
      return begin(item, verified_ ? Way::kVerifyOnly : Way::kVariable);
    } else {
      return;
    }
  }
}

void ReadBatches::begin(const ReadItem& item, Way way) {
  Reading& reading = batch_.emplace_back(Reading{&item, way, staged_bytes_});
  if (way == Way::kStaged) staged_bytes_ += room_for(item);
  if (item.size_bytes() == 0) return;
  const auto& place = places_[static_cast<size_t>(&item - list_.items.data())];
  if (!place) return read_from_memory(reading);
  ranges_.push_back({place->first, place->second, item.size_bytes()});
  range_readings_.push_back(batch_.size() - 1);
}

std::span<std::byte> ReadBatches::memory_for(const Reading& reading, int64_t count) {
  const auto part = [&](std::span<std::byte> all) {
    return all.subspan(static_cast<size_t>(reading.done), static_cast<size_t>(count));
  };
  switch (reading.way) {
    case Way::kTarget: return part(reading.item->target);
    case Way::kDecoded: encoded_.resize(static_cast<size_t>(count)); return encoded_;
    case Way::kVariable: return part(reading.item->variable->mutable_value().bytes());
    case Way::kStaged: return {staging() + reading.staged_at + reading.done, static_cast<size_t>(count)};
    case Way::kVerifyOnly: break;
  }
  return {staging(), static_cast<size_t>(count)};
}

/// Made when it is first needed, and no larger than this load needs.
std::byte* ReadBatches::staging() {
  if (!staging_) {
    int64_t room = 0;
    for (const ReadItem& item : list_.items) room += item.variable ? std::min(room_for(item), kStagedBytes - room) : 0;
    staging_ = allocate_aligned(room);
  }
  return staging_.get();
}

void ReadBatches::extend(Reading& reading, std::span<const std::byte> bytes) {
  if (reading.item->verify) reading.crc = crc32c(bytes, reading.crc);
  if (reading.way == Way::kDecoded) reading.item->decode(bytes);
  reading.done += static_cast<int64_t>(bytes.size());
}

void ReadBatches::read_from_memory(Reading& reading) {
  const ReadItem& item = *reading.item;
  const int64_t piece = reading.way == Way::kDecoded ? kDecodedBytes : kStagedBytes;
  while (reading.done < item.size_bytes()) {
    const std::span<std::byte> part = memory_for(reading, std::min(item.size_bytes() - reading.done, piece));
    item.source->read(item.offset + reading.done, part);
    extend(reading, part);
  }
}

std::span<std::byte> ReadBatches::target(size_t range, int64_t at, int64_t count) {
  const Reading& reading = batch_.at(range_readings_.at(range));
  if (at != reading.done || count < 0 || count > std::min(reading.item->size_bytes() - at, kStagedBytes))
    throw RuntimeError("Other bytes were read than those that were asked for.");
  filling_ = memory_for(reading, count);
  return filling_;
}

void ReadBatches::filled(size_t range) { extend(batch_.at(range_readings_.at(range)), std::exchange(filling_, {})); }

void ReadBatches::take_over() {
  if (batch_.empty()) return;
  for (const Reading& reading : batch_) {
    if (reading.done != reading.item->size_bytes()) throw RuntimeError("Not all that was asked for has been read.");
    if (reading.item->verify) reading.item->verify(reading.crc);
  }
  for (const auto& check : std::exchange(list_.checks, {})) check();
  for (const Reading& reading : batch_) {
    if (reading.way == Way::kVariable) reading.item->variable->mutable_value();  // its version goes up
    if (reading.way != Way::kStaged || reading.done == 0) continue;
    std::memcpy(reading.item->variable->mutable_value().raw(), staging() + reading.staged_at, static_cast<size_t>(reading.done));
  }
  batch_.clear();
  ranges_.clear();
  range_readings_.clear();
  staged_bytes_ = 0;
}

}  // namespace keras
