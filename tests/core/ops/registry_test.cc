// The registry agrees with itself, and its public signatures with TensorFlow's.
#include "core/ops/registry.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "core/ops/families.h"

namespace keras {
namespace {

bool is_private(std::string_view name) { return name.starts_with("_"); }

/// "Name :: signature" lines, written by TensorFlow's own registry (tests/fixtures/generate/op_signatures.py).
std::map<std::string, std::string> tensorflow_signatures() {
  std::ifstream file(KERAS_SOURCE_DIR "/tests/fixtures/op_signatures.txt");
  std::map<std::string, std::string> signatures;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(" :: ");
    signatures[line.substr(0, colon)] = line.substr(colon + 4);
  }
  return signatures;
}

TEST(Registry, PublicOpsHaveTensorFlowsSignatures) {
  const auto signatures = tensorflow_signatures();
  for (const RegisteredOp* op : all_ops()) {
    if (is_private(op->def->name)) continue;
    ASSERT_TRUE(signatures.contains(op->def->name)) << op->def->name << " is no op of TensorFlow's";
    EXPECT_EQ(op->def->signature, signatures.at(op->def->name)) << op->def->name;
  }
}

TEST(Registry, NamesAreUnique) {
  std::set<std::string_view> names, js_names;
  for (const auto family : op_families()) {
    for (const OpDef& def : family) {
      EXPECT_TRUE(names.insert(def.name).second) << def.name;
      if (def.js != nullptr) EXPECT_TRUE(js_names.insert(def.js).second) << def.js;
    }
  }
}

TEST(Registry, EveryOpCanBeRunAndIsFound) {
  for (const RegisteredOp* op : all_ops()) {
    EXPECT_NE(op->def->kernel, nullptr) << op->def->name;
    EXPECT_NE(op->def->shape, nullptr) << op->def->name;
    EXPECT_EQ(find_op(op->def->name), op);
    EXPECT_TRUE(op->def->gradient == nullptr || (op->def->flags & kNoGradient) == 0) << op->def->name;
  }
  EXPECT_EQ(find_op("NoSuchOp"), nullptr);
}

TEST(Signature, ArgumentsOfAllKinds) {
  const OpSignature signature = parse_signature(
      "(a: T, many: N * float, any: Tin) -> (out: Tout); T: {floating, int32} = float; N: int; Tin: list(type); "
      "Tout: list(type) = [float, int64]; padding: string = \"SAME\"; strides: list(int) = [1, -2]; alpha: float = 0.25; "
      "shape: shape = ?; f: func");
  ASSERT_EQ(signature.inputs.size(), 3u);
  EXPECT_EQ(signature.inputs[0].type_attr, "T");
  EXPECT_EQ(signature.inputs[1].number_attr, "N");
  EXPECT_EQ(signature.inputs[1].dtype, DType::kFloat32);
  EXPECT_EQ(signature.inputs[2].type_list_attr, "Tin");
  EXPECT_EQ(signature.attr("T")->allowed.size(), 5u);
  EXPECT_EQ(std::get<DType>(*signature.attr("T")->default_value), DType::kFloat32);
  EXPECT_EQ(std::get<std::string>(*signature.attr("padding")->default_value), "SAME");
  EXPECT_EQ(std::get<std::vector<int64_t>>(*signature.attr("strides")->default_value), (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(std::get<float>(*signature.attr("alpha")->default_value), 0.25f);
  EXPECT_FALSE(std::get<Shape>(*signature.attr("shape")->default_value).known_rank());
  EXPECT_EQ(std::get<std::vector<DType>>(*signature.attr("Tout")->default_value).size(), 2u);
  EXPECT_FALSE(signature.attr("f")->default_value.has_value());
  EXPECT_EQ(signature.attr("nothing"), nullptr);
}

}  // namespace
}  // namespace keras
