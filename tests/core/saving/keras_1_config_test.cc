// Configs as Keras 1.2 wrote them, and as Keras 2's own documentation says that they are written now.
#include "core/saving/h5/keras_1_config.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace keras {
namespace {

Json converted(const char* layer) { return convert_keras_1_config(parse_json(layer, "test", Limits{})); }
Json json(const char* text) { return parse_json(text, "test", Limits{}); }

TEST(Keras1Config, ConvolutionsAndTheirArgumentsAreRenamed) {
  EXPECT_EQ(converted(R"({"class_name": "Convolution2D", "config": {"name": "c", "nb_filter": 6, "nb_row": 3, "nb_col": 2,
                "init": "glorot_uniform", "border_mode": "same", "subsample": [2, 1], "dim_ordering": "th", "bias": true,
                "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5}, "b_regularizer": null,
                "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}, "input_dtype": "float32"}})"),
            json(R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 6, "kernel_initializer": "glorot_uniform",
                "padding": "same", "strides": [2, 1], "data_format": "channels_first", "use_bias": true,
                "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}}, "bias_regularizer": null,
                "kernel_constraint": {"class_name": "MaxNorm", "config": {"axis": 0, "max_value": 2}}, "dtype": "float32",
                "kernel_size": [3, 2]}})"));
  EXPECT_EQ(
      converted(R"({"class_name": "Convolution1D", "config": {"nb_filter": 6, "filter_length": 3, "subsample_length": 2}})"),
      json(R"({"class_name": "Conv1D", "config": {"filters": 6, "kernel_size": 3, "strides": 2}})"));
  EXPECT_EQ(
      converted(
          R"({"class_name": "AtrousConvolution2D", "config": {"nb_filter": 1, "nb_row": 3, "nb_col": 3, "atrous_rate": [2, 2]}})"),
      json(R"({"class_name": "Conv2D", "config": {"filters": 1, "dilation_rate": [2, 2], "kernel_size": [3, 3]}})"));
}

TEST(Keras1Config, GatesAndEmbeddingsAreRenamed) {
  EXPECT_EQ(converted(R"({"class_name": "LSTM", "config": {"output_dim": 6, "init": "glorot_uniform", "inner_init": "orthogonal",
                "forget_bias_init": "one", "inner_activation": "hard_sigmoid", "consume_less": "cpu", "dropout_W": 0.25,
                "dropout_U": 0.5, "U_regularizer": null, "input_dim": 5, "input_length": null}})"),
            json(R"({"class_name": "LSTM", "config": {"units": 6, "kernel_initializer": "glorot_uniform",
                "recurrent_initializer": "orthogonal", "recurrent_activation": "hard_sigmoid", "dropout": 0.25,
                "recurrent_dropout": 0.5, "recurrent_regularizer": null, "unit_forget_bias": true}})"));
  EXPECT_EQ(
      converted(R"({"class_name": "Embedding", "config": {"input_dim": 4, "output_dim": 5, "init": "uniform", "dropout": 0.0}})"),
      json(R"({"class_name": "Embedding", "config": {"input_dim": 4, "output_dim": 5, "embeddings_initializer": "uniform"}})"));
}

TEST(Keras1Config, WhatTakesMoreThanAnotherName) {
  EXPECT_EQ(converted(R"({"class_name": "SeparableConvolution2D", "config": {"nb_filter": 6, "nb_row": 3, "nb_col": 2,
                "init": "glorot_uniform", "depth_multiplier": 2}})"),
            json(R"({"class_name": "SeparableConv2D", "config": {"filters": 6, "depth_multiplier": 2, "kernel_size": [3, 2],
                "depthwise_initializer": "glorot_uniform", "pointwise_initializer": "glorot_uniform"}})"));
  EXPECT_EQ(converted(R"({"class_name": "GRU", "config": {"output_dim": 6}})"),
            json(R"({"class_name": "GRU", "config": {"units": 6, "reset_after": false}})"))
      << "the default of Keras 2 has another bias";
  EXPECT_EQ(converted(R"({"class_name": "UpSampling1D", "config": {"length": 3}})"),
            json(R"({"class_name": "UpSampling1D", "config": {"size": 3}})"));
  EXPECT_EQ(converted(R"({"class_name": "PReLU", "config": {"init": "zero"}})"),
            json(R"({"class_name": "PReLU", "config": {"alpha_initializer": "zeros"}})"));
  EXPECT_EQ(converted(R"({"class_name": "Convolution3D", "config": {"kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3}})"),
            json(R"({"class_name": "Conv3D", "config": {"kernel_size": [1, 2, 3]}})"));
  EXPECT_EQ(converted(R"({"class_name": "ZeroPadding2D", "config": {"padding": [1, 2, 3, 4], "dim_ordering": "default"}})"),
            json(R"({"class_name": "ZeroPadding2D", "config": {"padding": [[1, 2], [3, 4]]}})"));
  EXPECT_EQ(converted(R"({"class_name": "Deconvolution2D", "config": {"nb_filter": 1, "output_shape": [null, 1, 2, 2]}})"),
            json(R"({"class_name": "Conv2DTranspose", "config": {"filters": 1}})"));
}

TEST(Keras1Config, NormalizationIsOfModeZeroOrRefused) {
  EXPECT_EQ(converted(R"({"class_name": "BatchNormalization", "config": {"mode": 0, "axis": 1, "gamma_init": "one"}})"),
            json(R"({"class_name": "BatchNormalization", "config": {"axis": 1, "gamma_initializer": "ones"}})"));
  for (const char* mode : {"1", "2"}) {
    const std::string layer =
        R"({"class_name": "BatchNormalization", "config": {"name": "bn", "mode": )" + std::string(mode) + "}}";
    try {
      converted(layer.c_str());
      ADD_FAILURE() << mode;
    } catch (const UnimplementedError& error) {
      EXPECT_EQ(error.path(), "bn");
    }
  }
}

TEST(Keras1Config, NestedModelsAndWrappersAreConverted) {
  EXPECT_EQ(converted(R"({"class_name": "Sequential", "config": [{"class_name": "Dropout", "config": {"p": 0.5}},
                {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Dense", "config": {"output_dim": 3}}}}]})"),
            json(R"({"class_name": "Sequential", "config": [{"class_name": "Dropout", "config": {"rate": 0.5}},
                {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Dense", "config": {"units": 3}}}}]})"));
}

TEST(Keras1Config, AMergeIsOneOfSeveralLayers) {
  EXPECT_EQ(converted(R"({"class_name": "Merge", "config": {"name": "m", "mode": "concat", "concat_axis": 2, "dot_axes": -1}})"),
            json(R"({"class_name": "Concatenate", "config": {"name": "m", "axis": 2}})"));
  EXPECT_THROW(converted(R"({"class_name": "Merge", "config": {"name": "m", "mode": "cos"}})"), UnimplementedError);
}

TEST(Keras1Config, WhatItDoesNotKnowStaysAsItIs) {
  const char* layer = R"({"class_name": "Mine", "config": {"p": 1, "output_dim": 2, "nested": [1, {"mode": 3}]}})";
  EXPECT_EQ(converted(layer), json(layer));
}

}  // namespace
}  // namespace keras
