// Reading the fixtures.
#include "tests/core/keras/fixtures.h"

#include <cmath>
#include <cstring>
#include <fstream>

namespace keras::testing {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(std::string(KERAS_SOURCE_DIR) + "/tests/fixtures/" + path, std::ios::binary);
  if (!file) throw std::runtime_error("no fixture " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void flatten(const Json& value, std::vector<float>& values, std::vector<int64_t>& dims, size_t depth) {
  if (!value.is_array()) {
    values.push_back(static_cast<float>(fixture_number(value)));
    return;
  }
  if (dims.size() <= depth) dims.push_back(static_cast<int64_t>(value.size()));
  for (const Json& item : value) flatten(item, values, dims, depth + 1);
}

}  // namespace

Json read_fixture(const std::string& path) { return parse_json(read_file(path), path, Limits{}); }

double fixture_number(const Json& value) {
  if (!value.is_string()) return value.get<double>();
  const auto text = value.get<std::string>();
  return text == "NaN" ? std::nan("") : text == "Infinity" ? HUGE_VAL : -HUGE_VAL;
}

Tensor nested_floats(const Json& lists) {
  std::vector<float> values;
  std::vector<int64_t> dims;
  flatten(lists, values, dims, 0);
  return Tensor::from(Shape(dims), std::span<const float>(values));
}

ModelFixture::ModelFixture(const std::string& name) : expected_(read_fixture("models/" + name + ".expected.json")) {
  data_ = read_file("models/" + expected_.at("data").get<std::string>());
}

Tensor ModelFixture::tensor(const Json& description) const {
  const DType dtype = parse_dtype(description.at("dtype").get<std::string>());
  Tensor tensor = Tensor::allocate(dtype, Shape(description.at("shape").get<std::vector<int64_t>>()));
  EXPECT_EQ(tensor.size_bytes(), description.at("bytes").get<int64_t>());
  std::memcpy(tensor.raw(), data_.data() + description.at("offset").get<size_t>(), static_cast<size_t>(tensor.size_bytes()));
  return tensor;
}

std::vector<Tensor> ModelFixture::tensors(const Json& descriptions) const {
  std::vector<Tensor> result;
  for (const Json& description : descriptions) result.push_back(tensor(description));
  return result;
}

FunctionalPtr ModelFixture::load(Session& session, const CustomObjects& custom_objects) const {
  auto model = std::dynamic_pointer_cast<Functional>(
      model_from_json(expected_.at("toJSON").get<std::string>(), {session, custom_objects}));
  const std::vector<VariablePtr> variables = model->weights();
  const Json& weights = expected_.at("weights");
  EXPECT_EQ(variables.size(), weights.size());
  for (size_t i = 0; i < variables.size(); ++i) variables[i]->assign(tensor(weights[i]));
  return model;
}

std::vector<std::string> plain_models() {
  std::vector<std::string> names;
  const Json index = read_fixture("models/index.json");
  for (const Json& name : index.at("models")) {
    const Json expected = read_fixture("models/" + name.get<std::string>() + ".expected.json");
    if (expected.at("customObjects").empty() && expected.at("unknown").empty()) names.push_back(name.get<std::string>());
  }
  return names;
}

std::unique_ptr<Runtime> serial_runtime() { return std::make_unique<Runtime>(kernels::make_serial(), 1, Limits{}); }

void expect_close(const Tensor& actual, const Tensor& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(to_text(actual.shape()), to_text(expected.shape())) << what;
  double error = 0, scale = 0;
  for (int64_t i = 0; i < actual.elements(); ++i) {
    const double difference = std::abs(actual.number_at(i) - expected.number_at(i));
    error = std::isnan(difference) ? HUGE_VAL : std::max(error, difference);
    scale = std::max(scale, std::abs(expected.number_at(i)));
  }
  EXPECT_LE(error, tolerance * scale) << what << ": max|expected| is " << scale;
}

}  // namespace keras::testing
