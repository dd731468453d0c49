// Patterns that are none, and texts on which matchers that try again would never end. What matches is held against TensorFlow's
// in the table of ops (tests/fixtures/ops/strings.json).
#include "core/base/regex.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace keras {
namespace {

TEST(Regex, WhatIsNoPatternIsRefused) {
  for (const char* pattern : {"(", ")", "a)", "[", "[a", "*", "a**", "(?z)", "\\", "\\8", "[b-a]", "a{1001}", "a{3,2}",
                              "[[:none:]]", "(?P<a", "\\x{110000}", "\xFF", "(?:"}) {
    EXPECT_THROW(Regex{pattern}, InvalidArgumentError) << pattern;
  }
  EXPECT_THROW(Regex{"\\pL"}, UnimplementedError);
}

TEST(Regex, APatternMayNotGrowWithoutBounds) {
  EXPECT_THROW(Regex{"((a{100}){100}){100}"}, InvalidArgumentError);
  EXPECT_THROW(Regex(std::string(1000, '(') + std::string(1000, ')')), InvalidArgumentError);
}

TEST(Regex, TakesLinearTimeWhereOthersTakeExponential) {
  const std::string text(5000, 'a');
  EXPECT_FALSE(Regex("(a*)*b").full_match(text));
  EXPECT_FALSE(Regex("(a|aa)+$b").full_match(text));
  EXPECT_TRUE(Regex("(a?){50}a*").full_match(text));
  EXPECT_EQ(Regex("(x+x+)+y").replace(std::string(2000, 'x'), "", true).size(), 2000u);
}

TEST(Regex, RewritesAreChecked) {
  const Regex regex("(a)");
  regex.check_rewrite("\\0\\1\\\\");
  EXPECT_THROW(regex.check_rewrite("\\2"), InvalidArgumentError);
  EXPECT_THROW(regex.check_rewrite("\\n"), InvalidArgumentError);
  EXPECT_THROW(regex.check_rewrite("\\"), InvalidArgumentError);
}

TEST(Regex, BytesThatAreNoUtf8MatchNothing) {
  EXPECT_FALSE(Regex(".").full_match("\xFF"));
  EXPECT_EQ(Regex(".").replace("a\xFFz", "-", true), "-\xFF-");
}

}  // namespace
}  // namespace keras
