// What object graphs are made of: checkpoints and SavedModels name every variable by the path of children that leads to it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor/variable.h"

namespace keras {

class Layer;
class Optimizer;
struct Container;

/// One object of a graph: exactly one of these is set.
struct Trackable {
  std::shared_ptr<Layer> layer = nullptr;
  std::shared_ptr<Optimizer> optimizer = nullptr;
  VariablePtr variable = nullptr;
  std::shared_ptr<const Container> container = nullptr;
};

/// Local name → child, in order of tracking. An object may stand under several names; its key takes the first.
using TrackedChildren = std::vector<std::pair<std::string, Trackable>>;

/// A list, a dict, a user's plain object: nothing but its children. `kind` is the identifier that SavedModels give it.
struct Container {
  std::string kind;
  TrackedChildren children = {};
};

/// An object that tells, once, that it has got new children: restored values that had to wait are given to them then.
class Growing {
 public:
  /// At most one waits: the last restore wins.
  void when_grown(std::function<void()> action) { action_ = std::move(action); }

 protected:
  void grew() {
    // The action may ask to be called again.
    if (const auto action = std::exchange(action_, nullptr)) action();
  }

 private:
  std::function<void()> action_;
};

}  // namespace keras
