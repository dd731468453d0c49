// Shapes with known and unknown dimensions and ranks; broadcasting.
#include "core/tensor/shape.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace keras {
namespace {

const Shape kUnknown = Shape::unknown_rank();

TEST(Shape, TextIsPythons) {
  EXPECT_EQ(to_text(Shape()), "()");
  EXPECT_EQ(to_text(Shape{3}), "(3,)");
  EXPECT_EQ(to_text(Shape{-1, 0, 2}), "(None, 0, 2)");
  EXPECT_EQ(to_text(kUnknown), "<unknown>");
}

TEST(Shape, NegativeAxesCountFromTheEnd) {
  Shape shape{2, 3, 4};
  EXPECT_EQ(shape.dim(-1), 4);
  EXPECT_EQ(shape[-3], 2);
  shape.set_dim(-2, 7);
  EXPECT_EQ(shape, (Shape{2, 7, 4}));
}

TEST(Shape, ElementsOfScalarsEmptyAndOthers) {
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ((Shape{5, 0, 3}).elements(), 0);
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
}

TEST(Shape, FullyKnown) {
  EXPECT_TRUE(Shape().fully_known());
  EXPECT_TRUE((Shape{0, 2}).fully_known());
  EXPECT_FALSE((Shape{-1, 2}).fully_known());
  EXPECT_FALSE(kUnknown.fully_known());
}

TEST(Shape, Compatible) {
  EXPECT_TRUE(kUnknown.compatible_with(Shape{1, 2}));
  EXPECT_TRUE((Shape{-1, 2}).compatible_with(Shape{5, -1}));
  EXPECT_FALSE((Shape{-1, 2}).compatible_with(Shape{5, 3}));
  EXPECT_FALSE((Shape{-1}).compatible_with(Shape{5, 3}));
}

TEST(Shape, MergedTakesWhatIsKnown) {
  EXPECT_EQ((Shape{-1, 2}).merged_with(Shape{5, -1}), (Shape{5, 2}));
  EXPECT_EQ(kUnknown.merged_with(Shape{5, -1}), (Shape{5, -1}));
  EXPECT_EQ((Shape{5, -1}).merged_with(kUnknown), (Shape{5, -1}));
}

TEST(Broadcast, FollowsNumpy) {
  EXPECT_EQ(broadcast_shapes({2, 3}, {3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes({2, 1}, {1, 3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes({}, {4, 5}), (Shape{4, 5}));
  EXPECT_EQ(broadcast_shapes({0}, {1}), (Shape{0}));
  EXPECT_EQ(broadcast_shapes({5, 1}, {0}), (Shape{5, 0}));
}

TEST(Broadcast, OfUnknownDimensions) {
  EXPECT_EQ(broadcast_shapes({-1, 3}, {1, 3}), (Shape{-1, 3}));
  EXPECT_EQ(broadcast_shapes({-1}, {4}), (Shape{4}));
  EXPECT_EQ(broadcast_shapes({-1}, {-1}), (Shape{-1}));
  EXPECT_FALSE(broadcast_shapes(kUnknown, {4}).known_rank());
}

TEST(Broadcast, MisfitsAreNamed) {
  try {
    broadcast_shapes({2, 3}, {4});
    FAIL();
  } catch (const InvalidArgumentError& error) {
    EXPECT_EQ(error.message(), "Incompatible shapes: (2, 3) vs. (4,)");
  }
  EXPECT_THROW(broadcast_shapes({0}, {2}), InvalidArgumentError);
}

}  // namespace
}  // namespace keras
