// half and bfloat16: every value to float32 and back, and roundings by the definition of nearest-even.
#include "core/tensor/half.h"

#include <gtest/gtest.h>

#include <cmath>

namespace keras {
namespace {

TEST(Half, EveryValueComesBackBitForBit) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value = static_cast<uint16_t>(bits);
    ASSERT_EQ(float_to_half(half_to_float(value)), value) << bits;
    ASSERT_EQ(float_to_bfloat16(bfloat16_to_float(value)), value) << bits;
  }
}

TEST(Half, ValuesAreThoseOfIeee754) {
  for (int exponent = 0; exponent < 31; ++exponent) {
    for (int fraction = 0; fraction < 1024; fraction += 31) {
      const double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      const auto bits = static_cast<uint16_t>(exponent << 10 | fraction);
      ASSERT_EQ(static_cast<double>(half_to_float(bits)), value);
      ASSERT_EQ(static_cast<double>(half_to_float(static_cast<uint16_t>(bits | 0x8000))), -value);
    }
  }
  EXPECT_EQ(half_to_float(0x7C00), HUGE_VALF);
  EXPECT_TRUE(std::isnan(half_to_float(0x7C01)));
}

/// Between two neighbours: below, at and above the middle.
template <class ToFloat, class Round>
void check_rounding(uint16_t largest, ToFloat to_float, Round round) {
  for (uint16_t lower = 0; lower < largest; ++lower) {
    const float a = to_float(lower), b = to_float(static_cast<uint16_t>(lower + 1)), middle = a + (b - a) / 2;
    const uint16_t even = (lower & 1) == 0 ? lower : static_cast<uint16_t>(lower + 1);
    ASSERT_EQ(round(middle), even) << lower;
    ASSERT_EQ(round(std::nextafter(middle, a)), lower) << lower;
    ASSERT_EQ(round(std::nextafter(middle, b)), lower + 1) << lower;
    ASSERT_EQ(round(-middle), even | 0x8000) << lower;
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) { check_rounding(0x7BFF, half_to_float, float_to_half); }
TEST(Half, Bfloat16RoundsToTheNearestAndTiesToEven) { check_rounding(0x7F7F, bfloat16_to_float, float_to_bfloat16); }

TEST(Half, WhatIsTooLargeBecomesInfinite) {
  EXPECT_EQ(float_to_half(65519.996f), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0f), 0x7C00);
  EXPECT_EQ(float_to_half(-1e30f), 0xFC00);
  EXPECT_EQ(float_to_bfloat16(3.4028235e38f), 0x7F80);
}

}  // namespace
}  // namespace keras
