// Filters are undone by a row of stages, the last of which puts elements into the dataset.
#include "core/formats/hdf5/chunk_decoder.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/formats/hdf5/checksum.h"
#include "core/formats/inflate.h"

namespace keras::hdf5 {
namespace {

constexpr int64_t kChecksumBytes = 4;

std::string described(const ChunkTarget& target) { return keras::format("{}: a chunk of '{}'", target.file, target.name); }

int64_t raw_bytes(const Dataset& dataset) {  // of a chunk; held against the limits when the dataset was parsed
  int64_t bytes = dataset.type.bytes;
  for (const int64_t dim : dataset.chunk_shape) bytes *= dim;
  return bytes;
}

/// Calls use(byte of the chunk, byte of the dataset, count) for each run of the chunk's bytes [begin, end) that lies inside the
/// dataset: rows along the last axis, which may end outside.
template <class Use>
void each_run(const Dataset& dataset, const Chunk& chunk, int64_t begin, int64_t end, Use&& use) {
  const size_t rank = dataset.shape.size();
  const int64_t element = dataset.type.bytes, row_bytes = dataset.chunk_shape.back() * element;
  const int64_t kept = std::min(dataset.chunk_shape.back(), dataset.shape.back() - chunk.start.back()) * element;
  while (begin < end) {
    const int64_t row = begin / row_bytes, row_begin = row * row_bytes, row_end = row_begin + row_bytes;
    const int64_t count = std::min(end, row_begin + kept) - begin;
    int64_t rest = row, place = chunk.start.back(), stride = dataset.shape.back();
    bool inside = count > 0;
    for (size_t axis = rank - 1; inside && axis-- > 0;) {
      const int64_t within = rest % dataset.chunk_shape[axis];
      rest /= dataset.chunk_shape[axis];
      inside = within < dataset.shape[axis] - chunk.start[axis];
      place += (chunk.start[axis] + within) * stride;
      stride *= dataset.shape[axis];
    }
    if (inside) use(begin, place * element + begin - row_begin, count);
    begin = row_end;
  }
}

/// The elements of which all first bytes come first, then all second ones, … What is left of no whole element stays where it is.
std::vector<std::byte> unshuffled(std::span<const std::byte> shuffled, size_t element) {
  std::vector<std::byte> out(shuffled.begin(), shuffled.end());
  const size_t count = shuffled.size() / element;
  for (size_t i = 0; i < count; ++i) {
    for (size_t b = 0; b < element; ++b) out[i * element + b] = shuffled[b * count + i];
  }
  return out;
}

/// Puts elements to where they are in the dataset.
class Placing final : public ChunkStage {
 public:
  Placing(std::shared_ptr<const ChunkTarget> target, const Chunk& chunk, bool shuffled)
      : target_(std::move(target)), chunk_(chunk), shuffled_(shuffled), size_(raw_bytes(target_->dataset)) {}

  void add(std::span<const std::byte> bytes) override {
    const auto count = static_cast<int64_t>(bytes.size()), received = done_ + static_cast<int64_t>(held_.size());
    if (count > size_ - received) fail(received + count);
    if (target_->out.empty()) {
      done_ += count;
      return;
    }
    if (target_->conversion.convert) return hold(bytes);
    while (!bytes.empty()) {
      const int64_t plane = size_ / target_->dataset.type.bytes;
      const int64_t most = shuffled_ ? plane - done_ % plane : size_ - done_;
      const auto piece = bytes.first(static_cast<size_t>(std::min<int64_t>(most, static_cast<int64_t>(bytes.size()))));
      if (shuffled_)
        scatter(piece, done_ % plane, done_ / plane);
      else
        copy(piece);
      done_ += static_cast<int64_t>(piece.size());
      bytes = bytes.subspan(piece.size());
    }
  }

  void finish() override {
    const int64_t received = done_ + static_cast<int64_t>(held_.size());
    if (received != size_) fail(received);
    if (target_->out.empty()) return;
    const int64_t element = target_->dataset.type.bytes;
    if (target_->conversion.convert) {
      if (shuffled_) held_ = unshuffled(held_, static_cast<size_t>(element));
      return convert_held();
    }
    if (!target_->dataset.type.big_endian) return;
    each_run(target_->dataset, chunk_, 0, size_, [&](int64_t, int64_t place, int64_t count) {
      std::byte* values = target_->out.data() + place;
      for (int64_t i = 0; i < count; i += element) std::reverse(values + i, values + i + element);
    });
  }

 private:
  void copy(std::span<const std::byte> piece) const {
    const int64_t end = done_ + static_cast<int64_t>(piece.size());
    each_run(target_->dataset, chunk_, done_, end, [&](int64_t from, int64_t place, int64_t count) {
      std::memcpy(target_->out.data() + place, piece.data() + (from - done_), static_cast<size_t>(count));
    });
  }

  /// Byte number `byte` of the elements from `first` on.
  void scatter(std::span<const std::byte> piece, int64_t first, int64_t byte) const {
    const int64_t element = target_->dataset.type.bytes;
    const int64_t begin = first * element, end = begin + static_cast<int64_t>(piece.size()) * element;
    each_run(target_->dataset, chunk_, begin, end, [&](int64_t from, int64_t place, int64_t count) {
      const std::byte* source = piece.data() + (from - begin) / element;
      std::byte* to = target_->out.data() + place + byte;
      for (int64_t i = 0; i < count; i += element) to[i] = *source++;
    });
  }

  void hold(std::span<const std::byte> bytes) {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    if (!shuffled_) convert_held();
  }

  /// The whole elements that are held.
  void convert_held() {
    const int64_t element = target_->dataset.type.bytes, count = static_cast<int64_t>(held_.size()) / element;
    const auto end = held_.begin() + count * element;
    for (auto it = held_.begin(); target_->dataset.type.big_endian && it != end; it += element) std::reverse(it, it + element);
    const Conversion& conversion = target_->conversion;
    each_run(target_->dataset, chunk_, done_, done_ + count * element, [&](int64_t from, int64_t place, int64_t bytes) {
      conversion.convert(held_.data() + (from - done_), target_->out.data() + place / element * conversion.bytes,
                         bytes / element);
    });
    done_ += count * element;
    held_.erase(held_.begin(), end);
  }

  [[noreturn]] void fail(int64_t bytes) const {
    throw DataLossError("{} has {} bytes instead of {}", described(*target_), bytes, size_);
  }

  std::shared_ptr<const ChunkTarget> target_;
  const Chunk& chunk_;
  bool shuffled_;
  int64_t size_, done_ = 0;
  std::vector<std::byte> held_;  // to be converted
};

class Inflating final : public ChunkStage {
 public:
  Inflating(const ChunkTarget& target, int64_t stored, int64_t size, std::unique_ptr<ChunkStage> next)
      : stream_(stored, size, DeflateWrapper::kZlib, described(target), target.limits), next_(std::move(next)) {}

  void add(std::span<const std::byte> bytes) override {
    stream_.add(bytes, [&](std::span<const std::byte> inflated) { next_->add(inflated); });
  }
  void finish() override {
    stream_.finish();
    next_->finish();
  }

 private:
  InflateStream stream_;
  std::unique_ptr<ChunkStage> next_;
};

/// The last four bytes are the checksum of the others.
class Checking final : public ChunkStage {
 public:
  Checking(const ChunkTarget& target, std::unique_ptr<ChunkStage> next) : target_(target), next_(std::move(next)) {}

  void add(std::span<const std::byte> bytes) override {
    const size_t ready = last_.size() + bytes.size() - std::min<size_t>(last_.size() + bytes.size(), kChecksumBytes);
    const size_t old = std::min(ready, last_.size());
    pass(std::span(last_).first(old));
    pass(bytes.first(ready - old));
    last_.erase(last_.begin(), last_.begin() + static_cast<ptrdiff_t>(old));
    last_.insert(last_.end(), bytes.begin() + static_cast<ptrdiff_t>(ready - old), bytes.end());
  }

  void finish() override {
    if (last_.size() < kChecksumBytes) throw DataLossError("{} is too short", described(target_));
    uint32_t stored = 0;
    std::memcpy(&stored, last_.data(), kChecksumBytes);
    if (!fletcher32_matches(sum_, stored)) throw DataLossError("{} has another checksum than its bytes", described(target_));
    next_->finish();
  }

 private:
  void pass(std::span<const std::byte> bytes) {
    sum_.add(bytes);
    if (!bytes.empty()) next_->add(bytes);
  }

  const ChunkTarget& target_;
  std::unique_ptr<ChunkStage> next_;
  Fletcher32 sum_;
  std::vector<std::byte> last_;
};

/// Shuffle behind another filter: elements can be put together only when all bytes are there.
class Unshuffling final : public ChunkStage {
 public:
  Unshuffling(int64_t element, std::unique_ptr<ChunkStage> next)
      : element_(static_cast<size_t>(element)), next_(std::move(next)) {}

  void add(std::span<const std::byte> bytes) override { shuffled_.insert(shuffled_.end(), bytes.begin(), bytes.end()); }

  void finish() override {
    next_->add(unshuffled(shuffled_, element_));
    next_->finish();
  }

 private:
  size_t element_;
  std::unique_ptr<ChunkStage> next_;
  std::vector<std::byte> shuffled_;
};

}  // namespace

ChunkDecoder::ChunkDecoder(std::shared_ptr<const ChunkTarget> target, const Chunk& chunk)
    : target_(std::move(target)), chunk_(chunk) {}

/// From the last stage to the first, as the filters were applied.
std::unique_ptr<ChunkStage> ChunkDecoder::make_stages() const {
  const Dataset& dataset = target_->dataset;
  const bool wide = dataset.type.bytes > 1;
  const std::vector<Filter>& filters = dataset.filters;
  size_t i = 0;
  while (i < filters.size() && !chunk_.applied(i)) ++i;
  const bool shuffled = wide && i < filters.size() && filters[i] == Filter::kShuffle;
  std::unique_ptr<ChunkStage> stage = std::make_unique<Placing>(target_, chunk_, shuffled);
  int64_t bytes = raw_bytes(dataset);  // of what goes into filter i
  for (i += shuffled ? 1 : 0; i < filters.size(); ++i) {
    if (!chunk_.applied(i)) continue;
    if (filters[i] == Filter::kFletcher32) {
      stage = std::make_unique<Checking>(*target_, std::move(stage));
      bytes += kChecksumBytes;
    } else if (filters[i] == Filter::kDeflate) {
      stage = std::make_unique<Inflating>(*target_, chunk_.bytes, bytes, std::move(stage));
    } else if (wide) {
      stage = std::make_unique<Unshuffling>(dataset.type.bytes, std::move(stage));
    }
  }
  return stage;
}

void ChunkDecoder::add(std::span<const std::byte> stored) {
  try {
    if (!stages_) stages_ = make_stages();
    stages_->add(stored);
    received_ += static_cast<int64_t>(stored.size());
    if (received_ < chunk_.bytes) return;
    stages_->finish();
    stages_.reset();
  } catch (Error& error) {
    error.set_path(target_->file);
    error.set_offset(chunk_.offset);
    throw;
  }
}

}  // namespace keras::hdf5
