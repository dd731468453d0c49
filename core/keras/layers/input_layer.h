// InputLayer: where a Functional model begins.
#pragma once

#include "core/keras/layers/layer.h"

namespace keras {

class InputLayer final : public LayerBase<InputLayer> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "InputLayer";

  bool sparse = false, ragged = false;

  static const ConfigTable<InputLayer>& table();
  Json get_config() const override;
  void load_config(Json& config) override;
  Values call(CallContext&, std::span<const Value> inputs) override { return {inputs.begin(), inputs.end()}; }

 protected:
  bool zero_based_names() const override { return false; }
};

/// A new InputLayer's output. An empty `name` becomes an automatic one.
KerasTensor make_input(Session& session, const Shape& batch_shape, DType dtype, std::string_view name = {});

}  // namespace keras
