// Sequential models: a stack of layers. A Functional model as soon as the input's shape is known.
#pragma once

#include "core/keras/models/functional.h"

namespace keras {

class Sequential final : public Functional {
 public:
  using Functional::Functional;
  static std::shared_ptr<Sequential> make(Session& session, std::string name);

  std::string_view class_name() const override { return "Sequential"; }
  std::string_view module() const override { return "keras"; }
  Json network_config(Dialect dialect) const override;
  std::vector<LayerPtr> layers() const override;
  std::vector<std::pair<std::string, LayerPtr>> sublayers() const override;
  std::vector<VariablePtr> weights() const override;
  /// Builds a stack whose input shape was not known.
  void build(const std::vector<Shape>& inputs) override;

  /// Throws ValueError: a name used twice, a layer of several outputs.
  void add(const LayerPtr& layer);
  /// Throws TypeError for an empty stack.
  void pop();
  /// How often layers have come and gone.
  uint64_t changes() const { return changes_; }

 private:
  void start(const Shape& batch_shape, DType dtype, const std::string& input_name);

  std::vector<LayerPtr> stack_;  // the InputLayer first, if there is one
  uint64_t changes_ = 0;
};

using SequentialPtr = std::shared_ptr<Sequential>;

}  // namespace keras
