// Sequential: adding, removing, deferred building.
#include "core/keras/models/sequential.h"

#include <set>

#include "core/keras/layers/input_layer.h"
#include "core/keras/models/serialization.h"

namespace keras {
namespace {

bool is_input(const LayerPtr& layer) { return layer->class_name() == "InputLayer"; }

}  // namespace

SequentialPtr Sequential::make(Session& session, std::string name) {
  auto model = std::make_shared<Sequential>(session);
  model->set_name(name.empty() ? session.unique_name("Sequential") : std::move(name));
  return model;
}

std::vector<LayerPtr> Sequential::layers() const {
  std::vector<LayerPtr> result = stack_;
  if (!result.empty() && is_input(result.front())) result.erase(result.begin());
  return result;
}

std::vector<std::pair<std::string, LayerPtr>> Sequential::sublayers() const {
  std::vector<std::pair<std::string, LayerPtr>> result;
  for (size_t i = 0; i < stack_.size(); ++i) result.emplace_back("layer-" + std::to_string(i), stack_[i]);
  return result;
}

std::vector<VariablePtr> Sequential::weights() const {
  if (is_graph_network()) return Functional::weights();
  std::vector<VariablePtr> result;
  for (const LayerPtr& layer : stack_) {
    for (VariablePtr& variable : layer->weights()) result.push_back(std::move(variable));
  }
  return result;
}

void Sequential::add(const LayerPtr& layer) {
  for (const LayerPtr& other : stack_) {
    if (other->name() != layer->name()) continue;
    throw ValueError(
        "All layers added to a Sequential model should have unique names. Name \"{}\" is already the name of a "
        "layer in this model. Update the `name` argument to pass a unique name.",
        layer->name());
  }
  if (stack_.empty() && !is_input(layer)) {
    if (layer->batch_input_shape()) {
      start(*layer->batch_input_shape(), layer->dtype(), layer->name() + "_input");
    } else if (const auto* model = dynamic_cast<const Functional*>(layer.get()); model != nullptr && model->is_graph_network()) {
      start(model->inputs()[0].shape(), model->inputs()[0].dtype(), layer->name() + "_input");
    }
  }
  stack_.push_back(layer);
  if (is_input(layer)) {
    connect({{layer, 0, 0}}, {{layer, 0, 0}});
  } else if (is_graph_network()) {
    const std::vector<KerasTensor> outputs = layer->apply(outputs_);
    if (outputs.size() != 1) {
      stack_.pop_back();
      throw ValueError(
          "All layers in a Sequential model should have a single output tensor. For multi-output layers, use the "
          "functional API.");
    }
    connect(inputs_, outputs);
  }
  layers_ = stack_;
  ++changes_;
  grew();
}

void Sequential::start(const Shape& batch_shape, DType dtype, const std::string& input_name) {
  const KerasTensor input = make_input(session(), batch_shape, dtype, input_name);
  stack_.push_back(input.layer);
  connect({input}, {input});
}

void Sequential::pop() {
  if (layers().empty()) throw TypeError("There are no layers in the model.");
  stack_.pop_back();
  layers_ = stack_;
  ++changes_;
  if (!is_graph_network()) return;
  if (stack_.size() <= 1) {
    inputs_.clear();
    outputs_.clear();
    nodes_in_order_.clear();
    stack_.clear();
    layers_.clear();
    built_ = false;
    return;
  }
  // The output is what went into the layer that is gone: the last call of the layer now on top.
  const LayerPtr& top = stack_.back();
  connect(inputs_, {{top, static_cast<int>(top->nodes().size()) - 1, 0}});
  layers_ = stack_;
}

void Sequential::build(const std::vector<Shape>& inputs) {
  if (is_graph_network()) return;
  if (stack_.empty())
    throw ValueError("Sequential model '{}' cannot be built because it has no layers. Call `model.add(layer)`.", name_);
  std::vector<int64_t> dims = inputs[0].dims();
  if (!dims.empty()) dims[0] = kUnknownDim;
  const std::vector<LayerPtr> stack = std::move(stack_);
  stack_.clear();
  start(Shape(std::move(dims)), stack.front()->dtype(), stack.front()->name() + "_input");
  for (const LayerPtr& layer : stack) add(layer);
}

Json Sequential::network_config(Dialect dialect) const {
  Json layers = Json::array();
  for (const LayerPtr& layer : stack_) layers.push_back(serialize_layer(*layer, dialect));
  return {{"name", name_}, {"layers", std::move(layers)}};
}

}  // namespace keras
