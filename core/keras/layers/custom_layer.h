// Classes of the user's own, layers and models: what the class does is handed in.
#pragma once

#include <functional>
#include <map>

#include "core/keras/layers/layer.h"

namespace keras {

/// What a user's class defines, as the bindings translate it.
class CustomLayerHooks {
 public:
  virtual ~CustomLayerHooks() = default;
  virtual void build(Layer& layer, const std::vector<Shape>& inputs) = 0;
  /// Inputs have the layer's input_structure(); tells the layer the structure of what it returns.
  virtual Values call(Layer& layer, CallContext& context, std::span<const Value> inputs) = 0;
  /// What the class's getConfig() returns, base keys included.
  virtual Json get_config(const Layer& layer) const = 0;
  virtual bool expects_training() const = 0;
  /// Layers and variables that the object holds under its property names, lists and dicts of them as containers.
  virtual TrackedChildren tracked_children() const = 0;
};

/// What a list or dict holds in the order in which Keras walks it: a dict by its sorted keys.
TrackedChildren values_of(const Container& container);
/// The layers in `held`, each once, in order: those in lists and dicts too, as "blocks-0".
std::vector<std::pair<std::string, LayerPtr>> layers_held(const TrackedChildren& held);
/// `made` by add_weight, and among them, in the order of properties, the variables in `held`.
std::vector<Weight> weights_held(const TrackedChildren& held, const std::vector<Weight>& made);
/// The edges of an object graph. A weight has one under its own name, and then one under the property that it was assigned
/// to, where that differs.
TrackedChildren edges_held(const TrackedChildren& held, const std::vector<Weight>& made);

/// What layers and models of the user's have in common.
template <class Base>
class Custom : public Base {
 public:
  /// `registered_name` is "Package>Name", or the bare name of a class that is not registered.
  Custom(Session& session, std::string class_name, std::string registered_name, std::unique_ptr<CustomLayerHooks> hooks)
      : Base(session),
        class_name_(std::move(class_name)),
        registered_name_(std::move(registered_name)),
        hooks_(std::move(hooks)) {}

  bool is_custom() const override { return true; }
  std::string_view class_name() const override { return class_name_; }
  std::string registered_name() const override { return registered_name_; }
  std::string_view module() const override { return {}; }
  Json get_config() const override { return hooks_->get_config(*this); }
  void build(const std::vector<Shape>& inputs) override { hooks_->build(*this, inputs); }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    const Structure& structure = this->input_structure();
    if (structure.kind == Structure::Kind::kDict && structure.keys.size() != inputs.size())
      throw ValueError("'{}' takes a dict of {}, but was given {} tensor(s)", this->name(), join(structure.keys, ", "),
                       inputs.size());
    return hooks_->call(*this, context, inputs);
  }
  bool expects_training() const override { return hooks_->expects_training(); }

  std::vector<std::pair<std::string, LayerPtr>> sublayers() const override { return layers_held(held()); }
  std::vector<Weight> own_weights() const override { return weights_held(held(), Base::own_weights()); }
  TrackedChildren tracked_children() const override { return edges_held(held(), Base::own_weights()); }
  void set_trainable(bool trainable) override {
    Base::set_trainable(trainable);
    for (const auto& [name, layer] : sublayers()) layer->set_trainable(trainable);
  }

 protected:
  TrackedChildren held() const { return hooks_->tracked_children(); }

 private:
  std::string class_name_, registered_name_;
  std::unique_ptr<CustomLayerHooks> hooks_;
};

using CustomLayer = Custom<Layer>;

/// Classes that the user hands in, by the name that files have: makes the layer from its config.
using CustomObjects = std::map<std::string, std::function<LayerPtr(const Json& config)>, std::less<>>;

}  // namespace keras
