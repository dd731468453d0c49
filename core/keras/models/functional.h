// Functional models: a graph of layers between inputs and outputs.
#pragma once

#include "core/keras/models/model.h"

namespace keras {

/// One call of a layer that belongs to the model.
struct NetworkNode {
  Layer* layer;
  int node;
  friend bool operator==(const NetworkNode&, const NetworkNode&) = default;
};

class Functional : public Model {
 public:
  using Model::Model;

  /// Throws ValueError: outputs that inputs do not reach, names used twice.
  static std::shared_ptr<Functional> make(Session& session, std::vector<KerasTensor> inputs, std::vector<KerasTensor> outputs,
                                          std::string name, Structure input_structure = {}, Structure output_structure = {});

  std::string_view class_name() const override { return "Functional"; }
  std::string_view module() const override { return "keras.src.engine.functional"; }
  Json get_config() const override { return network_config(Dialect::kV3); }
  /// The config with its layers in the form of `dialect`.
  virtual Json network_config(Dialect dialect) const;
  Values call(CallContext& context, std::span<const Value> inputs) override;

  std::vector<VariablePtr> weights() const override;
  std::vector<std::pair<std::string, LayerPtr>> sublayers() const override;
  TrackedChildren tracked_children() const override;
  void set_trainable(bool trainable) override;

  /// By depth, inputs first: Keras's model.layers (Sequential leaves the InputLayer out).
  std::vector<LayerPtr> layers() const override { return layers_; }
  /// All layers, the InputLayer of a Sequential too.
  const std::vector<LayerPtr>& network_layers() const { return layers_; }
  const std::vector<KerasTensor>& inputs() const { return inputs_; }
  const std::vector<KerasTensor>& outputs() const { return outputs_; }
  std::vector<TensorSpec> input_specs() const override;
  std::vector<TensorSpec> output_specs() const override;
  std::vector<std::string> input_names() const override;
  /// Names of the output layers; a layer used twice gets "_1".
  std::vector<std::string> output_names() const override;
  /// The calls of layers in the model, in an order in which they can run.
  const std::vector<NetworkNode>& network_nodes() const { return nodes_in_order_; }
  /// Whether inputs and outputs are known (a Sequential without input shape is not built yet).
  bool is_graph_network() const { return !outputs_.empty(); }
  bool knows_signature() const override { return is_graph_network(); }

 protected:
  void connect(std::vector<KerasTensor> inputs, std::vector<KerasTensor> outputs);

  std::vector<KerasTensor> inputs_, outputs_;
  std::vector<LayerPtr> layers_;
  std::vector<NetworkNode> nodes_in_order_;

 private:
  void map_network();
};

using FunctionalPtr = std::shared_ptr<Functional>;

/// A nested model that begins with an InputLayer counts its calls from 1 in configs (Keras's "pre-existing node").
bool skips_first_node(const Layer& layer);

}  // namespace keras
