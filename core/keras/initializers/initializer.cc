// The initializer classes.
#include "core/keras/initializers/initializer.h"

#include <cmath>

#include "core/keras/initializers/orthogonal.h"
#include "core/keras/session.h"
#include "core/kernels/philox.h"

namespace keras {
namespace {

Tensor filled(const Shape& shape, DType dtype, double value) {
  const Tensor one = Tensor::number(dtype, value);
  Tensor tensor = Tensor::allocate(dtype, shape);
  const auto bytes = static_cast<size_t>(dtype_bytes(dtype));
  for (int64_t i = 0; i < tensor.elements(); ++i) std::copy_n(one.raw(), bytes, tensor.raw() + static_cast<size_t>(i) * bytes);
  return tensor;
}

/// Random values are drawn as float32 and then widened where asked for.
Tensor from_floats(const Tensor& values, DType dtype, std::string_view class_name) {
  if (dtype == DType::kFloat32) return values;
  if (dtype != DType::kFloat64) throw ValueError("Initializer {} cannot make values of dtype {}", class_name, dtype);
  Tensor wide = Tensor::allocate(dtype, values.shape());
  for (int64_t i = 0; i < values.elements(); ++i) wide.data<double>()[i] = static_cast<double>(values.data<float>()[i]);
  return wide;
}

/// An initializer with a seed: without one it draws its own at first use and keeps it, as Keras does.
class SeededInitializer : public Initializer {
 public:
  std::optional<int64_t> seed;

 protected:
  kernels::Philox generator(Session& session) {
    if (!drawn_) drawn_ = seed ? *seed : session.next_seed();
    return kernels::Philox::from_seed(static_cast<uint64_t>(*drawn_), 0);
  }

 private:
  std::optional<int64_t> drawn_;
};

Tensor uniform(const kernels::Philox& generator, const Shape& shape, float low, float high) {
  Tensor tensor = Tensor::allocate(DType::kFloat32, shape);
  const std::span<float> values(tensor.data<float>(), static_cast<size_t>(tensor.elements()));
  kernels::random_uniform(generator, values);
  const float range = high - low;
  for (float& value : values) value = value * range + low;
  return tensor;
}

Tensor normal(const kernels::Philox& generator, const Shape& shape, float mean, float deviation, bool truncated) {
  Tensor tensor = Tensor::allocate(DType::kFloat32, shape);
  const std::span<float> values(tensor.data<float>(), static_cast<size_t>(tensor.elements()));
  if (truncated)
    kernels::random_truncated_normal(generator, values);
  else
    kernels::random_normal(generator, values);
  for (float& value : values) value = value * deviation + mean;
  return tensor;
}

class Zeros final : public Configured<Zeros, Initializer> {
 public:
  static constexpr std::string_view kClassName = "Zeros";
  static const ConfigTable<Zeros>& table() {
    static const ConfigTable<Zeros> rows;
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session&) override { return Tensor::zeros(dtype, shape); }
};

class Ones final : public Configured<Ones, Initializer> {
 public:
  static constexpr std::string_view kClassName = "Ones";
  static const ConfigTable<Ones>& table() {
    static const ConfigTable<Ones> rows;
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session&) override { return filled(shape, dtype, 1); }
};

class Constant final : public Configured<Constant, Initializer> {
 public:
  static constexpr std::string_view kClassName = "Constant";
  Json value = 0;
  static const ConfigTable<Constant>& table() {
    static const ConfigTable<Constant> rows = {field("value", &Constant::value)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session&) override {
    if (!value.is_number()) throw ValueError("Initializer Constant takes a number. Received: {}", dump_json(value));
    return filled(shape, dtype, value.get<double>());
  }
};

class RandomUniform final : public Configured<RandomUniform, SeededInitializer> {
 public:
  static constexpr std::string_view kClassName = "RandomUniform";
  double minval = -0.05, maxval = 0.05;
  static const ConfigTable<RandomUniform>& table() {
    static const ConfigTable<RandomUniform> rows = {field("minval", &RandomUniform::minval),
                                                    field("maxval", &RandomUniform::maxval),
                                                    inherited_field<RandomUniform>("seed", &RandomUniform::seed)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session& session) override {
    return from_floats(uniform(generator(session), shape, static_cast<float>(minval), static_cast<float>(maxval)), dtype,
                       kClassName);
  }
};

class RandomNormal final : public Configured<RandomNormal, SeededInitializer> {
 public:
  static constexpr std::string_view kClassName = "RandomNormal";
  double mean = 0, stddev = 0.05;
  static const ConfigTable<RandomNormal>& table() {
    static const ConfigTable<RandomNormal> rows = {field("mean", &RandomNormal::mean), field("stddev", &RandomNormal::stddev),
                                                   inherited_field<RandomNormal>("seed", &RandomNormal::seed)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session& session) override {
    return from_floats(normal(generator(session), shape, static_cast<float>(mean), static_cast<float>(stddev), false), dtype,
                       kClassName);
  }
};

class TruncatedNormal final : public Configured<TruncatedNormal, SeededInitializer> {
 public:
  static constexpr std::string_view kClassName = "TruncatedNormal";
  double mean = 0, stddev = 0.05;
  static const ConfigTable<TruncatedNormal>& table() {
    static const ConfigTable<TruncatedNormal> rows = {field("mean", &TruncatedNormal::mean),
                                                      field("stddev", &TruncatedNormal::stddev),
                                                      inherited_field<TruncatedNormal>("seed", &TruncatedNormal::seed)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session& session) override {
    return from_floats(normal(generator(session), shape, static_cast<float>(mean), static_cast<float>(stddev), true), dtype,
                       kClassName);
  }
};

/// The standard deviation of a normal cut at ±2, by which a truncated normal is widened.
constexpr double kTruncatedDeviation = 0.87962566103423978;

/// Values whose variance is scale / n, n the number of inputs, outputs or their mean.
class ScaledInitializer : public SeededInitializer {
 protected:
  Tensor scaled(const Shape& shape, DType dtype, Session& session, double scale, std::string_view mode,
                std::string_view distribution) {
    double fan_in = 1, fan_out = 1;
    if (shape.rank() == 1) fan_in = fan_out = static_cast<double>(shape.dim(0));
    if (shape.rank() >= 2) {
      double receptive = 1;
      for (int64_t i = 0; i + 2 < shape.rank(); ++i) receptive *= static_cast<double>(shape.dim(i));
      fan_in = receptive * static_cast<double>(shape.dim(-2));
      fan_out = receptive * static_cast<double>(shape.dim(-1));
    }
    const double n = mode == "fan_in" ? fan_in : mode == "fan_out" ? fan_out : (fan_in + fan_out) / 2;
    const double variance = scale / std::max(1.0, n);
    if (distribution == "uniform") {
      const auto limit = static_cast<float>(std::sqrt(3 * variance));
      return from_floats(uniform(generator(session), shape, -limit, limit), dtype, class_name());
    }
    const bool truncated = distribution != "untruncated_normal";
    const double deviation = std::sqrt(variance) / (truncated ? kTruncatedDeviation : 1);
    return from_floats(normal(generator(session), shape, 0, static_cast<float>(deviation), truncated), dtype, class_name());
  }
};

class VarianceScaling final : public Configured<VarianceScaling, ScaledInitializer> {
 public:
  static constexpr std::string_view kClassName = "VarianceScaling";
  double scale = 1;
  std::string mode = "fan_in", distribution = "truncated_normal";
  static const ConfigTable<VarianceScaling>& table() {
    static const ConfigTable<VarianceScaling> rows = {
        field("scale", &VarianceScaling::scale), field("mode", &VarianceScaling::mode),
        field("distribution", &VarianceScaling::distribution), inherited_field<VarianceScaling>("seed", &VarianceScaling::seed)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session& session) override {
    return scaled(shape, dtype, session, scale, mode, distribution);
  }
};

/// The named kinds of VarianceScaling.
template <class Kind>
class NamedScaling final : public Configured<NamedScaling<Kind>, ScaledInitializer> {
 public:
  static constexpr std::string_view kClassName = Kind::kName;
  static const ConfigTable<NamedScaling>& table() {
    static const ConfigTable<NamedScaling> rows = {inherited_field<NamedScaling>("seed", &NamedScaling::seed)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session& session) override {
    return this->scaled(shape, dtype, session, Kind::kScale, Kind::kMode, Kind::kDistribution);
  }
};

#define KERAS_SCALING(name, scale, mode, distribution)              \
  struct name##Kind {                                               \
    static constexpr std::string_view kName = #name;                \
    static constexpr double kScale = scale;                         \
    static constexpr std::string_view kMode = mode;                 \
    static constexpr std::string_view kDistribution = distribution; \
  };                                                                \
  using name = NamedScaling<name##Kind>;
KERAS_SCALING(GlorotUniform, 1, "fan_avg", "uniform")
KERAS_SCALING(GlorotNormal, 1, "fan_avg", "truncated_normal")
KERAS_SCALING(HeUniform, 2, "fan_in", "uniform")
KERAS_SCALING(HeNormal, 2, "fan_in", "truncated_normal")
KERAS_SCALING(LecunUniform, 1, "fan_in", "uniform")
KERAS_SCALING(LecunNormal, 1, "fan_in", "truncated_normal")
#undef KERAS_SCALING

class Orthogonal final : public Configured<Orthogonal, SeededInitializer> {
 public:
  static constexpr std::string_view kClassName = "Orthogonal";
  double gain = 1;
  static const ConfigTable<Orthogonal>& table() {
    static const ConfigTable<Orthogonal> rows = {field("gain", &Orthogonal::gain),
                                                 inherited_field<Orthogonal>("seed", &Orthogonal::seed)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session& session) override {
    if (shape.rank() < 2) {
      throw ValueError("The tensor to initialize must be at least two-dimensional. Received: shape={} of rank {}.", shape,
                       shape.rank());
    }
    int64_t rows = 1;
    for (int64_t i = 0; i + 1 < shape.rank(); ++i) rows *= shape.dim(i);
    const int64_t columns = shape.dim(-1);
    const Shape tall = {std::max(rows, columns), std::min(rows, columns)};
    const Tensor q = orthogonal_columns(normal(generator(session), tall, 0, 1, false), rows < columns, gain);
    return from_floats(q.reshaped(shape), dtype, kClassName);
  }
};

class Identity final : public Configured<Identity, Initializer> {
 public:
  static constexpr std::string_view kClassName = "Identity";
  double gain = 1;
  static const ConfigTable<Identity>& table() {
    static const ConfigTable<Identity> rows = {field("gain", &Identity::gain)};
    return rows;
  }
  Tensor call(const Shape& shape, DType dtype, Session&) override {
    if (shape.rank() != 2) {
      throw ValueError("Identity matrix initializer can only be used for 2D matrices. Received: shape={} of rank {}.", shape,
                       shape.rank());
    }
    Tensor tensor = Tensor::zeros(DType::kFloat32, shape);
    for (int64_t i = 0; i < std::min(shape.dim(0), shape.dim(1)); ++i) {
      tensor.data<float>()[i * shape.dim(1) + i] = static_cast<float>(gain);
    }
    return from_floats(tensor, dtype, kClassName);
  }
};

template <class T>
InitializerPtr make(Json& config, Session& session) {
  config.erase("dtype");  // written by some versions, without meaning
  auto object = std::make_shared<T>();
  take_config(*object, T::kClassName, T::table(), config, session);
  return object;
}

constexpr ClassEntry<Initializer> kClasses[] = {
    {"Zeros", "zeros", make<Zeros>},
    {"Ones", "ones", make<Ones>},
    {"Constant", "constant", make<Constant>},
    {"RandomUniform", "random_uniform", make<RandomUniform>},
    {"RandomUniform", "uniform", make<RandomUniform>},
    {"RandomNormal", "random_normal", make<RandomNormal>},
    {"RandomNormal", "normal", make<RandomNormal>},
    {"TruncatedNormal", "truncated_normal", make<TruncatedNormal>},
    {"VarianceScaling", "variance_scaling", make<VarianceScaling>},
    {"GlorotUniform", "glorot_uniform", make<GlorotUniform>},
    {"GlorotNormal", "glorot_normal", make<GlorotNormal>},
    {"HeUniform", "he_uniform", make<HeUniform>},
    {"HeNormal", "he_normal", make<HeNormal>},
    {"LecunUniform", "lecun_uniform", make<LecunUniform>},
    {"LecunNormal", "lecun_normal", make<LecunNormal>},
    {"Orthogonal", "orthogonal", make<Orthogonal>},
    {"Identity", "identity", make<Identity>},
};

}  // namespace

std::span<const ClassEntry<Initializer>> initializer_classes() { return kClasses; }

InitializerPtr make_initializer(std::string_view key, const Json& json, Session& session) {
  return make_object<Initializer>(kClasses, "initializer", key, json, session);
}

InitializerPtr make_initializer(std::string_view name, Session& session) {
  return make_initializer("initializer", Json(std::string(name)), session);
}

}  // namespace keras
