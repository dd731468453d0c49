// Keras's JSON dialect. Expected texts are those of Python's json.dumps.
#include "core/keras/config/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"

namespace keras::testing {
namespace {

std::string round_trip(std::string_view text) { return dump_json(parse_json(text, "test", Limits{})); }

TEST(Json, TextIsThatOfPython) {
  for (const char* text : {"{\"b\": [1, 1.0, -0.0, 1e-07, 0.30000001192092896, 1e+20], \"a\": {}}", "[]", "null",
                           "[true, false, null, \"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\"]", "[NaN, Infinity, -Infinity]",
                           "[123456789012345678, -1, 1e+16, 1000000000000000.0, 0.0001, 1e-05]"}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(Json, LiteralsInsideStringsStay) {
  EXPECT_EQ(round_trip("[\"NaN\", \"a \\\" Infinity\", NaN]"), "[\"NaN\", \"a \\\" Infinity\", NaN]");
  EXPECT_TRUE(std::isnan(parse_json("NaN", "test", Limits{}).get<double>()));
}

TEST(Json, BrokenTextIsRejected) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "[NaNN]", "\"abc", "]", "[\"\xff\"]", "-Inf", "[1] x"}) {
    EXPECT_THROW(round_trip(text), DataLossError) << text;
  }
}

TEST(Json, DepthAndSizeAreLimited) {
  EXPECT_THROW(round_trip(std::string(100'000, '[')), ResourceExhaustedError);
  Limits limits;
  limits.json_bytes = 10;
  EXPECT_THROW(parse_json("[1, 2, 3, 4, 5]", "test", limits), ResourceExhaustedError);
}

}  // namespace
}  // namespace keras::testing
