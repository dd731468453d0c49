// Weights by name and by position into models that do not fit, in Keras 2.15's words, and kernels of old files.
#include <gtest/gtest.h>

#include "core/saving/h5/h5_conversions.h"
#include "core/saving/h5/h5_names.h"
#include "core/saving/h5/h5_types.h"
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
  testing::answer_wishes(loader, [&] { return loader.prepare(); }, [&](size_t) -> const FileBytes& { return file; });
  read_all(loader.reads(), [&](int) { return std::span(file); });
  return loader.warnings();
}

FileBytes weights_of(const FunctionalPtr& model) { return bytes_of(write_h5_weights(*model, "w.h5")); }

const std::filesystem::path kFixtures = std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures";

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

struct WrittenNames {
  hdf5::Reader reader;
  std::vector<std::string> names;  // as they are read again
};

WrittenNames written_names(const std::vector<std::string>& names) {
  hdf5::WriterGroup root;
  write_names(root, "layer_names", names);
  const auto source = std::make_shared<MemorySource>("names.h5", bytes_of(hdf5::write_file("names.h5", root)));
  WrittenNames written{hdf5::Reader::open(source, Limits{}), {}};
  EXPECT_TRUE(read_names(written.reader, written.reader.root(), "layer_names", written.names));
  return written;
}

TEST(H5Weights, ListsOfNamesOver64kBAreSplitAsKerasDoes) {
  std::vector<std::string> names;
  for (int i = 0; i < 1501; ++i) names.push_back(std::to_string(i));
  names[7] = std::string(90, 'x');  // 1501 · 90 bytes: three parts, of 501, 500 and 500
  const auto [reader, again] = written_names(names);
  EXPECT_EQ(again, names);
  EXPECT_EQ(reader.root().attribute("layer_names"), nullptr);
  for (const auto& [name, count] : {std::pair{"layer_names0", 501}, {"layer_names1", 500}, {"layer_names2", 500}}) {
    const hdf5::Attribute* part = reader.root().attribute(name);
    ASSERT_NE(part, nullptr) << name;
    EXPECT_EQ(part->shape, std::vector<int64_t>{count}) << name;
    EXPECT_EQ(part->type.type_class, hdf5::TypeClass::kFixedString) << name;
    EXPECT_EQ(part->type.bytes, 90) << name;
  }
  EXPECT_EQ(reader.root().attribute("layer_names3"), nullptr);
}

TEST(H5Weights, ManyShortNamesAreWrittenThoughTheirReferencesAreTooLong) {
  std::vector<std::string> names;
  for (int i = 0; i < 9000; ++i) names.push_back("n" + std::to_string(i));
  const auto [reader, again] = written_names(names);
  EXPECT_EQ(again, names);
  EXPECT_EQ(reader.root().attribute("layer_names"), nullptr);
  EXPECT_NE(reader.root().attribute("layer_names0"), nullptr);
}

TEST(H5Weights, ReadsListsOfNamesThatWereSplit) {
  const auto source = std::make_shared<MemorySource>("names.h5", read_bytes(kFixtures / "hdf5/names.h5"));
  const auto reader = hdf5::Reader::open(source, Limits{});
  std::vector<std::string> names;
  EXPECT_TRUE(read_names(reader, reader.root(), "weight_names", names));
  EXPECT_EQ(names, (std::vector<std::string>{"kernel:0", "bias:0", "größe:0", "", "x"}));
}

TEST(H5Weights, ChunksGoStraightIntoVariables) {
  Session session(1);
  const LoadedModel expected = load_files(session, read_files(kFixtures / "models/dense_softmax.h5"));
  const FileBytes file = read_bytes(kFixtures / "models/dense_softmax_chunked.h5");
  ModelLoader loader(session, {}, true);
  loader.add_file("m.h5", static_cast<int64_t>(file.size()));
  const auto part = [&](int64_t offset, int64_t count) {
    return std::span(file).subspan(static_cast<size_t>(offset), static_cast<size_t>(count));
  };
  testing::answer_wishes(loader, [&] { return loader.prepare(); }, [&](size_t) -> const FileBytes& { return file; });
  ReadBatches& reads = loader.reads();
  const std::vector<FileRange> ranges = reads.next();
  for (size_t i = 0; i < ranges.size(); ++i) {
    for (int64_t at = 0; at < ranges[i].bytes; at += 5) {
      const auto bytes = part(ranges[i].offset + at, std::min<int64_t>(5, ranges[i].bytes - at));
      std::ranges::copy(bytes, reads.target(i, at, static_cast<int64_t>(bytes.size())).begin());
      reads.filled(i);
    }
    EXPECT_THROW(reads.target(i, ranges[i].bytes, 1), RuntimeError) << "more than was asked for";
  }
  EXPECT_TRUE(reads.next().empty());
  EXPECT_GT(ranges.size(), expected.model->weights().size()) << "each chunk is a read of its own";
  const LoadedModel loaded = loader.finish();
  ASSERT_EQ(loaded.model->weights().size(), expected.model->weights().size());
  for (size_t i = 0; i < loaded.model->weights().size(); ++i)
    EXPECT_TRUE(same(loaded.model->weights()[i], expected.model->weights()[i])) << i;
}

/// A file of weights for stack(…, {{"a", units}}) whose kernel is float64.
FileBytes float64_kernel(const std::vector<double>& kernel, int64_t units) {
  hdf5::WriterGroup root;
  root.set_attribute("layer_names", std::vector<std::string>{"a"});
  root.group("a").set_attribute("weight_names", std::vector<std::string>{"k", "b"});
  const std::vector<float> bias(static_cast<size_t>(units), 0.5f);
  root.add_dataset("a/k", h5_type(DType::kFloat64), {3, units}, std::as_bytes(std::span(kernel)), nullptr);
  root.add_dataset("a/b", h5_type(DType::kFloat32), {units}, std::as_bytes(std::span(bias)), nullptr);
  return bytes_of(hdf5::write_file("w.h5", root));
}

TEST(H5Weights, ValuesOfAnotherTypeAreCastAsTheyCome) {
  constexpr int64_t kUnits = 50'000;
  std::vector<double> kernel;
  for (int64_t i = 0; i < 3 * kUnits; ++i) kernel.push_back(static_cast<double>(i) / 3);
  const FileBytes file = float64_kernel(kernel, kUnits);
  Session session(1);
  const FunctionalPtr model = stack(session, {{"a", kUnits}});
  WeightsLoader loader(model, {});
  loader.add_file("w.h5", static_cast<int64_t>(file.size()));
  EXPECT_LT(testing::answer_wishes(
                loader, [&] { return loader.prepare(); }, [&](size_t) -> const FileBytes& { return file; }),
            4 * BlockSource::kBlockBytes)
      << "the 1.2 MB of values are no metadata";
  ReadBatches& reads = loader.reads();
  EXPECT_EQ(reads.total_bytes(), 3 * kUnits * 8 + kUnits * 4);
  const std::vector<FileRange> ranges = reads.next();
  for (size_t i = 0; i < ranges.size(); ++i) {
    constexpr int64_t kPiece = 1003;  // not whole elements
    for (int64_t at = 0; at < ranges[i].bytes; at += kPiece) {
      const int64_t count = std::min(kPiece, ranges[i].bytes - at);
      const auto bytes = std::span(file).subspan(static_cast<size_t>(ranges[i].offset + at), static_cast<size_t>(count));
      std::ranges::copy(bytes, reads.target(i, at, count).begin());
      reads.filled(i);
    }
  }
  EXPECT_TRUE(reads.next().empty());
  const auto values = model->weights()[0]->value().values<float>();
  for (size_t i = 0; i < kernel.size(); ++i) ASSERT_EQ(values[i], static_cast<float>(kernel[i])) << i;
  EXPECT_EQ(model->weights()[1]->value().values<float>()[7], 0.5f);
}

/// A file of weights without a version, as Keras 1 wrote them, of one Conv2D "c": a kernel of this shape and four biases.
FileBytes keras_1_conv(const std::vector<int64_t>& kernel_shape) {
  hdf5::WriterGroup root;
  root.set_attribute("layer_names", std::vector<std::string>{"c"});
  root.group("c").set_attribute("weight_names", std::vector<std::string>{"W", "b"});
  std::vector<float> kernel(static_cast<size_t>(Shape(kernel_shape).elements()));
  for (size_t i = 0; i < kernel.size(); ++i) kernel[i] = static_cast<float>(i);
  const std::vector<float> bias(4, 0.5f);
  root.add_dataset("c/W", h5_type(DType::kFloat32), kernel_shape, std::as_bytes(std::span(kernel)), nullptr);
  root.add_dataset("c/b", h5_type(DType::kFloat32), {4}, std::as_bytes(std::span(bias)), nullptr);
  return bytes_of(hdf5::write_file("w.h5", root));
}

TEST(H5Weights, OfKeras1OnlyArraysThatAreConvertedAreHeldBeforeTheyAreAssigned) {
  Session session(1);
  const Json conv{{"class_name", "Conv2D"},
                  {"config", {{"name", "c"}, {"filters", 4}, {"kernel_size", 5}, {"batch_input_shape", {nullptr, 9, 9, 3}}}}};
  const Json config{{"class_name", "Sequential"}, {"config", {{"name", "m"}, {"layers", {conv}}}}};
  const auto bytes_read_last = [&](const FileBytes& file, float last) {
    const auto model = std::dynamic_pointer_cast<Functional>(deserialize_layer(config, {session, {}}));
    WeightsLoader loader(model, {});
    loader.add_file("w.h5", static_cast<int64_t>(file.size()));
    testing::answer_wishes(loader, [&] { return loader.prepare(); }, [&](size_t) -> const FileBytes& { return file; });
    const int64_t bytes = loader.reads().total_bytes();
    read_all(loader.reads(), [&](int) { return std::span(file); });
    EXPECT_EQ(model->weights()[0]->value().values<float>()[1], last);
    EXPECT_EQ(model->weights()[1]->value().values<float>()[3], 0.5f);
    return bytes;
  };
  EXPECT_EQ(bytes_read_last(keras_1_conv({5, 5, 3, 4}), 1), (300 + 4) * 4);
  // Theano's [channels, filters, columns, rows]: the second filter's first value comes after 25 others.
  EXPECT_EQ(bytes_read_last(keras_1_conv({3, 4, 5, 5}), 25), 4 * 4) << "the kernel is converted, the bias is not";
}

TEST(H5Weights, OldFilesAreConvertedOnlyWhereThereIsAConversion) {
  Session session(1);
  const FunctionalPtr dense = stack(session, {{"a", 4}});
  EXPECT_FALSE(has_conversions(conversion_target(*dense)));
  for (const char* name :
       {"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D", "LSTM", "GRU", "CuDNNLSTM", "CuDNNGRU"}) {
    EXPECT_TRUE(has_conversions({name})) << name;
    ConversionTarget outer{"TimeDistributed"};
    outer.layers = {{name}};
    EXPECT_TRUE(has_conversions(outer)) << name;
  }
}

}  // namespace
}  // namespace keras::testing
