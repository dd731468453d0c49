// Object graphs of checkpoints. An input is a TrackableObjectGraph. A checkpoint is made of it that has a value for each of the
// first keys that it names; that is restored into a tree of objects, of which some grow afterwards, and what came of it is saved
// and restored.
#include <set>

#include "core/keras/models/sequential.h"
#include "core/keras/models/serialization.h"
#include "core/saving/checkpoint/checkpoint_loader.h"
#include "core/saving/checkpoint/checkpoint_writer.h"
#include "proto/trackable_object_graph.pb.h"
#include "tests/fuzz/fuzz.h"

using namespace keras;
using namespace keras::fuzz;

namespace {

constexpr size_t kMostValues = 64;
constexpr int32_t kFloat = 1;

struct Files {
  FileBytes index, shard;
};

Files files_of(const std::vector<OutputFile>& files) { return {bytes_of(files[1]), bytes_of(files[0])}; }

/// Values of two floats, but every fourth is a scalar.
Files checkpoint_of(const std::string& graph) {
  tensorflow::TrackableObjectGraph proto;
  std::set<std::string> keys;
  if (proto.ParseFromString(graph)) {
    for (const auto& node : proto.nodes()) {
      for (const auto& attribute : node.attributes()) {
        if (keys.size() < kMostValues && attribute.checkpoint_key() != kObjectGraphKey) keys.insert(attribute.checkpoint_key());
      }
    }
  }
  keys.erase("");  // the header's
  BundleWriter writer;
  const auto values = std::make_shared<std::vector<float>>(std::vector<float>{1, 2});
  size_t count = 0;
  for (const std::string& key : keys) {
    const bool scalar = ++count % 4 == 0;
    const std::vector<int64_t> shape = scalar ? std::vector<int64_t>{} : std::vector<int64_t>{2};
    writer.add(key, kFloat, shape, std::as_bytes(std::span(*values)).first(scalar ? 4 : 8), values);
  }
  writer.add_strings(kObjectGraphKey, {}, std::span(&graph, 1));
  return files_of(writer.finish("fuzzed"));
}

/// Objects of every kind, some of which have still to grow.
struct Tree {
  Session session{1};
  LayerPtr early = dense(), late = dense();
  SequentialPtr model = Sequential::make(session, "model");
  OptimizerPtr legacy = make_optimizer({{"class_name", "Adam"}, {"config", {{"decay", 0.0}}}}, session);
  OptimizerPtr adam = make_optimizer("adam", session);
  VariablePtr variable = std::make_shared<Variable>("v", Tensor::zeros(DType::kFloat32, {2}), true);
  TrackedRoot root;

  Tree() {
    early->ensure_built({Shape{kUnknownDim, 1}});
    model->add(dense());
    Container list{"trackable_list_wrapper", {{"0", {.variable = variable}}, {"1", {.layer = early}}}};
    Container all{"_generic_user_object",
                  {{"v", {.variable = variable}},
                   {"list", {.container = std::make_shared<Container>(std::move(list))}},
                   {"early", {.layer = early}},
                   {"late", {.layer = late}},
                   {"model", {.layer = model}},
                   {"legacy", {.optimizer = legacy}},
                   {"optimizer", {.optimizer = adam}}}};
    root.object.container = std::make_shared<Container>(std::move(all));
    root.attached = {{"root", root.object}};
  }
  void grow() {
    late->ensure_built({Shape{kUnknownDim, 1}});
    model->ensure_built({Shape{kUnknownDim, 1}});
    model->set_optimizer(adam);
    adam->build({variable, late->weights()[0]});
    legacy->build({variable, late->weights()[0]});
  }

 private:
  LayerPtr dense() { return deserialize_layer({{"class_name", "Dense"}, {"config", {{"units", 2}}}}, {session, {}}); }
};

std::shared_ptr<Restoration> restore(const Files& files, const TrackedRoot& root) {
  const MemorySource index("fuzzed", files.index);
  CheckpointLoader loader(std::make_shared<BundleReader>(BundleReader::open(index, small_limits())), root, small_limits());
  loader.add_file("fuzzed", static_cast<int64_t>(files.shard.size()));
  for (auto wanted = loader.prepare(); !wanted.empty(); wanted = loader.prepare()) {
    for (const BytesWanted& want : wanted) {
      const auto bytes = std::span(files.shard).subspan(static_cast<size_t>(want.offset), static_cast<size_t>(want.count));
      loader.add_bytes(0, want.offset, bytes);
    }
  }
  ReadBatches& reads = loader.reads();
  for (const auto* ranges = &reads.next(); !ranges->empty(); ranges = &reads.next()) {
    for (size_t i = 0; i < ranges->size(); ++i) {
      const auto target = reads.target(i, 0, (*ranges)[i].bytes);
      std::copy_n(files.shard.begin() + (*ranges)[i].offset, target.size(), target.begin());
      reads.filled(i);
    }
  }
  return loader.finish();
}

void ask(const Restoration& restoration, const TrackedRoot& root) {
  restoration.why_not_consumed(root);
  restoration.why_not_existing_matched(root);
  restoration.why_trivial(root);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Tree tree;
  const bool good = survives([&] {
    const Files files = checkpoint_of(std::string(reinterpret_cast<const char*>(data), size));
    const auto restoration = restore(files, tree.root);
    ask(*restoration, tree.root);
    tree.grow();
    restoration->match_again(tree.root);
    ask(*restoration, tree.root);
  });
  if (good) require(restore(files_of(write_checkpoint(tree.root, "fuzzed")), tree.root)->why_not_consumed(tree.root).empty());
  return 0;
}
