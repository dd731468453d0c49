// Branches to If. A Switch sends a value to one of two sides, a Merge takes what arrives; a node runs if all of its inputs
// arrive. So each node has a context: which sides of which conditions it needs. A Merge joins two sides of one condition.
#include <algorithm>
#include <memory>
#include <set>

#include "core/graph/functionalize.h"
#include "core/graph/node_input.h"
#include "core/graph/v1_graph.h"

namespace keras {
namespace {

using tensorflow::FunctionDef;
using tensorflow::NodeDef;

/// Condition → side.
using Context = std::map<std::string, bool>;

/// An If in the making: the outermost Merges of one condition of which none needs another, and where they stand.
struct Condition {
  std::string predicate;
  std::vector<int> merges;
  std::set<int> acting;  // nodes in its branches that act, though no Merge needs them
};

class ConditionFunctionalizer {
 public:
  ConditionFunctionalizer(const FunctionDef& def, const Limits& limits, std::vector<FunctionDef>& made)
      : graph_(def), limits_(limits), made_(made), order_(graph_.sorted()), contexts_(static_cast<size_t>(graph_.count())) {}

  FunctionDef run() {
    for (const int id : order_) find_context(id);
    for (const auto& [predicate, merges] : outermost_) add_conditions(predicate, merges);
    // Edges to a Merge may be translated only when all Ifs have names.
    for (const Condition& condition : conditions_) name_outputs(condition);
    for (const Condition& condition : conditions_) convert(condition);
    return rest();
  }

 private:
  // Contexts

  const Context& context(int id) const {
    static const Context kNone;
    const auto& its = contexts_[static_cast<size_t>(id)];
    return its != nullptr ? *its : kNone;
  }

  Context edge_context(const std::string& input) const {
    const V1Source from = graph_.source(input);
    if (from.node < 0) return {};
    Context result = context(from.node);
    if (graph_.is(from.node, "Switch") && !from.control) result.insert_or_assign(predicate_of(from.node), from.second);
    return result;
  }

  /// What decides: the edge behind Identity ops.
  std::string predicate_of(int id) const {
    const std::vector<std::string> inputs = graph_.data_inputs(id);
    if (inputs.size() != 2) graph_.refuse(id, "it takes two inputs");
    std::string edge = inputs[1];
    for (;;) {
      const int from = graph_.source(edge).node;
      if (from < 0 || graph_.node(from).op() != "Identity") break;
      const std::vector<std::string> source = graph_.data_inputs(from);
      if (source.size() != 1) break;
      edge = source[0];
    }
    const InputName name = parse_input(edge);
    return name.output.empty() && name.index == 0 ? std::string(name.node) : edge;
  }

  void find_context(int id) {
    if (graph_.is(id, "Merge")) return join(id);
    Context all;
    for (const std::string& input : graph_.node(id).input()) {
      for (const auto& [predicate, side] : edge_context(input)) {
        if (all.try_emplace(predicate, side).first->second != side) {
          graph_.refuse(id, "it needs both branches of condition '" + predicate + "'");
        }
      }
    }
    set_context(id, std::move(all));
    if (graph_.is(id, "Switch") && context(id).empty()) outermost_[predicate_of(id)];
  }

  void set_context(int id, Context all) {
    if (static_cast<int64_t>(all.size()) > limits_.nesting_depth) {
      throw ResourceExhaustedError("Function '{}': conditions stand in each other more than {} deep (limits.nestingDepth)",
                                   graph_.def().signature().name(), limits_.nesting_depth)
          .at(graph_.node(id).name());
    }
    if (!all.empty()) contexts_[static_cast<size_t>(id)] = std::make_unique<Context>(std::move(all));
  }

  void join(int id) {
    const std::vector<std::string> inputs = graph_.data_inputs(id);
    if (inputs.size() != 2) graph_.refuse_unimplemented(id, "only two branches can be joined");
    const Context a = edge_context(inputs[0]), b = edge_context(inputs[1]);
    Context common;
    std::string predicate;
    for (const auto& [condition, side] : a) {
      const auto other = b.find(condition);
      if (other != b.end() && other->second == side) {
        common.emplace(condition, side);
      } else {
        if (other == b.end() || !predicate.empty()) graph_.refuse(id, "it does not join the two branches of one condition");
        predicate = condition;
      }
    }
    if (predicate.empty() || a.size() != b.size()) graph_.refuse(id, "it does not join the two branches of one condition");
    true_input_[id] = a.at(predicate) ? 0 : 1;
    if (common.empty()) outermost_[predicate].push_back(id);
    set_context(id, std::move(common));
  }

  // Which Merges and nodes become one If

  /// Conditions of one predicate may follow each other: a Merge that needs another one belongs to a later If.
  void add_conditions(const std::string& predicate, const std::vector<int>& merges) {
    std::vector<int> levels(static_cast<size_t>(graph_.count()), 0);
    if (merges.size() > 1) find_levels(merges, levels);
    std::map<int, Condition> by_level;
    for (const int merge : merges) by_level[levels[static_cast<size_t>(merge)]].merges.push_back(merge);
    for (int id = 0; id < graph_.count(); ++id) {
      if (!context(id).contains(predicate) || is_v1_control_flow(graph_.node(id).op()) || !is_stateful_op(graph_.node(id)))
        continue;
      by_level[levels[static_cast<size_t>(id)]].acting.insert(id);
    }
    for (auto& [level, condition] : by_level) {
      condition.predicate = predicate;
      conditions_.push_back(std::move(condition));
    }
  }

  void find_levels(const std::vector<int>& merges, std::vector<int>& levels) {
    steps_ += graph_.count();
    if (steps_ > kMaxSteps) {
      throw ResourceExhaustedError("Function '{}' has too many conditions for its {} nodes", graph_.def().signature().name(),
                                   graph_.count())
          .at(graph_.def().signature().name());
    }
    const std::set<int> counted(merges.begin(), merges.end());
    for (const int id : order_) {
      int& level = levels[static_cast<size_t>(id)];
      for (const std::string& input : graph_.node(id).input()) {
        const int from = graph_.source(input).node;
        if (from >= 0) level = std::max(level, levels[static_cast<size_t>(from)] + (counted.contains(from) ? 1 : 0));
      }
    }
  }

  // One condition

  std::string name_of(const Condition& condition) const {
    return graph_.node(condition.merges.empty() ? *condition.acting.begin() : condition.merges.front()).name();
  }

  void name_outputs(const Condition& condition) {
    for (size_t i = 0; i < condition.merges.size(); ++i) {
      outputs_[graph_.node(condition.merges[i]).name()] = {name_of(condition), static_cast<int>(i)};
    }
  }

  void convert(const Condition& condition) {
    captured_.clear();
    controls_.clear();
    std::set<int> nodes[2];
    for (const bool side : {false, true}) nodes[side] = closure(condition, side);
    NodeDef node;
    node.set_name(name_of(condition));
    const std::string prefix = graph_.def().signature().name() + "/" + node.name();
    node.add_input(resolved(condition.predicate));
    std::vector<tensorflow::DataType> in, out;
    for (const std::string& edge : captured_) {
      node.add_input(resolved(edge));
      in.push_back(graph_.edge_type(edge));
    }
    for (const std::string& control : controls_) node.add_input(resolved(control));
    for (const int merge : condition.merges) out.push_back(graph_.type_attr(merge, "T"));
    const bool else_acts = make_branch(prefix + "_false", condition, false, nodes[0], in);
    const bool then_acts = make_branch(prefix + "_true", condition, true, nodes[1], in);
    node.set_op(else_acts || then_acts ? "If" : "StatelessIf");
    (*node.mutable_attr())["Tcond"].set_type(graph_.edge_type(condition.predicate));
    set_types(node, "Tin", in);
    set_types(node, "Tout", out);
    set_function(node, "then_branch", prefix + "_true");
    set_function(node, "else_branch", prefix + "_false");
    ifs_.push_back(std::move(node));
  }

  std::string merged_input(int merge, bool side) const {
    return graph_.data_inputs(merge)[static_cast<size_t>(side ? true_input_.at(merge) : 1 - true_input_.at(merge))];
  }

  /// The nodes of one branch. What they need from outside goes to captured_ and controls_.
  std::set<int> closure(const Condition& condition, bool side) {
    std::vector<std::string> open;
    std::set<int> nodes;
    for (const int merge : condition.merges) open.push_back(merged_input(merge, side));
    for (const int id : condition.acting) {
      if (context(id).at(condition.predicate) == side) open.push_back("^" + graph_.node(id).name());
    }
    while (!open.empty()) {
      const std::string input = std::move(open.back());
      open.pop_back();
      const V1Source from = graph_.source(input);
      if (from.node >= 0 && context(from.node).contains(condition.predicate)) {
        if (!nodes.insert(from.node).second) continue;
        for (const std::string& its : graph_.node(from.node).input()) open.push_back(its);
      } else if (!from.control) {
        capture(outer_edge(input));
      } else if (graph_.is(from.node, "Switch")) {
        for (const std::string& its : graph_.node(from.node).input()) {
          if (its.starts_with('^')) controls_.insert(its);
        }
      } else {
        controls_.insert(input);
      }
    }
    return nodes;
  }

  /// The edge from outside behind a Switch that lets it in.
  std::string outer_edge(const std::string& input) const {
    const V1Source from = graph_.source(input);
    return graph_.is(from.node, "Switch") ? graph_.data_inputs(from.node)[0] : input;
  }

  void capture(const std::string& edge) {
    if (std::find(captured_.begin(), captured_.end(), edge) == captured_.end()) captured_.push_back(edge);
  }

  bool make_branch(const std::string& name, const Condition& condition, bool side, const std::set<int>& nodes,
                   const std::vector<tensorflow::DataType>& types) {
    FunctionDefBuilder function(name);
    std::map<std::string, std::string> args;
    for (size_t i = 0; i < captured_.size(); ++i) {
      const int from = graph_.source(captured_[i]).node;
      args[captured_[i]] = function.arg(types[i], from >= 0 ? graph_.node(from) : NodeDef());
    }
    const auto translated = [&](const std::string& input) -> std::string {
      const V1Source from = graph_.source(input);
      if (nodes.contains(from.node)) return input;
      return from.control ? "" : args.at(outer_edge(input));
    };
    for (const int id : nodes) {
      std::vector<std::string> inputs;
      for (const std::string& input : graph_.node(id).input()) {
        const std::string inside = translated(input);
        if (!inside.empty()) inputs.push_back(inside);
      }
      function.node(graph_.node(id), inputs);
    }
    for (const int merge : condition.merges) function.result(graph_.type_attr(merge, "T"), translated(merged_input(merge, side)));
    made_.push_back(function.take());
    return is_stateful_function(made_.back());
  }

  // What is left

  /// An edge with the If in the place of its Merges.
  std::string resolved(const std::string& input) const {
    const InputName name = parse_input(input);
    const auto found = outputs_.find(name.node);
    if (found == outputs_.end()) return input;
    const auto& [node, index] = found->second;
    if (name.control) return "^" + node;
    const V1Source from = graph_.source(input);
    if (from.second) graph_.refuse_unimplemented(from.node, "value_index is not supported");
    return node + ":output:" + std::to_string(index);
  }

  FunctionDef rest() {
    FunctionDef def = graph_.def();
    def.clear_node_def();
    for (int id = 0; id < graph_.count(); ++id) {
      if (!context(id).empty() || graph_.is(id, "Merge") || graph_.is(id, "Switch")) continue;
      NodeDef& node = *def.add_node_def();
      node = graph_.node(id);
      node.clear_input();
      for (const std::string& input : graph_.node(id).input()) {
        if (!graph_.is(graph_.source(input).node, "Switch")) node.add_input(resolved(input));
      }
    }
    for (NodeDef& node : ifs_) *def.add_node_def() = std::move(node);
    for (auto& [name, input] : *def.mutable_ret()) {
      if (!edge_context(input).empty()) {
        throw InvalidArgumentError("Function '{}', result '{}': it is there in one branch of a condition only",
                                   def.signature().name(), name)
            .at(name);
      }
      input = resolved(input);
    }
    return def;
  }

  static constexpr int64_t kMaxSteps = 1'000'000'000;

  V1Graph graph_;
  const Limits& limits_;
  std::vector<FunctionDef>& made_;
  std::vector<int> order_;
  std::vector<std::unique_ptr<Context>> contexts_;     // null: no condition
  std::map<int, int> true_input_;                      // of Merges
  std::map<std::string, std::vector<int>> outermost_;  // predicate → Merges outside of all conditions
  std::vector<Condition> conditions_;
  std::map<std::string, std::pair<std::string, int>, std::less<>> outputs_;  // Merge → If, output
  std::vector<NodeDef> ifs_;
  int64_t steps_ = 0;

  std::vector<std::string> captured_;  // of the condition at hand
  std::set<std::string> controls_;
};

}  // namespace

FunctionDef functionalize_conditions(const FunctionDef& def, const Limits& limits, std::vector<FunctionDef>& made) {
  const bool none = std::none_of(def.node_def().begin(), def.node_def().end(),
                                 [](const NodeDef& node) { return is_v1_control_flow(node.op()); });
  return none ? def : ConditionFunctionalizer(def, limits, made).run();
}

}  // namespace keras
