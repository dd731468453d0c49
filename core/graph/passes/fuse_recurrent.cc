// Calls of what Keras writes for its LSTM and GRU layers become one op each, with kernels that are packed once.
#include "core/graph/passes/passes.h"
#include "core/graph/passes/rewriter.h"
#include "core/graph/recurrent_form.h"

namespace keras {

Function fuse_recurrent(Function function) {
  return rewrite_nodes(std::move(function), [](Rewriter& rewriter, int32_t id, const Node& node) {
    if (std::string_view(node.op->def->name) != "PartitionedCall") return false;
    const FunctionPtr& called = node.attrs.get<FunctionRef>("f").function;
    const auto form = called != nullptr ? recurrent_form(*called) : std::nullopt;
    if (!form) return false;
    const Shape& recurrent_kernel = called->nodes[static_cast<size_t>(called->args[node.inputs.size() - 2])].shapes[0];
    std::vector<Edge> inputs = rewriter.mapped(node.inputs);
    for (size_t back : {3, 2}) {
      Edge& kernel = inputs[inputs.size() - back];
      kernel = rewriter.emit("_PackMatMulWeights", {kernel});
    }
    const Attrs attrs{{"units", recurrent_kernel.dim(0)},
                      {"time_major", form->time_major},
                      {"go_backwards", form->go_backwards},
                      {"return_sequences", form->return_sequences}};
    const std::string_view op = form->cell == Cell::kLstm ? "_FusedLSTM" : "_FusedGRU";
    rewriter.replace_all(id, rewriter.emit(op, inputs, attrs, node.name).node);
    return true;
  });
}

}  // namespace keras
