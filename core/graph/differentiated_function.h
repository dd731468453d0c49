// A Function with the nodes of its gradient behind its own, to be cut in two: the forward nodes, and the gradient nodes with
// arguments in the place of the forward values that they use.
#pragma once

#include <map>
#include <vector>

#include "core/graph/builder.h"
#include "core/tensor/complex.h"

namespace keras {

/// A forward value that a gradient uses, of Function number `function` among those that an op calls.
struct Intermediate {
  size_t function;
  DType dtype;
};

/// What a value of this dtype passes on: of a resource, its variable's gradient; of a TensorList, a list.
inline bool takes_gradient(DType dtype) {
  return is_floating(dtype) || is_complex(dtype) || dtype == DType::kResource || dtype == DType::kVariant;
}

class DifferentiatedFunction {
 public:
  /// REQUIRES: `function` outlives it.
  DifferentiatedFunction(const Function& function, const Limits& limits);

  /// Adds the gradients of all arguments. `upstream` says which outputs have one.
  void differentiate(const std::vector<char>& upstream);
  /// Of an argument. Not valid() where no output depends on it.
  const Value& gradient(size_t arg) const { return gradients_[arg]; }
  /// Zeros for an argument that another of the op's Functions has a gradient for and this one has not.
  void fill_with_zeros(size_t arg, DType dtype);

  /// The forward values that the `wanted` arguments' gradients use; arguments among them where they are `varying`. To be asked
  /// for once all nodes are there. Throws UnimplementedError for resources that the Function makes.
  const std::vector<Edge>& find_intermediates(const std::vector<size_t>& wanted, const std::vector<char>& varying);
  DType dtype(const Edge& edge) const { return builder_.node(edge.node).dtypes[static_cast<size_t>(edge.output)]; }
  const Shape& shape(const Edge& edge) const { return builder_.node(edge.node).shapes[static_cast<size_t>(edge.output)]; }

  /// The Function as it was, with the intermediates of all the op's Functions as further outputs: those of others are empty.
  FunctionPtr forward(const std::vector<Intermediate>& all, size_t self) const;
  /// (the arguments `args`, intermediates of all, gradients of the outputs that have one) → the wanted gradients.
  FunctionPtr backward(const std::vector<size_t>& args, const std::vector<Intermediate>& all, size_t self,
                       const std::vector<size_t>& wanted);

 private:
  using EdgeKey = std::pair<int32_t, int32_t>;
  static EdgeKey key_of(const Edge& edge) { return {edge.node, edge.output}; }
  static Edge edge_of(const Value& value) { return {value.node, value.output}; }

  bool is(const Edge& edge, std::string_view op) const { return builder_.node(edge.node).op->def->name == op; }
  void use(const Edge& edge);
  Edge add_arg(DType dtype, const Shape& shape);
  Edge moved(const Edge& edge);
  void move_node(int32_t id);

  const Function& function_;
  GraphBuilder builder_;
  int32_t forward_count_;
  Values upstream_, gradients_;
  std::vector<char> needed_;
  std::vector<int32_t> varying_;  // nodes of arguments
  std::vector<Edge> intermediates_;
  Function result_;
  std::map<EdgeKey, Edge> moved_;
};

}  // namespace keras
