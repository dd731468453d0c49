// Dead code: a walk from the outputs and the stateful nodes backwards. What is left is put in order.
#include "core/graph/prune.h"

#include <algorithm>

namespace keras {
namespace {

std::vector<int32_t> roots_of(const Function& function) {
  std::vector<int32_t> roots = function.args;
  for (const Edge& output : function.outputs) roots.push_back(output.node);
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    const Node& node = function.nodes[i];
    // A read that nobody uses changes nothing, though its order against assignments matters to who does.
    if ((node.op->def->flags & kStateful) == 0 || std::string_view(node.op->def->name) == "ReadVariableOp") continue;
    roots.push_back(static_cast<int32_t>(i));
  }
  return roots;
}

/// Takes nodes over in their order, except that inputs come before their users.
class Keeper {
 public:
  Keeper(Function& function, const std::vector<char>& needed)
      : function_(function), needed_(needed), new_id_(function.nodes.size(), -1) {}

  Function keep() {
    for (size_t i = 0; i < needed_.size(); ++i) {
      if (needed_[i]) take(static_cast<int32_t>(i));
    }
    function_.nodes = std::move(kept_);
    for (int32_t& arg : function_.args) arg = new_id(arg);
    for (Edge& output : function_.outputs) output.node = new_id(output.node);
    std::erase_if(function_.captures, [&](const Capture& c) { return new_id(c.node) < 0; });
    for (Capture& capture : function_.captures) capture.node = new_id(capture.node);
    return std::move(function_);
  }

 private:
  int32_t new_id(int32_t id) const { return new_id_[static_cast<size_t>(id)]; }

  // Goes deep for inputs that are younger than their user only: those are few (GraphBuilder::extend_call).
  void take(int32_t id) {
    if (new_id(id) >= 0) return;
    Node& node = function_.nodes[static_cast<size_t>(id)];
    for (const Edge& input : node.inputs) take(input.node);
    for (Edge& input : node.inputs) input.node = new_id(input.node);
    new_id_[static_cast<size_t>(id)] = static_cast<int32_t>(kept_.size());
    kept_.push_back(std::move(node));
  }

  Function& function_;
  const std::vector<char>& needed_;
  std::vector<int32_t> new_id_;
  std::vector<Node> kept_;
};

}  // namespace

Function keep_nodes(Function function, std::vector<int32_t> wanted) {
  std::vector<char> needed(function.nodes.size(), 0);
  while (!wanted.empty()) {
    const int32_t id = wanted.back();
    wanted.pop_back();
    if (needed[static_cast<size_t>(id)]) continue;
    needed[static_cast<size_t>(id)] = 1;
    for (const Edge& input : function.nodes[static_cast<size_t>(id)].inputs) wanted.push_back(input.node);
  }
  return Keeper(function, needed).keep();
}

Function prune(Function function) {
  std::vector<int32_t> roots = roots_of(function);
  return keep_nodes(std::move(function), std::move(roots));
}

}  // namespace keras
