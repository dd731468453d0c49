// GraphBuilder traces: every op that layers, gradients and user code ask for becomes a node of the Function in the making.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/base/limits.h"
#include "core/graph/function.h"

namespace keras {

class Runtime;

class GraphBuilder final : public Emitter {
 public:
  explicit GraphBuilder(std::string function_name, const Limits& limits = {});
  /// Begins with the nodes of a Function, under their numbers.
  explicit GraphBuilder(const Function& function, const Limits& limits);
  ~GraphBuilder() override;
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  /// A new argument. Unknown dimensions are allowed.
  Value arg(std::string_view name, DType dtype, const Shape& shape);
  /// The handle (a resource value) of a variable, captured at first use.
  Value handle(const VariablePtr& variable);
  /// The variable's value. Read once; read again after an assignment.
  Value read(const VariablePtr& variable);
  void assign(const VariablePtr& variable, const Value& value);
  void assign_add(const VariablePtr& variable, const Value& value);
  void assign_sub(const VariablePtr& variable, const Value& value);

  Values emit(std::string_view op, std::span<const Value> inputs, Attrs attrs = {}) override;
  /// The same under a name of the node's own, as a file gives it.
  Values emit_as(std::string_view name, std::string_view op, std::span<const Value> inputs, Attrs attrs);
  Value constant(Tensor value) override;
  DType dtype_of(const Value& value) const override;
  const Shape& shape_of(const Value& value) const override;
  const Tensor* constant_of(const Value& value) const override;
  std::string_view op_of(const Value& value) const override;
  Values inputs_of(const Value& value) const override;
  const Attrs& attrs_of(const Value& value) const override;

  /// A call of a Function; the variables that it captured are handed to it.
  Values call(const FunctionPtr& function, std::span<const Value> inputs);
  /// Runs `then_branch` or `else_branch`, which take the same inputs and return the same dtypes, as op If does.
  Values cond(const Value& condition, const FunctionPtr& then_branch, const FunctionPtr& else_branch,
              std::span<const Value> inputs);
  /// Runs `body` as long as `condition` says true, as op While does: both take values of the inputs' dtypes, `body` returns
  /// such values.
  Values while_loop(const FunctionPtr& condition, const FunctionPtr& body, std::span<const Value> inputs);
  /// Gives a node that calls Functions others, which take and return more. Returns the outputs that were not there before.
  /// The added inputs may be younger than the node.
  Values extend_call(int32_t id, std::span<const Value> added_inputs, Attrs attrs, const std::vector<DType>& dtypes,
                     std::span<const Shape> added_shapes);

  /// States what the caller knows of a shape that inference could not tell. Throws InvalidArgumentError if incompatible.
  void refine_shape(const Value& value, const Shape& shape);

  /// Node names made while a NameScope lives begin with its path: "model/dense/MatMul".
  class NameScope {
   public:
    NameScope(GraphBuilder& builder, std::string_view name);
    ~NameScope();
    NameScope(const NameScope&) = delete;
    NameScope& operator=(const NameScope&) = delete;

   private:
    GraphBuilder& builder_;
    size_t previous_size_;
  };

  /// The variables that the graph has used so far, in order of first use.
  std::vector<VariablePtr> captured_variables() const;
  const Limits& limits() const { return limits_; }
  int32_t node_count() const { return static_cast<int32_t>(nodes_.size()); }
  const Node& node(int32_t id) const { return nodes_[static_cast<size_t>(id)]; }

  /// The Function, without the nodes that neither outputs nor stateful nodes need. The builder is used up.
  FunctionPtr finish(std::span<const Value> outputs, std::vector<std::string> output_names);

 private:
  std::string unique_name(std::string_view base);
  int32_t add_node(Node node);
  /// A constant of this graph, or the handle of a captured variable; else null.
  const Tensor* known_value_of(const Value& value) const;
  void learn_values(int32_t id, std::span<const Tensor* const> input_values);
  void track_variables(std::string_view op, std::span<const Value> inputs, const Values& outputs);

  std::string function_name_;
  Limits limits_;
  std::string scope_;
  std::unordered_map<std::string, int> name_counts_;
  std::unordered_set<std::string> taken_names_;
  std::deque<Node> nodes_;                                        // stable references for shape_of()
  std::vector<std::vector<std::optional<Tensor>>> known_values_;  // per node and output
  std::vector<int32_t> args_;
  std::vector<std::string> arg_names_;
  std::vector<Capture> captures_;
  std::unordered_map<const Variable*, int32_t> handles_;  // variable → capture node
  std::unordered_map<int32_t, Value> reads_;              // capture node → its current value
  std::unique_ptr<Runtime> folding_;                      // made when a value is first computed ahead
};

}  // namespace keras
