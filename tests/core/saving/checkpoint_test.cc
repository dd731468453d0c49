// Checkpoints restored through the loader, as JavaScript does it: what TensorFlow wrote, what waits, and broken ones.
#include <gtest/gtest.h>

#include "core/keras/models/sequential.h"
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

OptimizerPtr legacy(Session& session, const std::string& class_name) {
  return make_optimizer({{"class_name", class_name}, {"config", {{"is_legacy_optimizer", true}}}}, session);
}

TEST(Checkpoint, SlotsOfLegacyOptimizersBelongToTheirVariables) {
  Session session(1);
  const VariablePtr v = vector_variable("v", {1, 2}), w = vector_variable("w", {3});
  const OptimizerPtr adam = legacy(session, "Adam");
  adam->build({v, w});
  adam->iterations()->assign(Tensor::scalar(int64_t{5}));
  for (size_t i = 1; i < 5; ++i) adam->variables()[i]->mutable_value().data<float>()[0] = static_cast<float>(i);
  const Files files = written(tree({{"v", {.variable = v}}, {"w", {.variable = w}}, {"opt", {.optimizer = adam}}}));
  // A name in the file may be another here: the slots go with the variables.
  const VariablePtr other_v = vector_variable("other", {0, 0}), other_w = vector_variable("w", {0});
  const OptimizerPtr other = legacy(session, "Adam");
  const TrackedRoot root = tree({{"v", {.variable = other_v}}, {"w", {.variable = other_w}}, {"opt", {.optimizer = other}}});
  EXPECT_EQ(restore(files, root)->why_not_consumed(root), "") << "the slots are made where they are missing";
  other->build({other_w, other_v});
  EXPECT_EQ(other->iterations()->value().number_at(0), 5);
  EXPECT_EQ(values(other->find_slot(*other_v, "m"))[0], 1);
  EXPECT_EQ(values(other->find_slot(*other_w, "m"))[0], 2);
  EXPECT_EQ(values(other->find_slot(*other_v, "v"))[0], 3);
  EXPECT_EQ(values(other->find_slot(*other_w, "v"))[0], 4);
  // Slots that the class does not have, of variables that are not there, are left.
  const TrackedRoot sgd = tree({{"v", {.variable = other_v}}, {"opt", {.optimizer = legacy(session, "SGD")}}});
  EXPECT_NE(restore(files, sgd)->why_not_consumed(sgd), "");
}

/// Every node the child "root" of the one before, as a model is its own; and a value that many nodes name.
TEST(Checkpoint, GraphsOfAMillionNodesEnd) {
  tensorflow::TrackableObjectGraph graph;
  constexpr int kNodes = 1'000'000;
  for (int id = 0; id < kNodes; ++id) {
    auto& node = *graph.add_nodes();
    auto& next = *node.add_children();
    next.set_local_name("root");
    next.set_node_id((id + 1) % kNodes);
    auto& attribute = *node.add_attributes();
    attribute.set_name("VARIABLE_VALUE");
    attribute.set_checkpoint_key(variable_key("v"));
  }
  Session session(1);
  const SequentialPtr model = Sequential::make(session, "m");
  const TrackedRoot self{{.layer = model}, {{"root", {.layer = model}}}}, other{{.layer = model}};
  const Files files = with_graph(graph.SerializeAsString());
  const auto all = restore(files, self);
  EXPECT_NE(all->why_not_existing_matched(self).find("not"), 0u);
  const auto waiting = restore(files, other);
  EXPECT_NE(waiting->why_not_consumed(other).find("Unresolved object in checkpoint (root).root: "), std::string::npos);
}

TEST(Checkpoint, SlotReferencesThatLieAreRefusedOrLeft) {
  Session session(1);
  const VariablePtr v = vector_variable("v", {0, 0});
  const TrackedRoot root = tree({{"v", {.variable = v}}, {"opt", {.optimizer = legacy(session, "Adam")}}});
  const auto with_slot = [](int original, int slot, const std::string& name) {
    tensorflow::TrackableObjectGraph graph;
    for (int i = 0; i < 4; ++i) graph.add_nodes();
    for (const auto& [child, id] : {std::pair{"v", 1}, {"opt", 2}}) {
      auto& reference = *graph.mutable_nodes(0)->add_children();
      reference.set_local_name(child);
      reference.set_node_id(id);
    }
    for (const int id : {1, 3}) {
      auto& attribute = *graph.mutable_nodes(id)->add_attributes();
      attribute.set_name("VARIABLE_VALUE");
      attribute.set_checkpoint_key(variable_key("v"));
    }
    auto& reference = *graph.mutable_nodes(2)->add_slot_variables();
    reference.set_original_variable_node_id(original);
    reference.set_slot_variable_node_id(slot);
    reference.set_slot_name(name);
    return with_graph(graph.SerializeAsString());
  };
  EXPECT_EQ(restore(with_slot(1, 3, "m"), root)->why_not_consumed(root), "");
  for (const auto& [original, slot] : {std::pair{4, 3}, {-1, 3}, {1, 4}, {1, -1}, {1, 1 << 30}})
    EXPECT_THROW(restore(with_slot(original, slot, "m"), root), DataLossError) << original << " " << slot;
  // Of an optimizer, of itself, into the root, and under a name that no slot has.
  for (const auto& [original, slot, name] :
       {std::tuple{2, 3, "m"}, {3, 3, "m"}, {1, 0, "m"}, {1, 2, "v"}, {1, 3, "no such slot"}})
    EXPECT_NE(restore(with_slot(original, slot, name), root)->why_not_consumed(root), "") << original << " " << slot << name;
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
