// The regularizer classes.
#include "core/keras/regularizers/regularizer.h"

namespace keras {
namespace {

class L1 final : public Configured<L1, Regularizer> {
 public:
  static constexpr std::string_view kClassName = "L1";
  double l1 = 0.01;
  static const ConfigTable<L1>& table() {
    static const ConfigTable<L1> rows = {field("l1", &L1::l1)};
    return rows;
  }
  Value call(const Value& x) const override { return mul(reduce_sum(abs(x)), l1); }
};

class L2 final : public Configured<L2, Regularizer> {
 public:
  static constexpr std::string_view kClassName = "L2";
  double l2 = 0.01;
  static const ConfigTable<L2>& table() {
    static const ConfigTable<L2> rows = {field("l2", &L2::l2)};
    return rows;
  }
  Value call(const Value& x) const override { return mul(reduce_sum(square(x)), l2); }
};

class L1L2 final : public Configured<L1L2, Regularizer> {
 public:
  static constexpr std::string_view kClassName = "L1L2";
  double l1 = 0, l2 = 0;
  static const ConfigTable<L1L2>& table() {
    static const ConfigTable<L1L2> rows = {field("l1", &L1L2::l1), field("l2", &L1L2::l2)};
    return rows;
  }
  Value call(const Value& x) const override {
    Value sum = scalar_like(x, 0);
    if (l1 != 0) sum = add(sum, mul(reduce_sum(abs(x)), l1));
    if (l2 != 0) sum = add(sum, mul(reduce_sum(square(x)), l2));
    return sum;
  }
};

template <class T>
RegularizerPtr make(Json& config, Session& session) {
  return T::from_config(config, session);
}

constexpr ClassEntry<Regularizer> kClasses[] = {
    {"L1", "l1", make<L1>},
    {"L2", "l2", make<L2>},
    {"L1L2", "l1_l2", make<L1L2>},
};

}  // namespace

std::span<const ClassEntry<Regularizer>> regularizer_classes() { return kClasses; }

RegularizerPtr make_regularizer(std::string_view key, const Json& json, Session& session) {
  return make_object<Regularizer>(kClasses, "regularizer", key, json, session);
}

}  // namespace keras
