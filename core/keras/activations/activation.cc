// The table of activations. Softmax and sigmoid end in one node of that name: losses look through it to the logits.
#include "core/keras/activations/activation.h"

namespace keras {
namespace {

Value linear(const Value& x) { return x; }
Value elu(const Value& x) { return emit1("Elu", {x}); }
Value selu(const Value& x) { return emit1("Selu", {x}); }
Value softsign(const Value& x) { return emit1("Softsign", {x}); }
Value swish(const Value& x) { return mul(x, sigmoid(x)); }
Value mish(const Value& x) { return mul(x, tanh(softplus(x))); }
// max(0, min(1, 0.2·x + 0.5))
Value hard_sigmoid(const Value& x) { return clip(add(mul(x, 0.2), 0.5), 0, 1); }
// x·Φ(x) = x/2·(1 + erf(x/√2))
Value gelu(const Value& x) { return mul(mul(x, 0.5), add(emit1("Erf", {mul(x, 0.70710678118654752440)}), 1.0)); }
Value relu6(const Value& x) { return emit1("Relu6", {x}); }
Value leaky_relu(const Value& x) { return emit1("LeakyRelu", {x}, {{"alpha", 0.2f}}); }
Value activation_relu(const Value& x) { return relu(x); }
Value activation_softmax(const Value& x) { return softmax(x); }

constexpr ActivationDef kActivations[] = {
    {"linear", linear},
    {"relu", activation_relu},
    {"softmax", activation_softmax},
    {"sigmoid", sigmoid},
    {"tanh", tanh},
    {"elu", elu},
    {"selu", selu},
    {"softplus", softplus},
    {"softsign", softsign},
    {"swish", swish},
    {"gelu", gelu},
    {"exponential", exp},
    {"hard_sigmoid", hard_sigmoid},
    {"mish", mish},
    {"log_softmax", log_softmax},
    {"relu6", relu6},
    {"leaky_relu", leaky_relu},
};

}  // namespace

std::span<const ActivationDef> activation_functions() { return kActivations; }

Activation::Activation(std::string_view name) : def_(nullptr) {
  if (name == "silu") name = "swish";  // Keras writes it so
  for (const ActivationDef& def : kActivations) {
    if (def.name == name) def_ = &def;
  }
  if (def_ == nullptr) {
    throw ValueError(
        "Unknown activation function: '{}'. Please ensure you are using a `keras.utils.customObjectScope` and that this "
        "object is included in the scope.",
        name);
  }
}

Activation ConfigValue<Activation>::from_json(std::string_view key, const Json& json, Session&) {
  if (json.is_null()) return Activation();
  const Json& name = json.is_object() ? json_get(json, "config") : json;
  if (!name.is_string()) config_mismatch(key, json, "the name of an activation");
  return Activation(name.get<std::string>());
}

}  // namespace keras
