// Checkpoints restored through the loader, as JavaScript does it: what TensorFlow wrote, what waits, and broken ones.
#include <gtest/gtest.h>

#include "core/keras/models/sequential.h"
#include "core/keras/optimizers/legacy_optimizers.h"
#include "core/saving/checkpoint/checkpoint_loader.h"
#include "core/saving/checkpoint/checkpoint_writer.h"
#include "proto/trackable_object_graph.pb.h"
#include "tests/core/saving/files.h"

namespace keras::testing {
namespace {

const std::filesystem::path kCheckpoints = std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures/checkpoints";

struct Files {
  FileBytes index;
  std::vector<FileBytes> shards;
};

Files fixture(const std::string& name) {
  const std::string prefix = (kCheckpoints / name).string();
  return {read_bytes(prefix + ".index"), {read_bytes(prefix + ".data-00000-of-00001")}};
}

Files written(const TrackedRoot& root) {
  const std::vector<OutputFile> files = write_checkpoint(root, "ckpt");
  return {bytes_of(files[1]), {bytes_of(files[0])}};
}

std::shared_ptr<Restoration> restore(const Files& files, const TrackedRoot& root, const Limits& limits = {}) {
  const MemorySource index("ckpt.index", files.index);
  CheckpointLoader loader(std::make_shared<BundleReader>(BundleReader::open(index, limits)), root, limits);
  for (size_t i = 0; i < files.shards.size(); ++i)
    loader.add_file(shard_name("ckpt", static_cast<int>(i), static_cast<int>(files.shards.size())),
                    static_cast<int64_t>(files.shards[i].size()));
  testing::answer_wishes(
      loader, [&] { return loader.prepare(); }, [&](size_t shard) -> const FileBytes& { return files.shards[shard]; });
  read_all(loader.reads(), [&](int file) { return std::span(files.shards[static_cast<size_t>(file)]); });
  return loader.finish();
}

VariablePtr vector_variable(const std::string& name, std::vector<float> values) {
  return std::make_shared<Variable>(name, Tensor::vector(values), true);
}

TrackedRoot tree(TrackedChildren children) {
  return {{.container = std::make_shared<Container>(Container{"_generic_user_object", std::move(children)})}};
}

std::vector<float> values(const VariablePtr& variable) {
  const auto floats = variable->value().values<float>();
  return {floats.begin(), floats.end()};
}

LayerPtr dense(Session& session, int units) {
  return deserialize_layer({{"class_name", "Dense"}, {"config", {{"units", units}}}}, {session, {}});
}

/// A graph of the test's own making, with the values of one variable under "v/.ATTRIBUTES/VARIABLE_VALUE".
Files with_graph(const std::string& graph) {
  BundleWriter writer;
  const auto value = std::make_shared<std::vector<float>>(std::vector<float>{1, 2});
  writer.add(variable_key("v"), 1, {2}, std::as_bytes(std::span(*value)), value);
  writer.add_strings(kObjectGraphKey, {}, std::span(&graph, 1));
  const std::vector<OutputFile> files = writer.finish("ckpt");
  return {bytes_of(files[1]), {bytes_of(files[0])}};
}

TEST(Checkpoint, WaitsForLayersAndSlotsThatAreMadeLater) {
  Session session(1);
  const SequentialPtr first = Sequential::make(session, "m"), second = Sequential::make(session, "m");
  for (const SequentialPtr& model : {first, second}) {
    model->add(dense(session, 3));
    model->add(dense(session, 2));
  }
  first->ensure_built({Shape{kUnknownDim, 4}});
  const OptimizerPtr adam = make_optimizer("adam", session), other = make_optimizer("adam", session);
  first->set_optimizer(adam);
  adam->build(first->weights());
  for (const VariablePtr& slot : adam->variables()) {
    if (slot->dtype() == DType::kFloat32) std::fill_n(slot->mutable_value().data<float>(), slot->value().elements(), 3.0f);
  }
  const TrackedRoot root = {{.layer = second}};
  const auto restoration = restore(written({{.layer = first}}), root);
  EXPECT_EQ(restoration->why_trivial(root), "");
  EXPECT_NE(restoration->why_not_consumed(root).find("(root).layer_with_weights-0.kernel"), std::string::npos);
  second->ensure_built({Shape{kUnknownDim, 4}});
  ASSERT_EQ(second->weights().size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(values(second->weights()[i]), values(first->weights()[i])) << i;
  second->set_optimizer(other);
  other->build(second->weights());
  for (size_t i = 1; i < other->variables().size(); ++i) EXPECT_EQ(values(other->variables()[i])[0], 3.0f);
  EXPECT_EQ(restoration->why_not_consumed(root), "");
}

TEST(Checkpoint, AWaitingValueOfAnotherShapeIsTold) {
  Session session(1);
  const LayerPtr first = dense(session, 3), second = dense(session, 3);
  first->ensure_built({Shape{kUnknownDim, 4}});
  restore(written({{.layer = first}}), {{.layer = second}});
  EXPECT_THROW(second->ensure_built({Shape{kUnknownDim, 5}}), ValueError);
}

TEST(Checkpoint, OneVariableThatBecameTwoGivesItsValueToTheFirst) {
  const VariablePtr shared = vector_variable("v", {1, 2});
  const Files files = written(tree({{"a", {.variable = shared}}, {"b", {.variable = shared}}}));
  const VariablePtr a = vector_variable("a", {0, 0}), b = vector_variable("b", {0, 0});
  const TrackedRoot root = tree({{"a", {.variable = a}}, {"b", {.variable = b}}});
  const auto restoration = restore(files, root);
  EXPECT_EQ(values(a), (std::vector<float>{1, 2}));
  EXPECT_EQ(values(b), (std::vector<float>{0, 0}));
  EXPECT_NE(restoration->why_not_existing_matched(root).find("'b:0' shape=(2,) dtype=float32"), std::string::npos);
  // And two that became one: the first counts.
  const Files two =
      written(tree({{"a", {.variable = vector_variable("a", {3, 4})}}, {"b", {.variable = vector_variable("b", {5, 6})}}}));
  restore(two, tree({{"a", {.variable = a}}, {"b", {.variable = a}}}));
  EXPECT_EQ(values(a), (std::vector<float>{3, 4}));
}

TEST(Checkpoint, PartitionedVariablesAreRestoredByName) {
  const Files files = fixture("weights/partitioned");
  const auto rows = std::make_shared<Variable>("rows", Tensor::zeros(DType::kFloat32, {4, 3}), true);
  const auto blocks = std::make_shared<Variable>("blocks", Tensor::zeros(DType::kFloat32, {3, 4, 2}), true);
  const TrackedRoot root = tree({{"x", {.variable = rows}}, {"y", {.variable = blocks}}});
  EXPECT_EQ(restore(files, root)->why_not_consumed(root), "");
  for (int i = 0; i < 12; ++i) EXPECT_EQ(values(rows)[static_cast<size_t>(i)], static_cast<float>(i));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(values(blocks)[static_cast<size_t>(i)], static_cast<float>(i));
  rows->assign(Tensor::zeros(DType::kFloat32, {4, 3}));
  Files broken = files;
  for (std::byte& byte : broken.shards[0]) byte ^= std::byte{1};
  EXPECT_THROW(restore(broken, root), DataLossError);
  EXPECT_EQ(values(rows), std::vector<float>(12, 0.0f));
  EXPECT_EQ(values(blocks).back(), 23.0f);
}

TEST(Checkpoint, GraphsThatLoopOrNameOtherKeysEnd) {
  tensorflow::TrackableObjectGraph graph;
  auto& root = *graph.add_nodes();
  auto& child = *graph.add_nodes();
  for (auto* object : {&root, &child}) {
    for (int id : {0, 1}) {
      auto& reference = *object->add_children();
      reference.set_local_name(id == 0 ? "up" : "v");
      reference.set_node_id(id);
    }
  }
  auto& attribute = *child.add_attributes();
  attribute.set_name("VARIABLE_VALUE");
  attribute.set_checkpoint_key("no/such/key");
  const VariablePtr v = vector_variable("v", {0, 0});
  const TrackedRoot objects = tree({{"v", {.variable = v}}});
  EXPECT_NE(restore(with_graph(graph.SerializeAsString()), objects)->why_not_consumed(objects).find("Unused attributes"),
            std::string::npos);
  graph.mutable_nodes(1)->mutable_attributes(0)->set_checkpoint_key(variable_key("v"));
  EXPECT_EQ(restore(with_graph(graph.SerializeAsString()), objects)->why_not_consumed(objects), "");
  EXPECT_EQ(values(v), (std::vector<float>{1, 2}));
  graph.mutable_nodes(1)->mutable_children(0)->set_node_id(2);
  EXPECT_THROW(restore(with_graph(graph.SerializeAsString()), objects), DataLossError);
  graph.mutable_nodes(1)->mutable_children(0)->set_node_id(-1);
  EXPECT_THROW(restore(with_graph(graph.SerializeAsString()), objects), DataLossError);
  EXPECT_THROW(restore(with_graph(""), objects), DataLossError);
  EXPECT_THROW(restore(with_graph(std::string(1000, '\xff')), objects), DataLossError);
  Limits few;
  few.file_objects = 3;
  graph.mutable_nodes(1)->mutable_children(0)->set_node_id(0);
  for (int i = 0; i < 5; ++i) graph.add_nodes();
  EXPECT_THROW(restore(with_graph(graph.SerializeAsString()), objects, few), ResourceExhaustedError);
}

TEST(Checkpoint, IsRefusedWhereALegacyOptimizersStateWouldBeLeftOut) {
  const TrackedRoot root{
      {.container = std::make_shared<Container>(Container{"", {{"opt", {.optimizer = make_legacy_optimizer("Adam")}}}})}};
  try {
    write_checkpoint(root, "ckpt");
    FAIL() << "written";
  } catch (const UnimplementedError& error) {
    EXPECT_NE(std::string_view(error.what()).find("'opt' is a legacy optimizer (Adam)"), std::string_view::npos) << error.what();
  }
}

TEST(Checkpoint, DamagedStringsLeaveAllVariablesAsTheyAre) {
  const auto text = std::make_shared<Variable>("text", Tensor::scalar(std::string("new")), false);
  const VariablePtr numbers = vector_variable("numbers", {1, 2});
  const TrackedRoot root = tree({{"text", {.variable = text}}, {"numbers", {.variable = numbers}}});
  Files files = written(root);
  text->assign(Tensor::scalar(std::string("old")));
  numbers->assign(Tensor::vector<float>({0, 0}));
  auto at = std::ranges::search(files.shards[0], std::as_bytes(std::span("new", 3)));
  ASSERT_FALSE(at.empty());
  at.front() ^= std::byte{1};
  EXPECT_THROW(restore(files, root), DataLossError);
  EXPECT_EQ(text->value().values<std::string>()[0], "old");
  EXPECT_EQ(values(numbers), (std::vector<float>{0, 0}));
  at.front() ^= std::byte{1};
  restore(files, root);
  EXPECT_EQ(text->value().values<std::string>()[0], "new");
  EXPECT_EQ(values(numbers), (std::vector<float>{1, 2}));
}

TEST(Checkpoint, EveryFlippedByteOfTheFilesIsTypedOrHarmless) {
  const Files files = fixture("weights/tree-1");
  const auto make = [] {
    return tree(
        {{"step", {.variable = std::make_shared<Variable>("step", Tensor::scalar(int64_t{0}), false)}},
         {"numbers",
          {.container = std::make_shared<Container>(Container{"", {{"0", {.variable = vector_variable("a", {0, 0})}}}})}}});
  };
  int refused = 0;
  const auto attempt = [&](const Files& broken) {
    const TrackedRoot root = make();
    try {
      restore(broken, root)->why_not_consumed(root);
    } catch (const Error&) {
      ++refused;
      for (const Trackable& object : reachable_objects(root)) {
        if (object.variable) EXPECT_EQ(object.variable->value().number_at(0), 0) << object.variable->name();
      }
    }
  };
  for (size_t part = 0; part < 2; ++part) {
    const size_t size = part == 0 ? files.index.size() : files.shards[0].size();
    for (size_t i = 0; i < size; ++i) {
      Files broken = files;
      (part == 0 ? broken.index : broken.shards[0])[i] ^= std::byte{0x10};
      attempt(broken);
      Files cut = files;
      (part == 0 ? cut.index : cut.shards[0]).resize(i);
      attempt(cut);
    }
  }
  // Every cut, and every flip but those in padding and in values that nobody asked for.
  EXPECT_GT(refused, static_cast<int>(files.index.size() * 3 / 2 + files.shards[0].size()));
}

}  // namespace
}  // namespace keras::testing
