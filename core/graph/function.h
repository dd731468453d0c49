// A Function: a traced graph of TensorFlow ops. A model's call, its training step, a user's keras.func and a function read
// from a SavedModel are all this one thing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/ops/registry.h"
#include "core/tensor/variable.h"

namespace keras {

/// One output of one node.
struct Edge {
  int32_t node = -1;
  int32_t output = 0;
  friend bool operator==(const Edge&, const Edge&) = default;
};

struct Node {
  const RegisteredOp* op = nullptr;
  std::string name;  // unique in the Function: "dense/MatMul"
  std::vector<Edge> inputs;
  Attrs attrs;
  std::vector<DType> dtypes;  // of the outputs
  std::vector<Shape> shapes;  // of the outputs, static: unknown dimensions are -1
};

/// A value from outside that the Function uses without taking it as an argument: a variable's handle (resource tensor).
struct Capture {
  int32_t node;
  Tensor value;
};

/// Nodes stand in execution order: inputs come before their users, and stateful nodes run in the order in which they stand.
/// Arguments and captures are nodes of op "_Arg".
class Function {
 public:
  std::string name;
  std::vector<Node> nodes;
  std::vector<int32_t> args;  // node of each argument
  std::vector<std::string> arg_names;
  std::vector<Capture> captures;
  std::vector<Edge> outputs;
  std::vector<std::string> output_names;  // as many as outputs

  DType dtype(const Edge& edge) const { return nodes[static_cast<size_t>(edge.node)].dtypes[static_cast<size_t>(edge.output)]; }
  const Shape& shape(const Edge& edge) const {
    return nodes[static_cast<size_t>(edge.node)].shapes[static_cast<size_t>(edge.output)];
  }
};

using FunctionPtr = std::shared_ptr<const Function>;

}  // namespace keras
