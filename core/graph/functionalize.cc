// The common part: nodes and edges of a graph of TensorFlow 1, functions made of parts of it, and who goes first.
#include "core/graph/functionalize.h"

#include <algorithm>
#include <queue>

#include "core/graph/graph_def.h"
#include "core/graph/node_check.h"
#include "core/graph/node_input.h"
#include "core/graph/v1_graph.h"

namespace keras {

using tensorflow::DataType;
using tensorflow::FunctionDef;
using tensorflow::NodeDef;

namespace {

constexpr int kReferences = 100;  // DT_FLOAT_REF is DT_FLOAT and 100
// Arguments of the functions made here. Nodes of TensorFlow cannot be called so.
constexpr std::string_view kArgument = "_arg";

DataType value_type(DataType type) {
  return type > kReferences ? static_cast<DataType>(static_cast<int>(type) - kReferences) : type;
}

/// One output of a node by its signature.
DataType output_type(const NodeDef& node, const RegisteredOp& op, const InputName& name) {
  int64_t index = name.index;
  for (const ArgDef& output : op.signature.outputs) {
    if (!name.output.empty() && output.name != name.output) continue;
    const auto attr = node.attr().find(output.type_list_attr.empty() ? output.type_attr : output.type_list_attr);
    if (!output.type_list_attr.empty()) {
      const int count = attr != node.attr().end() ? attr->second.list().type_size() : 0;
      if (index < count) return attr->second.list().type(static_cast<int>(index));
      index -= count;
      continue;
    }
    const auto number = node.attr().find(output.number_attr);
    const int64_t count = output.number_attr.empty() ? 1 : number != node.attr().end() ? number->second.i() : 0;
    if (index >= count) {
      index -= count;
      continue;
    }
    if (output.type_attr.empty()) return static_cast<DataType>(output.dtype);
    if (attr != node.attr().end()) return value_type(attr->second.type());
    const auto& standard = op.signature.attr(output.type_attr)->default_value;
    if (standard) return static_cast<DataType>(std::get<DType>(*standard));
  }
  return DataType::DT_INVALID;
}

}  // namespace

std::string_view v1_op(const NodeDef& node) {
  const std::string_view op = node.op();
  return op.starts_with("Ref") && is_v1_control_flow(op) ? op.substr(3) : op;
}

bool is_stateful_op(const NodeDef& node) {
  const RegisteredOp* op = find_op(node.op());
  return op == nullptr || (op->def->flags & kStateful) != 0;
}

bool is_stateful_function(const FunctionDef& def) {
  return std::any_of(def.node_def().begin(), def.node_def().end(), is_stateful_op);
}

V1Graph::V1Graph(const FunctionDef& def) : def_(def), nodes_(def.node_def().begin(), def.node_def().end()) {
  for (int i = 0; i < count(); ++i) {
    if (!numbers_.emplace(node(i).name(), i).second) {
      throw DataLossError("Function '{}', node '{}': the name occurs twice", def.signature().name(), node(i).name())
          .at(node(i).name());
    }
  }
}

V1Source V1Graph::source(const std::string& input) const {
  const InputName name = parse_input(input);
  const auto found = numbers_.find(name.node);
  const bool second = name.output.empty() ? name.index == 1 : name.output == "output_true" || name.output == "value_index";
  return {found != numbers_.end() ? found->second : -1, name.control, second};
}

std::vector<std::string> V1Graph::data_inputs(int id) const {
  std::vector<std::string> inputs;
  for (const std::string& input : node(id).input()) {
    if (!input.starts_with('^')) inputs.push_back(input);
  }
  return inputs;
}

DataType V1Graph::type_attr(int id, const std::string& name) const {
  const auto found = node(id).attr().find(name);
  if (found == node(id).attr().end()) refuse(id, "it needs attribute '" + name + "'");
  return value_type(found->second.type());
}

DataType V1Graph::edge_type(const std::string& input) const {
  const V1Source from = source(input);
  const InputName name = parse_input(input);
  if (from.node < 0) {
    for (const auto& arg : def_.signature().input_arg()) {
      if (arg.name() == name.node) return value_type(arg.type());
    }
    throw DataLossError("Function '{}': input '{}' does not exist", def_.signature().name(), input);
  }
  if (is_v1_control_flow(node(from.node).op())) return type_attr(from.node, "T");
  const DataType type = output_type(node(from.node), require_op(node(from.node).op()), name);
  if (type == DataType::DT_INVALID) refuse(from.node, "the dtype of its output is not known");
  return type;
}

int V1Graph::add(NodeDef node) {
  numbers_[node.name()] = count();
  nodes_.push_back(std::move(node));
  return count() - 1;
}

std::vector<int> V1Graph::sorted() const {
  std::vector<std::vector<int>> users(nodes_.size());
  std::vector<int> waits_for(nodes_.size(), 0), order;
  for (int id = 0; id < count(); ++id) {
    for (const std::string& input : node(id).input()) {
      const int from = source(input).node;
      if (from < 0 || (is(from, "NextIteration") && is(id, "Merge"))) continue;
      users[static_cast<size_t>(from)].push_back(id);
      ++waits_for[static_cast<size_t>(id)];
    }
  }
  for (int id = 0; id < count(); ++id) {
    if (waits_for[static_cast<size_t>(id)] == 0) order.push_back(id);
  }
  for (size_t next = 0; next < order.size(); ++next) {
    for (const int user : users[static_cast<size_t>(order[next])]) {
      if (--waits_for[static_cast<size_t>(user)] == 0) order.push_back(user);
    }
  }
  if (order.size() == nodes_.size()) return order;
  const auto waiting = std::find_if(waits_for.begin(), waits_for.end(), [](int n) { return n > 0; });
  const std::string& name = node(static_cast<int>(waiting - waits_for.begin())).name();
  throw DataLossError("Function '{}', node '{}': it needs its own output", def_.signature().name(), name).at(name);
}

void V1Graph::refuse(int id, std::string_view what) const {
  throw InvalidArgumentError("Function '{}', node '{}' ({}): {}", def_.signature().name(), node(id).name(), node(id).op(), what)
      .at(node(id).name());
}

void V1Graph::refuse_unimplemented(int id, std::string_view what) const {
  throw UnimplementedError("Function '{}', node '{}' ({}): {}", def_.signature().name(), node(id).name(), node(id).op(), what)
      .at(node(id).name());
}

std::string FunctionDefBuilder::arg(DataType type, const NodeDef& like) {
  const int number = def_.signature().input_arg_size();
  auto& added = *def_.mutable_signature()->add_input_arg();
  added.set_name(std::string(kArgument) + std::to_string(number));
  added.set_type(type);
  const auto shapes = like.attr().find("_output_shapes");
  if (shapes != like.attr().end() && shapes->second.list().shape_size() > 0) {
    auto& attr = (*(*def_.mutable_arg_attr())[static_cast<uint32_t>(number)].mutable_attr())["_output_shapes"];
    *attr.mutable_list()->add_shape() = shapes->second.list().shape(0);
  }
  return added.name();
}

NodeDef& FunctionDefBuilder::node(const NodeDef& node, const std::vector<std::string>& inputs) {
  NodeDef& added = *def_.add_node_def();
  added = node;
  added.clear_input();
  for (const std::string& input : inputs) added.add_input(input);
  return added;
}

void FunctionDefBuilder::result(DataType type, const std::string& input) {
  auto& added = *def_.mutable_signature()->add_output_arg();
  added.set_name("output" + std::to_string(def_.signature().output_arg_size() - 1));
  added.set_type(type);
  (*def_.mutable_ret())[added.name()] = input;
}

void set_types(NodeDef& node, const std::string& attr, const std::vector<DataType>& types) {
  auto& list = *(*node.mutable_attr())[attr].mutable_list();
  for (const DataType type : types) list.add_type(type);
}

void set_function(NodeDef& node, const std::string& attr, const std::string& name) {
  (*node.mutable_attr())[attr].mutable_func()->set_name(name);
}

bool is_v1_control_flow(std::string_view op) {
  if (op.starts_with("Ref")) op.remove_prefix(3);
  return op == "Switch" || op == "Merge" || op == "Enter" || op == "Exit" || op == "NextIteration" || op == "LoopCond";
}

std::vector<FunctionDef> functionalize(const FunctionDef& def, const Limits& limits) {
  std::vector<FunctionDef> open, done;
  open.push_back(functionalize_loops(def, limits, open));
  std::swap(open.front(), open.back());  // the function itself comes first
  std::vector<int64_t> depths(open.size(), 0);
  for (size_t i = 0; i < open.size(); ++i) {
    const FunctionDef current = std::move(open[i]);
    if (depths[i] > limits.nesting_depth) {
      throw ResourceExhaustedError("Function '{}': conditions stand in each other more than {} deep (limits.nestingDepth)",
                                   def.signature().name(), limits.nesting_depth)
          .at(def.signature().name());
    }
    done.push_back(functionalize_conditions(current, limits, open));
    depths.resize(open.size(), depths[i] + 1);
  }
  return done;
}

}  // namespace keras
