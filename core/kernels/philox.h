// Philox4x32-10 (J. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011) and the distributions that
// TensorFlow's stateless random ops draw from it. Uniform floats agree bit for bit.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace keras::kernels {

struct Philox {
  std::array<uint32_t, 4> counter{};
  std::array<uint32_t, 2> key{};

  /// The generator that a seed pair means: TensorFlow's scramble of tf.random.stateless_* ops.
  static Philox from_seed(uint64_t seed_low, uint64_t seed_high);
  /// Block `index` of four 32-bit words after the counter.
  std::array<uint32_t, 4> block(uint64_t index) const;
};

/// [0, 1), element 4i + j from word j of block i.
void random_uniform(const Philox& generator, std::span<float> out);
/// Mean 0, standard deviation 1 (Box-Muller).
void random_normal(const Philox& generator, std::span<float> out);
/// Normal, drawn again outside (−2, 2); each group of four has 256 blocks of its own.
void random_truncated_normal(const Philox& generator, std::span<float> out);

}  // namespace keras::kernels
