// The constraint classes.
#include "core/keras/constraints/constraint.h"

namespace keras {
namespace {

constexpr double kEpsilon = 1e-7;

Value norms(const Value& w, const std::vector<int64_t>& axes) { return sqrt(reduce_sum(square(w), axes, true)); }

class MaxNorm final : public Configured<MaxNorm, Constraint> {
 public:
  static constexpr std::string_view kClassName = "MaxNorm";
  Json max_value = 2;  // an integer stays one in configs
  std::vector<int64_t> axis = {0};
  static const ConfigTable<MaxNorm>& table() {
    static const ConfigTable<MaxNorm> rows = {field("max_value", &MaxNorm::max_value), field("axis", &MaxNorm::axis)};
    return rows;
  }
  Json get_config() const override { return {{"max_value", max_value}, {"axis", axis.size() == 1 ? Json(axis[0]) : Json(axis)}}; }
  Value call(const Value& w) const override {
    if (!max_value.is_number()) config_mismatch("max_value", max_value, "a number");
    const Value n = norms(w, axis);
    return mul(w, div(clip(n, 0, max_value.get<double>()), add(n, kEpsilon)));
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
    static const ConfigTable<MinMaxNorm> rows = {field("min_value", &MinMaxNorm::min_value),
                                                 field("max_value", &MinMaxNorm::max_value), field("rate", &MinMaxNorm::rate),
                                                 field("axis", &MinMaxNorm::axis)};
    return rows;
  }
  Json get_config() const override {
    return {{"min_value", min_value},
            {"max_value", max_value},
            {"rate", rate},
            {"axis", axis.size() == 1 ? Json(axis[0]) : Json(axis)}};
  }
  Value call(const Value& w) const override {
    const Value n = norms(w, axis);
    const Value wanted = add(mul(clip(n, min_value, max_value), rate), mul(n, 1 - rate));
    return mul(w, div(wanted, add(n, kEpsilon)));
  }
};

/// Makes square kernels [size, size, …] the same along each ring around their middle. Every ring takes its value from the
/// diagonal, in Keras 2.15's way: the middle from one place before it, ring r of an odd size from r − 1 places after it.
class RadialConstraint final : public Configured<RadialConstraint, Constraint> {
 public:
  static constexpr std::string_view kClassName = "RadialConstraint";
  static const ConfigTable<RadialConstraint>& table() {
    static const ConfigTable<RadialConstraint> rows;
    return rows;
  }
  Value call(const Value& w) const override {
    const Shape& shape = w.shape();
    if (shape.rank() != 4) {
      throw ValueError("The weight tensor must have rank 4. Received weight tensor with shape: {}", shape);
    }
    const int64_t size = shape.dim(0);
    if (shape.dim(1) != size || size < 2) {
      throw ValueError("RadialConstraint needs square kernels of at least 2 by 2. Received weight tensor with shape: {}", shape);
    }
    std::vector<int64_t> sources;
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < size; ++j) sources.push_back(source(size, std::max(ring(size, i), ring(size, j))) * (size + 1));
    }
    const Value rows = reshape(w, {size * size, shape.dim(2) * shape.dim(3)});
    const Value gathered = emit1("GatherV2", {rows, ints(*w.emitter, sources), int_scalar(*w.emitter, 0)});
    return reshape(gathered, {size, size, shape.dim(2), shape.dim(3)});
  }

 private:
  /// How far index i is from the middle: 0 in the middle one (odd sizes) or two (even sizes).
  static int64_t ring(int64_t size, int64_t i) {
    const int64_t middle = size / 2;
    return i >= middle ? i - middle : middle - i - (size % 2 == 0 ? 1 : 0);
  }
  static int64_t source(int64_t size, int64_t ring) {
    const int64_t middle = size / 2;
    return ring == 0 ? middle - 1 : middle + ring - (size % 2 == 0 ? 0 : 1);
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
    {"RadialConstraint", "radial_constraint", make<RadialConstraint>},
};

}  // namespace

std::span<const ClassEntry<Constraint>> constraint_classes() { return kClasses; }

ConstraintPtr make_constraint(std::string_view key, const Json& json, Session& session) {
  return make_object<Constraint>(kClasses, "constraint", key, json, session);
}

}  // namespace keras
