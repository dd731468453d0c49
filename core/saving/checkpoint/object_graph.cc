// Builds the graph breadth first, so that numbers and shortest paths are those of Keras.
#include "core/saving/checkpoint/object_graph.h"

#include <deque>
#include <map>
#include <set>

#include "proto/trackable_object_graph.pb.h"

namespace keras {
namespace {

constexpr const char* kList = "trackable_list_wrapper";

class GraphWriter {
 public:
  /// Numbers everything below `root`, and slots of legacy optimizers; `expand` gives the children of a node.
  template <class Expand>
  ObjectGraph build(const Trackable& root, Expand&& expand) {
    add(root, "");
    for (size_t id = 0; id < graph_.nodes.size(); ++id) {
      for (const auto& [name, child] : expand(static_cast<int>(id), Trackable(graph_.nodes[id].object))) {
        const std::string& base = graph_.nodes[id].path;
        const std::string path = base.empty() ? escape_local_name(name) : base + "/" + escape_local_name(name);
        const int number = add(child, path);
        graph_.nodes[id].children.emplace_back(name, number);
      }
    }
    const size_t count = graph_.nodes.size();
    for (size_t id = 0; id < count; ++id) {
      if (graph_.nodes[id].object.optimizer) add_slots(id, count);
    }
    return std::move(graph_);
  }

 private:
  /// Those of variables among the first `count` nodes, name after name.
  void add_slots(size_t id, size_t count) {
    const OptimizerPtr optimizer = graph_.nodes[id].object.optimizer;
    for (const std::string& name : optimizer->referenced_slots()) {
      for (size_t original = 0; original < count; ++original) {
        const ObjectNode& node = graph_.nodes[original];
        const VariablePtr slot = node.object.variable ? optimizer->find_slot(*node.object.variable, name) : nullptr;
        if (!slot) continue;
        const int number = add({.variable = slot}, node.path + "/.OPTIMIZER_SLOT/" + graph_.nodes[id].path + "/" + name);
        graph_.nodes[id].slots.push_back({static_cast<int>(original), number, name});
      }
    }
  }

  int add(const Trackable& object, std::string path) {
    const auto [found, added] = numbers_.try_emplace(identity_of(object), static_cast<int>(graph_.nodes.size()));
    if (added) graph_.nodes.push_back({object, std::move(path)});
    return found->second;
  }

  ObjectGraph graph_;
  std::map<const void*, int> numbers_;
};

Trackable variable_list(const std::vector<VariablePtr>& variables) {
  auto list = std::make_shared<Container>(Container{kList});
  for (size_t i = 0; i < variables.size(); ++i)
    list->children.emplace_back(std::to_string(i), Trackable{.variable = variables[i]});
  return {.container = std::move(list)};
}

TrackedChildren saved_layer_children(const Layer& layer) {
  if (layer.class_name() == "InputLayer") return {};
  const TrackedChildren lists = {{"variables", variable_list(layer.weights())},
                                 {"trainable_variables", variable_list(layer.trainable_weights())},
                                 {"regularization_losses", variable_list({})}};
  TrackedChildren children = layer.tracked_children();
  // Whether an optimizer is saved is the caller's to say, and it hangs below the root alone.
  std::erase_if(children, [](const auto& child) { return child.second.optimizer != nullptr; });
  // Models name their layers before these lists, layers their own attributes after them.
  children.insert(layer.is_model() ? children.end() : children.begin(), lists.begin(), lists.end());
  return children;
}

/// Marks the nodes from which values can be reached.
std::vector<bool> nodes_with_values(const ObjectGraph& graph) {
  std::vector<std::vector<int>> parents(graph.nodes.size());
  std::vector<bool> marked(graph.nodes.size());
  std::deque<int> open;
  for (size_t id = 0; id < graph.nodes.size(); ++id) {
    for (const auto& [name, child] : graph.nodes[id].children)
      parents[static_cast<size_t>(child)].push_back(static_cast<int>(id));
    if (graph.nodes[id].object.variable || !graph.nodes[id].slots.empty()) open.push_back(static_cast<int>(id));
  }
  for (; !open.empty(); open.pop_front()) {
    const auto id = static_cast<size_t>(open.front());
    if (marked[id]) continue;
    marked[id] = true;
    open.insert(open.end(), parents[id].begin(), parents[id].end());
  }
  return marked;
}

}  // namespace

TrackedChildren children_of(const Trackable& object) {
  if (object.layer) return object.layer->tracked_children();
  if (object.optimizer) return object.optimizer->tracked_children();
  if (object.container) return object.container->children;
  return {};
}

const void* identity_of(const Trackable& object) {
  if (object.layer) return object.layer.get();
  if (object.optimizer) return object.optimizer.get();
  if (object.variable) return object.variable.get();
  return object.container.get();
}

std::vector<Trackable> reachable_objects(const TrackedRoot& root) {
  std::vector<Trackable> result;
  std::set<const void*> seen;
  const auto add = [&](const TrackedChildren& children) {
    for (const auto& [name, child] : children) {
      if (seen.insert(identity_of(child)).second) result.push_back(child);
    }
  };
  add({{"", root.object}});
  add(root.attached);
  for (size_t i = 0; i < result.size(); ++i) add(children_of(Trackable(result[i])));
  const size_t count = result.size();
  for (size_t i = 0; i < count; ++i) {
    const OptimizerPtr optimizer = result[i].optimizer;
    if (!optimizer) continue;
    for (const std::string& name : optimizer->referenced_slots()) {
      for (size_t k = 0; k < count; ++k) {
        const VariablePtr slot = result[k].variable ? optimizer->find_slot(*result[k].variable, name) : nullptr;
        if (slot) add({{name, {.variable = slot}}});
      }
    }
  }
  return result;
}

ObjectGraph checkpoint_graph(const TrackedRoot& root) {
  return GraphWriter().build(root.object, [&](int id, const Trackable& object) {
    TrackedChildren children = children_of(object);
    if (id == 0) children.insert(children.end(), root.attached.begin(), root.attached.end());
    return children;
  });
}

ObjectGraph saved_model_graph(const FunctionalPtr& model, const OptimizerPtr& optimizer, int& signatures) {
  const Trackable signature_map = {.container = std::make_shared<Container>(Container{"signature_map"})};
  ObjectGraph graph = GraphWriter().build({.layer = model}, [&](int id, const Trackable& object) {
    TrackedChildren children = object.layer ? saved_layer_children(*object.layer) : children_of(object);
    if (id != 0) return children;
    if (optimizer) children.emplace_back("optimizer", Trackable{.optimizer = optimizer});
    children.emplace_back("signatures", signature_map);
    return children;
  });
  signatures = graph.nodes[0].children.back().second;
  return graph;
}

std::string serialize_graph(const ObjectGraph& graph) {
  tensorflow::TrackableObjectGraph proto;
  const std::vector<bool> has_values = nodes_with_values(graph);
  for (const ObjectNode& node : graph.nodes) {
    auto& object = *proto.add_nodes();
    object.mutable_has_checkpoint_values()->set_value(has_values[static_cast<size_t>(proto.nodes_size() - 1)]);
    write_references(node, object);
    if (!node.object.variable) continue;
    auto& attribute = *object.add_attributes();
    attribute.set_name("VARIABLE_VALUE");
    attribute.set_full_name(node.object.variable->name());
    attribute.set_checkpoint_key(variable_key(node.path));
  }
  return proto.SerializeAsString();
}

std::string escape_local_name(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '.')
      result += "..";
    else if (c == '/')
      result += ".S";
    else
      result += c;
  }
  return result;
}

std::string variable_key(std::string_view path) {
  return path.empty() ? ".ATTRIBUTES/VARIABLE_VALUE" : std::string(path) + "/.ATTRIBUTES/VARIABLE_VALUE";
}

}  // namespace keras
