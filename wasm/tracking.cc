// Numbers to objects.
#include "wasm/tracking.h"

#include "wasm/engine.h"

namespace keras {
namespace {

using emscripten::val;

/// Containers may be shared, but never hold themselves: JavaScript leaves such edges out.
class TreeReader {
 public:
  explicit TreeReader(const val& tree) : root_(tree["root"].as<unsigned>()) {
    const val nodes = tree["nodes"];
    const auto count = nodes["length"].as<unsigned>();
    std::vector<std::shared_ptr<Container>> containers(count);
    for (unsigned i = 0; i < count; ++i) {
      const val node = nodes[i];
      Trackable object;
      if (!node["layer"].isUndefined()) {
        object.layer = engine().layers.get(node["layer"].as<int>());
      } else if (!node["variable"].isUndefined()) {
        object.variable = engine().variables.get(node["variable"].as<int>());
      } else if (!node["optimizer"].isUndefined()) {
        object.optimizer = engine().optimizers.get(node["optimizer"].as<int>());
      } else {
        containers[i] = std::make_shared<Container>(Container{node["kind"].as<std::string>()});
        object.container = containers[i];
      }
      objects_.push_back(std::move(object));
    }
    for (unsigned i = 0; i < count; ++i) {
      if (containers[i]) containers[i]->children = children(nodes[i]["children"]);
    }
  }

  const Trackable& root() const { return objects_.at(root_); }
  TrackedChildren children(const val& list) const {
    TrackedChildren result;
    const auto count = list["length"].as<unsigned>();
    for (unsigned i = 0; i < count; ++i)
      result.emplace_back(list[i][0].as<std::string>(), objects_.at(list[i][1].as<unsigned>()));
    return result;
  }

 private:
  size_t root_;
  std::vector<Trackable> objects_;
};

}  // namespace

TrackedRoot tracked_root_from_js(const val& tree) {
  const TreeReader reader(tree);
  return {reader.root(), reader.children(tree["attached"])};
}

TrackedChildren tracked_children_from_js(const val& tree) { return TreeReader(tree).root().container->children; }

}  // namespace keras
