// The weights of old files against what Keras 2.15 makes of them (tests/fixtures/make_h5_conversions.py).
#include "core/saving/h5/h5_conversions.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace keras {
namespace {

ConversionTarget target_from(const Json& json) {
  ConversionTarget target{json["class_name"], json["config"]};
  for (const Json& shape : json["weights"]) target.weights.push_back(Shape(shape.get<std::vector<int64_t>>()));
  target.trainable = json["trainable"];
  for (const Json& layer : json["layers"]) target.layers.push_back(target_from(layer));
  return target;
}

std::vector<Tensor> arrays_from(const Json& json) {
  std::vector<Tensor> arrays;
  for (const Json& array : json) {
    const auto values = array["values"].get<std::vector<float>>();
    arrays.push_back(Tensor::from(Shape(array["shape"].get<std::vector<int64_t>>()), std::span<const float>(values)));
  }
  return arrays;
}

TEST(H5Conversions, AreThoseOfKeras) {
  std::ifstream file(KERAS_SOURCE_DIR "/tests/fixtures/h5_conversions.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Json cases = Json::parse(text);
  ASSERT_GE(cases.size(), 24u);
  for (const Json& row : cases) {
    SCOPED_TRACE(row["name"].get<std::string>());
    const auto convert = [&] {
      return convert_saved_weights(target_from(row["target"]), arrays_from(row["saved"]), row["version"] == "1");
    };
    if (row.contains("error")) {
      try {
        convert();
        ADD_FAILURE() << "no error";
      } catch (const ValueError& error) {
        EXPECT_EQ(std::string(error.message()), row["error"].get<std::string>());
      }
      continue;
    }
    const std::vector<Tensor> converted = convert(), expected = arrays_from(row["expected"]);
    ASSERT_EQ(converted.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(converted[i].shape(), expected[i].shape());
      EXPECT_TRUE(std::ranges::equal(converted[i].values<float>(), expected[i].values<float>())) << "weight " << i;
    }
  }
}

TEST(H5Conversions, ArraysOfUnknownFormStayAsTheyAre) {
  const Tensor scalar = Tensor::scalar(1.0f);
  for (const char* name : {"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D", "LSTM", "GRU", "CuDNNGRU"}) {
    for (size_t count : {1u, 3u, 9u, 12u}) {
      const std::vector<Tensor> saved(count, scalar);
      EXPECT_EQ(convert_saved_weights({name, Json::object(), {Shape{3}}}, saved, true).size(), count) << name;
    }
  }
}

}  // namespace
}  // namespace keras
