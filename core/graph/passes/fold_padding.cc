// Pad → Conv2D / DepthwiseConv2dNative with VALID padding: the convolution reads the border as zeros itself.
#include "core/graph/passes/passes.h"
#include "core/graph/passes/rewriter.h"

namespace keras {
namespace {

/// The paddings of a Pad over [batch, height, width, channels] that leaves batch and channels alone; empty if it is no such.
std::vector<int64_t> spatial_paddings(const Rewriter& rewriter, const Node& pad) {
  const Node& paddings = rewriter.made(pad.inputs[1]);
  if (std::string_view(paddings.op->def->name) != "Const") return {};
  std::vector<int64_t> values = paddings.attrs.get<Tensor>("value").to_int64s();
  if (values.size() != 8 || values[0] != 0 || values[1] != 0 || values[6] != 0 || values[7] != 0) return {};
  for (const int64_t value : values) {
    if (value < 0) return {};
  }
  return values;
}

bool is_padded_convolution(const Node& node) {
  const std::string_view op = node.op->def->name;
  return (op == "Conv2D" || op == "DepthwiseConv2dNative") && node.attrs.get_string("padding") == "VALID" &&
         node.attrs.get_string("data_format") == "NHWC";
}

}  // namespace

Function fold_padding(Function function) {
  return rewrite_nodes(std::move(function), [](Rewriter& rewriter, int32_t id, const Node& node) {
    if (!is_padded_convolution(node) || !rewriter.is(rewriter.mapped(node.inputs[0]), "Pad")) return false;
    const Node pad = rewriter.made(rewriter.mapped(node.inputs[0]));
    std::vector<int64_t> paddings = spatial_paddings(rewriter, pad);
    if (paddings.empty()) return false;
    Attrs attrs = node.attrs;
    attrs.set("padding", std::string("EXPLICIT")).set("explicit_paddings", std::move(paddings));
    rewriter.replace(
        id, rewriter.emit(node.op->def->name, {pad.inputs[0], rewriter.mapped(node.inputs[1])}, std::move(attrs), node.name));
    return true;
  });
}

}  // namespace keras
