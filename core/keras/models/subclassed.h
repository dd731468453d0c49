// Models whose class is the user's: their call is traced, and what goes in and comes out is known once they have been called.
#pragma once

#include "core/keras/layers/custom_layer.h"
#include "core/keras/models/model.h"

namespace keras {

class Subclassed final : public Custom<Model> {
 public:
  using Custom::Custom;

  /// Remembers what the first call took and gave.
  Values call(CallContext& context, std::span<const Value> inputs) override;
  /// Makes the weights as a first call on such inputs does. `scoped`: names of weights begin with the model's.
  void trace(const std::vector<TensorSpec>& inputs, bool scoped);

  std::vector<LayerPtr> layers() const override;
  bool knows_signature() const override { return !outputs_.empty(); }
  bool has_fixed_inputs() const override { return false; }
  std::vector<TensorSpec> input_specs() const override { return inputs_; }
  std::vector<TensorSpec> output_specs() const override { return outputs_; }
  /// Keras's names for what has none: "output_1", or the keys of a dict.
  std::vector<std::string> input_names() const override;
  std::vector<std::string> output_names() const override;

  // In the order of properties, and the model's own last; a list's or dict's trainable ones first.
  std::vector<VariablePtr> trainable_weights() const override;
  std::vector<VariablePtr> non_trainable_weights() const override;
  std::vector<VariablePtr> weights() const override;
  TrackedChildren tracked_children() const override;

 private:
  std::vector<VariablePtr> weights_that(bool trainable) const;

  std::vector<TensorSpec> inputs_, outputs_;
};

}  // namespace keras
