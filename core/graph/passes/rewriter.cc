// The copying half of every rewrite.
#include "core/graph/passes/rewriter.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/graph/node_check.h"
#include "core/graph/prune.h"

namespace keras {
namespace {

const Tensor* constant_in(const Function& function, const Edge& edge) {
  const Node& node = function.nodes[static_cast<size_t>(edge.node)];
  return std::string_view(node.op->def->name) == "Const" ? &node.attrs.get<Tensor>("value") : nullptr;
}

/// A constant, or the handle of a captured variable.
const Tensor* known_in(const Function& function, const Edge& edge) {
  if (function.dtype(edge) != DType::kResource) return constant_in(function, edge);
  const auto found = std::find_if(function.captures.begin(), function.captures.end(),
                                  [&](const Capture& capture) { return capture.node == edge.node; });
  return found != function.captures.end() ? &found->value : nullptr;
}

/// The shapes of a node whose inputs stand in `function`.
std::vector<Shape> shapes_in(const Function& function, const Node& node) {
  std::vector<const Shape*> shapes;
  std::vector<DType> dtypes;
  std::vector<const Tensor*> values;
  for (const Edge& input : node.inputs) {
    shapes.push_back(&function.shape(input));
    dtypes.push_back(function.dtype(input));
    values.push_back(known_in(function, input));
  }
  return infer_shapes(*node.op, shapes, dtypes, values, node.attrs, node.dtypes.size());
}

}  // namespace

Rewriter::Rewriter(Function source, Hoisting hoisting)
    : source_(std::move(source)),
      index_(source_),
      hoisting_(std::move(hoisting)),
      map_(static_cast<size_t>(index_.count())),
      uses_(static_cast<size_t>(index_.count()), 0) {
  copy_.name = source_.name;
  copy_.nodes.reserve(source_.nodes.size() + 16);
  for (const Node& node : source_.nodes) {
    for (const Edge& input : node.inputs) ++uses_[static_cast<size_t>(index_.of(input))];
  }
  for (const Edge& output : source_.outputs) ++uses_[static_cast<size_t>(index_.of(output))];
}

std::vector<Edge> Rewriter::mapped(std::span<const Edge> old_edges) const {
  std::vector<Edge> edges;
  edges.reserve(old_edges.size());
  for (const Edge& edge : old_edges) edges.push_back(mapped(edge));
  return edges;
}

void Rewriter::copy(int32_t id) {
  for (const Capture& capture : source_.captures) {
    if (captured_.empty()) break;
    const auto known = captured_.find(capture.value.owner().get());
    if (capture.node != id || known == captured_.end()) continue;
    map_[static_cast<size_t>(index_.of(id, 0))] = known->second;  // an inlined Function needed it before
    return;
  }
  Node& node = source_.nodes[static_cast<size_t>(id)];
  const int32_t new_id = add({.op = node.op,
                              .name = std::move(node.name),
                              .inputs = mapped(node.inputs),
                              .attrs = std::move(node.attrs),
                              .dtypes = node.dtypes,
                              .shapes = node.shapes});
  const auto outputs = static_cast<int32_t>(node.dtypes.size());
  for (int32_t i = 0; i < outputs; ++i) map_[static_cast<size_t>(index_.of(id, i))] = {new_id, i};
}

void Rewriter::replace(int32_t id, int32_t output, const Edge& edge) {
  map_[static_cast<size_t>(index_.of(id, output))] = edge;
  // It is the same value: what was known of it before is known of it now.
  const Shape& before = source_.shape({id, output});
  Shape& now = copy_.nodes[static_cast<size_t>(edge.node)].shapes[static_cast<size_t>(edge.output)];
  if (now.compatible_with(before)) now = now.merged_with(before);
}

void Rewriter::replace_all(int32_t id, int32_t new_id) {
  const auto outputs = static_cast<int32_t>(source_.nodes[static_cast<size_t>(id)].dtypes.size());
  for (int32_t i = 0; i < outputs; ++i) replace(id, i, {new_id, i});
}

int32_t Rewriter::add(Node node) {
  copy_.nodes.push_back(std::move(node));
  return static_cast<int32_t>(copy_.nodes.size() - 1);
}

Edge Rewriter::emit(std::string_view op_name, std::span<const Edge> inputs, Attrs attrs, std::string_view name) {
  const RegisteredOp& op = require_op(op_name);
  std::vector<DType> dtypes;
  for (const Edge& input : inputs) dtypes.push_back(copy_.dtype(input));
  Node node;
  node.op = &op;
  node.name = name.empty() ? std::string(op_name) : std::string(name);
  node.inputs.assign(inputs.begin(), inputs.end());
  node.dtypes = complete_attrs(op, dtypes, attrs);
  node.attrs = std::move(attrs);
  node.shapes = shapes_in(copy_, node);
  return {add(std::move(node)), 0};
}

Edge Rewriter::constant(Tensor value) {
  const DType dtype = value.dtype();
  return emit("Const", {}, {{"value", std::move(value)}, {"dtype", dtype}});
}

Edge Rewriter::capture(const Tensor& handle, std::string_view name) {
  const auto found = captured_.find(handle.owner().get());
  if (found != captured_.end()) return found->second;
  for (const Capture& capture : source_.captures) {
    if (capture.value.owner() != handle.owner()) continue;
    const Edge edge = mapped({capture.node, 0});
    if (edge.node >= 0) return edge;
  }
  const Edge edge{add({.op = &require_op("_Arg"),
                       .name = std::string(name),
                       .inputs = {},
                       .attrs = {{"T", DType::kResource}, {"index", int64_t{-1}}},
                       .dtypes = {DType::kResource},
                       .shapes = {Shape()}}),
                  0};
  copy_.captures.push_back({edge.node, handle});
  captured_.emplace(handle.owner().get(), edge);
  return edge;
}

const Tensor* Rewriter::constant_of(const Edge& new_edge) const { return constant_in(copy_, new_edge); }

Function Rewriter::finish() {
  copy_.arg_names = source_.arg_names;
  copy_.output_names = source_.output_names;
  for (const int32_t arg : source_.args) copy_.args.push_back(mapped({arg, 0}).node);
  for (const Capture& capture : source_.captures) {
    if (captured_.contains(capture.value.owner().get())) continue;
    copy_.captures.push_back({mapped({capture.node, 0}).node, capture.value});
  }
  for (const Edge& output : source_.outputs) copy_.outputs.push_back(mapped(output));
  return prune(std::move(copy_));
}

void refine_shapes(Function& function) {
  for (Node& node : function.nodes) {
    if (node.inputs.empty()) continue;
    try {
      const std::vector<Shape> found = shapes_in(function, node);
      for (size_t i = 0; i < found.size(); ++i) {
        if (found[i].compatible_with(node.shapes[i])) node.shapes[i] = node.shapes[i].merged_with(found[i]);
      }
    } catch (const Error&) {
    }
  }
}

}  // namespace keras
