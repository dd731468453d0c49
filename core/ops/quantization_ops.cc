// Fake quantization, as models trained for it have it: floats rounded to the values that so many bits can say. The limits are
// moved so that zero is one of these values.
#include <algorithm>
#include <cmath>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

struct Limit {
  float low, high, scale;
  bool empty;  // both limits are zero
};

/// B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018,
/// section 3; in float32 step by step, as TensorFlow does it.
Limit nudged(const Attrs& attrs, float low, float high) {
  const int64_t bits = attrs.get_int("num_bits");
  if (bits < 2 || bits > 16) throw InvalidArgumentError("num_bits must be between 2 and 16, inclusive, found {}", bits);
  const float first = attrs.get_bool("narrow_range") ? 1 : 0, last = static_cast<float>((1 << bits) - 1);
  const float scale = (high - low) / (last - first), zero = first - low / scale;
  const float nudged_zero = zero < first ? first : zero > last ? last : std::round(zero);
  return {(first - nudged_zero) * scale, (last - nudged_zero) * scale, scale, low == 0 && high == 0};
}

float quantized(const Limit& limit, float x) {
  if (limit.empty) return 0;
  const float inverse = 1 / limit.scale, zero = std::floor(-limit.low * inverse + 0.5f);
  const float clamped = std::min(std::max(x, limit.low), limit.high);
  return std::floor((clamped - limit.low) * inverse - zero + 0.5f) * limit.scale;
}

/// From two attributes, or from the two inputs that begin at `first`: scalars, or one number for each channel.
std::vector<Limit> limits_of(KernelContext& c, int first, int64_t channels) {
  if (c.attrs().contains("min")) {
    const float low = c.attrs().get_float("min"), high = c.attrs().get_float("max");
    if (!(low < high)) throw InvalidArgumentError("min has to be smaller than max, was: {} >= {}", low, high);
    return {nudged(c.attrs(), low, high)};
  }
  const Tensor &low = c.input(first), &high = c.input(first + 1);
  const int64_t count = channels > 0 ? channels : 1;
  if (low.elements() != count || high.elements() != count || low.rank() != (channels > 0 ? 1 : 0)) {
    throw InvalidArgumentError("min and max must have {} elements, found shapes {} and {}", count, low.shape(), high.shape());
  }
  std::vector<Limit> limits;
  for (int64_t i = 0; i < count; ++i) limits.push_back(nudged(c.attrs(), low.data<float>()[i], high.data<float>()[i]));
  return limits;
}

template <bool kPerChannel>
int64_t channels_of(const Tensor& x) {
  if (!kPerChannel) return 0;
  if (x.rank() < 1) throw InvalidArgumentError("inputs must have a last axis of channels");
  return x.dim(x.rank() - 1);
}

template <bool kPerChannel>
void quantize_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  if (kPerChannel && channels_of<kPerChannel>(x) == 0) return static_cast<void>(c.output(0, x.shape()));
  const std::vector<Limit> limits = limits_of(c, 1, channels_of<kPerChannel>(x));
  float* y = c.output(0, x.shape()).data<float>();
  for (int64_t i = 0; i < x.elements(); ++i) y[i] = quantized(limits[static_cast<size_t>(i) % limits.size()], x.data<float>()[i]);
}

/// Between the limits the upstream passes; beyond, it is the limit's.
template <bool kPerChannel>
void quantize_grad_kernel(KernelContext& c) {
  const Tensor up = c.input(0), x = c.input(1);
  if (up.shape() != x.shape())
    throw InvalidArgumentError("gradients and inputs must have one shape, found {} and {}", up.shape(), x.shape());
  const int64_t channels = channels_of<kPerChannel>(x);
  const std::vector<Limit> limits = limits_of(c, 2, channels);
  float* of_x = c.output(0, x.shape()).data<float>();
  std::vector<float> of_low(limits.size(), 0), of_high(limits.size(), 0);
  for (int64_t i = 0; i < x.elements(); ++i) {
    const size_t k = static_cast<size_t>(i) % limits.size();
    const Limit& limit = limits[k];
    const float value = x.data<float>()[i], gradient = up.data<float>()[i];
    const bool below = !limit.empty && value < limit.low, above = !limit.empty && value > limit.high;
    of_x[i] = below || above ? 0 : gradient;
    if (below) of_low[k] += gradient;
    if (above) of_high[k] += gradient;
  }
  if (c.outputs() == 1) return;
  const Shape shape = kPerChannel ? Shape{channels} : Shape();
  std::copy(of_low.begin(), of_low.end(), c.output(1, shape).data<float>());
  std::copy(of_high.begin(), of_high.end(), c.output(2, shape).data<float>());
}

void grad_shape(ShapeContext& c) {
  c.set_output(0, shape::same_shape(c.input(0), c.input(1), "gradients and inputs"));
  for (int i = 2; i < c.inputs(); ++i) c.set_output(i - 1, c.input(i));
}

Attrs own_attrs(GradContext& g) {
  Attrs attrs;
  for (const char* name : {"min", "max", "num_bits", "narrow_range"}) {
    if (const AttrValue* value = g.attrs().find(name)) attrs.set(name, *value);
  }
  return attrs;
}
Values args_grad(GradContext& g) { return {emit1("FakeQuantWithMinMaxArgsGradient", {g.upstream(0), g.input(0)}, own_attrs(g))}; }
Values vars_grad(GradContext& g) {
  return emit_all("FakeQuantWithMinMaxVarsGradient", {g.upstream(0), g.input(0), g.input(1), g.input(2)}, own_attrs(g));
}
Values channels_grad(GradContext& g) {
  return emit_all("FakeQuantWithMinMaxVarsPerChannelGradient", {g.upstream(0), g.input(0), g.input(1), g.input(2)}, own_attrs(g));
}

constexpr OpDef kOps[] = {
    {.name = "FakeQuantWithMinMaxArgs",
     .signature = "(inputs: float) -> (outputs: float); min: float = -6.0; max: float = 6.0; num_bits: int = 8; narrow_range: "
                  "bool = false",
     .shape = shape::same_as<0>,
     .kernel = quantize_kernel<false>,
     .gradient = args_grad,
     .js = "quantization.fakeQuantWithMinMaxArgs"},
    {.name = "FakeQuantWithMinMaxArgsGradient",
     .signature = "(gradients: float, inputs: float) -> (backprops: float); min: float = -6.0; max: float = 6.0; num_bits: int "
                  "= 8; narrow_range: bool = false",
     .shape = grad_shape,
     .kernel = quantize_grad_kernel<false>},
    {.name = "FakeQuantWithMinMaxVars",
     .signature = "(inputs: float, min: float, max: float) -> (outputs: float); num_bits: int = 8; narrow_range: bool = false",
     .shape = shape::same_as<0>,
     .kernel = quantize_kernel<false>,
     .gradient = vars_grad,
     .js = "quantization.fakeQuantWithMinMaxVars"},
    {.name = "FakeQuantWithMinMaxVarsGradient",
     .signature = "(gradients: float, inputs: float, min: float, max: float) -> (backprops_wrt_input: float, backprop_wrt_min: "
                  "float, backprop_wrt_max: float); num_bits: int = 8; narrow_range: bool = false",
     .shape = grad_shape,
     .kernel = quantize_grad_kernel<false>},
    {.name = "FakeQuantWithMinMaxVarsPerChannel",
     .signature = "(inputs: float, min: float, max: float) -> (outputs: float); num_bits: int = 8; narrow_range: bool = false",
     .shape = shape::same_as<0>,
     .kernel = quantize_kernel<true>,
     .gradient = channels_grad,
     .js = "quantization.fakeQuantWithMinMaxVarsPerChannel"},
    {.name = "FakeQuantWithMinMaxVarsPerChannelGradient",
     .signature = "(gradients: float, inputs: float, min: float, max: float) -> (backprops_wrt_input: float, backprop_wrt_min: "
                  "float, backprop_wrt_max: float); num_bits: int = 8; narrow_range: bool = false",
     .shape = grad_shape,
     .kernel = quantize_grad_kernel<true>},
};

}  // namespace

std::span<const OpDef> quantization_ops() { return kOps; }

}  // namespace keras
