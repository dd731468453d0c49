// Activation, ReLU, LeakyReLU, ELU, Softmax: activations as layers of their own.
#include "core/keras/activations/activation.h"
#include "core/keras/layers/classes.h"

namespace keras {
namespace {

/// These layers keep their numbers as float32, and their configs show it: 0.1 is 0.10000000149011612.
double as_float32(double value) { return static_cast<double>(static_cast<float>(value)); }

class ActivationLayer final : public LayerBase<ActivationLayer> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Activation";
  Activation activation;
  static const ConfigTable<ActivationLayer>& table() {
    static const ConfigTable<ActivationLayer> rows = {required_field("activation", &ActivationLayer::activation)};
    return rows;
  }
  Values call(CallContext&, std::span<const Value> inputs) override { return {activation(inputs[0])}; }
};

/// f(x) = max_value for x ≥ max_value; x for threshold ≤ x < max_value; negative_slope · (x − threshold) otherwise.
class ReLU final : public LayerBase<ReLU> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "ReLU";
  std::optional<double> max_value;
  double negative_slope = 0, threshold = 0;
  static const ConfigTable<ReLU>& table() {
    static const ConfigTable<ReLU> rows = {field("max_value", &ReLU::max_value), field("negative_slope", &ReLU::negative_slope),
                                           field("threshold", &ReLU::threshold)};
    return rows;
  }
  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    if (max_value) max_value = as_float32(*max_value);
    negative_slope = as_float32(negative_slope);
    threshold = as_float32(threshold);
    if (max_value && *max_value < 0)
      throw ValueError("max_value of a ReLU layer cannot be a negative value. Received: {}", *max_value);
    if (negative_slope < 0)
      throw ValueError("negative_slope of a ReLU layer cannot be a negative value. Received: {}", negative_slope);
    if (threshold < 0) throw ValueError("threshold of a ReLU layer cannot be a negative value. Received: {}", threshold);
  }
  Values call(CallContext&, std::span<const Value> inputs) override {
    const Value& x = inputs[0];
    if (threshold == 0 && negative_slope == 0 && max_value == 6.0) return {emit1("Relu6", {x})};
    Value positive = relu(x);
    if (threshold != 0) {
      positive = mul(x, cast(greater_equal(x, scalar_like(x, threshold)), x.dtype()));
    } else if (negative_slope != 0 && !max_value) {
      return {emit1("LeakyRelu", {x}, {{"alpha", static_cast<float>(negative_slope)}})};
    }
    if (max_value) positive = clip(positive, 0, *max_value);
    if (negative_slope == 0) return {positive};
    return {sub(positive, mul(relu(sub(threshold, x)), negative_slope))};
  }
};

class LeakyReLU final : public LayerBase<LeakyReLU> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "LeakyReLU";
  double alpha = 0.3f;  // Keras keeps it as a float32
  static const ConfigTable<LeakyReLU>& table() {
    static const ConfigTable<LeakyReLU> rows = {field("alpha", &LeakyReLU::alpha)};
    return rows;
  }
  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    alpha = as_float32(alpha);
  }
  Values call(CallContext&, std::span<const Value> inputs) override {
    return {emit1("LeakyRelu", {inputs[0]}, {{"alpha", static_cast<float>(alpha)}})};
  }
};

/// x for x > 0, alpha · (e^x − 1) otherwise.
class ELU final : public LayerBase<ELU> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "ELU";
  double alpha = 1;
  static const ConfigTable<ELU>& table() {
    static const ConfigTable<ELU> rows = {field("alpha", &ELU::alpha)};
    return rows;
  }
  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    alpha = as_float32(alpha);
  }
  Values call(CallContext&, std::span<const Value> inputs) override {
    const Value y = emit1("Elu", {inputs[0]});
    if (alpha == 1) return {y};
    return {select(greater(inputs[0], scalar_like(inputs[0], 0)), y, mul(y, alpha))};
  }
};

class Softmax final : public LayerBase<Softmax> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Softmax";
  Json axis = -1;
  static const ConfigTable<Softmax>& table() {
    static const ConfigTable<Softmax> rows = {field("axis", &Softmax::axis)};
    return rows;
  }
  Values call(CallContext&, std::span<const Value> inputs) override {
    const Value& x = inputs[0];
    const int64_t rank = x.shape().rank();
    const std::vector<int64_t> axes = checked_axes(x.shape());
    if (axes.size() > 1) {
      // exp(x − log Σ exp x), as Keras does for several axes
      const Value largest = emit1("StopGradient", {reduce_max(x, axes, true)});
      const Value sum = add(log(reduce_sum(exp(sub(x, largest)), axes, true)), largest);
      return {exp(sub(x, sum))};
    }
    const int64_t at = axes[0];
    if (at == rank - 1) return {softmax(x)};
    std::vector<int64_t> swap;
    for (int64_t i = 0; i < rank; ++i) swap.push_back(i == at ? rank - 1 : i == rank - 1 ? at : i);
    return {transpose(softmax(transpose(x, swap)), swap)};
  }

 private:
  std::vector<int64_t> checked_axes(const Shape& shape) const {
    std::vector<int64_t> axes = ConfigValue<std::vector<int64_t>>::from_json("axis", axis, session());
    if (axes.empty()) throw ValueError("Softmax '{}' needs an axis", name());
    for (int64_t& at : axes) {
      const int64_t given = at;
      if (at < 0) at += shape.rank();
      if (at < 0 || at >= shape.rank())
        throw ValueError("Softmax '{}': axis {} does not exist in shape {}", name(), given, shape);
    }
    return axes;
  }
};

}  // namespace

LayerPtr make_activation(Session& s) { return std::make_shared<ActivationLayer>(s); }
LayerPtr make_relu(Session& s) { return std::make_shared<ReLU>(s); }
LayerPtr make_leaky_relu(Session& s) { return std::make_shared<LeakyReLU>(s); }
LayerPtr make_elu(Session& s) { return std::make_shared<ELU>(s); }
LayerPtr make_softmax(Session& s) { return std::make_shared<Softmax>(s); }

}  // namespace keras
