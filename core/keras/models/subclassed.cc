// Signature and weights of subclassed models. Source: keras/src/engine/training.py, and the data structures of
// tensorflow/python/trackable/data_structures.py.
#include "core/keras/models/subclassed.h"

namespace keras {
namespace {

std::vector<TensorSpec> specs_of(std::span<const Value> values) {
  std::vector<TensorSpec> specs;
  for (const Value& value : values) {
    Shape shape = value.shape();
    if (shape.known_rank() && shape.rank() > 0) shape.set_dim(0, kUnknownDim);
    specs.push_back({std::move(shape), value.dtype()});
  }
  return specs;
}

/// compile_utils.create_pseudo_output_names: what stands in a list counts from one.
std::vector<std::string> pseudo_names(std::string_view prefix, const Structure& structure, size_t count) {
  if (structure.kind == Structure::Kind::kDict) return structure.keys;
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(std::string(prefix) + std::to_string(i + 1));
  return names;
}

/// Weights of layers, in order; a list or dict tells of the layers in it, and then of its variables.
void collect(const TrackedChildren& children, bool trainable, std::vector<VariablePtr>& result) {
  for (const auto& [name, child] : children) {
    if (child.layer) append(trainable ? child.layer->trainable_weights() : child.layer->non_trainable_weights(), result);
    if (!child.container) continue;
    collect(values_of(*child.container), trainable, result);
    for (const auto& [key, member] : child.container->children) {
      if (member.variable && member.variable->trainable == trainable) result.push_back(member.variable);
    }
  }
}

}  // namespace

Values Subclassed::call(CallContext& context, std::span<const Value> inputs) {
  Values outputs = Custom::call(context, inputs);
  if (outputs.empty()) throw ValueError("The call of model '{}' returned no tensor.", name_);
  if (outputs_.empty()) {
    inputs_ = specs_of(inputs);
    outputs_ = specs_of(outputs);
  } else if (outputs.size() != outputs_.size()) {
    throw UnimplementedError("Model '{}' gave {} tensor(s) when it was first called, and now {}.", name_, outputs_.size(),
                             outputs.size());
  }
  return outputs;
}

void Subclassed::trace(const std::vector<TensorSpec>& inputs, bool scoped) {
  GraphBuilder builder("build_" + name_, session_->limits);
  Values args;
  for (const TensorSpec& input : inputs) args.push_back(builder.arg("input", input.dtype, input.shape));
  CallContext context{builder, false, {}};
  if (scoped) {
    call_in_graph(context, args);
    return;
  }
  std::vector<Shape> shapes;
  for (const TensorSpec& input : inputs) shapes.push_back(input.shape);
  ensure_built(shapes);
  call(context, args);
}

std::vector<LayerPtr> Subclassed::layers() const {
  std::vector<LayerPtr> result;
  for (auto& [name, layer] : sublayers()) result.push_back(std::move(layer));
  return result;
}

std::vector<std::string> Subclassed::input_names() const { return pseudo_names("input_", input_structure_, inputs_.size()); }
std::vector<std::string> Subclassed::output_names() const { return pseudo_names("output_", output_structure_, outputs_.size()); }

std::vector<VariablePtr> Subclassed::trainable_weights() const {
  return trainable_ ? weights_that(true) : std::vector<VariablePtr>{};
}

std::vector<VariablePtr> Subclassed::non_trainable_weights() const {
  std::vector<VariablePtr> result;
  if (!trainable_) append(weights_that(true), result);
  append(weights_that(false), result);
  return each_once(result);
}

std::vector<VariablePtr> Subclassed::weights_that(bool trainable) const {
  std::vector<VariablePtr> result;
  collect(held(), trainable, result);
  for (VariablePtr& variable : own_variables()) {
    if (variable->trainable == trainable) result.push_back(std::move(variable));
  }
  return each_once(result);
}

std::vector<VariablePtr> Subclassed::weights() const {
  std::vector<VariablePtr> result;
  for (const auto& [name, property] : held()) {
    if (property.layer)
      append(property.layer->weights(), result);
    else
      for (const bool trainable : {true, false}) collect({{name, property}}, trainable, result);
  }
  append(own_variables(), result);
  return each_once(result);
}

TrackedChildren Subclassed::tracked_children() const {
  TrackedChildren children = Custom::tracked_children();
  add_optimizer_edge(children);
  return children;
}

}  // namespace keras
