// Dropout.
#include "core/keras/layers/classes.h"

namespace keras {
namespace {

/// In training, each element is zero with probability `rate`, the others are scaled by 1 / (1 − rate). Else the identity.
class Dropout final : public LayerBase<Dropout> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Dropout";
  double rate = 0;
  std::optional<std::vector<std::optional<int64_t>>> noise_shape;
  std::optional<int64_t> seed;
  static const ConfigTable<Dropout>& table() {
    static const ConfigTable<Dropout> rows = {required_field("rate", &Dropout::rate), field("noise_shape", &Dropout::noise_shape),
                                              field("seed", &Dropout::seed)};
    return rows;
  }
  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    if (rate < 0 || rate > 1) {
      throw ValueError("Invalid value {} received for `rate`, expected a value between 0 and 1.", rate);
    }
  }
  bool expects_training() const override { return true; }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    const Value& x = inputs[0];
    if (!context.training || rate == 0) return {x};
    const Value uniform = emit1("RandomUniform", {noise_shape_of(x)}, {{"dtype", x.dtype()}, {"seed", seed.value_or(0)}});
    const Value keep = greater_equal(uniform, scalar_like(x, rate));
    return {select(keep, mul(x, rate < 1 ? 1 / (1 - rate) : 0), zeros_like(x))};
  }

 private:
  /// The shape of the mask: the input's, or noise_shape with null for the input's dimension.
  Value noise_shape_of(const Value& x) const {
    if (!noise_shape) return shape_of(x);
    Emitter& emitter = *x.emitter;
    Values parts;
    for (size_t i = 0; i < noise_shape->size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      const std::optional<int64_t> dim = (*noise_shape)[i];
      parts.push_back(
          dim ? ints(emitter, {*dim})
              : emit1("StridedSlice", {shape_of(x), ints(emitter, {at}), ints(emitter, {at + 1}), ints(emitter, {1})}));
    }
    return concat(parts, 0);
  }
};

}  // namespace

LayerPtr make_dropout(Session& s) { return std::make_shared<Dropout>(s); }

}  // namespace keras
