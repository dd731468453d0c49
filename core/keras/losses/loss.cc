// The table of losses.
#include "core/keras/losses/loss.h"

#include <array>

namespace keras {

enum LossKeys : uint32_t { kNone = 0, kFromLogits = 1, kSmoothing = 2, kAxis = 4, kIgnoreClass = 8, kDelta = 16 };

struct LossDef {
  std::string_view class_name, fn, name;
  std::array<std::string_view, 3> aliases;
  LossFunction function;
  uint32_t keys;
};

namespace {

constexpr LossDef kLosses[] = {
    {"MeanSquaredError", "mean_squared_error", "mean_squared_error", {"mse", "MSE"}, mean_squared_error, kNone},
    {"MeanAbsoluteError", "mean_absolute_error", "mean_absolute_error", {"mae", "MAE"}, mean_absolute_error, kNone},
    {"MeanAbsolutePercentageError",
     "mean_absolute_percentage_error",
     "mean_absolute_percentage_error",
     {"mape", "MAPE"},
     mean_absolute_percentage_error,
     kNone},
    {"MeanSquaredLogarithmicError",
     "mean_squared_logarithmic_error",
     "mean_squared_logarithmic_error",
     {"msle", "MSLE"},
     mean_squared_logarithmic_error,
     kNone},
    {"BinaryCrossentropy",
     "binary_crossentropy",
     "binary_crossentropy",
     {"bce", "BCE"},
     binary_crossentropy,
     kFromLogits | kSmoothing | kAxis},
    {"CategoricalCrossentropy",
     "categorical_crossentropy",
     "categorical_crossentropy",
     {},
     categorical_crossentropy,
     kFromLogits | kSmoothing | kAxis},
    {"SparseCategoricalCrossentropy",
     "sparse_categorical_crossentropy",
     "sparse_categorical_crossentropy",
     {},
     sparse_categorical_crossentropy,
     kFromLogits | kIgnoreClass},
    {"Huber", "huber", "huber_loss", {"huber_loss"}, huber, kDelta},
    {"LogCosh", "log_cosh", "log_cosh", {"logcosh"}, log_cosh, kNone},
    {"Hinge", "hinge", "hinge", {}, hinge, kNone},
    {"SquaredHinge", "squared_hinge", "squared_hinge", {}, squared_hinge, kNone},
    {"CategoricalHinge", "categorical_hinge", "categorical_hinge", {}, categorical_hinge, kNone},
    {"KLDivergence", "kl_divergence", "kl_divergence", {"kld", "KLD", "kullback_leibler_divergence"}, kl_divergence, kNone},
    {"Poisson", "poisson", "poisson", {}, poisson, kNone},
    {"CosineSimilarity", "cosine_similarity", "cosine_similarity", {}, cosine_similarity, kAxis},
};

const LossDef* find(std::string_view name) {
  for (const LossDef& def : kLosses) {
    if (def.class_name == name || def.fn == name) return &def;
    for (const std::string_view alias : def.aliases) {
      if (!alias.empty() && alias == name) return &def;
    }
  }
  return nullptr;
}

/// y_true and y_pred of ranks that differ by a last dimension of one are brought together.
Value match_rank(const Value& x, const Value& like) {
  const Shape &a = x.shape(), &b = like.shape();
  if (!a.known_rank() || !b.known_rank()) return x;
  if (a.rank() == b.rank() + 1 && a.dim(-1) == 1) return squeeze(x, {-1});
  if (a.rank() + 1 == b.rank() && b.dim(-1) == 1) return expand_dims(x, -1);
  return x;
}

}  // namespace

std::string_view Loss::class_name() const { return def_->class_name; }

Json Loss::get_config() const {
  Json config = {{"reduction", reduction}, {"name", name}};
  if (def_->keys & kFromLogits) config["from_logits"] = options.from_logits;
  if (def_->keys & kSmoothing) config["label_smoothing"] = options.label_smoothing;
  if (def_->keys & kIgnoreClass) config["ignore_class"] = options.ignore_class ? Json(*options.ignore_class) : Json();
  if (def_->keys & kDelta) config["delta"] = options.delta;
  if (def_->keys & kAxis) config["axis"] = options.axis;
  config["fn"] = std::string(def_->fn);
  return config;
}

void Loss::load_config(Json& config, Session& session) {
  const auto take = [&](const char* key, uint32_t needed, auto& member) {
    const auto found = config.find(key);
    if (found == config.end() || (needed != kNone && (def_->keys & needed) == 0)) return;
    if (!found->is_null() || needed == kIgnoreClass) {
      member = ConfigValue<std::remove_reference_t<decltype(member)>>::from_json(key, *found, session);
    }
    config.erase(found);
  };
  name = std::string(def_->name);
  take("name", kNone, name);
  take("reduction", kNone, reduction);
  take("from_logits", kFromLogits, options.from_logits);
  take("label_smoothing", kSmoothing, options.label_smoothing);
  take("axis", kAxis, options.axis);
  take("ignore_class", kIgnoreClass, options.ignore_class);
  take("delta", kDelta, options.delta);
  config.erase("fn");
  if (reduction != "auto" && reduction != "none" && reduction != "sum" && reduction != "sum_over_batch_size") {
    throw ValueError("Invalid Reduction Key: {}. Expected keys are \"auto, none, sum, sum_over_batch_size\"", reduction);
  }
}

Value Loss::per_sample(const Value& y_true, const Value& y_pred) const {
  // Class numbers stay as they are; everything else takes the predictions' rank.
  const bool classes = def_->keys & kIgnoreClass;
  return def_->function(classes ? y_true : match_rank(y_true, y_pred), y_pred, options);
}

Value Loss::call(const Value& y_true, const Value& y_pred, const Value& sample_weight) const {
  Value losses = per_sample(y_true, y_pred);
  if (sample_weight.valid()) losses = mul(losses, match_rank(cast(sample_weight, losses.dtype()), losses));
  const Value sum = reduce_sum(losses);
  if (reduction == "sum") return sum;
  return div(sum, cast(size_of(losses), losses.dtype()));
}

LossPtr make_loss(const Json& json, Session& session) {
  ObjectConfig parsed = parse_object_config("loss", json);
  // {"class_name": "function", "config": "mean_squared_error"}
  if (parsed.class_name == "function" && json_get(json, "config").is_string()) {
    return make_loss(json_get(json, "config"), session);
  }
  const LossDef* def = find(parsed.class_name);
  if (def == nullptr) {
    throw ValueError(
        "Unknown loss function: '{}'. Please ensure you are using a `keras.utils.customObjectScope` and that this "
        "object is included in the scope.",
        parsed.class_name);
  }
  auto loss = std::make_shared<Loss>(*def, json.is_object());
  if (json.is_string()) loss->set_given_name(json.get<std::string>());
  loss->load_config(parsed.config, session);
  reject_leftovers(def->class_name, parsed.config);
  return loss;
}

LossFunction find_loss_function(std::string_view name) {
  const LossDef* def = find(name);
  return def == nullptr ? nullptr : def->function;
}

std::string_view canonical_loss_name(std::string_view name) {
  const LossDef* def = find(name);
  return def == nullptr ? name : def->fn;
}

std::vector<std::string> loss_class_names() {
  std::vector<std::string> names;
  for (const LossDef& def : kLosses) names.emplace_back(def.class_name);
  return names;
}

}  // namespace keras
