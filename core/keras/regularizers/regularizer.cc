// The regularizer classes. Keras keeps their factors as float32, and its configs show it: 0.01 is 0.009999999776482582.
#include "core/keras/regularizers/regularizer.h"

#include <cmath>

namespace keras {
namespace {

constexpr double kDefaultFactor = 0.01f;

/// A factor as a regularizer keeps it. Throws ValueError for one that is not finite.
double checked_factor(double value) {
  if (!std::isfinite(value)) throw ValueError("Value: {} is not a valid regularization penalty number.", value);
  return static_cast<double>(static_cast<float>(value));
}

class L1 final : public Configured<L1, Regularizer> {
 public:
  static constexpr std::string_view kClassName = "L1";
  double l1 = kDefaultFactor;
  static const ConfigTable<L1>& table() {
    static const ConfigTable<L1> rows = {field("l1", &L1::l1)};
    return rows;
  }
  void check() { l1 = checked_factor(l1); }
  Value call(const Value& x) const override { return mul(reduce_sum(abs(x)), l1); }
};

class L2 final : public Configured<L2, Regularizer> {
 public:
  static constexpr std::string_view kClassName = "L2";
  double l2 = kDefaultFactor;
  static const ConfigTable<L2>& table() {
    static const ConfigTable<L2> rows = {field("l2", &L2::l2)};
    return rows;
  }
  void check() { l2 = checked_factor(l2); }
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
  void check() {
    l1 = checked_factor(l1);
    l2 = checked_factor(l2);
  }
  Value call(const Value& x) const override {
    Value sum = scalar_like(x, 0);
    if (l1 != 0) sum = add(sum, mul(reduce_sum(abs(x)), l1));
    if (l2 != 0) sum = add(sum, mul(reduce_sum(square(x)), l2));
    return sum;
  }
};

/// The mean absolute cosine between different rows (or columns) of a matrix.
class OrthogonalRegularizer final : public Configured<OrthogonalRegularizer, Regularizer> {
 public:
  static constexpr std::string_view kClassName = "OrthogonalRegularizer";
  double factor = kDefaultFactor;
  std::string mode = "rows";
  static const ConfigTable<OrthogonalRegularizer>& table() {
    static const ConfigTable<OrthogonalRegularizer> rows = {field("factor", &OrthogonalRegularizer::factor),
                                                            field("mode", &OrthogonalRegularizer::mode)};
    return rows;
  }
  void check() {
    factor = checked_factor(factor);
    if (mode == "rows" || mode == "columns") return;
    throw ValueError("Invalid value for argument `mode`. Expected one of {{\"rows\", \"columns\"}}. Received: mode={}", mode);
  }
  Value call(const Value& x) const override {
    if (x.shape().rank() != 2) {
      throw ValueError("Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape == {}", x.shape());
    }
    const bool by_rows = mode == "rows";
    const int64_t size = x.shape().dim(by_rows ? 0 : 1);
    const Value squares = reduce_sum(square(x), {by_rows ? 1 : 0}, true);
    const Value unit = mul(x, rsqrt(maximum(squares, scalar_like(x, 1e-12))));
    const Value products = matmul(unit, unit, !by_rows, by_rows);
    Tensor others = Tensor::allocate(DType::kFloat32, {size, size});
    for (int64_t i = 0; i < others.elements(); ++i) others.data<float>()[i] = i % (size + 1) == 0 ? 0.0f : 1.0f;
    const Value sum = reduce_sum(abs(mul(products, cast(x.emitter->constant(std::move(others)), x.dtype()))));
    const double pairs = static_cast<double>(size) * (static_cast<double>(size) - 1) / 2;
    return div(mul(sum, factor * 0.5), pairs);
  }
};

template <class T>
RegularizerPtr make(Json& config, Session& session) {
  auto regularizer = std::make_shared<T>();
  take_config(*regularizer, T::kClassName, T::table(), config, session);
  regularizer->check();
  return regularizer;
}

/// The short name 'l1_l2' has other defaults than the class.
RegularizerPtr make_short_l1_l2(Json& config, Session& session) {
  if (!config.contains("l1")) config["l1"] = 0.01;
  if (!config.contains("l2")) config["l2"] = 0.01;
  return make<L1L2>(config, session);
}

constexpr ClassEntry<Regularizer> kClasses[] = {
    {"L1", "l1", make<L1>},
    {"L2", "l2", make<L2>},
    {"L1L2", "", make<L1L2>},
    {"l1_l2", "", make_short_l1_l2},
    {"OrthogonalRegularizer", "orthogonal_regularizer", make<OrthogonalRegularizer>},
};

}  // namespace

std::span<const ClassEntry<Regularizer>> regularizer_classes() { return kClasses; }

RegularizerPtr make_regularizer(std::string_view key, const Json& json, Session& session) {
  return make_object<Regularizer>(kClasses, "regularizer", key, json, session);
}

}  // namespace keras
