// Weights that no argument reaches are packed by a node of their own, which is hoisted: it runs when a weight has changed.
#include "core/graph/passes/passes.h"
#include "core/graph/passes/rewriter.h"

namespace keras {
namespace {

/// The product with its second input packed; `shape_attr` says what it was.
void pack_second_input(Rewriter& rewriter, int32_t id, std::string_view fused, std::string_view pack, Attrs pack_attrs,
                       std::string_view shape_attr) {
  const Node& node = rewriter.source().nodes[static_cast<size_t>(id)];
  std::vector<Edge> inputs;
  for (const Edge& input : node.inputs) inputs.push_back(rewriter.mapped(input));
  inputs[1] = rewriter.emit(pack, {inputs[1]}, std::move(pack_attrs));
  Attrs attrs = node.attrs;
  if (!attrs.contains("fused_ops")) attrs.set("fused_ops", std::vector<std::string>());
  attrs.set("num_args", static_cast<int64_t>(inputs.size()) - 2).set(shape_attr, rewriter.source().shape(node.inputs[1]));
  rewriter.replace(id, rewriter.emit(fused, inputs, std::move(attrs), node.name));
}

/// Packed filters serve convolutions of one group.
bool has_one_group(const Function& function, const Node& node) {
  const Shape &input = function.shape(node.inputs[0]), &filter = function.shape(node.inputs[1]);
  return input.known_rank() && input.rank() == 4 && filter.rank() == 4 && input.dim(3) == filter.dim(2);
}

/// A product that came out of a loop may have its weights packed already.
bool is_packed(const Node& node, std::string_view shape_attr) {
  const AttrValue* shape = node.attrs.find(shape_attr);
  return shape != nullptr && std::get<Shape>(*shape).known_rank();
}

}  // namespace

Function prepack_weights(Function function, const std::vector<char>& invariant) {
  Hoisting hoisting = find_hoisted(function, invariant);
  return rewrite_nodes(std::move(function), std::move(hoisting), [](Rewriter& rewriter, int32_t id, const Node& node) {
    const std::string_view op = node.op->def->name;
    const bool product = op == "MatMul" || op == "_FusedMatMul";
    if (!product && op != "Conv2D" && op != "_FusedConv2D") return false;
    if (is_packed(node, product ? "b_shape" : "filter_shape")) return false;
    if (node.dtypes[0] != DType::kFloat32 || !rewriter.is_hoisted(node.inputs[1])) return false;
    if (!rewriter.source().shape(node.inputs[1]).fully_known()) return false;
    if (product) {
      const Attrs attrs{{"transpose_b", node.attrs.get_bool("transpose_b")}};
      pack_second_input(rewriter, id, "_FusedMatMul", "_PackMatMulWeights", attrs, "b_shape");
      return true;
    }
    if (node.attrs.get_string("data_format") != "NHWC" || !has_one_group(rewriter.source(), node)) return false;
    pack_second_input(rewriter, id, "_FusedConv2D", "_PackConv2DFilter", {}, "filter_shape");
    return true;
  });
}

}  // namespace keras
