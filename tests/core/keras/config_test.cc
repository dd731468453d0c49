// Config tables against those of Keras 2.15: keys, their order, defaults, the types of values.
#include "core/keras/layers/classes.h"
#include "core/keras/layers/keras_names.h"
#include "tests/core/keras/fixtures.h"

namespace keras::testing {
namespace {

/// Every row of every class of a section of layers.json: what `make` turns the arguments into is what Keras's config is.
template <class Make>
void expect_configs(const char* section, Make make) {
  const Json classes = read_fixture("layers.json").at(section);
  ASSERT_FALSE(classes.empty());
  for (const auto& [class_name, rows] : classes.items()) {
    for (const Json& row : rows) {
      const std::string arguments = dump_json(row.at("args"));
      try {
        EXPECT_EQ(dump_json(make(class_name, row.at("args"))), dump_json(row.at("config"))) << class_name << arguments;
        EXPECT_EQ(dump_json(make(class_name, row.at("config"))), dump_json(row.at("config"))) << class_name << arguments;
      } catch (const Error& error) {
        ADD_FAILURE() << class_name << arguments << ": " << error.what();
      }
    }
  }
}

TEST(Config, LayersHaveTheConfigsOfKeras) {
  expect_configs("layers", [](const std::string& class_name, const Json& arguments) {
    Session session(1);
    return deserialize_layer({{"class_name", class_name}, {"config", arguments}}, {session, {}})->get_config();
  });
}

TEST(Config, InitializersHaveTheConfigsOfKeras) {
  expect_configs("initializers", [](const std::string& class_name, const Json& arguments) {
    Session session(1);
    return make_initializer("initializer", {{"class_name", class_name}, {"config", arguments}}, session)->get_config();
  });
}

TEST(Config, RegularizersHaveTheConfigsOfKeras) {
  expect_configs("regularizers", [](const std::string& class_name, const Json& arguments) {
    Session session(1);
    return make_regularizer("regularizer", {{"class_name", class_name}, {"config", arguments}}, session)->get_config();
  });
}

TEST(Config, ConstraintsHaveTheConfigsOfKeras) {
  expect_configs("constraints", [](const std::string& class_name, const Json& arguments) {
    Session session(1);
    return make_constraint("constraint", {{"class_name", class_name}, {"config", arguments}}, session)->get_config();
  });
}

TEST(Config, EveryBuiltinLayerDescribesItsKeys) {
  Session session(1);
  for (const LayerEntry& entry : builtin_layers()) {
    const LayerPtr layer = entry.make(session);
    EXPECT_EQ(layer->class_name(), entry.class_name);
    for (const ConfigKey& key : layer->config_keys()) EXPECT_FALSE(key.kind.empty()) << entry.class_name << "." << key.key;
  }
}

/// The text of the error that making this layer gives.
std::string error_of(const Json& layer) {
  Session session(1);
  try {
    deserialize_layer(layer, {session, {}});
  } catch (const Error& error) {
    return std::string(error_name(error.kind())) + ": " + error.what();
  }
  return "no error";
}

TEST(Config, WrongArgumentsAreNamed) {
  EXPECT_EQ(error_of({{"class_name", "Dense"}, {"config", {{"units", 3}, {"unit", 4}}}}),
            "TypeError: Dense.__init__() got an unexpected keyword argument 'unit'");
  EXPECT_EQ(error_of({{"class_name", "Dense"}, {"config", Json::object()}}),
            "TypeError: Dense.__init__() missing 1 required positional argument: 'units'");
  EXPECT_EQ(error_of({{"class_name", "Dense"}, {"config", {{"units", -1}}}}),
            "ValueError: Received an invalid value for `units`, expected a positive integer. Received: units=-1");
  EXPECT_TRUE(error_of({{"class_name", "Dense"}, {"config", {{"units", 1}, {"activation", "nope"}}}})
                  .starts_with("ValueError: Unknown activation function: 'nope'."));
  EXPECT_TRUE(error_of({{"class_name", "Dense"}, {"config", {{"units", 1}, {"kernel_initializer", "nope"}}}})
                  .starts_with("ValueError: Unknown initializer: 'nope'."));
  EXPECT_TRUE(error_of({{"class_name", "Nope"}, {"config", Json::object()}}).starts_with("ValueError: Unknown layer: 'Nope'."));
}

TEST(Config, KerasLayersThatAreNotHereAreToldFromUnknownOnes) {
  EXPECT_TRUE(is_keras_layer("LSTM"));
  EXPECT_FALSE(is_keras_layer("Nope"));
  EXPECT_TRUE(error_of({{"class_name", "ConvLSTM3D"}, {"config", {{"name", "cells"}}}})
                  .starts_with("UnimplementedError: Keras's layer 'ConvLSTM3D' is not in this version."));
}

TEST(Config, KerasOtherNamesOfLayersMeanTheSameClasses) {  // tf.keras.layers.Convolution2D is tf.keras.layers.Conv2D
  for (const auto& [alias, name] : {std::pair{"Convolution2D", "Conv2D"},
                                    {"SeparableConvolution1D", "SeparableConv1D"},
                                    {"Convolution2DTranspose", "Conv2DTranspose"},
                                    {"MaxPool3D", "MaxPooling3D"},
                                    {"GlobalMaxPool2D", "GlobalMaxPooling2D"},
                                    {"GlobalAvgPool1D", "GlobalAveragePooling1D"},
                                    {"BatchNormalizationV1", "BatchNormalization"},
                                    {"MaxPooling2D", "MaxPooling2D"},
                                    {"Dense", "Dense"}})
    EXPECT_EQ(canonical_layer_name(alias), name);
}

TEST(Config, SizesThatCannotBeAreRejected) {
  const std::pair<const char*, Json> layers[] = {{"Conv2D", {{"filters", 0}, {"kernel_size", 3}}},
                                                 {"Conv2D", {{"filters", 1}, {"kernel_size", {3, -1}}}},
                                                 {"Conv2D", {{"filters", 1}, {"kernel_size", 3}, {"strides", 0}}},
                                                 {"Conv2D", {{"filters", 1}, {"kernel_size", 3}, {"groups", 0}}},
                                                 {"Conv2D", {{"filters", 1}, {"kernel_size", {1, 2, 3}}}},
                                                 {"Conv2D", {{"filters", 1e300}, {"kernel_size", 3}}},
                                                 {"DepthwiseConv2D", {{"kernel_size", 3}, {"depth_multiplier", 0}}},
                                                 {"MaxPooling2D", {{"pool_size", 0}}},
                                                 {"Reshape", {{"target_shape", {-1, -1}}}},
                                                 {"Reshape", {{"target_shape", {-2}}}},
                                                 {"Permute", {{"dims", {1, 3}}}},
                                                 {"ZeroPadding2D", {{"padding", -1}}},
                                                 {"InputLayer", {{"batch_input_shape", {nullptr, -7}}}}};
  for (const auto& [class_name, config] : layers) {
    EXPECT_TRUE(error_of({{"class_name", class_name}, {"config", config}}).starts_with("ValueError: "))
        << class_name << dump_json(config);
  }
}

TEST(Config, WeightsBeyondTheLimitAreRefusedBeforeTheyAreAllocated) {
  const Json model = parse_json(
      R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense",
          "config": {"units": 1048576, "batch_input_shape": [null, 4096]}}]}})",
      "test", Limits{});
  EXPECT_TRUE(error_of(model).starts_with("ResourceExhaustedError: Layer 'dense': the weight 'kernel'")) << error_of(model);
}

TEST(Config, ALambdaSaysWhyItIsNotRun) {
  EXPECT_TRUE(error_of({{"class_name", "Lambda"}, {"config", {{"name", "l"}}}})
                  .starts_with("UnimplementedError: A Lambda layer holds Python bytecode, which is never run."));
}

}  // namespace
}  // namespace keras::testing
