// The two checksums of HDF5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace keras::hdf5 {

/// Of metadata: Bob Jenkins' lookup3 ("hashlittle") with the initial value 0.
uint32_t lookup3(std::span<const std::byte> data);

/// Of filtered chunks: Fletcher's over 16-bit big-endian words, as HDF5 computes it. The bytes may come in pieces.
class Fletcher32 {
 public:
  void add(std::span<const std::byte> data);
  uint32_t value() const;

 private:
  void add_word(uint32_t word);

  uint32_t sum1_ = 0, sum2_ = 0;
  std::optional<std::byte> odd_;  // the first half of a word
};

/// Whether `stored` is what it should be. Readers ask by these two, so that the fuzzers (tests/fuzz) can put others in their
/// place, to which every checksum is right.
bool lookup3_matches(std::span<const std::byte> data, uint32_t stored);
bool fletcher32_matches(const Fletcher32& sum, uint32_t stored);

}  // namespace keras::hdf5
