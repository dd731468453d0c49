// What a user's object holds, as the engine sees it.
#include "core/keras/layers/custom_layer.h"

#include <algorithm>
#include <set>

namespace keras {
namespace {

void collect_layers(const std::string& prefix, const TrackedChildren& children,
                    std::vector<std::pair<std::string, LayerPtr>>& result) {
  for (const auto& [name, child] : children) {
    if (child.layer)
      result.emplace_back(prefix + name, child.layer);
    else if (child.container)
      collect_layers(prefix + name + "-", child.container->children, result);
  }
}

}  // namespace

std::vector<std::pair<std::string, LayerPtr>> CustomLayer::sublayers() const {
  std::vector<std::pair<std::string, LayerPtr>> result;
  collect_layers("", hooks_->tracked_children(), result);
  return result;
}

/// A weight has an edge under its own name, and then one under the property that it was assigned to, where that differs.
TrackedChildren CustomLayer::tracked_children() const {
  TrackedChildren children;
  std::set<const Variable*> named;
  const auto add_own_name = [&](const Weight& weight) {
    if (named.insert(weight.variable.get()).second)
      children.emplace_back(weight.attribute, Trackable{.variable = weight.variable});
  };
  for (const auto& [name, child] : hooks_->tracked_children()) {
    const auto own = std::find_if(own_weights().begin(), own_weights().end(),
                                  [&](const Weight& weight) { return child.variable && weight.variable == child.variable; });
    if (own != own_weights().end()) add_own_name(*own);
    if (own == own_weights().end() || own->attribute != name) children.emplace_back(name, child);
  }
  for (const Weight& weight : own_weights()) add_own_name(weight);
  return children;
}

}  // namespace keras
