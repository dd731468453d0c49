// Nodes of a FunctionDef stand in any order, tied by data and control edges; a Function runs them as they stand.
#include "core/graph/function_reader.h"

#include <algorithm>
#include <queue>

#include "core/base/error.h"
#include "core/graph/functionalize.h"
#include "core/graph/graph_def.h"
#include "core/graph/node_check.h"
#include "core/graph/node_input.h"
#include "core/graph/recurrent_form.h"

namespace keras {
namespace {

using tensorflow::FunctionDef;
using tensorflow::NodeDef;

bool is_call(std::string_view op) { return op == "PartitionedCall" || op == "StatefulPartitionedCall"; }

/// The names of functions that a node's attributes hold.
std::vector<std::string_view> functions_of(const NodeDef& node) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : node.attr()) {
    if (name.starts_with('_')) continue;
    if (value.value_case() == tensorflow::AttrValue::kFunc) names.push_back(value.func().name());
    for (const auto& function : value.list().func()) names.push_back(function.name());
  }
  return names;
}

[[noreturn]] void broken(const FunctionDef& def, const NodeDef& node, std::string_view what) {
  throw DataLossError("Function '{}', node '{}': {}", def.signature().name(), node.name(), what).at(node.name());
}

/// How many outputs an argument of the signature stands for.
int64_t output_count(const ArgDef& arg, const Attrs& attrs) {
  if (!arg.type_list_attr.empty()) return static_cast<int64_t>(attrs.get<std::vector<DType>>(arg.type_list_attr).size());
  return arg.number_attr.empty() ? 1 : attrs.get_int(arg.number_attr);
}

}  // namespace

/// One FunctionDef on its way into a builder.
class FunctionReader::Body {
 public:
  Body(FunctionReader& reader, GraphBuilder& builder, const FunctionDef& def) : reader_(reader), builder_(builder), def_(def) {}

  Values read(std::span<const Value> args) {
    bind_args(args);
    for (const int id : sorted_nodes()) {
      const NodeDef& node = def_.node_def(id);
      try {
        read_node(node);
      } catch (Error& error) {
        if (error.path().empty()) {
          error.prefix_message(keras::format("Function '{}', node '{}': ", def_.signature().name(), node.name()));
          error.set_path(node.name());
        }
        throw;
      }
    }
    return results();
  }

 private:
  /// What a node made, and how its outputs are called.
  struct Made {
    Values outputs;
    const RegisteredOp* op = nullptr;  // null: an argument
  };

  void bind_args(std::span<const Value> args) {
    if (static_cast<int>(args.size()) != def_.signature().input_arg_size()) {
      throw InvalidArgumentError("Function '{}' takes {} arguments, found {}", def_.signature().name(),
                                 def_.signature().input_arg_size(), args.size());
    }
    for (size_t i = 0; i < args.size(); ++i) {
      const DType wanted = reader_.arg_dtype(def_, static_cast<int>(i)), found = args[i].dtype();
      const std::string& name = def_.signature().input_arg(static_cast<int>(i)).name();
      if (wanted != found) {
        throw InvalidArgumentError("Argument '{}' of function '{}' has dtype {}, but {} is needed", name, def_.signature().name(),
                                   found, wanted);
      }
      made_[name] = {{args[i]}, nullptr};
    }
  }

  /// Kahn's algorithm; of the nodes that are free, the first in the file comes first.
  std::vector<int> sorted_nodes() const {
    const int count = def_.node_def_size();
    std::map<std::string_view, int> numbers;
    for (int i = 0; i < count; ++i) {
      const NodeDef& node = def_.node_def(i);
      if (!numbers.emplace(node.name(), i).second || made_.contains(node.name())) broken(def_, node, "the name occurs twice");
    }
    std::vector<std::vector<int>> users(static_cast<size_t>(count));
    std::vector<int> waits_for(static_cast<size_t>(count), 0);
    for (int i = 0; i < count; ++i) {
      for (const std::string& input : def_.node_def(i).input()) {
        const auto source = numbers.find(parse_input(input).node);
        if (source == numbers.end()) continue;  // an argument; others are found missing when the node is read
        users[static_cast<size_t>(source->second)].push_back(i);
        ++waits_for[static_cast<size_t>(i)];
      }
    }
    std::priority_queue<int, std::vector<int>, std::greater<>> free;
    for (int i = 0; i < count; ++i) {
      if (waits_for[static_cast<size_t>(i)] == 0) free.push(i);
    }
    std::vector<int> order;
    for (; !free.empty();) {
      const int next = free.top();
      free.pop();
      order.push_back(next);
      for (const int user : users[static_cast<size_t>(next)]) {
        if (--waits_for[static_cast<size_t>(user)] == 0) free.push(user);
      }
    }
    if (static_cast<int>(order.size()) == count) return order;
    const auto waiting = std::find_if(waits_for.begin(), waits_for.end(), [](int n) { return n > 0; });
    broken(def_, def_.node_def(static_cast<int>(waiting - waits_for.begin())), "it needs its own output");
  }

  Value value_of(const std::string& text) const {
    const InputName name = parse_input(text);
    const auto found = made_.find(name.node);
    if (found == made_.end()) throw DataLossError("input '{}' does not exist", text);
    const Made& made = found->second;
    int64_t index = name.index;
    if (made.op != nullptr && !name.output.empty()) index = index_of(made, name);
    if (index >= static_cast<int64_t>(made.outputs.size())) throw DataLossError("input '{}' does not exist", text);
    return made.outputs[static_cast<size_t>(index)];
  }

  int64_t index_of(const Made& made, const InputName& name) const {
    const auto& outputs = made.op->signature.outputs;
    // The results of a call that has been put in its place; like all calls, it has one list of outputs.
    if (is_call(made.op->def->name)) return outputs[0].name == name.output ? name.index : INT64_MAX;
    if (made.outputs.empty()) return INT64_MAX;
    const Attrs& attrs = builder_.attrs_of(made.outputs[0]);
    int64_t first = 0;
    for (const ArgDef& output : outputs) {
      const int64_t count = output_count(output, attrs);
      if (output.name == name.output) return name.index < count ? first + name.index : INT64_MAX;
      first += count;
    }
    return INT64_MAX;
  }

  void read_node(const NodeDef& node) {
    const RegisteredOp& op = require_op(node.op());
    Values inputs;
    for (const std::string& input : node.input()) {
      if (!input.starts_with('^')) inputs.push_back(value_of(input));
    }
    if (is_call(node.op())) {
      const auto f = node.attr().find("f");
      if (f == node.attr().end()) throw InvalidArgumentError("Op {} needs attribute 'f'", node.op());
      const GraphBuilder::NameScope scope(builder_, node.name());
      made_[node.name()] = {reader_.call(builder_, f->second.func().name(), inputs), &op};
      return;
    }
    Attrs attrs;
    for (const auto& [name, value] : node.attr()) {
      if (name.starts_with('_')) continue;
      const AttrDef* attr = op.signature.attr(name);
      if (attr == nullptr) throw InvalidArgumentError("Op {} has no attribute '{}'", node.op(), name);
      attrs.set(name, read_attr(*attr, value));
    }
    made_[node.name()] = {builder_.emit_as(node.name(), node.op(), inputs, std::move(attrs)), &op};
  }

  FunctionRef function_ref(const tensorflow::NameAttrList& named) { return {named.name(), reader_.function(named.name())}; }

  AttrValue read_attr(const AttrDef& attr, const tensorflow::AttrValue& value) {
    if (attr.kind != "func" && attr.kind != "list(func)") return from_attr_proto(attr.kind, value, attr.name, reader_.limits_);
    if (attr.kind == "func") return function_ref(value.func());
    std::vector<FunctionRef> functions;
    for (const auto& named : value.list().func()) functions.push_back(function_ref(named));
    return functions;
  }

  Values results() const {
    Values values;
    for (const auto& output : def_.signature().output_arg()) {
      const auto found = def_.ret().find(output.name());
      try {
        if (found == def_.ret().end()) throw DataLossError("it is not tied to a node");
        values.push_back(value_of(found->second));
      } catch (Error& error) {
        error.prefix_message(keras::format("Function '{}', result '{}': ", def_.signature().name(), output.name()));
        throw;
      }
    }
    return values;
  }

  FunctionReader& reader_;
  GraphBuilder& builder_;
  const FunctionDef& def_;
  std::map<std::string, Made, std::less<>> made_;
};

FunctionReader::FunctionReader(const tensorflow::FunctionDefLibrary& library, const Limits& limits) : limits_(limits) {
  for (const FunctionDef& def : library.function()) definitions_.emplace(def.signature().name(), &def);
}

const FunctionDef& FunctionReader::definition(std::string_view name) {
  const auto found = definitions_.find(name);
  if (found == definitions_.end()) throw NotFoundError("The file has no function '{}'", name).at(name);
  const auto& nodes = found->second->node_def();
  if (std::any_of(nodes.begin(), nodes.end(), [](const NodeDef& node) { return is_v1_control_flow(node.op()); })) {
    for (FunctionDef& def : functionalize(*found->second, limits_)) {
      made_.push_back(std::move(def));
      definitions_[made_.back().signature().name()] = &made_.back();
    }
  }
  return *found->second;
}

std::vector<MissingOp> FunctionReader::missing_ops(std::span<const std::string> names) {
  std::vector<MissingOp> missing;
  std::vector<std::string_view> open(names.rbegin(), names.rend());
  std::set<std::string, std::less<>> seen;
  while (!open.empty()) {
    const FunctionDef& def = definition(open.back());
    open.pop_back();
    if (!seen.insert(def.signature().name()).second) continue;
    for (const NodeDef& node : def.node_def()) {
      const RegisteredOp* op = find_op(node.op());
      if (op == nullptr || op->def->kernel == nullptr) missing.push_back({node.op(), def.signature().name(), node.name()});
      for (const std::string_view called : functions_of(node)) open.push_back(called);
    }
  }
  return missing;
}

DType FunctionReader::arg_dtype(const FunctionDef& def, int index) const {
  const auto& arg = def.signature().input_arg(index);
  if (!is_known_dtype(arg.type()) || !arg.type_list_attr().empty() || !arg.number_attr().empty()) {
    throw DataLossError("Function '{}': argument '{}' has no dtype", def.signature().name(), arg.name());
  }
  return static_cast<DType>(arg.type());
}

Shape FunctionReader::arg_shape(const FunctionDef& def, int index) const {
  if (arg_dtype(def, index) == DType::kResource || arg_dtype(def, index) == DType::kVariant) return Shape();
  const auto found = def.arg_attr().find(static_cast<uint32_t>(index));
  if (found == def.arg_attr().end()) return Shape::unknown_rank();
  const auto shapes = found->second.attr().find("_output_shapes");
  if (shapes == found->second.attr().end() || shapes->second.list().shape_size() != 1) return Shape::unknown_rank();
  return from_shape_proto(shapes->second.list().shape(0));
}

Values FunctionReader::inline_call(GraphBuilder& builder, std::string_view name, std::span<const Value> args) {
  struct Depth {
    int64_t& depth;
    ~Depth() { --depth; }
  } guard{++depth_};
  if (depth_ > limits_.nesting_depth) {
    throw ResourceExhaustedError("Function '{}': functions call each other more than {} deep (limits.nestingDepth)", name,
                                 limits_.nesting_depth)
        .at(name);
  }
  return Body(*this, builder, definition(name)).read(args);
}

Values FunctionReader::call(GraphBuilder& builder, std::string_view name, std::span<const Value> args) {
  if (definition(name).attr().contains("api_implements") && recurrent_form(*function(name))) {
    return builder.call(function(name), args);
  }
  return inline_call(builder, name, args);
}

FunctionPtr FunctionReader::function(std::string_view name) {
  const auto found = functions_.find(name);
  if (found != functions_.end()) return found->second;
  const FunctionDef& def = definition(name);
  GraphBuilder builder{std::string(name), limits_};
  Values args;
  for (int i = 0; i < def.signature().input_arg_size(); ++i) {
    args.push_back(builder.arg(def.signature().input_arg(i).name(), arg_dtype(def, i), arg_shape(def, i)));
  }
  const Values results = inline_call(builder, name, args);
  std::vector<std::string> names;
  for (const auto& output : def.signature().output_arg()) names.push_back(output.name());
  FunctionPtr made = builder.finish(results, std::move(names));
  functions_.emplace(name, made);
  return made;
}

}  // namespace keras
