// Error kinds: names, codes, places.
#include "core/base/error.h"

#include <gtest/gtest.h>

#include <set>

namespace keras {
namespace {

TEST(Error, EveryKindHasItsOwnNameAndCode) {
  std::set<std::string_view> names, codes;
  int count = 0;
#define KERAS_TEST_KIND(name, code)                 \
  EXPECT_EQ(error_name(ErrorKind::k##name), #name); \
  EXPECT_EQ(error_code(ErrorKind::k##name), code);  \
  EXPECT_EQ(name("x").kind(), ErrorKind::k##name);  \
  names.insert(error_name(ErrorKind::k##name));     \
  codes.insert(error_code(ErrorKind::k##name));     \
  ++count;
  KERAS_ERROR_KINDS(KERAS_TEST_KIND)
#undef KERAS_TEST_KIND
  EXPECT_EQ(static_cast<int>(names.size()), count);
  EXPECT_EQ(static_cast<int>(codes.size()), count);
}

TEST(Error, TheInnermostPlaceStays) {
  try {
    try {
      throw DataLossError("{}: bad", "a.h5").at("a.h5", 12);
    } catch (Error& error) {
      error.set_path("outer");
      error.set_offset(99);
      error.prefix_message("Layer 'x': ");
      throw;
    }
  } catch (const DataLossError& error) {
    EXPECT_EQ(error.path(), "a.h5");
    EXPECT_EQ(error.offset(), 12);
    EXPECT_STREQ(error.what(), "Layer 'x': a.h5: bad");
  }
}

TEST(Error, WithoutAPlaceThePathIsEmptyAndTheOffsetMinusOne) {
  const ValueError error("x");
  EXPECT_EQ(error.path(), "");
  EXPECT_EQ(error.offset(), -1);
}

}  // namespace
}  // namespace keras
