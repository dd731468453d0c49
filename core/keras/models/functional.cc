// Functional models: structure, calls, config.
#include "core/keras/models/functional.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/keras/models/network_map.h"
#include "core/keras/models/serialization.h"

namespace keras {
namespace {

using NodeKey = std::pair<const Layer*, int>;

/// Numbers of the kept calls of each layer, as configs have them.
std::map<NodeKey, int64_t> config_node_numbers(const std::vector<LayerPtr>& layers, const std::vector<NetworkNode>& nodes) {
  std::map<NodeKey, int64_t> numbers;
  for (const LayerPtr& layer : layers) {
    int64_t number = skips_first_node(*layer) ? 1 : 0;
    for (int node = 0; node < static_cast<int>(layer->nodes().size()); ++node) {
      if (std::find(nodes.begin(), nodes.end(), NetworkNode{layer.get(), node}) != nodes.end()) {
        numbers[{layer.get(), node}] = number++;
      }
    }
  }
  return numbers;
}

Json tensor_reference(const KerasTensor& tensor, const std::map<NodeKey, int64_t>& numbers) {
  return Json::array({tensor.layer->name(), numbers.at({tensor.layer.get(), tensor.node}), tensor.tensor});
}

Json structured(const std::vector<KerasTensor>& tensors, const Structure& structure, const std::map<NodeKey, int64_t>& numbers) {
  Json result = structure.kind == Structure::Kind::kDict ? Json::object() : Json::array();
  for (size_t i = 0; i < tensors.size(); ++i) {
    Json reference = tensor_reference(tensors[i], numbers);
    if (structure.kind == Structure::Kind::kDict)
      result[structure.keys[i]] = std::move(reference);
    else
      result.push_back(std::move(reference));
  }
  return result;
}

std::vector<std::string> unique_layer_names(const std::vector<KerasTensor>& tensors) {
  std::vector<std::string> names;
  std::map<std::string, int64_t> counts;
  for (const KerasTensor& tensor : tensors) {
    const int64_t count = counts[tensor.layer->name()]++;
    names.push_back(count == 0 ? tensor.layer->name() : tensor.layer->name() + "_" + std::to_string(count));
  }
  return names;
}

/// What a call of a layer was given: a list of references, or a dict of them.
Json call_config(const Layer& layer, const InboundNode& call, const std::map<NodeKey, int64_t>& numbers) {
  const bool dict = layer.is_custom() && layer.input_structure().kind == Structure::Kind::kDict;
  Json sources = dict ? Json::object() : Json::array();
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    Json reference = tensor_reference(call.inputs[i], numbers);
    reference.push_back(call.kwargs);
    if (dict)
      sources[layer.input_structure().keys[i]] = std::move(reference);
    else
      sources.push_back(std::move(reference));
  }
  return sources;
}

std::vector<TensorSpec> specs_of(const std::vector<KerasTensor>& tensors) {
  std::vector<TensorSpec> specs;
  for (const KerasTensor& tensor : tensors) specs.push_back({tensor.shape(), tensor.dtype()});
  return specs;
}

}  // namespace

bool skips_first_node(const Layer& layer) {
  const auto* model = dynamic_cast<const Functional*>(&layer);
  return model != nullptr && !model->network_layers().empty() && model->network_layers().front()->class_name() == "InputLayer";
}

FunctionalPtr Functional::make(Session& session, std::vector<KerasTensor> inputs, std::vector<KerasTensor> outputs,
                               std::string name, Structure input_structure, Structure output_structure) {
  auto model = std::make_shared<Functional>(session);
  model->set_name(name.empty() ? session.unique_name("Model") : std::move(name));
  model->input_structure_ = std::move(input_structure);
  model->output_structure_ = std::move(output_structure);
  model->connect(std::move(inputs), std::move(outputs));
  return model;
}

void Functional::connect(std::vector<KerasTensor> inputs, std::vector<KerasTensor> outputs) {
  for (const KerasTensor& input : inputs) {
    if (input.layer->class_name() == "InputLayer") continue;
    throw UnimplementedError("Model '{}': inputs must come from `keras.input()`; '{}' is the output of a {} layer.", name_,
                             input.layer->name(), input.layer->class_name());
  }
  inputs_ = std::move(inputs);
  outputs_ = std::move(outputs);
  map_network();
  std::set<std::string> names;
  for (const LayerPtr& layer : layers_) {
    if (!names.insert(layer->name()).second) {
      throw ValueError("The name \"{}\" is used 2 times in the model. All layer names should be unique.", layer->name());
    }
    const bool is_input = std::any_of(inputs_.begin(), inputs_.end(), [&](const KerasTensor& t) { return t.layer == layer; });
    if (layer->class_name() == "InputLayer" && !is_input) {
      throw ValueError(
          "Graph disconnected: cannot obtain value for tensor of input layer \"{}\", which is not among the inputs "
          "of model '{}'.",
          layer->name(), name_);
    }
  }
  built_ = true;
}

void Functional::map_network() {
  NetworkMap map = keras::map_network(inputs_, outputs_);
  layers_ = std::move(map.layers);
  nodes_in_order_ = std::move(map.nodes);
}

Values Functional::call(CallContext& context, std::span<const Value> inputs) {
  if (inputs.size() != inputs_.size()) {
    throw ValueError("Layer \"{}\" expects {} input(s), but it received {} input tensors.", name_, inputs_.size(), inputs.size());
  }
  std::map<std::tuple<const Layer*, int, int>, Value> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Value value = cast(inputs[i], inputs_[i].dtype());
    const Shape& expected = inputs_[i].shape();
    if (!expected.compatible_with(value.shape())) {
      throw ValueError("Input {} of layer \"{}\" is incompatible with the layer: expected shape={}, found shape={}", i, name_,
                       expected, value.shape());
    }
    values[{inputs_[i].layer.get(), inputs_[i].node, inputs_[i].tensor}] = value;
  }
  for (const NetworkNode& node : nodes_in_order_) {
    if (values.contains({node.layer, node.node, 0})) continue;
    const InboundNode& call = node.layer->nodes()[static_cast<size_t>(node.node)];
    Values arguments;
    for (const KerasTensor& source : call.inputs) {
      arguments.push_back(values.at({source.layer.get(), source.node, source.tensor}));
    }
    const bool training = context.training;
    context.training = call.training(training);
    const Values outputs = node.layer->call_in_graph(context, arguments);
    context.training = training;
    for (size_t i = 0; i < outputs.size(); ++i) values[{node.layer, node.node, static_cast<int>(i)}] = outputs[i];
  }
  Values results;
  for (const KerasTensor& output : outputs_) results.push_back(values.at({output.layer.get(), output.node, output.tensor}));
  return results;
}

Json Functional::network_config(Dialect dialect) const {
  const auto numbers = config_node_numbers(layers_, nodes_in_order_);
  Json layers = Json::array();
  for (const LayerPtr& layer : layers_) {
    Json inbound = Json::array();
    for (int node = 0; node < static_cast<int>(layer->nodes().size()); ++node) {
      if (!numbers.contains({layer.get(), node})) continue;
      const InboundNode& call = layer->nodes()[static_cast<size_t>(node)];
      if (call.inputs.empty()) continue;
      inbound.push_back(call_config(*layer, call, numbers));
    }
    Json entry = serialize_layer(*layer, dialect);
    entry["name"] = layer->name();
    entry["inbound_nodes"] = std::move(inbound);
    layers.push_back(std::move(entry));
  }
  return {{"name", name_},
          {"trainable", trainable_},
          {"layers", std::move(layers)},
          {"input_layers", structured(inputs_, input_structure_, numbers)},
          {"output_layers", structured(outputs_, output_structure_, numbers)}};
}

// Layer by layer, each its trainable weights first.
std::vector<VariablePtr> Functional::weights() const {
  std::vector<VariablePtr> result;
  std::set<const Variable*> seen;
  for (const LayerPtr& layer : layers_) {
    for (VariablePtr& variable : layer->weights()) {
      if (seen.insert(variable.get()).second) result.push_back(std::move(variable));
    }
  }
  return result;
}

std::vector<std::pair<std::string, LayerPtr>> Functional::sublayers() const {
  std::vector<std::pair<std::string, LayerPtr>> result;
  for (size_t i = 0; i < layers_.size(); ++i) result.emplace_back("layer-" + std::to_string(i), layers_[i]);
  return result;
}

/// Keras's edges: every layer as "layer-I", those with weights as "layer_with_weights-K" before that.
TrackedChildren Functional::tracked_children() const {
  TrackedChildren children;
  int number = 0, with_weights = 0;
  for (const LayerPtr& layer : layers()) {
    if (!layer->weights().empty())
      children.emplace_back("layer_with_weights-" + std::to_string(with_weights++), Trackable{.layer = layer});
    children.emplace_back("layer-" + std::to_string(number++), Trackable{.layer = layer});
  }
  for (const Weight& weight : own_weights()) children.emplace_back(weight.attribute, Trackable{.variable = weight.variable});
  add_optimizer_edge(children);
  return children;
}

void Functional::set_trainable(bool trainable) {
  Layer::set_trainable(trainable);
  for (const LayerPtr& layer : layers_) layer->set_trainable(trainable);
}

std::vector<TensorSpec> Functional::input_specs() const { return specs_of(inputs_); }
std::vector<TensorSpec> Functional::output_specs() const { return specs_of(outputs_); }
std::vector<std::string> Functional::input_names() const { return unique_layer_names(inputs_); }
std::vector<std::string> Functional::output_names() const { return unique_layer_names(outputs_); }

}  // namespace keras
