// Functional models: a graph of layers between inputs and outputs.
#pragma once

#include <optional>

#include "core/keras/layers/layer.h"

namespace keras {

/// How the user gave inputs or outputs: one tensor, a list, or a dict by these keys.
struct Structure {
  enum class Kind { kSingle, kList, kDict } kind = Kind::kSingle;
  std::vector<std::string> keys = {};
};

/// One call of a layer that belongs to the model.
struct NetworkNode {
  Layer* layer;
  int node;
  friend bool operator==(const NetworkNode&, const NetworkNode&) = default;
};

class Functional : public Layer {
 public:
  explicit Functional(Session& session) : Layer(session) { is_model_ = true; }

  /// Throws ValueError: outputs that inputs do not reach, names used twice.
  static std::shared_ptr<Functional> make(Session& session, std::vector<KerasTensor> inputs, std::vector<KerasTensor> outputs,
                                          std::string name, Structure input_structure = {}, Structure output_structure = {});

  std::string_view class_name() const override { return "Functional"; }
  std::string_view module() const override { return "keras.src.engine.functional"; }
  Json get_config() const override { return network_config(Dialect::kV3); }
  /// The config with its layers in the form of `dialect`.
  virtual Json network_config(Dialect dialect) const;
  Values call(CallContext& context, std::span<const Value> inputs) override;
  bool expects_training() const override { return true; }

  std::vector<VariablePtr> weights() const override;
  std::vector<std::pair<std::string, LayerPtr>> sublayers() const override;
  TrackedChildren tracked_children() const override;
  void set_trainable(bool trainable) override;

  /// Of compile(), or null. Belongs to the model as an attribute does: checkpoints of the model hold its state.
  const std::shared_ptr<Optimizer>& optimizer() const { return optimizer_; }
  void set_optimizer(std::shared_ptr<Optimizer> optimizer);

  /// By depth, inputs first: Keras's model.layers (Sequential leaves the InputLayer out).
  virtual std::vector<LayerPtr> layers() const { return layers_; }
  /// All layers, the InputLayer of a Sequential too.
  const std::vector<LayerPtr>& network_layers() const { return layers_; }
  const std::vector<KerasTensor>& inputs() const { return inputs_; }
  const std::vector<KerasTensor>& outputs() const { return outputs_; }
  const Structure& input_structure() const { return input_structure_; }
  const Structure& output_structure() const { return output_structure_; }
  std::vector<std::string> input_names() const;
  /// Names of the output layers; a layer used twice gets "_1".
  std::vector<std::string> output_names() const;
  /// The calls of layers in the model, in an order in which they can run.
  const std::vector<NetworkNode>& network_nodes() const { return nodes_in_order_; }
  /// Whether inputs and outputs are known (a Sequential without input shape is not built yet).
  bool is_graph_network() const { return !outputs_.empty(); }

 protected:
  void connect(std::vector<KerasTensor> inputs, std::vector<KerasTensor> outputs);

  std::vector<KerasTensor> inputs_, outputs_;
  Structure input_structure_, output_structure_;
  std::vector<LayerPtr> layers_;
  std::vector<NetworkNode> nodes_in_order_;

 private:
  void map_network();

  std::shared_ptr<Optimizer> optimizer_;
};

using FunctionalPtr = std::shared_ptr<Functional>;

/// A nested model that begins with an InputLayer counts its calls from 1 in configs (Keras's "pre-existing node").
bool skips_first_node(const Layer& layer);

}  // namespace keras
