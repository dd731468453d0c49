// Functions of files. An input is a FunctionDefLibrary: each of its functions is read, TensorFlow 1's control flow and all, and
// rewritten. Inputs are changed as the graphs that they are, too: nodes get other inputs, ops and names.
#include <array>
#include <iterator>
#include <random>

#include "core/graph/function_reader.h"
#include "core/graph/passes/passes.h"
#include "proto/graph.pb.h"
#include "tests/fuzz/fuzz.h"

using namespace keras;
using namespace keras::fuzz;
using tensorflow::FunctionDef;
using tensorflow::FunctionDefLibrary;
using tensorflow::NodeDef;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

constexpr const char* kOps[] = {"Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond", "Identity", "RefSwitch", "NoOp"};

Limits function_limits() {
  Limits limits = small_limits();
  limits.nesting_depth = 50;
  return limits;
}

/// As a file's function gets into a model; errors that tell of no node tell of the function.
void read(FunctionReader& reader, const FunctionDef& def) {
  const std::string name = def.signature().name();
  try {
    const std::array names = {name};
    reader.missing_ops(names);
    GraphBuilder builder(name, function_limits());
    Values args;
    for (int i = 0; i < def.signature().input_arg_size(); ++i) {
      args.push_back(builder.arg(def.signature().input_arg(i).name(), reader.arg_dtype(def, i), reader.arg_shape(def, i)));
    }
    const Values results = reader.inline_call(builder, name, args);
    const FunctionPtr function = builder.finish(results, std::vector<std::string>(results.size(), "y"));
    rewrite(*function, {});
  } catch (Error& error) {
    if (error.path().empty()) error.set_path(name.empty() ? "(no name)" : name);
    throw;
  }
}

/// Draws from what a seed decides.
class Mutation {
 public:
  Mutation(FunctionDefLibrary& library, unsigned seed) : library_(library), random_(seed) {}

  void apply() {
    FunctionDef& def = *library_.mutable_function(below(library_.function_size()));
    if (def.node_def_size() == 0) return;
    NodeDef& node = *def.mutable_node_def(below(def.node_def_size()));
    const NodeDef& other = def.node_def(below(def.node_def_size()));
    switch (below(7)) {
      case 0: tie(node, other); break;
      case 1: node.set_op(below(2) == 0 ? other.op() : kOps[below(std::size(kOps))]); break;
      case 2: *node.mutable_attr() = other.attr(); break;
      case 3: node.set_name(other.name() + "x"); break;
      case 4: def.mutable_node_def()->DeleteSubrange(below(def.node_def_size()), 1); break;
      case 5: add_twin(def, node); break;
      default: node.mutable_attr()->clear();
    }
  }

 private:
  int below(size_t count) { return static_cast<int>(random_() % count); }
  int below(int count) { return below(static_cast<size_t>(count)); }

  void tie(NodeDef& node, const NodeDef& source) {
    const std::string input = (below(4) == 0 ? "^" : "") + source.name() + (below(2) == 0 ? ":" + std::to_string(below(3)) : "");
    if (node.input_size() == 0 || below(4) == 0)
      node.add_input(input);
    else
      node.set_input(below(node.input_size()), input);
  }

  static void add_twin(FunctionDef& def, const NodeDef& node) {
    NodeDef& twin = *def.add_node_def();
    twin = node;
    twin.set_name(node.name() + "y");
  }

  FunctionDefLibrary& library_;
  std::minstd_rand random_;
};

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  FunctionDefLibrary library;
  const bool has_functions = library.ParseFromArray(data, static_cast<int>(size)) && library.function_size() > 0;
  if (!has_functions || seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Mutation(library, seed).apply();
  if (library.ByteSizeLong() > max_size) return size;
  library.SerializeWithCachedSizesToArray(data);
  return library.ByteSizeLong();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FunctionDefLibrary library;
  if (!library.ParseFromArray(data, static_cast<int>(size))) return 0;
  for (const FunctionDef& def : library.function()) {
    survives([&] {
      FunctionReader reader(library, function_limits());
      read(reader, def);
    });
  }
  return 0;
}
