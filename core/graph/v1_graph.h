// A FunctionDef with control flow of TensorFlow 1 on its way to functions: nodes by number, edges by name. For functionalize.cc.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "proto/graph.pb.h"

namespace keras {

/// Where an input comes from. `node` is -1 for arguments (and for what does not exist: the reader will tell).
struct V1Source {
  int node = -1;
  bool control = false;
  bool second = false;  // output 1: Switch's true side, Merge's value_index
};

/// The op without "Ref".
std::string_view v1_op(const tensorflow::NodeDef& node);
bool is_stateful_op(const tensorflow::NodeDef& node);
bool is_stateful_function(const tensorflow::FunctionDef& def);

class V1Graph {
 public:
  explicit V1Graph(const tensorflow::FunctionDef& def);

  const tensorflow::FunctionDef& def() const { return def_; }
  int count() const { return static_cast<int>(nodes_.size()); }
  const tensorflow::NodeDef& node(int id) const { return nodes_[static_cast<size_t>(id)]; }
  bool is(int id, std::string_view op) const { return id >= 0 && v1_op(node(id)) == op; }
  V1Source source(const std::string& input) const;
  /// The inputs that are data.
  std::vector<std::string> data_inputs(int id) const;
  /// The dtype that an attribute says, of references too.
  tensorflow::DataType type_attr(int id, const std::string& name) const;
  /// The dtype of any data edge. Throws UnimplementedError (no such op), DataLossError.
  tensorflow::DataType edge_type(const std::string& input) const;
  /// A node that takes the place of others; names may be used again. Returns its number.
  int add(tensorflow::NodeDef node);

  /// All nodes, inputs first. Edges from NextIteration to Merge do not count. Throws DataLossError for cycles.
  std::vector<int> sorted() const;

  [[noreturn]] void refuse(int id, std::string_view what) const;
  [[noreturn]] void refuse_unimplemented(int id, std::string_view what) const;

 private:
  tensorflow::FunctionDef def_;
  std::vector<tensorflow::NodeDef> nodes_;
  std::map<std::string, int, std::less<>> numbers_;
};

/// A function in the making.
class FunctionDefBuilder {
 public:
  explicit FunctionDefBuilder(const std::string& name) { def_.mutable_signature()->set_name(name); }
  /// A new argument; `like` may have its shape in "_output_shapes". Returns its name.
  std::string arg(tensorflow::DataType type, const tensorflow::NodeDef& like);
  tensorflow::NodeDef& node(const tensorflow::NodeDef& node, const std::vector<std::string>& inputs);
  void result(tensorflow::DataType type, const std::string& input);
  tensorflow::FunctionDef take() { return std::move(def_); }

 private:
  tensorflow::FunctionDef def_;
};

void set_types(tensorflow::NodeDef& node, const std::string& attr, const std::vector<tensorflow::DataType>& types);
void set_function(tensorflow::NodeDef& node, const std::string& attr, const std::string& name);

/// Puts a While in the place of each frame. Appends the functions to `made`.
tensorflow::FunctionDef functionalize_loops(const tensorflow::FunctionDef& def, const Limits& limits,
                                            std::vector<tensorflow::FunctionDef>& made);
/// Puts an If in the place of each outermost condition. REQUIRES: no frames. The branches that are appended to `made` have the
/// inner ones.
tensorflow::FunctionDef functionalize_conditions(const tensorflow::FunctionDef& def, const Limits& limits,
                                                 std::vector<tensorflow::FunctionDef>& made);

}  // namespace keras
