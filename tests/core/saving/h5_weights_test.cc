// Weights by name and by position into models that do not fit, in Keras 2.15's words, and kernels of old files.
#include <gtest/gtest.h>

#include <cstring>

#include "core/saving/h5/h5_names.h"
#include "core/saving/h5/h5_writer.h"
#include "tests/core/keras/fixtures.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

/// A Sequential of Dense layers {name, units} on three inputs.
FunctionalPtr stack(Session& session, const std::vector<std::pair<std::string, int>>& layers) {
  Json list = Json::array();
  for (const auto& [name, units] : layers) {
    Json config{{"name", name}, {"units", units}};
    if (list.empty()) config["batch_input_shape"] = Json::array({nullptr, 3});
    list.push_back({{"class_name", "Dense"}, {"config", config}});
  }
  const Json model{{"class_name", "Sequential"}, {"config", {{"name", "stack"}, {"layers", list}}}};
  return std::dynamic_pointer_cast<Functional>(deserialize_layer(model, {session, {}}));
}

/// Loads the bytes of a file; returns the warnings.
std::vector<std::string> load_weights(const FunctionalPtr& model, const FileBytes& file, H5LoadOptions options) {
  WeightsLoader loader(model, options);
  loader.add_file("w.h5", static_cast<int64_t>(file.size()));
  const auto part = [&](int64_t offset, size_t count) { return std::span(file).subspan(static_cast<size_t>(offset), count); };
  testing::answer_wishes(loader, [&] { return loader.prepare(); }, [&](size_t) -> const FileBytes& { return file; });
  for (const DirectRead& read : loader.direct_reads())
    std::memcpy(read.target.data(), part(read.offset, read.target.size()).data(), read.target.size());
  return loader.warnings();
}

FileBytes weights_of(const FunctionalPtr& model) { return bytes_of(write_h5_weights(*model, "w.h5")); }

bool same(const VariablePtr& a, const VariablePtr& b) { return std::ranges::equal(a->value().bytes(), b->value().bytes()); }

void expect_error(const std::string& text, const FunctionalPtr& model, const FileBytes& file, H5LoadOptions options) {
  try {
    load_weights(model, file, options);
    ADD_FAILURE() << "no error";
  } catch (const ValueError& error) {
    EXPECT_EQ(std::string(error.message()), text);
  }
}

constexpr H5LoadOptions kByName{true, false}, kSkip{true, true};

TEST(H5Weights, ByNameTakesLayersOfTheSameNameAlone) {
  Session session(1);
  const FunctionalPtr from = stack(session, {{"a", 4}, {"b", 2}}), to = stack(session, {{"a", 4}, {"c", 5}, {"b", 2}});
  const FunctionalPtr fits = stack(session, {{"z", 4}, {"b", 2}});
  const FileBytes file = weights_of(from);
  EXPECT_TRUE(load_weights(fits, file, kByName).empty());
  EXPECT_FALSE(same(fits->weights()[0], from->weights()[0]));
  EXPECT_TRUE(same(fits->weights()[2], from->weights()[2]));
  expect_error(
      "Shape mismatch in layer #1 (named b) for weight b/kernel:0. Weight expects shape (5, 2). Received saved weight with "
      "shape (4, 2)",
      to, file, kByName);
}

TEST(H5Weights, SkippedWeightsAreToldAndStayAsTheyWere) {
  Session session(1);
  const FunctionalPtr from = stack(session, {{"a", 4}, {"b", 2}}), to = stack(session, {{"a", 4}, {"c", 5}, {"b", 2}});
  from->weights()[3]->assign(Tensor::vector<float>({5, 6}));
  const Tensor kernel = to->weights()[4]->value().clone();
  const std::vector<std::string> warnings = load_weights(to, weights_of(from), kSkip);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0],
            "Skipping loading weights for layer #1 (named b) due to mismatch in shape for weight b/kernel:0. Weight expects "
            "shape (5, 2). Received saved weight with shape (4, 2)");
  EXPECT_TRUE(same(to->weights()[0], from->weights()[0]));
  EXPECT_TRUE(std::ranges::equal(to->weights()[4]->value().bytes(), kernel.bytes()));
  EXPECT_TRUE(same(to->weights()[5], from->weights()[3])) << "the bias has the right shape";
}

TEST(H5Weights, ByPositionTellsTheNumberOfLayers) {
  Session session(1);
  expect_error("Layer count mismatch when loading weights from file. Model expected 1 layers, found 2 saved layers.",
               stack(session, {{"a", 4}}), weights_of(stack(session, {{"a", 4}, {"b", 2}})), {});
}

TEST(H5Weights, ThousandsOfNamesAreSplit) {
  Session session(1);
  std::vector<std::string> names;
  for (int i = 0; i < 9000; ++i) names.push_back("n" + std::to_string(i));
  hdf5::WriterGroup root;
  write_names(root, "layer_names", names);
  const FileBytes file = bytes_of(hdf5::write_file("names.h5", root));
  const auto reader = hdf5::Reader::open(std::make_shared<MemorySource>("names.h5", file), session.limits);
  EXPECT_EQ(reader.root().attribute("layer_names"), nullptr);
  std::vector<std::string> again;
  EXPECT_TRUE(read_names(reader, reader.root(), "layer_names", again));
  EXPECT_EQ(again, names);
}

}  // namespace
}  // namespace keras::testing
