// Text forms: the "{}" formatter, Python's repr of numbers, tuples.
#include "core/base/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace keras {
namespace {

TEST(Format, ReplacesEachBracePairByTheNextArgument) {
  EXPECT_EQ(format("layer '{}' has {} weights", "dense", 2), "layer 'dense' has 2 weights");
  EXPECT_EQ(format("{}{}", true, false), "truefalse");
  EXPECT_EQ(format("no arguments"), "no arguments");
  EXPECT_EQ(format("{}", std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Format, DoubledBracesAreLiteral) {
  EXPECT_EQ(format("{{}}"), "{}");
  EXPECT_EQ(format("{{{}}}", 1), "{1}");
}

TEST(Format, ArgumentsAreNotFormattedAgain) { EXPECT_EQ(format("{} {}", "{}", "x"), "{} x"); }

TEST(Format, MissingArgumentsLeaveNothingAndSpareOnesAreIgnored) {
  EXPECT_EQ(format("[{}][{}]", 1), "[1][]");
  EXPECT_EQ(format("[{}]", 1, 2), "[1]");
  EXPECT_EQ(format("open {"), "open {");
}

TEST(Format, IntegersAtTheirLimits) {
  EXPECT_EQ(format("{} {}", std::numeric_limits<int64_t>::min(), std::numeric_limits<uint64_t>::max()),
            "-9223372036854775808 18446744073709551615");
}

TEST(DoubleText, IsPythonsRepr) {
  const std::pair<double, const char*> rows[] = {{0.0, "0.0"},
                                                 {-0.0, "-0.0"},
                                                 {1.0, "1.0"},
                                                 {0.1, "0.1"},
                                                 {1e-4, "0.0001"},
                                                 {1e-5, "1e-05"},
                                                 {1e-7, "1e-07"},
                                                 {1e15, "1000000000000000.0"},
                                                 {1e16, "1e+16"},
                                                 {1.5e300, "1.5e+300"},
                                                 {123456.789, "123456.789"},
                                                 {5e-324, "5e-324"}};
  for (const auto& [value, text] : rows) EXPECT_EQ(double_text(value), text);
  EXPECT_EQ(double_text(std::nan("")), "nan");
  EXPECT_EQ(double_text(INFINITY), "inf");
  EXPECT_EQ(double_text(-INFINITY), "-inf");
}

TEST(DoubleText, ReadsBackAsTheSameNumber) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(std::strtod(double_text(value).c_str(), nullptr), value) << double_text(value);
  }
}

TEST(FloatText, IsTheShortestTextThatReadsBack) {
  EXPECT_EQ(float_text(0.1f), "0.1");
  EXPECT_EQ(float_text(0.001f), "0.001");
  EXPECT_EQ(float_text(1e-7f), "1e-07");
  EXPECT_EQ(float_text(16777216.0f), "16777216.0");
}

TEST(TupleText, IsPythonsTuple) {
  EXPECT_EQ(tuple_text({}), "()");
  EXPECT_EQ(tuple_text(std::vector<int64_t>{4}), "(4,)");
  EXPECT_EQ(tuple_text(std::vector<int64_t>{-1, 28, 28}), "(None, 28, 28)");
}

TEST(Join, PutsTheSeparatorBetweenItemsOnly) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(join(std::vector<std::string>{"", "b", ""}, "/"), "/b/");
}

}  // namespace
}  // namespace keras
