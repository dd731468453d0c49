// Control flow of TensorFlow 1: values are those of a session of TensorFlow (tests/fixtures/make_control_flow_v1.py); broken
// graphs get typed errors that name the node.
#include "core/graph/functionalize.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/graph/function_reader.h"
#include "core/graph/gradients.h"
#include "core/ops/builders.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using nlohmann::json;
using tensorflow::FunctionDef;
using tensorflow::FunctionDefLibrary;
using tensorflow::NodeDef;

std::ifstream open(const std::string& name) {
  return std::ifstream(KERAS_SOURCE_DIR "/tests/fixtures/control_flow_v1/" + name, std::ios::binary);
}

FunctionDefLibrary read_library() {
  auto file = open("library.pb");
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  FunctionDefLibrary library;
  if (!library.ParseFromString(bytes)) throw std::runtime_error("library.pb");
  return library;
}

const FunctionDefLibrary& library() {
  static const FunctionDefLibrary read = read_library();
  return read;
}

FunctionPtr read_function(const FunctionDefLibrary& from, const std::string& name, bool differentiated = false) {
  FunctionReader reader(from, Limits{});
  GraphBuilder builder(name);
  const Values args = {builder.arg("x", DType::kFloat32, {3})};
  Values results = reader.inline_call(builder, name, args);
  if (differentiated) results = gradients(builder, results, args);
  return builder.finish(results, std::vector<std::string>(results.size(), "y"));
}

Tensor run(const FunctionPtr& function, const Tensor& x) {
  const std::array args = {x};
  return Executor(function).run(args, *testing::serial_runtime())[0];
}

Tensor vector(const json& values) { return Tensor::vector(values.get<std::vector<float>>()); }

class ControlFlowV1 : public ::testing::TestWithParam<std::string> {};

TEST_P(ControlFlowV1, GivesWhatASessionGives) {
  auto file = open("expected.json");
  const json expected = json::parse(file);
  std::string name = GetParam();
  const FunctionPtr function = read_function(library(), name);
  for (const Node& node : function->nodes) EXPECT_FALSE(is_v1_control_flow(node.op->def->name));
  if (name.ends_with("_graph")) name.resize(name.size() - 6);
  for (const json& record : expected[name]) {
    testing::expect_close(run(function, vector(record["args"])), vector(record["outputs"]), 1e-6);
  }
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const FunctionDef& def : library().function()) names.push_back(def.signature().name());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Functions, ControlFlowV1, ::testing::ValuesIn(function_names()),
                         [](const auto& info) { return info.param; });

/// The library with each node of one function changed.
FunctionDefLibrary changed(const std::string& name, const std::function<void(NodeDef&)>& change) {
  FunctionDefLibrary copy = library();
  for (FunctionDef& def : *copy.mutable_function()) {
    if (def.signature().name() != name) continue;
    for (NodeDef& node : *def.mutable_node_def()) change(node);
  }
  return copy;
}

TEST(Functionalize, ReferencesAreValues) {
  for (const std::string name : {"cond_nested", "loop_with_cond"}) {
    const FunctionDefLibrary with_references = changed(name, [](NodeDef& node) {
      if (!is_v1_control_flow(node.op()) || node.op() == "LoopCond") return;
      node.set_op("Ref" + node.op());
      auto& type = (*node.mutable_attr())["T"];
      type.set_type(static_cast<tensorflow::DataType>(type.type() + 100));
    });
    const Tensor x = Tensor::vector<float>({0.5f, 1.0f, -0.25f});
    testing::expect_close(run(read_function(with_references, name), x), run(read_function(library(), name), x), 0);
  }
}

TEST(Functionalize, WhatComesOutIsDifferentiable) {
  const Tensor x = Tensor::vector<float>({0.5f, 1.0f, -0.25f});
  // y = 1.5 y + x, four times from y = x: 1.5⁴ + 1.5³ + 1.5² + 1.5 + 1
  testing::expect_close(run(read_function(library(), "loop", true), x), Tensor::vector<float>({13.1875f, 13.1875f, 13.1875f}),
                        1e-6);
  const Tensor below = Tensor::vector<float>({-0.5f, -1.0f, 0.75f});  // x² + 1
  testing::expect_close(run(read_function(library(), "cond", true), below), Tensor::vector<float>({-1.0f, -2.0f, 1.5f}), 1e-6);
}

template <class E>
void expect_refused(const FunctionDefLibrary& from, const std::string& name, const std::string& node, const std::string& what) {
  try {
    read_function(from, name);
    FAIL() << "not refused: " << what;
  } catch (const E& error) {
    EXPECT_NE(std::string(error.what()).find(node), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
  }
}

TEST(Functionalize, BrokenLoopsAreRefused) {
  const auto refuse = [](const std::string& node, const std::string& what, const std::function<void(NodeDef&)>& change) {
    expect_refused<InvalidArgumentError>(changed("loop", change), "loop", node, what);
  };
  refuse("while/", "has no LoopCond", [](NodeDef& node) {
    if (node.op() == "LoopCond") node.set_op("Identity");
  });
  refuse("while/Merge", "joins an Enter and a NextIteration", [](NodeDef& node) {
    if (node.name() == "while/Merge") node.set_input(1, node.input(0));
  });
  refuse("while/Exit", "leaves no frame", [](NodeDef& node) {
    if (node.name() == "while/Exit") node.set_input(0, "x");
  });
  refuse("while/Enter", "frame_name", [](NodeDef& node) { node.mutable_attr()->erase("frame_name"); });
  refuse("y", "different frames", [](NodeDef& node) {
    if (node.name() == "y") node.add_input("^while/mul");
  });
  refuse("while/Exit_1", "leaves no loop variable", [](NodeDef& node) {
    if (node.name() == "while/Exit_1") node.set_input(0, "while/Identity_1:output:0");
  });
  refuse("while/Enter", "attribute 'T'", [](NodeDef& node) {
    if (node.op() == "Enter") node.mutable_attr()->erase("T");
  });
}

TEST(Functionalize, BrokenConditionsAreRefused) {
  const auto refuse = [](const std::string& node, const std::string& what, const std::function<void(NodeDef&)>& change) {
    expect_refused<InvalidArgumentError>(changed("cond", change), "cond", node, what);
  };
  refuse("cond/Merge", "two branches of one condition", [](NodeDef& node) {
    if (node.name() == "cond/Merge") node.set_input(1, node.input(0));
  });
  refuse("cond/Merge", "two branches of one condition", [](NodeDef& node) {
    if (node.name() == "cond/Merge") node.set_input(1, "x");
  });
  refuse("cond/Sin", "both branches", [](NodeDef& node) {
    if (node.name() == "cond/Sin") node.add_input("^cond/switch_f");
  });
  refuse("y", "one branch of a condition only", [](NodeDef& node) {
    if (node.name() == "y") node.set_input(0, "cond/Sin:y:0");
  });
  expect_refused<UnimplementedError>(changed("cond",
                                             [](NodeDef& node) {
                                               if (node.name() == "cond/Merge") node.add_input("x");
                                             }),
                                     "cond", "cond/Merge", "only two branches");
  expect_refused<DataLossError>(changed("cond",
                                        [](NodeDef& node) {
                                          if (node.name() == "cond/Sin") node.set_input(0, "cond/mul:z:0");
                                        }),
                                "cond", "cond/", "its own output");
}

TEST(Functionalize, ConditionsInEachOtherAreBounded) {
  Limits limits;
  limits.nesting_depth = 1;
  for (const FunctionDef& def : library().function()) {
    if (def.signature().name() == "cond_nested" || def.signature().name() == "loop_nested") {
      EXPECT_THROW(functionalize(def, limits), ResourceExhaustedError) << def.signature().name();
    }
  }
}

}  // namespace
}  // namespace keras
