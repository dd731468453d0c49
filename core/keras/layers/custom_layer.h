// Layers whose class is the user's: what the class does is handed in.
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
  virtual Values call(Layer& layer, CallContext& context, std::span<const Value> inputs) = 0;
  /// What the class's getConfig() returns, base keys included.
  virtual Json get_config(const Layer& layer) const = 0;
  virtual bool expects_training() const = 0;
  /// Layers and variables that the object holds under its property names, lists and dicts of them as containers.
  virtual TrackedChildren tracked_children() const = 0;
};

class CustomLayer final : public Layer {
 public:
  /// `registered_name` is "Package>Name", or the bare name of a class that is not registered.
  CustomLayer(Session& session, std::string class_name, std::string registered_name, std::unique_ptr<CustomLayerHooks> hooks)
      : Layer(session),
        class_name_(std::move(class_name)),
        registered_name_(std::move(registered_name)),
        hooks_(std::move(hooks)) {}

  std::string_view class_name() const override { return class_name_; }
  std::string registered_name() const override { return registered_name_; }
  std::string_view module() const override { return {}; }
  Json get_config() const override { return hooks_->get_config(*this); }
  void build(const std::vector<Shape>& inputs) override { hooks_->build(*this, inputs); }
  Values call(CallContext& context, std::span<const Value> inputs) override { return hooks_->call(*this, context, inputs); }
  bool expects_training() const override { return hooks_->expects_training(); }
  /// Those in lists and dicts too: "blocks-0".
  std::vector<std::pair<std::string, LayerPtr>> sublayers() const override;
  TrackedChildren tracked_children() const override;

 private:
  std::string class_name_, registered_name_;
  std::unique_ptr<CustomLayerHooks> hooks_;
};

/// Classes that the user hands in, by the name that files have: makes the layer from its config.
using CustomObjects = std::map<std::string, std::function<LayerPtr(const Json& config)>, std::less<>>;

}  // namespace keras
