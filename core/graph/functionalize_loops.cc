// Frames to While. A loop variable is Enter → Merge (of Enter and NextIteration) → Switch (by LoopCond) → body → NextIteration,
// with Exit at the Switch's other side; what does not change comes in by an Enter alone.
#include <algorithm>
#include <set>

#include "core/graph/functionalize.h"
#include "core/graph/v1_graph.h"

namespace keras {
namespace {

using tensorflow::FunctionDef;
using tensorflow::NodeDef;

struct LoopVariable {
  int enter = -1, merge = -1, next = -1;
};

struct Frame {
  int parent = -1;
  int64_t depth = 0;
  std::vector<int> nodes, exits;
  int loop_cond = -1;
};

class LoopFunctionalizer {
 public:
  LoopFunctionalizer(const FunctionDef& def, const Limits& limits, std::vector<FunctionDef>& made)
      : graph_(def), limits_(limits), made_(made) {}

  FunctionDef run() {
    find_frames();
    std::vector<int> order;
    for (int i = 1; i < static_cast<int>(frames_.size()); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return frame(a).depth > frame(b).depth; });
    for (const int f : order) convert(f);
    return rest();
  }

 private:
  Frame& frame(int f) { return frames_[static_cast<size_t>(f)]; }

  // Frames

  void find_frames() {
    frames_.push_back({});
    frame_of_.assign(static_cast<size_t>(graph_.count()), 0);
    for (const int id : graph_.sorted()) {
      int f = frame_of_inputs(id);
      if (graph_.is(id, "Enter")) f = entered(id, f);
      if (graph_.is(id, "Exit")) {
        if (f == 0) graph_.refuse(id, "it leaves no frame");
        frame(f).exits.push_back(id);
        f = frame(f).parent;
      } else if (f != 0) {
        frame(f).nodes.push_back(id);
      }
      if (graph_.is(id, "LoopCond")) {
        if (f == 0 || frame(f).loop_cond >= 0) graph_.refuse(id, "a frame has one LoopCond");
        frame(f).loop_cond = id;
      }
      frame_of_[static_cast<size_t>(id)] = f;
    }
  }

  int frame_of_inputs(int id) const {
    int f = -1;
    for (const std::string& input : graph_.node(id).input()) {
      const int from = graph_.source(input).node;
      if (graph_.is(id, "Merge") && graph_.is(from, "NextIteration")) continue;
      const int its = from < 0 ? 0 : frame_of_[static_cast<size_t>(from)];
      if (f >= 0 && f != its) graph_.refuse(id, "its inputs are in different frames");
      f = its;
    }
    return std::max(f, 0);
  }

  int entered(int id, int parent) {
    const auto name = graph_.node(id).attr().find("frame_name");
    if (name == graph_.node(id).attr().end()) graph_.refuse(id, "it needs attribute 'frame_name'");
    const auto [found, added] = by_name_.try_emplace({parent, name->second.s()}, static_cast<int>(frames_.size()));
    if (added) {
      frames_.push_back({parent, frame(parent).depth + 1, {}, {}, -1});
      if (frames_.back().depth > limits_.nesting_depth) {
        throw ResourceExhaustedError("Function '{}': loops stand in each other more than {} deep (limits.nestingDepth)",
                                     graph_.def().signature().name(), limits_.nesting_depth)
            .at(graph_.node(id).name());
      }
    }
    return found->second;
  }

  // One frame

  void convert(int f) {
    if (frame(f).loop_cond < 0) graph_.refuse(frame(f).nodes.front(), "its frame has no LoopCond");
    roles_.clear();
    variables_.clear();
    constants_.clear();
    find_variables(f);
    for (const int id : frame(f).nodes) find_switch(id, frame(f).loop_cond);
    const std::string& name = graph_.node(frame(f).loop_cond).name();
    const std::string prefix = graph_.def().signature().name() + "/" + name;
    NodeDef loop;
    loop.set_name(name);
    add_inputs(loop);
    const std::set<int> condition_nodes = closure(graph_.data_inputs(frame(f).loop_cond));
    const bool tests_state = make_condition(prefix + "_cond", f, condition_nodes);
    const bool changes_state = make_body(prefix + "_body", f, condition_nodes);
    loop.set_op(tests_state || changes_state ? "While" : "StatelessWhile");
    set_function(loop, "cond", prefix + "_cond");
    set_function(loop, "body", prefix + "_body");
    replace(f, std::move(loop));
  }

  /// What a node of the frame is for its functions: the argument that it stands for, or -1.
  struct Role {
    int argument = -1;
    bool is_switch = false;
  };

  void find_variables(int f) {
    for (const int id : frame(f).nodes) {
      if (graph_.is(id, "Merge")) find_merge(id);
    }
    for (const int id : frame(f).nodes) {
      if (!graph_.is(id, "Enter") || roles_.contains(id)) continue;
      roles_[id] = {static_cast<int>(variables_.size() + constants_.size())};
      constants_.push_back(id);
    }
  }

  /// A Merge of a loop; others join branches.
  void find_merge(int id) {
    const std::vector<std::string> inputs = graph_.data_inputs(id);
    LoopVariable variable;
    variable.merge = id;
    for (const std::string& input : inputs) {
      const int from = graph_.source(input).node;
      if (graph_.is(from, "Enter")) variable.enter = from;
      if (graph_.is(from, "NextIteration")) variable.next = from;
    }
    if (variable.enter < 0 && variable.next < 0) return;
    if (inputs.size() != 2 || variable.enter < 0 || variable.next < 0) {
      graph_.refuse(id, "a loop's Merge joins an Enter and a NextIteration");
    }
    if (roles_.contains(variable.enter)) graph_.refuse(variable.enter, "it begins two loop variables");
    roles_[variable.enter] = roles_[id] = {static_cast<int>(variables_.size())};
    variables_.push_back(variable);
  }

  void find_switch(int id, int loop_cond) {
    if (!graph_.is(id, "Switch")) return;
    const std::vector<std::string> inputs = graph_.data_inputs(id);
    if (inputs.size() != 2) graph_.refuse(id, "it takes two inputs");
    if (graph_.source(inputs[1]).node != loop_cond) return;
    const auto merge = roles_.find(graph_.source(inputs[0]).node);
    if (merge == roles_.end() || !graph_.is(merge->first, "Merge")) graph_.refuse(id, "it switches no loop variable");
    roles_[id] = {merge->second.argument, true};
  }

  void add_inputs(NodeDef& loop) {
    std::vector<tensorflow::DataType> types;
    std::set<std::string> controls;
    const auto add = [&](int enter) {
      const std::vector<std::string> inputs = graph_.data_inputs(enter);
      if (inputs.size() != 1) graph_.refuse(enter, "it takes one input");
      loop.add_input(resolved(inputs[0]));
      types.push_back(graph_.type_attr(enter, "T"));
      for (const std::string& input : graph_.node(enter).input()) {
        if (input.starts_with('^')) controls.insert(resolved(input));
      }
    };
    for (const LoopVariable& variable : variables_) add(variable.enter);
    for (const int enter : constants_) add(enter);
    for (const std::string& control : controls) loop.add_input(control);
    set_types(loop, "T", types);
  }

  /// Nodes that are needed, up to what is an argument.
  std::set<int> closure(std::vector<std::string> open) const {
    std::set<int> nodes;
    while (!open.empty()) {
      const int id = graph_.source(resolved(open.back())).node;
      open.pop_back();
      if (id < 0 || roles_.contains(id) || is_steering(id) || !nodes.insert(id).second) continue;
      for (const std::string& input : graph_.node(id).input()) open.push_back(input);
    }
    return nodes;
  }

  bool is_steering(int id) const { return graph_.is(id, "NextIteration") || graph_.is(id, "LoopCond") || graph_.is(id, "Exit"); }

  std::vector<std::string> add_args(FunctionDefBuilder& function) {
    std::vector<std::string> names;
    for (const LoopVariable& variable : variables_) {
      names.push_back(function.arg(graph_.type_attr(variable.enter, "T"), graph_.node(variable.merge)));
    }
    for (const int enter : constants_) names.push_back(function.arg(graph_.type_attr(enter, "T"), graph_.node(enter)));
    return names;
  }

  void add_nodes(FunctionDefBuilder& function, const std::set<int>& nodes, const std::vector<std::string>& args) {
    for (const int id : nodes) {
      std::vector<std::string> inputs;
      for (const std::string& input : graph_.node(id).input()) {
        const std::string inside = translated(id, input, nodes, args);
        if (!inside.empty()) inputs.push_back(inside);
      }
      function.node(graph_.node(id), inputs);
    }
  }

  /// An edge as the functions see it; empty for a control edge that means nothing there.
  std::string translated(int user, const std::string& input, const std::set<int>& nodes,
                         const std::vector<std::string>& args) const {
    const std::string text = resolved(input);
    const V1Source from = graph_.source(text);
    if (nodes.contains(from.node)) return text;
    if (from.control) return "";
    const auto role = roles_.find(from.node);
    if (role == roles_.end()) graph_.refuse(user, "its input '" + input + "' is not in its frame");
    if (role->second.is_switch && !from.second) graph_.refuse(user, "it uses what leaves the loop, input '" + input + "'");
    if (graph_.is(from.node, "Merge") && from.second) graph_.refuse_unimplemented(from.node, "value_index is not supported");
    return args[static_cast<size_t>(role->second.argument)];
  }

  bool make_condition(const std::string& name, int f, const std::set<int>& nodes) {
    const int loop_cond = frame(f).loop_cond;
    FunctionDefBuilder function(name);
    const std::vector<std::string> args = add_args(function);
    add_nodes(function, nodes, args);
    const std::vector<std::string> inputs = graph_.data_inputs(loop_cond);
    if (inputs.size() != 1) graph_.refuse(loop_cond, "it takes one input");
    function.result(tensorflow::DT_BOOL, translated(loop_cond, inputs[0], nodes, args));
    made_.push_back(function.take());
    return is_stateful_function(made_.back());
  }

  bool make_body(const std::string& name, int f, const std::set<int>& condition_nodes) {
    FunctionDefBuilder function(name);
    const std::vector<std::string> args = add_args(function);
    std::vector<std::string> roots;
    for (const LoopVariable& variable : variables_) {
      for (const std::string& input : graph_.node(variable.next).input()) roots.push_back(input);
    }
    for (const int id : frame(f).nodes) {  // what acts, though no variable needs it
      if (!is_v1_control_flow(graph_.node(id).op()) && is_stateful_op(graph_.node(id)) && !condition_nodes.contains(id))
        roots.push_back(graph_.node(id).name());
    }
    const std::set<int> nodes = closure(roots);
    add_nodes(function, nodes, args);
    for (size_t i = 0; i < variables_.size(); ++i) {
      const int next = variables_[i].next;
      const std::vector<std::string> inputs = graph_.data_inputs(next);
      if (inputs.size() != 1) graph_.refuse(next, "it takes one input");
      function.result(graph_.type_attr(variables_[i].enter, "T"), translated(next, inputs[0], nodes, args));
    }
    for (size_t i = 0; i < constants_.size(); ++i) {
      function.result(graph_.type_attr(constants_[i], "T"), args[variables_.size() + i]);
    }
    made_.push_back(function.take());
    return is_stateful_function(made_.back());
  }

  /// The While stands in the outer frame, and Exits are its outputs.
  void replace(int f, NodeDef loop) {
    const std::string name = loop.name();
    for (const int id : frame(f).exits) {
      const std::vector<std::string> inputs = graph_.data_inputs(id);
      const V1Source from = inputs.size() == 1 ? graph_.source(inputs[0]) : V1Source();
      const auto role = roles_.find(from.node);
      if (role == roles_.end() || !role->second.is_switch || from.second) graph_.refuse(id, "it leaves no loop variable");
      exits_[graph_.node(id).name()] = {name, role->second.argument};
      gone_.insert(id);
    }
    gone_.insert(frame(f).nodes.begin(), frame(f).nodes.end());
    const int id = graph_.add(std::move(loop));
    frame_of_.push_back(frame(f).parent);
    if (frame(f).parent != 0) frame(frame(f).parent).nodes.push_back(id);
  }

  /// An edge with the While in the place of its Exits.
  std::string resolved(const std::string& input) const {
    const bool control = input.starts_with('^');
    const size_t begin = control ? 1 : 0;
    const auto found = exits_.find(input.substr(begin, input.find(':') - begin));
    if (found == exits_.end()) return input;
    const auto& [loop, index] = found->second;
    return control ? "^" + loop : loop + ":output:" + std::to_string(index);
  }

  FunctionDef rest() {
    FunctionDef def = graph_.def();
    def.clear_node_def();
    for (int id = 0; id < graph_.count(); ++id) {
      if (gone_.contains(id)) continue;
      NodeDef& node = *def.add_node_def();
      node = graph_.node(id);
      for (int i = 0; i < node.input_size(); ++i) node.set_input(i, resolved(node.input(i)));
    }
    for (auto& [name, input] : *def.mutable_ret()) input = resolved(input);
    return def;
  }

  V1Graph graph_;
  const Limits& limits_;
  std::vector<FunctionDef>& made_;
  std::vector<Frame> frames_;  // 0: outside of all
  std::map<std::pair<int, std::string>, int> by_name_;
  std::vector<int> frame_of_;
  std::map<std::string, std::pair<std::string, int>, std::less<>> exits_;  // Exit → While, output
  std::set<int> gone_;

  std::map<int, Role> roles_;  // of the frame at hand
  std::vector<LoopVariable> variables_;
  std::vector<int> constants_;
};

}  // namespace

FunctionDef functionalize_loops(const FunctionDef& def, const Limits& limits, std::vector<FunctionDef>& made) {
  return LoopFunctionalizer(def, limits, made).run();
}

}  // namespace keras
