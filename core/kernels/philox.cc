// Philox and distributions. The order of draws is TensorFlow's (docs/architecture.md, "Random numbers").
#include "core/kernels/philox.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace keras::kernels {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
constexpr uint64_t kTruncatedBlocks = 256;

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p = uint64_t{kMultiplier0} * c[0], q = uint64_t{kMultiplier1} * c[2];
    c = {static_cast<uint32_t>(q >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(q), static_cast<uint32_t>(p >> 32) ^ c[3] ^ k[1],
         static_cast<uint32_t>(p)};
    k = {k[0] + kWeyl0, k[1] + kWeyl1};
  }
  return c;
}

/// The low 23 bits as a float in [0, 1).
float to_uniform(uint32_t word) { return std::bit_cast<float>(0x3F800000u | (word & 0x7FFFFFu)) - 1.0f; }

std::array<float, 2> box_muller(uint32_t a, uint32_t b) {
  const float u = std::max(to_uniform(a), 1e-7f);
  const float theta = 6.28318530717958647692f * to_uniform(b);
  const float radius = std::sqrt(-2.0f * std::log(u));
  return {radius * std::sin(theta), radius * std::cos(theta)};
}

}  // namespace

Philox Philox::from_seed(uint64_t seed_low, uint64_t seed_high) {
  const std::array<uint32_t, 4> mixed = philox({static_cast<uint32_t>(seed_low), static_cast<uint32_t>(seed_low >> 32),
                                                static_cast<uint32_t>(seed_high), static_cast<uint32_t>(seed_high >> 32)},
                                               {0x3EC8F720u, 0x02461E29u});
  return {{0, 0, mixed[2], mixed[3]}, {mixed[0], mixed[1]}};
}

std::array<uint32_t, 4> Philox::block(uint64_t index) const {
  // The counter is one number of 128 bits.
  const uint64_t low = counter[0] | uint64_t{counter[1]} << 32;
  const uint64_t high = counter[2] | uint64_t{counter[3]} << 32;
  const uint64_t sum = low + index;
  const uint64_t carried = high + (sum < low ? 1 : 0);
  return philox({static_cast<uint32_t>(sum), static_cast<uint32_t>(sum >> 32), static_cast<uint32_t>(carried),
                 static_cast<uint32_t>(carried >> 32)},
                key);
}

void random_uniform(const Philox& generator, std::span<float> out) {
  for (size_t i = 0; i < out.size(); i += 4) {
    const auto words = generator.block(i / 4);
    for (size_t j = 0; j < 4 && i + j < out.size(); ++j) out[i + j] = to_uniform(words[j]);
  }
}

void random_normal(const Philox& generator, std::span<float> out) {
  for (size_t i = 0; i < out.size(); i += 4) {
    const auto words = generator.block(i / 4);
    const auto first = box_muller(words[0], words[1]), second = box_muller(words[2], words[3]);
    const float values[4] = {first[0], first[1], second[0], second[1]};
    for (size_t j = 0; j < 4 && i + j < out.size(); ++j) out[i + j] = values[j];
  }
}

void random_truncated_normal(const Philox& generator, std::span<float> out) {
  for (size_t i = 0; i < out.size(); i += 4) {
    uint64_t block = i / 4 * kTruncatedBlocks;
    for (size_t found = 0; found < 4; ++block) {
      const auto words = generator.block(block);
      for (size_t pair = 0; pair < 4; pair += 2) {
        for (const float value : box_muller(words[pair], words[pair + 1])) {
          if (std::abs(value) >= 2.0f || found == 4) continue;
          if (i + found < out.size()) out[i + found] = value;
          ++found;
        }
      }
    }
  }
}

}  // namespace keras::kernels
