// SavedModels that TensorFlow wrote, as graphs: values and gradients are TensorFlow's (tests/fixtures/make_saved_models.py).
#include "core/saving/saved_model/saved_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/gradients.h"
#include "core/graph/recurrent_form.h"
#include "core/ops/builders.h"
#include "core/saving/model_files.h"
#include "core/saving/saved_model/saved_model_reader.h"
#include "proto/saved_model.pb.h"
#include "tests/core/saving/files.h"

namespace keras {
namespace {

using testing::FileBytes;
using testing::MemoryFiles;

const std::filesystem::path kFolder = KERAS_SOURCE_DIR "/tests/fixtures/saved_models";

std::shared_ptr<SavedGraph> load(const MemoryFiles& files, const SavedGraphOptions& options = {}, const Limits& limits = {}) {
  GraphLoader loader(limits, options);
  testing::feed(loader, files);
  return loader.finish();
}

std::shared_ptr<SavedGraph> load(const std::string& name, const SavedGraphOptions& options = {}) {
  return load(testing::read_files(kFolder / (name + ".zip")), options);
}

Json expected(const std::string& name) {
  const FileBytes bytes = testing::read_bytes(kFolder / "expected.json");
  return Json::parse(reinterpret_cast<const char*>(bytes.data()),
                     reinterpret_cast<const char*>(bytes.data()) + bytes.size())[name];
}

Tensor tensor_from(const Json& json) {
  Tensor tensor =
      Tensor::allocate(parse_dtype(json["dtype"].get<std::string>()), Shape(json["shape"].get<std::vector<int64_t>>()));
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = json["values"][static_cast<size_t>(i)].get<double>();
    const Tensor number = Tensor::number(tensor.dtype(), value);
    std::copy_n(number.raw(), dtype_bytes(tensor.dtype()), tensor.raw() + i * dtype_bytes(tensor.dtype()));
  }
  return tensor;
}

/// The tensors of a structure in TensorFlow's order: dicts by key.
void collect(const Json& json, std::vector<Tensor>& tensors) {
  if (json.is_object() && json.contains("dtype")) {
    tensors.push_back(tensor_from(json));
  } else if (json.is_array()) {
    for (const Json& item : json) collect(item, tensors);
  } else if (json.is_object()) {
    std::map<std::string, Json> sorted;
    for (const auto& [key, item] : json.items()) sorted[key] = item;
    for (const auto& [key, item] : sorted) collect(item, tensors);
  }
}

std::vector<Tensor> flat(const Json& json) {
  std::vector<Tensor> tensors;
  collect(json, tensors);
  return tensors;
}

void expect_close(const Tensor& found, const Tensor& wanted, double tolerance, const std::string& what) {
  ASSERT_EQ(to_text(found.dtype()), to_text(wanted.dtype())) << what;
  ASSERT_EQ(to_text(found.shape()), to_text(wanted.shape())) << what;
  double error = 0, scale = 0;
  for (int64_t i = 0; i < found.elements(); ++i) {
    error = std::max(error, std::abs(found.number_at(i) - wanted.number_at(i)));
    scale = std::max(scale, std::abs(wanted.number_at(i)));
  }
  EXPECT_LE(error, tolerance * scale) << what;
}

/// The number of the trace that takes as many tensors of these kinds; calls with Python values are matched in JavaScript.
size_t trace_of(SavedGraph& graph, const std::string& name, const std::vector<Tensor>& args) {
  const Json& nodes = graph.description()["nodes"];
  const size_t node = nodes[0]["children"][name == "call" ? "__call__" : name].get<size_t>();
  for (const Json& trace : nodes[node]["traces"]) {
    const FunctionPtr function = graph.function(trace.get<size_t>());
    bool fits = function->args.size() == args.size();
    for (size_t i = 0; fits && i < args.size(); ++i) {
      const Edge arg{function->args[i], 0};
      fits = function->dtype(arg) == args[i].dtype() && function->shape(arg).compatible_with(args[i].shape());
    }
    if (fits) return trace.get<size_t>();
  }
  throw NotFoundError("no trace of {} fits", name);
}

/// y → (y, d Σy²/d first argument, d Σy²/d each variable)
FunctionPtr with_gradients(const FunctionPtr& function, const std::vector<VariablePtr>& variables) {
  GraphBuilder builder("gradients");
  Values args, losses;
  for (const int32_t arg : function->args) args.push_back(builder.arg("x", function->dtype({arg, 0}), function->shape({arg, 0})));
  const Values outputs = builder.call(function, args);
  for (const Value& output : outputs) {
    if (is_floating(output.dtype())) losses.push_back(emit1("L2Loss", {output}));
  }
  Values xs = {args[0]};
  for (const VariablePtr& variable : variables) xs.push_back(builder.handle(variable));
  Values results;
  for (const Value& gradient : gradients(builder, losses, xs)) {
    results.push_back(gradient.valid() ? mul(gradient, 2.0) : builder.constant(Tensor::scalar(0.0f)));
  }
  return builder.finish(results, std::vector<std::string>(results.size(), "g"));
}

class SavedGraphs : public ::testing::TestWithParam<const char*> {};

/// Runs what TensorFlow ran, in its order.
void expect_values_of_tensorflow(const std::string& folder, const PassOptions& passes) {
  const auto graph = load(folder);
  Runtime runtime(kernels::make_serial(), 1, Limits{});
  for (const Json& record : expected(folder)) {
    const auto name = record["call"].get<std::string>();
    if (!record["kwargs"].empty()) continue;
    const std::vector<Tensor> args = flat(record["args"]);
    if (name == "scale" && args.size() == 1 && record["args"].size() > 1) continue;
    const FunctionPtr function = graph->function(trace_of(*graph, name, args));
    const std::vector<Tensor> found = Executor(function, passes).run(args, runtime), wanted = flat(record["outputs"]);
    ASSERT_EQ(found.size(), wanted.size()) << name;
    for (size_t i = 0; i < found.size(); ++i) expect_close(found[i], wanted[i], 1e-6, name);
  }
}

TEST_P(SavedGraphs, ComputeWhatTensorFlowComputes) {
  expect_values_of_tensorflow(GetParam(), {});
  expect_values_of_tensorflow(GetParam(), {.fuse_recurrent = false});
}

TEST_P(SavedGraphs, AreDifferentiatedAsTensorFlowDoesIt) {
  const auto graph = load(GetParam());
  Runtime runtime(kernels::make_serial(), 1, Limits{});
  for (const Json& record : expected(GetParam())) {
    const auto name = record["call"].get<std::string>();
    if (!record.contains("gradient") || record["gradient"].is_null() || !record["kwargs"].empty()) continue;
    const std::vector<Tensor> args = flat(record["args"]);
    std::vector<VariablePtr> variables;
    std::vector<Tensor> wanted = {tensor_from(record["gradient"])};
    for (const auto& [key, gradient] : record["variableGradients"].items()) {
      for (const VariablePtr& variable : graph->variables()) {
        if (variable == nullptr || variable->name() + ":0" != key) continue;
        variables.push_back(variable);
        wanted.push_back(tensor_from(gradient));
      }
    }
    const FunctionPtr function = with_gradients(graph->function(trace_of(*graph, name, args)), variables);
    const std::vector<Tensor> found = Executor(function).run(args, runtime);
    ASSERT_EQ(found.size(), wanted.size()) << name;
    for (size_t i = 0; i < found.size(); ++i) expect_close(found[i], wanted[i], 1e-5, name + " " + std::to_string(i));
  }
}

TEST(SavedGraph, LooksUpInTablesAsTensorFlowDoes) { expect_values_of_tensorflow("lookup_tables", {}); }
TEST(SavedGraph, ChangesTablesAsTensorFlowDoes) { expect_values_of_tensorflow("changing_tables", {}); }

/// The members of a zip.
MemoryFiles unpacked(const std::string& name) {
  const MemoryFiles zip = testing::read_files(kFolder / (name + ".zip"));
  FileSet set;
  set.add(zip[0].first, static_cast<int64_t>(zip[0].second.size()));
  set.add_bytes(0, 0, zip[0].second);
  MemoryFiles files;
  for (const auto& [path, source] : tell_model_files(set, {}).members) {
    files.emplace_back(path, source->read(0, source->size_bytes()));
  }
  return files;
}

std::string refusal_of(SavedGraph& graph, const std::string& function, const Tensor& arg) {
  try {
    trace_of(graph, function, {arg});
  } catch (const Error& error) {
    return error.message();
  }
  return "taken";
}

TEST(SavedGraph, NeedsTheFilesOfItsTables) {
  MemoryFiles files = unpacked("lookup_tables");
  std::erase_if(files, [](const auto& file) { return file.first == "assets/words.txt"; });
  const auto graph = load(files);
  EXPECT_NE(refusal_of(*graph, "number_of", Tensor::vector<int32_t>({0})).find("assets/words.txt; No such file or directory"),
            std::string::npos);
  const Tensor key = Tensor::vector<int64_t>({1});
  EXPECT_EQ(refusal_of(*graph, "constant", key), "taken");  // needs no file
}

TEST(SavedGraph, RefusesTablesOfBrokenFiles) {
  MemoryFiles files = unpacked("lookup_tables");
  for (auto& [path, bytes] : files) {
    if (path == "assets/words.txt") bytes.resize(12);  // "cat\t40\ndog\t4" → "dog" has a number, which another text lacks
    if (path == "assets/words.txt") bytes[8] = std::byte{'\n'};
  }
  const auto graph = load(files);
  EXPECT_NE(refusal_of(*graph, "number_of", Tensor::vector<int32_t>({0})).find("Invalid number of columns"), std::string::npos);
}

TEST(SavedGraph, ChecksTheEntriesOfTables) {
  MemoryFiles files = unpacked("changing_tables");
  for (auto& [path, bytes] : files) {
    if (!path.starts_with("variables/variables.data")) continue;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    bytes[text.find("catdog") + 1] = std::byte{'u'};
  }
  EXPECT_THROW(load(files), DataLossError);
}

INSTANTIATE_TEST_SUITE_P(TensorFlows, SavedGraphs, ::testing::Values("functions", "recurrent", "recurrent_forms"));

/// What recurrent_form() says of the Functions that a trace calls.
std::vector<RecurrentForm> called_forms(SavedGraph& graph, const std::string& name) {
  const Json& nodes = graph.description()["nodes"];
  const Json& traces = nodes[nodes[0]["children"][name].get<size_t>()]["traces"];
  std::vector<RecurrentForm> forms;
  for (const Node& node : graph.function(traces[0].get<size_t>())->nodes) {
    if (node.op->def->name != std::string_view("PartitionedCall")) continue;
    const auto form = recurrent_form(*node.attrs.get<FunctionRef>("f").function);
    if (form) forms.push_back(*form);
  }
  return forms;
}

TEST(SavedGraph, KnowsAllFormsOfKerasRecurrentFunctions) {
  const auto graph = load("recurrent_forms");
  for (int bits = 0; bits < 8; ++bits) {
    for (const Cell cell : {Cell::kLstm, Cell::kGru}) {
      std::string name = cell == Cell::kLstm ? "lstm_" : "gru_";
      for (int bit = 4; bit > 0; bit /= 2) name += (bits & bit) != 0 ? '1' : '0';
      const std::vector<RecurrentForm> forms = called_forms(*graph, name);
      ASSERT_EQ(forms.size(), 1u) << name;
      EXPECT_EQ(forms[0].cell, cell) << name;
      EXPECT_EQ(forms[0].time_major, (bits & 4) != 0) << name;
      EXPECT_EQ(forms[0].go_backwards, (bits & 2) != 0) << name;
      EXPECT_EQ(forms[0].return_sequences, (bits & 1) != 0) << name;
    }
  }
  EXPECT_EQ(called_forms(*graph, "lstm_static").size(), 1u);
  for (const char* other : {"lstm_masked", "lstm_relu", "gru_before"}) {
    EXPECT_TRUE(called_forms(*graph, other).empty()) << other;
  }
}

TEST(SavedGraph, NamesAllOpsThatAreMissing) {
  try {
    load("unknown_ops");
    FAIL() << "unknown ops were taken";
  } catch (const UnimplementedError& error) {
    EXPECT_NE(error.message().find("Dawsn (function '__inference_unknown_"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("node 'Dawsn'"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("Spence"), std::string::npos) << error.message();
  }
  const auto graph = load("unknown_ops", {.tags = {}, .allow_missing_ops = true});
  const Json& nodes = graph->description()["nodes"];
  const auto number = [&](const char* name) {
    return nodes[nodes[0]["children"][name].get<size_t>()]["traces"][0].get<size_t>();
  };
  EXPECT_NE(graph->function(number("known")), nullptr);
  EXPECT_THROW(graph->function(number("unknown")), UnimplementedError);
}

TEST(SavedGraph, OpsOfPythonAndFilesAreRefusedWhereTheyAreNeeded) {
  const auto graph = load("host_ops");
  const Json& nodes = graph->description()["nodes"];
  const auto number = [&](const char* name) {
    return nodes[nodes[0]["children"][name].get<size_t>()]["traces"][0].get<size_t>();
  };
  EXPECT_NE(graph->function(number("known")), nullptr);
  for (const auto& [function, op] : {std::pair{"python", "PyFunc"}, std::pair{"save", "SaveV2"}}) {
    try {
      graph->function(number(function));
      FAIL() << op << " was taken";
    } catch (const UnimplementedError& error) {
      EXPECT_NE(error.message().find(op), std::string::npos) << error.message();
    }
  }
  try {
    load("host_ops_served");
    FAIL() << "a signature that needs Python was taken";
  } catch (const UnimplementedError& error) {
    EXPECT_NE(error.message().find("PyFunc (function '"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("Python or files"), std::string::npos) << error.message();
    EXPECT_EQ(error.message().find("SaveV2"), std::string::npos) << error.message();
  }
}

TEST(SavedGraph, ChoosesTheGraphByItsTags) {
  EXPECT_NE(load("unknown_ops", {.tags = {"serve"}, .allow_missing_ops = true}), nullptr);
  EXPECT_THROW(load("unknown_ops", {.tags = {"train"}, .allow_missing_ops = true}), NotFoundError);
}

TEST(SavedGraph, LoadsKerasModelsWithoutTheirClasses) {
  for (const char* name : {"dense_softmax", "custom_layer"}) {
    const auto graph = load(testing::read_files(KERAS_SOURCE_DIR "/tests/fixtures/models/" + std::string(name)),
                            {.tags = {}, .allow_missing_ops = true});
    const Json& nodes = graph->description()["nodes"];
    const Json& signatures = nodes[nodes[0]["children"]["signatures"].get<size_t>()];
    const Json& serving = nodes[signatures["children"]["serving_default"].get<size_t>()];
    EXPECT_EQ(graph->function(serving["traces"][0].get<size_t>())->args.size(), 1u) << name;
  }
}

// Variables are made before their values are looked for: a file of a few bytes must not make half a gigabyte of them.
TEST(SavedGraph, MakesNoMoreVariablesThanTheFilesCanHold) {
  tensorflow::SavedModel model;
  auto& variable = *model.add_meta_graphs()->mutable_object_graph_def()->add_nodes()->mutable_variable();
  variable.set_name("huge");
  variable.set_dtype(tensorflow::DT_FLOAT);
  for (const int64_t dim : {int64_t{1} << 20, int64_t{128}}) variable.mutable_shape()->add_dim()->set_size(dim);
  const std::string text = model.SerializeAsString();
  const auto bytes = std::as_bytes(std::span(text));
  try {
    load({{"saved_model.pb", FileBytes(bytes.begin(), bytes.end())}, {"variables/variables.index", FileBytes()}});
    FAIL() << "512 MiB were made for " << text.size() << " bytes";
  } catch (const ResourceExhaustedError& error) {
    EXPECT_NE(error.message().find("Variable 'huge' of 536870912 bytes"), std::string::npos) << error.message();
  }
}

// A file that is cut or changed anywhere ends in a typed error, or still holds a graph.
TEST(SavedGraph, SurvivesBrokenFiles) {
  MemoryFiles files = unpacked("functions");
  std::ranges::sort(files, {}, [](const auto& file) { return file.first != kSavedModelFile; });  // that one first
  const FileBytes whole = files[0].second;
  const auto attempt = [&] {
    try {
      const auto graph = load(files);
      const size_t count = graph->description()["functions"].size();
      for (size_t i = 0; i < count; ++i) graph->function(i);
    } catch (const Error&) {
    }
  };
  uint32_t state = 1;
  for (int round = 0; round < 300; ++round) {
    state = state * 1664525u + 1013904223u;
    files[0].second = whole;
    files[0].second[state % whole.size()] ^= static_cast<std::byte>(1u << (state >> 29));
    attempt();
    files[0].second = whole;
    files[0].second.resize(state % whole.size());
    attempt();
  }
}

}  // namespace
}  // namespace keras
