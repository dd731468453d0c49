// The constraint classes.
#include "core/keras/constraints/constraint.h"

namespace keras {
namespace {

constexpr double kEpsilon = 1e-7;

Value norms(const Value& w, const std::vector<int64_t>& axes) { return sqrt(reduce_sum(square(w), axes, true)); }

class MaxNorm final : public Configured<MaxNorm, Constraint> {
 public:
  static constexpr std::string_view kClassName = "MaxNorm";
  double max_value = 2;
  std::vector<int64_t> axis = {0};
  static const ConfigTable<MaxNorm>& table() {
    static const ConfigTable<MaxNorm> rows = {field("max_value", &MaxNorm::max_value), field("axis", &MaxNorm::axis)};
    return rows;
  }
  Json get_config() const override { return {{"max_value", max_value}, {"axis", axis.size() == 1 ? Json(axis[0]) : Json(axis)}}; }
  Value call(const Value& w) const override {
    const Value n = norms(w, axis);
    return mul(w, div(clip(n, 0, max_value), add(n, kEpsilon)));
  }
};

class UnitNorm final : public Configured<UnitNorm, Constraint> {
 public:
  static constexpr std::string_view kClassName = "UnitNorm";
  std::vector<int64_t> axis = {0};
  static const ConfigTable<UnitNorm>& table() {
    static const ConfigTable<UnitNorm> rows = {field("axis", &UnitNorm::axis)};
    return rows;
  }
  Json get_config() const override { return {{"axis", axis.size() == 1 ? Json(axis[0]) : Json(axis)}}; }
  Value call(const Value& w) const override { return div(w, add(norms(w, axis), kEpsilon)); }
};

class NonNeg final : public Configured<NonNeg, Constraint> {
 public:
  static constexpr std::string_view kClassName = "NonNeg";
  static const ConfigTable<NonNeg>& table() {
    static const ConfigTable<NonNeg> rows;
    return rows;
  }
  Value call(const Value& w) const override { return relu(w); }
};

class MinMaxNorm final : public Configured<MinMaxNorm, Constraint> {
 public:
  static constexpr std::string_view kClassName = "MinMaxNorm";
  double min_value = 0, max_value = 1, rate = 1;
  std::vector<int64_t> axis = {0};
  static const ConfigTable<MinMaxNorm>& table() {
    static const ConfigTable<MinMaxNorm> rows = {
        field("min_value", &MinMaxNorm::min_value), field("max_value", &MinMaxNorm::max_value),
        field("rate", &MinMaxNorm::rate), field("axis", &MinMaxNorm::axis)};
    return rows;
  }
  Json get_config() const override {
    return {{"min_value", min_value}, {"max_value", max_value}, {"rate", rate},
            {"axis", axis.size() == 1 ? Json(axis[0]) : Json(axis)}};
  }
  Value call(const Value& w) const override {
    const Value n = norms(w, axis);
    const Value wanted = add(mul(clip(n, min_value, max_value), rate), mul(n, 1 - rate));
    return mul(w, div(wanted, add(n, kEpsilon)));
  }
};

template <class T>
ConstraintPtr make(Json& config, Session& session) {
  return T::from_config(config, session);
}

constexpr ClassEntry<Constraint> kClasses[] = {
    {"MaxNorm", "max_norm", make<MaxNorm>},
    {"UnitNorm", "unit_norm", make<UnitNorm>},
    {"NonNeg", "non_neg", make<NonNeg>},
    {"MinMaxNorm", "min_max_norm", make<MinMaxNorm>},
};

}  // namespace

std::span<const ClassEntry<Constraint>> constraint_classes() { return kClasses; }

ConstraintPtr make_constraint(std::string_view key, const Json& json, Session& session) {
  return make_object<Constraint>(kClasses, "constraint", key, json, session);
}

}  // namespace keras
