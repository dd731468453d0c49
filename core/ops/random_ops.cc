// Random numbers from Philox. The stateless ops give TensorFlow's numbers for a seed; the stateful ones take a new key from
// the engine at each run.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/kernels/gather.h"
#include "core/kernels/philox.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/variables.h"
#include "core/tensor/half.h"

namespace keras {
namespace {

using kernels::Philox;

uint64_t read_u64(const Tensor& tensor, int64_t index) {
  uint64_t value;
  std::memcpy(&value, tensor.raw() + index * 8, sizeof value);
  return value;
}

uint64_t joined(uint32_t low, uint32_t high) { return static_cast<uint64_t>(high) << 32 | low; }
uint32_t low_word(uint64_t value) { return static_cast<uint32_t>(value); }
uint32_t high_word(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

Philox from_seed(const Tensor& seed) {
  if (seed.elements() != 2) throw InvalidArgumentError("seed must have shape (2,), not {}", seed.shape());
  const auto values = seed.to_int64s();
  return Philox::from_seed(static_cast<uint64_t>(values[0]), static_cast<uint64_t>(values[1]));
}

/// From the inputs key [1] and counter [2], and alg: 1 is Philox, 3 the device's choice, which is Philox here.
Philox from_key_and_counter(KernelContext& c) {
  const Tensor &key = c.input(1), &counter = c.input(2);
  if (key.elements() != 1 || counter.elements() < 2 || c.input(3).elements() != 1) {
    throw InvalidArgumentError("key must have shape (1,), counter (2,), alg (), found {}, {}, {}", key.shape(), counter.shape(),
                               c.input(3).shape());
  }
  const int64_t algorithm = c.input(3).to_int64s()[0];
  if (algorithm != 1 && algorithm != 3) throw UnimplementedError("Random algorithm {} is not implemented", algorithm);
  const uint64_t k = read_u64(key, 0), c0 = read_u64(counter, 0), c1 = read_u64(counter, 1);
  return {{low_word(c0), high_word(c0), low_word(c1), high_word(c1)}, {low_word(k), high_word(k)}};
}

Philox from_engine(KernelContext& c) {
  const uint64_t key = c.next_random();
  const uint64_t counter = c.next_random();
  return {{0, 0, low_word(counter), high_word(counter)}, {low_word(key), high_word(key)}};
}

/// The first axis in another order, all orders being equally likely.
void shuffle_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() == 0) return c.set_output(0, x);
  const Philox generator = from_engine(c);
  std::vector<int64_t> order(static_cast<size_t>(x.dim(0)));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t left = order.size(); left > 1; --left) {
    const auto words = generator.block(left);
    std::swap(order[left - 1], order[joined(words[0], words[1]) % left]);
  }
  const int64_t row = x.dim(0) > 0 ? x.elements() / x.dim(0) : 0;
  kernels::gather_rows(x.dtype(), {1, x.dim(0), row}, x.raw(), order, c.output(0, x.shape()).raw());
}

Philox stateful_generator(KernelContext& c) { return from_engine(c); }
Philox seeded_generator(KernelContext& c) { return from_seed(c.input(1)); }
Philox keyed_generator(KernelContext& c) { return from_key_and_counter(c); }

void random_shape(ShapeContext& c) { c.set_output(0, shape::from_input(c, 0)); }

Tensor& output_of_named_shape(KernelContext& c) {
  const Shape shape(c.input(0).to_int64s());
  if (!shape.fully_known()) throw InvalidArgumentError("Dimensions must not be negative, found {}", shape.dims());
  return c.output(0, shape);
}

template <auto kGenerator, auto kFill>
void random_kernel(KernelContext& c) {
  Tensor& output = output_of_named_shape(c);
  kFill(kGenerator(c), output);
}

std::span<float> floats(Tensor& tensor) { return {tensor.data<float>(), static_cast<size_t>(tensor.elements())}; }

/// Words one after the other.
class Words {
 public:
  explicit Words(const Philox& generator, uint64_t first_block = 0) : generator_(generator), at_(4 * first_block) {}
  uint32_t next() {
    if (at_ % 4 == 0) block_ = generator_.block(at_ / 4);
    return block_[at_++ % 4];
  }
  /// [0, 1) with 52 bits.
  double next_double() {
    const uint64_t high = next() & 0xFFFFFu;
    return std::bit_cast<double>(uint64_t{1023} << 52 | high << 32 | next()) - 1.0;
  }
  /// Two normal numbers, by Box and Muller.
  std::array<double, 2> next_normals() {
    const double u = std::max(next_double(), 1e-7), angle = 2 * std::numbers::pi * next_double();
    const double radius = std::sqrt(-2 * std::log(u));
    return {std::sin(angle) * radius, std::cos(angle) * radius};
  }

 private:
  Philox generator_;
  uint64_t at_;
  std::array<uint32_t, 4> block_{};
};

/// float32 takes 23 bits of a word, float64 52 bits of two, half 10 and bfloat16 7 of one, as TensorFlow does.
void fill_uniform(const Philox& generator, Tensor& output) {
  if (output.dtype() == DType::kFloat32) return kernels::random_uniform(generator, floats(output));
  Words words(generator);
  for (int64_t i = 0; i < output.elements(); ++i) {
    if (output.dtype() == DType::kFloat64)
      output.data<double>()[i] = words.next_double();
    else if (output.dtype() == DType::kFloat16)
      reinterpret_cast<uint16_t*>(output.raw())[i] = float_to_half(static_cast<float>(words.next() & 0x3FFu) / 1024);
    else
      reinterpret_cast<uint16_t*>(output.raw())[i] = float_to_bfloat16(static_cast<float>(words.next() & 0x7Fu) / 128);
  }
}

void fill_normal(const Philox& generator, Tensor& output) {
  if (output.dtype() == DType::kFloat32) return kernels::random_normal(generator, floats(output));
  Words words(generator);
  std::array<double, 2> pair{};
  for (int64_t i = 0; i < output.elements(); ++i) {
    if (i % 2 == 0) pair = words.next_normals();
    output.data<double>()[i] = pair[static_cast<size_t>(i % 2)];
  }
}

/// Each two doubles have 128 blocks to themselves, from which numbers outside (-2, 2) are drawn again.
void fill_truncated_normal(const Philox& generator, Tensor& output) {
  if (output.dtype() == DType::kFloat32) return kernels::random_truncated_normal(generator, floats(output));
  for (int64_t i = 0; i < output.elements(); i += 2) {
    Words words(generator, static_cast<uint64_t>(i) / 2 * 128);
    for (int64_t found = 0; found < 2;) {
      for (const double value : words.next_normals()) {
        if (std::abs(value) >= 2 || found == 2) continue;
        if (i + found < output.elements()) output.data<double>()[i + found] = value;
        ++found;
      }
    }
  }
}

/// minval + word % range, as TensorFlow does; 64-bit integers take two words each.
void fill_uniform_ints(const Philox& generator, const Tensor& low, const Tensor& high, Tensor& output) {
  if (low.elements() != 1 || high.elements() != 1) throw InvalidArgumentError("minval and maxval must be scalars");
  const int64_t from = low.to_int64s()[0], to = high.to_int64s()[0];
  if (from >= to) throw InvalidArgumentError("Need minval < maxval, got {} >= {}", from, to);
  const auto range = static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
  const int64_t group = output.dtype() == DType::kInt64 ? 2 : 4;
  for (int64_t i = 0; i < output.elements(); ++i) {
    const auto words = generator.block(static_cast<uint64_t>(i / group));
    const auto j = static_cast<size_t>(i % group);
    if (group == 2) {
      const uint64_t offset = joined(words[2 * j], words[2 * j + 1]) % range;
      output.data<int64_t>()[i] = static_cast<int64_t>(static_cast<uint64_t>(from) + offset);
    } else {
      const auto offset = static_cast<uint32_t>(words[j] % range);
      output.data<int32_t>()[i] = static_cast<int32_t>(static_cast<uint32_t>(from) + offset);
    }
  }
}

template <auto kGenerator, int kLow>
void random_int_kernel(KernelContext& c) {
  Tensor& output = output_of_named_shape(c);
  if (output.dtype() != DType::kInt32 && output.dtype() != DType::kInt64) {
    throw UnimplementedError("Random integers of dtype {} are not implemented", output.dtype());
  }
  fill_uniform_ints(kGenerator(c), c.input(kLow), c.input(kLow + 1), output);
}

/// All values of an integer dtype: one word each, or two.
template <auto kGenerator>
void random_full_int_kernel(KernelContext& c) {
  Tensor& output = output_of_named_shape(c);
  const Philox generator = kGenerator(c);
  const auto bytes = static_cast<size_t>(dtype_bytes(output.dtype()));
  const int64_t group = bytes == 8 ? 2 : 4;
  for (int64_t i = 0; i < output.elements(); ++i) {
    const auto words = generator.block(static_cast<uint64_t>(i / group));  // little-endian, as memory is
    std::memcpy(output.raw() + static_cast<size_t>(i) * bytes, words.data() + static_cast<size_t>(i % group) * (bytes / 4),
                bytes);
  }
}

/// logits [batch, classes], num_samples → [batch, num_samples]
void multinomial_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 2, "logits");
  c.set_output(0, {shape::dim_or_unknown(c.input(0), 0), shape::known_int(c, 1).value_or(kUnknownDim)});
}

template <auto kGenerator>
void multinomial_kernel(KernelContext& c) {
  const Tensor& logits = c.input(0);
  if (logits.rank() != 2) throw InvalidArgumentError("logits should be a matrix, got shape {}", logits.shape());
  const auto asked = c.input(1).to_int64s();
  if (asked.size() != 1 || asked[0] < 0) throw InvalidArgumentError("num_samples should be a nonnegative scalar, got {}", asked);
  const int64_t classes = logits.dim(1), samples = asked[0];
  if (classes < 1) throw InvalidArgumentError("num_classes should be positive, got {}", classes);
  Words words(kGenerator(c));
  Tensor& output = c.output(0, {logits.dim(0), samples});
  std::vector<double> sums(static_cast<size_t>(classes));  // of the classes so far, not normalised
  for (int64_t row = 0; row < logits.dim(0); ++row) {
    const auto logit = [&](int64_t i) { return logits.number_at(row * classes + i); };
    double largest = -std::numeric_limits<double>::max(), sum = 0;
    for (int64_t i = 0; i < classes; ++i) largest = std::isfinite(logit(i)) ? std::max(largest, logit(i)) : largest;
    for (int64_t i = 0; i < classes; ++i) {
      if (std::isfinite(logit(i))) sum += std::exp(logit(i) - largest);
      sums[static_cast<size_t>(i)] = sum;
    }
    for (int64_t k = 0; k < samples; ++k) {
      const auto found = std::upper_bound(sums.begin(), sums.end(), words.next_double() * sum) - sums.begin();
      const auto chosen = static_cast<int64_t>(found);
      if (output.dtype() == DType::kInt32)
        output.data<int32_t>()[row * samples + k] = static_cast<int32_t>(chosen);
      else
        output.data<int64_t>()[row * samples + k] = chosen;
    }
  }
}

Philox generator_of_seed_2(KernelContext& c) { return from_seed(c.input(2)); }

/// The state of a tf.random.Generator, counter and key, moves on by 256 blocks a step; what it was comes out.
void read_and_skip_kernel(KernelContext& c) {
  const int64_t algorithm = shape::one_element(c.input(1), "alg");
  if (algorithm != 1 && algorithm != 3) throw UnimplementedError("Random algorithm {} is not implemented", algorithm);
  Variable& state = variable(c, 0);
  if (state.dtype() != DType::kInt64 || state.shape().rank() != 1 || state.shape().dim(0) < 3) {
    throw InvalidArgumentError("The state of a generator must be at least 3 int64, found {} {}", state.dtype(), state.shape());
  }
  if (c.input(2).elements() != 1) throw InvalidArgumentError("delta must be a scalar, found shape {}", c.input(2).shape());
  std::copy_n(state.value().data<int64_t>(), 3, c.output(0, {3}).data<int64_t>());
  Tensor& value = state.mutable_value();
  const uint64_t low = read_u64(value, 0), sum = low + (read_u64(c.input(2), 0) << 8);
  const uint64_t high = read_u64(value, 1) + (sum < low ? 1 : 0);
  value.data<int64_t>()[0] = static_cast<int64_t>(sum);
  value.data<int64_t>()[1] = static_cast<int64_t>(high);
}

void key_counter_shape(ShapeContext& c) {
  c.set_output(0, {1});
  c.set_output(1, {2});
}

void key_counter_kernel(KernelContext& c) {
  const Philox generator = from_seed(c.input(0));
  const uint64_t key = joined(generator.key[0], generator.key[1]);
  const uint64_t counter[2] = {joined(generator.counter[0], generator.counter[1]),
                               joined(generator.counter[2], generator.counter[3])};
  std::memcpy(c.output(0, {1}).raw(), &key, sizeof key);
  std::memcpy(c.output(1, {2}).raw(), counter, sizeof counter);
}

void key_counter_alg_shape(ShapeContext& c) {
  key_counter_shape(c);
  c.set_output(2, Shape());
}
void key_counter_alg_kernel(KernelContext& c) {
  key_counter_kernel(c);
  c.output(2, Shape()).data<int32_t>()[0] = 1;
}

void alg_kernel(KernelContext& c) { c.output(0, Shape()).data<int32_t>()[0] = 1; }

constexpr OpDef kOps[] = {
    {.name = "RandomUniform",
     .signature = "(shape: T) -> (output: dtype); seed: int = 0; seed2: int = 0; dtype: {floating}; T: {int32, int64}",
     .shape = random_shape,
     .kernel = random_kernel<stateful_generator, fill_uniform>,
     .js = "random.uniform",
     .flags = kStateful | kNoGradient},
    {.name = "RandomStandardNormal",
     .signature = "(shape: T) -> (output: dtype); seed: int = 0; seed2: int = 0; dtype: {floating}; T: {int32, int64}",
     .shape = random_shape,
     .kernel = random_kernel<stateful_generator, fill_normal>,
     .js = "random.normal",
     .flags = kStateful | kNoGradient},
    {.name = "TruncatedNormal",
     .signature = "(shape: T) -> (output: dtype); seed: int = 0; seed2: int = 0; dtype: {floating}; T: {int32, int64}",
     .shape = random_shape,
     .kernel = random_kernel<stateful_generator, fill_truncated_normal>,
     .js = "random.truncatedNormal",
     .flags = kStateful | kNoGradient},
    {.name = "RandomUniformInt",
     .signature = "(shape: T, minval: Tout, maxval: Tout) -> (output: Tout); seed: int = 0; seed2: int = 0; Tout: "
                  "{int32, int64}; T: {int32, int64}",
     .shape = random_shape,
     .kernel = random_int_kernel<stateful_generator, 1>,
     .js = "random.uniformInt",
     .flags = kStateful | kNoGradient},

    {.name = "RandomShuffle",
     .signature = "(value: T) -> (output: T); seed: int = 0; seed2: int = 0; T: type",
     .shape = shape::same_as<0>,
     .kernel = shuffle_kernel,
     .js = "random.shuffle",
     .flags = kStateful | kNoGradient},
    {.name = "StatelessRandomUniform",
     .signature = "(shape: T, seed: Tseed) -> (output: dtype); dtype: {floating} = float; T: {int32, int64} = int32; "
                  "Tseed: {int32, int64} = int64",
     .shape = random_shape,
     .kernel = random_kernel<seeded_generator, fill_uniform>,
     .js = "random.statelessUniform",
     .flags = kNoGradient},
    {.name = "StatelessRandomNormal",
     .signature = "(shape: T, seed: Tseed) -> (output: dtype); dtype: {floating} = float; T: {int32, int64} = int32; "
                  "Tseed: {int32, int64} = int64",
     .shape = random_shape,
     .kernel = random_kernel<seeded_generator, fill_normal>,
     .js = "random.statelessNormal",
     .flags = kNoGradient},
    {.name = "StatelessTruncatedNormal",
     .signature = "(shape: T, seed: Tseed) -> (output: dtype); dtype: {floating} = float; T: {int32, int64} = int32; "
                  "Tseed: {int32, int64} = int64",
     .shape = random_shape,
     .kernel = random_kernel<seeded_generator, fill_truncated_normal>,
     .js = "random.statelessTruncatedNormal",
     .flags = kNoGradient},

    {.name = "StatelessRandomGetKeyCounter",
     .signature = "(seed: Tseed) -> (key: uint64, counter: uint64); Tseed: {int32, int64} = int64",
     .shape = key_counter_shape,
     .kernel = key_counter_kernel,
     .flags = kNoGradient},
    {.name = "StatelessRandomGetAlg",
     .signature = "() -> (alg: int32)",
     .shape = shape::scalar,
     .kernel = alg_kernel,
     .flags = kNoGradient},
    {.name = "StatelessRandomUniformV2",
     .signature = "(shape: Tshape, key: uint64, counter: uint64, alg: int32) -> (output: dtype); dtype: {floating} = "
                  "float; Tshape: {int32, int64} = int32",
     .shape = random_shape,
     .kernel = random_kernel<keyed_generator, fill_uniform>,
     .flags = kNoGradient},
    {.name = "StatelessRandomNormalV2",
     .signature = "(shape: Tshape, key: uint64, counter: uint64, alg: int32) -> (output: dtype); dtype: {floating} = "
                  "float; Tshape: {int32, int64} = int32",
     .shape = random_shape,
     .kernel = random_kernel<keyed_generator, fill_normal>,
     .flags = kNoGradient},
    {.name = "StatelessTruncatedNormalV2",
     .signature = "(shape: Tshape, key: uint64, counter: uint64, alg: int32) -> (output: dtype); dtype: {floating} = "
                  "float; Tshape: {int32, int64} = int32",
     .shape = random_shape,
     .kernel = random_kernel<keyed_generator, fill_truncated_normal>,
     .flags = kNoGradient},
    {.name = "StatelessRandomUniformIntV2",
     .signature = "(shape: Tshape, key: uint64, counter: uint64, alg: int32, minval: dtype, maxval: dtype) -> "
                  "(output: dtype); dtype: {int32, int64, uint32, uint64}; Tshape: {int32, int64} = int32",
     .shape = random_shape,
     .kernel = random_int_kernel<keyed_generator, 4>,
     .flags = kNoGradient},
    {.name = "StatelessRandomUniformFullIntV2",
     .signature = "(shape: Tshape, key: uint64, counter: uint64, alg: int32) -> (output: dtype); dtype: {int32, int64, uint32, "
                  "uint64} = uint64; Tshape: {int32, int64} = int32",
     .shape = random_shape,
     .kernel = random_full_int_kernel<keyed_generator>,
     .flags = kNoGradient},
    {.name = "StatelessRandomUniformFullInt",
     .signature = "(shape: T, seed: Tseed) -> (output: dtype); dtype: {int32, int64, uint32, uint64} = uint64; T: {int32, int64} "
                  "= int32; Tseed: {int32, int64, uint32, uint64} = int64",
     .shape = random_shape,
     .kernel = random_full_int_kernel<seeded_generator>,
     .js = "random.statelessUniformFullInt",
     .flags = kNoGradient},
    {.name = "StatelessRandomUniformInt",
     .signature = "(shape: T, seed: Tseed, minval: dtype, maxval: dtype) -> (output: dtype); dtype: {int32, int64}; T: {int32, "
                  "int64}; Tseed: {int32, int64} = int64",
     .shape = random_shape,
     .kernel = random_int_kernel<seeded_generator, 2>,
     .js = "random.statelessUniformInt",
     .flags = kNoGradient},
    {.name = "StatelessRandomGetKeyCounterAlg",
     .signature = "(seed: Tseed) -> (key: uint64, counter: uint64, alg: int32); Tseed: {int32, int64} = int64",
     .shape = key_counter_alg_shape,
     .kernel = key_counter_alg_kernel,
     .flags = kNoGradient},
    {.name = "Multinomial",
     .signature = "(logits: T, num_samples: int32) -> (output: output_dtype); seed: int = 0; seed2: int = 0; T: {real}; "
                  "output_dtype: {int32, int64} = int64",
     .shape = multinomial_shape,
     .kernel = multinomial_kernel<stateful_generator>,
     .js = "random.categorical",
     .flags = kStateful | kNoGradient},
    {.name = "StatelessMultinomial",
     .signature = "(logits: T, num_samples: int32, seed: Tseed) -> (output: output_dtype); T: {real}; Tseed: {int32, int64} = "
                  "int64; output_dtype: {int32, int64} = int64",
     .shape = multinomial_shape,
     .kernel = multinomial_kernel<generator_of_seed_2>,
     .js = "random.statelessCategorical",
     .flags = kNoGradient},
    {.name = "RngReadAndSkip",
     .signature = "(resource: resource, alg: int32, delta: uint64) -> (value: int64)",
     .shape = shape::unknown,
     .kernel = read_and_skip_kernel,
     .flags = kStateful | kNoGradient},
};

}  // namespace

std::span<const OpDef> random_ops() { return kOps; }

}  // namespace keras
