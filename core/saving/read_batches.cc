// One batch after the other: where its bytes go while they are read, and what becomes of them when all are there.
#include "core/saving/read_batches.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "core/base/crc32c.h"
#include "core/base/error.h"

namespace keras {
namespace {

constexpr int64_t kPassingBytes = 1 << 20;  // verified or decoded at once, of what is in memory

using Ranges = std::vector<std::pair<int64_t, int64_t>>;

Ranges ranges_of(const ReadItem& item) { return item.encoded ? item.encoded->ranges : Ranges{{item.offset, item.size_bytes()}}; }

int64_t stored_bytes(const ReadItem& item) {
  int64_t sum = 0;
  for (const auto& [offset, bytes] : ranges_of(item)) sum += bytes;
  return sum;
}

/// In memory.
int64_t room_for(const ReadItem& item) { return (item.size_bytes() + 63) / 64 * 64; }

/// Whether reading can tell that the value is damaged.
bool is_checked(const ReadItem& item) { return item.verify || (item.encoded && item.encoded->checked); }

void check_ranges(const ReadItem& item) {
  for (const auto& [offset, bytes] : ranges_of(item)) {
    if (offset >= 0 && item.source->size_bytes() - offset >= bytes) continue;
    throw DataLossError("{}: the file ends before the values at byte {}", item.source->name(), offset)
        .at(item.source->name(), offset);
  }
}

}  // namespace

ReadBatches::ReadBatches(const FileSet& files, ReadList list) {
  std::vector<std::optional<Place>> places;
  std::vector<std::pair<int, int64_t>> begins;  // file and offset of the first range
  for (const ReadItem& item : list.items) {
    check_ranges(item);
    const auto place = files.locate(*item.source, 0);
    places.push_back(place ? std::optional(Place{place->first, place->second}) : std::nullopt);
    const Ranges ranges = ranges_of(item);
    begins.emplace_back(place ? place->first : -1, (place ? place->second : 0) + (ranges.empty() ? 0 : ranges[0].first));
  }
  std::vector<size_t> order(list.items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return std::tuple(list.items[i].variable != nullptr, begins[i]); });
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
    const bool twice = !list_.in_place && item.variable && is_checked(item) && room_for(item) > kStagedBytes;
    if (places_[i]) total += stored_bytes(item) * (twice ? 2 : 1);
  }
  return total;
}

const std::vector<FileRange>& ReadBatches::next(bool in_memory) {
  for (;;) {
    take_over();
    if (at_end()) break;
    begin_batch(in_memory);
    if (!ranges_.empty()) return ranges_;
  }
  for (const auto& check : std::exchange(list_.checks, {})) check();
  for (const auto& assign : std::exchange(list_.assignments, {})) assign();
  staging_.reset();
  passing_ = {};
  return ranges_;
}

void ReadBatches::begin_batch(bool in_memory) {
  if (std::exchange(verified_, false)) return begin(next_ - 1, Way::kVariable);
  for (; next_ < list_.items.size(); ++next_) {
    const ReadItem& item = list_.items[next_];
    if (!item.variable) {
      begin(next_, Way::kTarget);
    } else if (list_.in_place || (in_memory && !item.verify && !item.encoded)) {
      begin(next_, Way::kVariable);
    } else if (room_for(item) <= kStagedBytes - staged_bytes_) {
      begin(next_, Way::kStaged);
    } else if (values_.empty()) {
      verified_ = is_checked(item);
      return begin(next_++, verified_ ? Way::kVerifyOnly : Way::kVariable);
    } else {
      return;
    }
  }
}

void ReadBatches::begin(size_t index, Way way) {
  const ReadItem& item = list_.items[index];
  Value& value = values_.emplace_back(Value{&item, way});
  if (way == Way::kStaged) value.memory = stage(*item.variable);
  if (way == Way::kVariable && item.encoded) value.memory = item.variable->mutable_value();
  if (!item.encoded) return begin_range(places_[index], item.offset, item.size_bytes(), nullptr);
  std::vector<RangeDecoder> decoders = item.encoded->decode(value.memory.bytes());
  for (size_t i = 0; i < decoders.size(); ++i) {
    const auto [offset, bytes] = item.encoded->ranges[i];
    begin_range(places_[index], offset, bytes, std::move(decoders[i]));
  }
}

/// The memory is made when it is first needed, and no larger than this load needs.
Tensor ReadBatches::stage(const Variable& variable) {
  if (!staging_) {
    int64_t room = 0;
    for (const ReadItem& item : list_.items) room += item.variable ? std::min(room_for(item), kStagedBytes - room) : 0;
    staging_ = allocate_aligned(room);
  }
  Tensor memory = Tensor::borrow(variable.dtype(), variable.shape(), staging_.get() + staged_bytes_, staging_);
  staged_bytes_ += (memory.size_bytes() + 63) / 64 * 64;
  return memory;
}

/// Of the value that is the last so far.
void ReadBatches::begin_range(const std::optional<Place>& place, int64_t offset, int64_t bytes, RangeDecoder decode) {
  readings_.push_back({values_.size() - 1, bytes, std::move(decode)});
  if (!place) return read_from_memory(*values_.back().item->source, offset);
  if (bytes == 0) return;
  ranges_.push_back({place->file, place->offset + offset, bytes});
  range_readings_.push_back(readings_.size() - 1);
}

std::span<std::byte> ReadBatches::memory_for(const Reading& reading, int64_t count) {
  Value& value = values_[reading.value];
  const auto size = static_cast<size_t>(count);
  if (reading.decode || value.way == Way::kVerifyOnly) {
    passing_.resize(size);
    return passing_;
  }
  const auto part = [&](std::span<std::byte> all) { return all.subspan(static_cast<size_t>(reading.done), size); };
  if (value.way == Way::kTarget) return part(value.item->target);
  // Asked anew: someone may have taken the value that it has so far.
  return part(value.way == Way::kVariable ? value.item->variable->mutable_value().bytes() : value.memory.bytes());
}

void ReadBatches::extend(Reading& reading, std::span<const std::byte> bytes) {
  Value& value = values_[reading.value];
  if (value.item->verify) value.crc = crc32c(bytes, value.crc);
  if (reading.decode) reading.decode(bytes);
  reading.done += static_cast<int64_t>(bytes.size());
}

void ReadBatches::read_from_memory(const ByteSource& source, int64_t offset) {
  Reading& reading = readings_.back();
  while (reading.done < reading.bytes) {
    const std::span<std::byte> part = memory_for(reading, std::min(reading.bytes - reading.done, kPassingBytes));
    source.read(offset + reading.done, part);
    extend(reading, part);
  }
}

std::span<std::byte> ReadBatches::target(size_t range, int64_t at, int64_t count) {
  const Reading& reading = readings_.at(range_readings_.at(range));
  if (at != reading.done || count < 0 || count > std::min(reading.bytes - at, kStagedBytes))
    throw RuntimeError("Other bytes were read than those that were asked for.");
  filling_ = memory_for(reading, count);
  return filling_;
}

void ReadBatches::filled(size_t range) { extend(readings_.at(range_readings_.at(range)), std::exchange(filling_, {})); }

void ReadBatches::take_over() {
  for (const Reading& reading : readings_) {
    if (reading.done != reading.bytes) throw RuntimeError("Not all that was asked for has been read.");
  }
  for (const Value& value : values_) {
    if (value.item->verify) value.item->verify(value.crc);
  }
  if (!values_.empty()) {
    for (const auto& check : std::exchange(list_.checks, {})) check();
  }
  readings_.clear();  // and decoders with them
  for (Value& value : values_) {
    const Tensor memory = std::move(value.memory);
    if (value.way == Way::kStaged)
      std::ranges::copy(memory.bytes(), value.item->variable->mutable_value().bytes().begin());
    else if (memory.valid())
      value.item->variable->assign(memory);
    else if (value.way == Way::kVariable)
      value.item->variable->mutable_value();  // its version goes up
  }
  staged_bytes_ = 0;
  values_.clear();
  ranges_.clear();
  range_readings_.clear();
}

}  // namespace keras
