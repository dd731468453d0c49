// The 16-bit floating dtypes as bits. Nothing computes in them: values become float32, and are rounded back.
#pragma once

#include <bit>
#include <cstdint>

namespace keras {

/// IEEE 754 binary16 to float32, exactly. Also subnormals, infinities, and a NaN with its bits.
inline float half_to_float(uint16_t half) {
  constexpr uint32_t kExponent = 0x7C00u << 13;
  uint32_t bits = (half & 0x7FFFu) << 13;
  const uint32_t exponent = bits & kExponent;
  bits += (127u - 15u) << 23;
  if (exponent == kExponent) {
    bits += (128u - 16u) << 23;
  } else if (exponent == 0) {  // as 2^-14 · (1 + fraction), of which the 1 is taken away again
    bits += 1u << 23;
    bits = std::bit_cast<uint32_t>(std::bit_cast<float>(bits) - std::bit_cast<float>(113u << 23));
  }
  return std::bit_cast<float>(bits | (half & 0x8000u) << 16);
}

/// To the nearest half, ties to even; what is beyond the largest becomes infinite.
inline uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t half;
  if (magnitude > 0x7F800000u) {  // NaN: one stays one when the low bits of its fraction fall off
    const uint32_t fraction = magnitude >> 13 & 0x3FFu;
    half = 0x7C00u | (fraction != 0 ? fraction : 0x200u);
  } else if (magnitude >= 0x47800000u) {  // 2^16 and more
    half = 0x7C00u;
  } else if (magnitude < 0x38800000u) {  // subnormal: adding 0.5 leaves multiples of 2^-24 as the low bits, rounded
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000u;
  } else {
    half = (magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u)) >> 13;
  }
  return static_cast<uint16_t>(half | sign);
}

/// bfloat16 is the upper half of a float32.
inline float bfloat16_to_float(uint16_t value) { return std::bit_cast<float>(static_cast<uint32_t>(value) << 16); }

/// To the nearest bfloat16, ties to even.
inline uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto upper = static_cast<uint16_t>(bits >> 16);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (upper & 0x7Fu) != 0 ? upper : static_cast<uint16_t>(upper | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + (upper & 1u)) >> 16);
}

}  // namespace keras
