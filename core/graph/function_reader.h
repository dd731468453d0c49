// Functions from the function library of a file: what real TensorFlow traced becomes a Function.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/limits.h"
#include "core/graph/builder.h"
#include "proto/graph.pb.h"

namespace keras {

/// An op that there is no kernel of, and the node that wants it.
struct MissingOp {
  std::string op, function, node;
};

/// Reads FunctionDefs. Calls are put in the place of their nodes, so that what a function captures is seen by rewrites and
/// hoisting; branches and loop bodies become Functions of their own, and so do the functions of Keras's recurrent layers,
/// which a rewrite knows how to run. REQUIRES: the library outlives the reader.
class FunctionReader {
 public:
  FunctionReader(const tensorflow::FunctionDefLibrary& library, const Limits& limits);

  /// Control flow of TensorFlow 1 is If and While in it. Throws NotFoundError, and what functionalize() throws.
  const tensorflow::FunctionDef& definition(std::string_view name);
  /// Ops without a kernel in these functions and in all that they call. Throws NotFoundError naming a function that is not there.
  std::vector<MissingOp> missing_ops(std::span<const std::string> names);
  /// The dtype and, where the file tells it, the shape of an argument. Throws DataLossError.
  DType arg_dtype(const tensorflow::FunctionDef& def, int index) const;
  Shape arg_shape(const tensorflow::FunctionDef& def, int index) const;
  /// Adds the function's nodes to `builder`. `args` are its arguments and captures. Returns its results.
  /// Throws typed errors that name function and node: UnimplementedError (no such op), DataLossError (edges to nowhere, cycles),
  /// InvalidArgumentError (what does not fit the op), ResourceExhaustedError (functions that call themselves, too many nodes).
  Values inline_call(GraphBuilder& builder, std::string_view name, std::span<const Value> args);

 private:
  class Body;
  Values call(GraphBuilder& builder, std::string_view name, std::span<const Value> args);
  /// The Function that an attribute names, without captures. Made once.
  FunctionPtr function(std::string_view name);

  Limits limits_;
  std::map<std::string, const tensorflow::FunctionDef*, std::less<>> definitions_;
  std::deque<tensorflow::FunctionDef> made_;  // by functionalize()
  std::map<std::string, FunctionPtr, std::less<>> functions_;
  int64_t depth_ = 0;
};

}  // namespace keras
