// Rescaling.
#include "core/keras/layers/classes.h"

namespace keras {
namespace {

/// x · scale + offset, in the layer's dtype.
class Rescaling final : public LayerBase<Rescaling> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Rescaling";
  Json scale, offset = 0.0;
  static const ConfigTable<Rescaling>& table() {
    static const ConfigTable<Rescaling> rows = {required_field("scale", &Rescaling::scale), field("offset", &Rescaling::offset)};
    return rows;
  }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    const Value x = cast(inputs[0], dtype_);
    return {add(mul(x, constant(context, scale)), constant(context, offset))};
  }

 private:
  /// A number, or a list of one number per channel.
  Value constant(CallContext& context, const Json& json) const {
    if (json.is_number()) return context.builder.constant(Tensor::number(dtype_, json.get<double>()));
    if (!json.is_array())
      throw ValueError("Rescaling '{}' takes numbers or lists of numbers. Received: {}", name(), dump_json(json));
    std::vector<float> values;
    for (const Json& item : json) {
      if (!item.is_number())
        throw ValueError("Rescaling '{}' takes numbers or lists of numbers. Received: {}", name(), dump_json(json));
      values.push_back(item.get<float>());
    }
    return cast(context.builder.constant(Tensor::vector(values)), dtype_);
  }
};

}  // namespace

LayerPtr make_rescaling(Session& s) { return std::make_shared<Rescaling>(s); }

}  // namespace keras
