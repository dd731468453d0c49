// Dead code: a walk from the outputs and the stateful nodes backwards.
#include "core/graph/prune.h"

#include <algorithm>

namespace keras {
namespace {

std::vector<char> needed_nodes(const Function& function) {
  std::vector<char> needed(function.nodes.size(), 0);
  for (const int32_t arg : function.args) needed[static_cast<size_t>(arg)] = 1;
  for (const Edge& output : function.outputs) needed[static_cast<size_t>(output.node)] = 1;
  // Inputs stand before their users, so one walk from the end is enough.
  for (size_t i = function.nodes.size(); i-- > 0;) {
    const Node& node = function.nodes[i];
    const std::string_view op = node.op->def->name;
    // A read that nobody uses changes nothing, though its order against assignments matters to who does.
    if ((node.op->def->flags & kStateful) != 0 && op != "ReadVariableOp") needed[i] = 1;
    if (!needed[i]) continue;
    for (const Edge& input : node.inputs) needed[static_cast<size_t>(input.node)] = 1;
  }
  return needed;
}

}  // namespace

Function prune(Function function) {
  const std::vector<char> needed = needed_nodes(function);
  std::vector<int32_t> new_id(function.nodes.size(), -1);
  std::vector<Node> kept;
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    if (!needed[i]) continue;
    new_id[i] = static_cast<int32_t>(kept.size());
    kept.push_back(std::move(function.nodes[i]));
    for (Edge& input : kept.back().inputs) input.node = new_id[static_cast<size_t>(input.node)];
  }
  function.nodes = std::move(kept);
  for (int32_t& arg : function.args) arg = new_id[static_cast<size_t>(arg)];
  for (Edge& output : function.outputs) output.node = new_id[static_cast<size_t>(output.node)];
  std::erase_if(function.captures, [&](const Capture& c) { return new_id[static_cast<size_t>(c.node)] < 0; });
  for (Capture& capture : function.captures) capture.node = new_id[static_cast<size_t>(capture.node)];
  return function;
}

}  // namespace keras
