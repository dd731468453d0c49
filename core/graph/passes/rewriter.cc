// The copying half of every rewrite.
#include "core/graph/passes/rewriter.h"

#include "core/graph/node_check.h"
#include "core/graph/prune.h"

namespace keras {

Rewriter::Rewriter(const Function& source)
    : source_(source),
      index_(source),
      hoisting_(find_hoisted(source)),
      map_(static_cast<size_t>(index_.count())),
      uses_(static_cast<size_t>(index_.count()), 0) {
  copy_.name = source.name;
  copy_.nodes.reserve(source.nodes.size() + 16);
  for (const Node& node : source.nodes) {
    for (const Edge& input : node.inputs) ++uses_[static_cast<size_t>(index_.of(input))];
  }
  for (const Edge& output : source.outputs) ++uses_[static_cast<size_t>(index_.of(output))];
}

void Rewriter::copy(int32_t id) {
  Node node = source_.nodes[static_cast<size_t>(id)];
  for (Edge& input : node.inputs) input = mapped(input);
  const auto new_id = static_cast<int32_t>(copy_.nodes.size());
  for (int32_t i = 0; i < static_cast<int32_t>(node.dtypes.size()); ++i) {
    map_[static_cast<size_t>(index_.of(id, i))] = {new_id, i};
  }
  copy_.nodes.push_back(std::move(node));
}

void Rewriter::replace(int32_t id, const Edge& edge) { map_[static_cast<size_t>(index_.of(id, 0))] = edge; }

void Rewriter::replace_all(int32_t id, const Edge& edge) {
  for (int32_t i = 0; i < static_cast<int32_t>(source_.nodes[static_cast<size_t>(id)].dtypes.size()); ++i) {
    map_[static_cast<size_t>(index_.of(id, i))] = {edge.node, i};
  }
}

Edge Rewriter::emit(std::string_view op_name, std::span<const Edge> inputs, Attrs attrs, std::string_view name) {
  const RegisteredOp& op = require_op(op_name);
  std::vector<DType> dtypes;
  std::vector<const Shape*> shapes;
  const std::vector<const Tensor*> unknown(inputs.size(), nullptr);
  for (const Edge& input : inputs) {
    dtypes.push_back(copy_.dtype(input));
    shapes.push_back(&copy_.shape(input));
  }
  Node node;
  node.op = &op;
  node.name = name.empty() ? std::string(op_name) : std::string(name);
  node.inputs.assign(inputs.begin(), inputs.end());
  node.dtypes = complete_attrs(op, dtypes, attrs);
  node.attrs = std::move(attrs);
  node.shapes = infer_shapes(op, shapes, dtypes, unknown, node.attrs, node.dtypes.size());
  copy_.nodes.push_back(std::move(node));
  return {static_cast<int32_t>(copy_.nodes.size() - 1), 0};
}

Edge Rewriter::constant(Tensor value) {
  const DType dtype = value.dtype();
  return emit("Const", {}, {{"value", std::move(value)}, {"dtype", dtype}});
}

Function Rewriter::finish() {
  copy_.arg_names = source_.arg_names;
  copy_.output_names = source_.output_names;
  for (const int32_t arg : source_.args) copy_.args.push_back(mapped({arg, 0}).node);
  for (const Capture& capture : source_.captures) copy_.captures.push_back({mapped({capture.node, 0}).node, capture.value});
  for (const Edge& output : source_.outputs) copy_.outputs.push_back(mapped(output));
  return prune(std::move(copy_));
}

}  // namespace keras
