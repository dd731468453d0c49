// What one loaded engine holds: the session, the runtime, and the objects that JavaScript has handles to.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/formats/tensor_bundle/bundle_reader.h"
#include "core/graph/executor.h"
#include "core/keras/layers/custom_layer.h"
#include "core/keras/models/model.h"
#include "core/keras/training/trainer.h"
#include "core/saving/checkpoint/restoration.h"
#include "core/saving/saved_model/saved_graph.h"
#include "wasm/errors.h"
#include "wasm/functions.h"

namespace keras {

/// Objects by number. An object has one number as long as JavaScript holds it; numbers are not used again.
template <class T>
class HandleTable {
 public:
  explicit HandleTable(std::string_view what) : what_(what) {}

  int add(const std::shared_ptr<T>& object) {
    const auto found = numbers_.find(object.get());
    if (found != numbers_.end()) return found->second;
    const int number = ++last_;
    objects_.emplace(number, object);
    numbers_.emplace(object.get(), number);
    return number;
  }
  /// Throws RuntimeError for an object that has been disposed of.
  const std::shared_ptr<T>& get(int number) const {
    const auto found = objects_.find(number);
    if (found == objects_.end()) throw RuntimeError("This {} has been disposed of.", what_);
    return found->second;
  }
  /// Null if there is none.
  const T* find(int number) const {
    const auto found = objects_.find(number);
    return found == objects_.end() ? nullptr : found->second.get();
  }
  void release(int number) {
    const auto found = objects_.find(number);
    if (found == objects_.end()) return;
    numbers_.erase(found->second.get());
    objects_.erase(found);
  }

 private:
  std::string_view what_;
  int last_ = 0;
  std::unordered_map<int, std::shared_ptr<T>> objects_;
  std::unordered_map<const T*, int> numbers_;
};

/// A call that is being traced: of a custom layer, or of a function (which then is not null).
struct Trace {
  CallContext* context;
  FunctionTrace* function;
  int graph;  // the number under which JavaScript knows the graph
};

/// A model's training state beside its layers.
struct ModelState {
  explicit ModelState(ModelPtr model) : trainer(std::move(model)) {}
  Trainer trainer;
};

struct Engine {
  Engine(std::unique_ptr<kernels::Parallel> parallel, uint64_t seed, const Limits& limits);

  Session session;
  Runtime runtime;
  HandleTable<Layer> layers{"layer"};
  HandleTable<Variable> variables{"variable"};
  HandleTable<Optimizer> optimizers{"optimizer"};
  HandleTable<BundleReader> bundles{"checkpoint reader"};
  HandleTable<Restoration> restorations{"restored checkpoint"};
  HandleTable<CallableFunction> functions{"function"};
  HandleTable<TracedFunction> traced{"function"};
  HandleTable<SavedGraph> graphs{"SavedModel"};
  std::unordered_map<const Layer*, std::shared_ptr<ModelState>> models;
  std::vector<Trace> traces;  // under way, innermost last
  int last_graph = 0;

  void open_trace(CallContext& context, FunctionTrace* function);
  void close_trace() { traces.pop_back(); }
  bool is_open(const CallContext& context) const;

  ModelPtr model(int number) const;
  /// Made at first use. REQUIRES: the layer is a model.
  Trainer& trainer(int number);
  /// JavaScript lets go of the layer; a model's training state goes with it.
  void release_layer(int number);
};

/// Throws RuntimeError before init().
Engine& engine();

}  // namespace keras
