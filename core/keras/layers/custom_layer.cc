// What a user's object holds, as the engine sees it.
#include "core/keras/layers/custom_layer.h"

#include <algorithm>
#include <set>

namespace keras {
namespace {

constexpr std::string_view kDict = "trackable_dict_wrapper";

void collect_layers(const std::string& prefix, const TrackedChildren& children, std::set<const Layer*>& seen,
                    std::vector<std::pair<std::string, LayerPtr>>& result) {
  for (const auto& [name, child] : children) {
    if (child.layer && seen.insert(child.layer.get()).second)
      result.emplace_back(prefix + name, child.layer);
    else if (child.container)
      collect_layers(prefix + name + "-", values_of(*child.container), seen, result);
  }
}

void collect_variables(const std::string& prefix, const TrackedChildren& children, std::vector<Weight>& result) {
  for (const auto& [name, child] : children) {
    if (child.variable) result.push_back({prefix + name, child.variable, nullptr, nullptr});
    if (child.container) collect_variables(prefix + name + "-", values_of(*child.container), result);
  }
}

}  // namespace

TrackedChildren values_of(const Container& container) {
  TrackedChildren children = container.children;
  if (container.kind == kDict) std::ranges::sort(children, {}, &std::pair<std::string, Trackable>::first);
  return children;
}

std::vector<std::pair<std::string, LayerPtr>> layers_held(const TrackedChildren& held) {
  std::vector<std::pair<std::string, LayerPtr>> result;
  std::set<const Layer*> seen;
  collect_layers("", held, seen, result);
  return result;
}

std::vector<Weight> weights_held(const TrackedChildren& held, const std::vector<Weight>& made) {
  std::vector<Weight> found, result;
  collect_variables("", held, found);
  std::set<const Variable*> seen;
  const auto add = [&](const Weight& weight) {
    if (seen.insert(weight.variable.get()).second) result.push_back(weight);
  };
  for (const Weight& weight : found) {
    const auto own = std::ranges::find(made, weight.variable, &Weight::variable);
    // Those that were made before it stand before it, whether they are properties or not.
    if (own == made.end())
      add(weight);
    else
      std::for_each(made.begin(), own + 1, add);
  }
  std::ranges::for_each(made, add);
  return result;
}

TrackedChildren edges_held(const TrackedChildren& held, const std::vector<Weight>& made) {
  TrackedChildren children;
  std::set<const Variable*> named;
  const auto add_own_name = [&](const Weight& weight) {
    if (named.insert(weight.variable.get()).second)
      children.emplace_back(weight.attribute, Trackable{.variable = weight.variable});
  };
  for (const auto& [name, child] : held) {
    const auto own = child.variable ? std::ranges::find(made, child.variable, &Weight::variable) : made.end();
    if (own != made.end()) add_own_name(*own);
    if (own == made.end() || own->attribute != name) children.emplace_back(name, child);
  }
  std::ranges::for_each(made, add_own_name);
  return children;
}

}  // namespace keras
