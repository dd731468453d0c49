// The graph of a SavedModel without its Keras classes: objects, variables and the functions that TensorFlow traced.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/graph/function.h"
#include "core/keras/config/json.h"
#include "core/saving/file_set.h"
#include "core/saving/read_batches.h"

namespace keras {

struct SavedGraphOptions {
  std::vector<std::string> tags;   // of the graph that is wanted; empty: the only one, or "serve"
  bool allow_missing_ops = false;  // functions with ops that are not implemented may be there, but cannot be called
};

/// What tf.saved_model.load restores. Functions are made when they are first asked for.
class SavedGraph {
 public:
  /// `model`: the bytes of saved_model.pb. Throws DataLossError (broken), UnimplementedError (a TF1 file without objects; all
  /// ops that are not implemented, each with function and node), NotFoundError (tags, functions), ResourceExhaustedError.
  static std::shared_ptr<SavedGraph> parse(std::span<const std::byte> model, const SavedGraphOptions& options,
                                           const Limits& limits);
  ~SavedGraph();

  /// {nodes: [{kind, children: {name: node}, …}], functions: [{name, inputs, outputs}]}; docs/formats/saved_model.md.
  const Json& description() const;
  /// In order of nodes; null where a node is no variable.
  const std::vector<VariablePtr>& variables() const;
  /// By its number in the description. Its arguments are the tensors of `inputs` in order. Throws typed errors that name
  /// function and node.
  FunctionPtr function(size_t number);

  /// Files beside saved_model.pb that tables are filled from: "assets/words.txt".
  std::vector<std::string> assets() const;
  /// REQUIRES: before function().
  void add_asset(std::string path, std::string content);
  /// Whether a node is an object that an op makes: a lookup table.
  bool is_resource(size_t node) const;
  /// What a table holds when a function first captures it. REQUIRES: before function(). Their elements may come until then.
  void add_entries(size_t node, Tensor keys, Tensor values);

  class Contents;

 private:
  explicit SavedGraph(std::unique_ptr<Contents> contents);
  std::unique_ptr<Contents> contents_;
};

/// Loads a SavedGraph and its variables' values from a folder's files or a zip of them. Used as ModelLoader is.
class GraphLoader {
 public:
  GraphLoader(const Limits& limits, SavedGraphOptions options);
  ~GraphLoader();
  int add_file(std::string path, int64_t size_bytes);
  void add_bytes(int file, int64_t offset, std::span<const std::byte> bytes);
  std::vector<BytesWanted> prepare();
  ReadBatches& reads();
  std::shared_ptr<SavedGraph> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keras
