// Automatic names, against those of Keras 2.15 (shared spec: keras-behaviour, section 1).
#include "core/keras/session.h"

#include <gtest/gtest.h>

namespace keras::testing {
namespace {

TEST(Session, ClassNamesBecomeSnakeCase) {
  const std::pair<const char*, const char*> names[] = {{"Conv2DTranspose", "conv2d_transpose"},
                                                       {"PReLU", "p_re_lu"},
                                                       {"ReLU", "re_lu"},
                                                       {"GlobalAveragePooling2D", "global_average_pooling2d"},
                                                       {"ABC2Layer", "abc2_layer"},
                                                       {"HTTPHead", "http_head"},
                                                       {"X1Y", "x1y"},
                                                       {"L2Norm", "l2_norm"},
                                                       {"MyX2Layer", "my_x2_layer"},
                                                       {"_MyLayer2D", "private__my_layer2d"},
                                                       {"Dense", "dense"},
                                                       {"GRUv2", "gr_uv2"},
                                                       {"AB2CDef", "ab2c_def"},
                                                       {"TFOpLambda", "tf_op_lambda"},
                                                       {"My3DConv", "my3d_conv"},
                                                       {"BatchNormalization", "batch_normalization"},
                                                       {"DepthwiseConv2D", "depthwise_conv2d"},
                                                       {"ELU", "elu"}};
  for (const auto& [class_name, name] : names) EXPECT_EQ(snake_case(class_name), name);
}

TEST(Session, NamesCountUpUntilCleared) {
  Session session(1);
  EXPECT_EQ(session.unique_name("Dense"), "dense");
  EXPECT_EQ(session.unique_name("Dense"), "dense_1");
  EXPECT_EQ(session.unique_name("Input", false), "input_1");
  EXPECT_EQ(session.unique_name("Input", false), "input_2");
  session.clear_names();
  EXPECT_EQ(session.unique_name("Dense"), "dense");
  EXPECT_EQ(session.unique_name("Input", false), "input_1");
}

TEST(Session, SeedsFollowFromTheSessionsSeed) {
  Session a(7), b(7);
  const int64_t first = a.next_seed();
  EXPECT_EQ(first, b.next_seed());
  EXPECT_NE(first, a.next_seed());
  EXPECT_GE(first, 1);
}

}  // namespace
}  // namespace keras::testing
