// The base of all models: layers, what goes in and comes out, the optimizer of compile().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/keras/layers/layer.h"
#include "core/tensor/tensor_spec.h"

namespace keras {

class Model : public Layer {
 public:
  explicit Model(Session& session) : Layer(session) { is_model_ = true; }

  bool expects_training() const override { return true; }

  /// In Keras's order; of a Sequential without its InputLayer.
  virtual std::vector<LayerPtr> layers() const = 0;
  /// Whether what follows is known: not of a Sequential without an input shape, or of a subclass that has not been called.
  virtual bool knows_signature() const = 0;
  virtual std::vector<TensorSpec> input_specs() const = 0;
  virtual std::vector<TensorSpec> output_specs() const = 0;
  virtual std::vector<std::string> input_names() const = 0;
  virtual std::vector<std::string> output_names() const = 0;
  /// Whether input_specs() holds for every call, or just tells of the first one.
  virtual bool has_fixed_inputs() const { return true; }

  /// Of compile(), or null. Belongs to the model as an attribute does: checkpoints of the model hold its state.
  const std::shared_ptr<Optimizer>& optimizer() const { return optimizer_; }
  void set_optimizer(std::shared_ptr<Optimizer> optimizer);

 protected:
  /// The edge that compile() adds to the object graph.
  void add_optimizer_edge(TrackedChildren& children) const;

 private:
  std::shared_ptr<Optimizer> optimizer_;
};

using ModelPtr = std::shared_ptr<Model>;

}  // namespace keras
