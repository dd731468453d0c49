// Builds the graph breadth first, so that numbers and shortest paths are those of Keras.
#include "core/saving/checkpoint/object_graph.h"

#include <deque>
#include <map>

namespace keras {
namespace {

constexpr const char* kList = "trackable_list_wrapper";
constexpr const char* kDict = "trackable_dict_wrapper";

/// A node that has not been numbered yet: what it is, and its children when it is opened.
struct Pending {
  ObjectNode node;
  const void* identity = nullptr;  // one object, one node
  std::vector<VariablePtr> list;   // of a list of variables
};

class GraphWriter {
 public:
  ObjectGraph build(const FunctionalPtr& model, const OptimizerPtr& optimizer, int& signatures) {
    root_optimizer_ = optimizer;
    add({.node = {.layer = model}, .identity = model.get()}, "");
    while (!open_.empty()) {
      const int id = open_.front();
      open_.pop_front();
      expand(id);
    }
    signatures = signatures_;
    return std::move(graph_);
  }

 private:
  int add(Pending pending, std::string path) {
    if (pending.identity != nullptr) {
      const auto found = numbers_.find(pending.identity);
      if (found != numbers_.end()) return found->second;
    }
    const int id = static_cast<int>(graph_.nodes.size());
    if (pending.identity != nullptr) numbers_.emplace(pending.identity, id);
    pending.node.path = std::move(path);
    graph_.nodes.push_back(std::move(pending.node));
    lists_.push_back(std::move(pending.list));
    open_.push_back(id);
    return id;
  }

  void child(int parent, const std::string& name, Pending pending) {
    const std::string& base = graph_.nodes[static_cast<size_t>(parent)].path;
    const std::string path = base.empty() ? escape_local_name(name) : base + "/" + escape_local_name(name);
    const int id = add(std::move(pending), path);
    graph_.nodes[static_cast<size_t>(parent)].children.emplace_back(name, id);
  }

  void variable_child(int parent, const std::string& name, const VariablePtr& variable) {
    child(parent, name, {.node = {.variable = variable}, .identity = variable.get()});
  }
  void list_child(int parent, const std::string& name, std::vector<VariablePtr> variables) {
    child(parent, name, {.node = {.container = kList}, .list = std::move(variables)});
  }

  void expand(int id) {
    const std::vector<VariablePtr> list = lists_[static_cast<size_t>(id)];
    for (size_t i = 0; i < list.size(); ++i) variable_child(id, std::to_string(i), list[i]);
    if (const LayerPtr layer = graph_.nodes[static_cast<size_t>(id)].layer) expand_layer(id, *layer);
    if (const OptimizerPtr optimizer = graph_.nodes[static_cast<size_t>(id)].optimizer) expand_optimizer(id, *optimizer);
  }

  void expand_layer(int id, const Layer& layer) {
    if (layer.class_name() == "InputLayer") return;
    const auto add_lists = [&] {
      list_child(id, "variables", layer.weights());
      list_child(id, "trainable_variables", layer.trainable_weights());
      list_child(id, "regularization_losses", {});
    };
    // Models name their layers before these lists, layers their own attributes after them.
    if (!layer.is_model()) add_lists();
    for (const auto& [name, sublayer] : keras_children(layer))
      child(id, name, {.node = {.layer = sublayer}, .identity = sublayer.get()});
    for (const Weight& weight : layer.own_weights()) variable_child(id, weight.attribute, weight.variable);
    if (layer.is_model()) add_lists();
    if (id != 0) return;
    if (root_optimizer_) child(id, "optimizer", {.node = {.optimizer = root_optimizer_}, .identity = root_optimizer_.get()});
    child(id, "signatures", {.node = {.container = "signature_map"}, .identity = &signatures_});
    signatures_ = graph_.nodes[0].children.back().second;
  }

  void expand_optimizer(int id, const Optimizer& optimizer) {
    list_child(id, "_variables", optimizer.variables());
    variable_child(id, "_iterations", optimizer.iterations());
    variable_child(id, "_learning_rate", optimizer.learning_rate());
    child(id, "_index_dict", {.node = {.container = kDict}});
    for (const auto& [name, variables] : optimizer.slot_lists()) list_child(id, name, variables);
  }

  ObjectGraph graph_;
  std::deque<int> open_;
  std::vector<std::vector<VariablePtr>> lists_;
  std::map<const void*, int> numbers_;
  OptimizerPtr root_optimizer_;
  int signatures_ = -1;
};

}  // namespace

std::vector<std::pair<std::string, LayerPtr>> keras_children(const Layer& layer) {
  const auto* model = dynamic_cast<const Functional*>(&layer);
  if (model == nullptr) return layer.sublayers();
  std::vector<std::pair<std::string, LayerPtr>> children;
  int number = 0, with_weights = 0;
  for (const LayerPtr& sublayer : model->layers()) {
    if (!sublayer->weights().empty()) children.emplace_back("layer_with_weights-" + std::to_string(with_weights++), sublayer);
    children.emplace_back("layer-" + std::to_string(number++), sublayer);
  }
  return children;
}

ObjectGraph saved_model_graph(const FunctionalPtr& model, const OptimizerPtr& optimizer, int& signatures) {
  return GraphWriter().build(model, optimizer, signatures);
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
