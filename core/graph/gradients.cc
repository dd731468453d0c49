// Reverse-mode differentiation: nodes are visited from the last to the first, each once all its users have been.
#include "core/graph/gradients.h"

#include <map>

#include "core/base/error.h"
#include "core/graph/call_gradients.h"
#include "core/graph/differentiated_function.h"
#include "core/ops/builders.h"

namespace keras {
namespace {

using EdgeKey = std::pair<int32_t, int32_t>;

EdgeKey key_of(const Value& value) { return {value.node, value.output}; }

/// Gradient contributions of each value, summed when they are needed.
class Contributions {
 public:
  void add(const Value& target, const Value& gradient) { parts_[key_of(target)].push_back(gradient); }

  Value sum(const EdgeKey& key) {
    const auto found = parts_.find(key);
    if (found == parts_.end()) return {};
    Values& parts = found->second;
    if (parts.size() > 1) parts = {emit1("AddN", std::span<const Value>(parts))};
    return parts.front();
  }

 private:
  std::map<EdgeKey, Values> parts_;
};

/// Which nodes lie on a path from an x.
std::vector<char> reached_from(const GraphBuilder& builder, std::span<const Value> xs) {
  std::vector<char> reached(static_cast<size_t>(builder.node_count()), 0);
  for (const Value& x : xs) reached[static_cast<size_t>(x.node)] = 1;
  for (int32_t id = 0; id < builder.node_count(); ++id) {
    for (const Edge& input : builder.node(id).inputs) {
      if (reached[static_cast<size_t>(input.node)]) reached[static_cast<size_t>(id)] = 1;
    }
  }
  return reached;
}

class Differentiator {
 public:
  Differentiator(GraphBuilder& builder, std::span<const Value> xs) : builder_(builder), reached_(reached_from(builder, xs)) {}

  void seed(const Value& y, const Value& gradient) { contributions_.add(y, gradient.valid() ? gradient : ones_like(y)); }

  void run() {
    for (auto id = static_cast<int32_t>(reached_.size()) - 1; id >= 0; --id) {
      if (reached_[static_cast<size_t>(id)]) visit(id);
    }
  }

  Value gradient_of(const Value& x) { return contributions_.sum(key_of(x)); }

 private:
  void visit(int32_t id) {
    const Node node = builder_.node(id);  // a copy: emitting adds nodes
    if (node.inputs.empty()) return;
    Values upstream;
    bool any = false;
    for (size_t i = 0; i < node.dtypes.size(); ++i) {
      upstream.push_back(contributions_.sum({id, static_cast<int32_t>(i)}));
      any = any || upstream.back().valid();
    }
    if (!any || (node.op->def->flags & kNoGradient) != 0) return;
    if (!leads_to_x(node)) return;
    if (is_differentiable_call(node)) {
      const GraphBuilder::NameScope scope(builder_, "gradients/" + node.name + "_grad");
      contribute(node, call_gradients(builder_, id, upstream));
      return;
    }
    if (node.op->def->gradient == nullptr) {
      throw UnimplementedError("Op {} (node '{}') has no gradient.", node.op->def->name, node.name);
    }
    propagate(id, node, std::move(upstream));
  }

  bool leads_to_x(const Node& node) const {
    for (const Edge& input : node.inputs) {
      if (reached_[static_cast<size_t>(input.node)]) return true;
    }
    return false;
  }

  void propagate(int32_t id, const Node& node, Values upstream) {
    Values inputs, outputs;
    for (const Edge& input : node.inputs) inputs.push_back({&builder_, input.node, input.output});
    for (size_t i = 0; i < node.dtypes.size(); ++i) outputs.push_back({&builder_, id, static_cast<int32_t>(i)});
    const GraphBuilder::NameScope scope(builder_, "gradients/" + node.name + "_grad");
    GradContext context(builder_, inputs, outputs, std::move(upstream), node.attrs);
    contribute(node, node.op->def->gradient(context));
  }

  void contribute(const Node& node, const Values& gradients) {
    for (size_t i = 0; i < gradients.size() && i < node.inputs.size(); ++i) {
      const Value input{&builder_, node.inputs[i].node, node.inputs[i].output};
      if (!gradients[i].valid() || !reached_[static_cast<size_t>(input.node)]) continue;
      if (takes_gradient(input.dtype())) contributions_.add(input, gradients[i]);
    }
  }

  GraphBuilder& builder_;
  std::vector<char> reached_;
  Contributions contributions_;
};

}  // namespace

Values gradients(GraphBuilder& builder, std::span<const Value> ys, std::span<const Value> xs, std::span<const Value> grad_ys) {
  Differentiator differentiator(builder, xs);
  for (size_t i = 0; i < ys.size(); ++i) differentiator.seed(ys[i], i < grad_ys.size() ? grad_ys[i] : Value{});
  differentiator.run();
  Values results;
  for (const Value& x : xs) results.push_back(differentiator.gradient_of(x));
  return results;
}

}  // namespace keras
