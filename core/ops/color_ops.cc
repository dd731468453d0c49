// Colours of images: hue, saturation and value, and what is done with them. Also local response normalisation, over channels.
#include <algorithm>
#include <array>
#include <cmath>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

template <class T>
struct Color {
  T r, g, b;
};
/// Hue in [0, 1), saturation, value.
template <class T>
struct Hsv {
  T h, s, v;
};

template <class T>
Hsv<T> to_hsv(const Color<T>& c) {
  const T value = std::max({c.r, c.g, c.b}), range = value - std::min({c.r, c.g, c.b});
  if (!(range > 0)) return {0, value > 0 ? range / value : T(0), value};
  const T norm = 1 / (6 * range);
  T hue = c.r == value ? norm * (c.g - c.b) : c.g == value ? norm * (c.b - c.r) + T(2) / T(6) : norm * (c.r - c.g) + T(4) / T(6);
  if (hue < 0) hue += 1;
  return {hue, value > 0 ? range / value : T(0), value};
}

template <class T>
Color<T> to_rgb(const Hsv<T>& c) {
  const T sixths = c.h * 6;
  const auto channel = [&](T amount) { return (1 - c.s + c.s * std::clamp(amount, T(0), T(1))) * c.v; };
  return {channel(std::abs(sixths - 3) - 1), channel(2 - std::abs(sixths - 2)), channel(2 - std::abs(sixths - 4))};
}

void color_shape(ShapeContext& c) {
  shape::require_min_rank(c.input(0), 1, "Images");
  if (c.input(0).known_rank()) shape::same_dim(c.input(0).dim(-1), 3, "The channels of images and of colours");
  c.set_output(0, c.input(0));
}

/// output = change(pixel) for pixels of three channels.
template <class Change>
void map_colors(KernelContext& c, Change change) {
  const Tensor x = c.input(0);
  if (x.rank() < 1 || x.dim(-1) != 3) throw InvalidArgumentError("images must have 3 channels, found shape {}", x.shape());
  Tensor& y = c.output(0, x.shape());
  with_float_type(x.dtype(), "A change of colours", [&]<class T>(T) {
    for (int64_t i = 0; i < x.elements(); i += 3) {
      const T* from = x.data<T>() + i;
      const std::array<T, 3> to = change(std::array<T, 3>{from[0], from[1], from[2]});
      std::copy_n(to.begin(), 3, y.data<T>() + i);
    }
  });
}

void rgb_to_hsv_kernel(KernelContext& c) {
  map_colors(c, []<class T>(const std::array<T, 3>& pixel) {
    const Hsv<T> hsv = to_hsv<T>({pixel[0], pixel[1], pixel[2]});
    return std::array<T, 3>{hsv.h, hsv.s, hsv.v};
  });
}

void hsv_to_rgb_kernel(KernelContext& c) {
  map_colors(c, []<class T>(const std::array<T, 3>& pixel) {
    const Color<T> rgb = to_rgb<T>({pixel[0], pixel[1], pixel[2]});
    return std::array<T, 3>{rgb.r, rgb.g, rgb.b};
  });
}

void adjust_hue_kernel(KernelContext& c) {
  if (c.input(0).rank() < 3) throw InvalidArgumentError("input must be at least 3-D, got shape {}", c.input(0).shape());
  if (c.input(1).elements() != 1) throw InvalidArgumentError("delta must be scalar: {}", c.input(1).shape());
  const float delta = c.input(1).data<float>()[0];
  map_colors(c, [delta]<class T>(const std::array<T, 3>& pixel) {
    Hsv<T> hsv = to_hsv<T>({pixel[0], pixel[1], pixel[2]});
    hsv.h += static_cast<T>(delta);
    hsv.h -= std::floor(hsv.h);
    const Color<T> rgb = to_rgb(hsv);
    return std::array<T, 3>{rgb.r, rgb.g, rgb.b};
  });
}

void adjust_saturation_kernel(KernelContext& c) {
  if (c.input(0).rank() < 3) throw InvalidArgumentError("input must be at least 3-D, got shape {}", c.input(0).shape());
  if (c.input(1).elements() != 1) throw InvalidArgumentError("scale must be scalar: {}", c.input(1).shape());
  const float scale = c.input(1).data<float>()[0];
  map_colors(c, [scale]<class T>(const std::array<T, 3>& pixel) {
    Hsv<T> hsv = to_hsv<T>({pixel[0], pixel[1], pixel[2]});
    hsv.s = std::clamp(hsv.s * static_cast<T>(scale), T(0), T(1));
    const Color<T> rgb = to_rgb(hsv);
    return std::array<T, 3>{rgb.r, rgb.g, rgb.b};
  });
}

/// Masks of the channel that is largest, and of the one that is smallest; ties go to the earlier and to the later one.
struct Extremes {
  std::array<Value, 3> largest, smallest;
};
Extremes extremes(const std::array<Value, 3>& c) {
  const auto mask = [&](const Value& a, const Value& b) { return cast(emit1("LogicalAnd", {a, b}), c[0].dtype()); };
  return {{mask(greater_equal(c[0], c[1]), greater_equal(c[0], c[2])), mask(greater(c[1], c[0]), greater_equal(c[1], c[2])),
           mask(greater(c[2], c[0]), greater(c[2], c[1]))},
          {mask(less(c[0], c[1]), less(c[0], c[2])), mask(greater_equal(c[0], c[1]), less(c[1], c[2])),
           mask(greater_equal(c[0], c[2]), greater_equal(c[1], c[2]))}};
}

// Where red is the largest, hue = (green - blue) / (6 (largest - smallest)), and so around; saturation = 1 - smallest / largest.
Values rgb_to_hsv_grad(GradContext& g) {
  Emitter& emitter = g.emitter();
  const auto channels = [&](const Value& x) {
    const Values parts = emit_all("Split", {int_scalar(emitter, -1), x}, {{"num_split", int64_t{3}}});
    return std::array<Value, 3>{parts[0], parts[1], parts[2]};
  };
  const auto divide = [](const Value& a, const Value& b) { return emit1("DivNoNan", {a, b}); };
  const std::array<Value, 3> c = channels(g.input(0)), up = channels(g.upstream(0));
  const auto [largest, smallest] = extremes(c);
  const auto chosen = [&](const std::array<Value, 3>& mask) {
    return add(add(mul(mask[0], c[0]), mul(mask[1], c[1])), mul(mask[2], c[2]));
  };
  const Value most = chosen(largest), least = chosen(smallest), range = sub(most, least);
  const Value per_range = divide(up[0], mul(range, 6.0));
  const Value numerator =
      add(add(mul(largest[0], sub(c[1], c[2])), mul(largest[1], sub(c[2], c[0]))), mul(largest[2], sub(c[0], c[1])));
  const Value by_range = divide(mul(per_range, numerator), range);
  const Value of_largest = add(sub(up[2], by_range), mul(up[1], divide(least, square(most))));
  const Value of_smallest = sub(by_range, divide(up[1], most));
  std::vector<Value> result;
  for (size_t i = 0; i < 3; ++i) {
    const Value turn = sub(largest[(i + 2) % 3], largest[(i + 1) % 3]);  // how the channel stands in the numerator
    result.push_back(add(add(mul(largest[i], of_largest), mul(smallest[i], of_smallest)), mul(turn, per_range)));
  }
  return {concat(result, -1)};
}

// Local response normalisation

struct Lrn {
  explicit Lrn(const Attrs& attrs)
      : radius(attrs.get_int("depth_radius")),
        bias(attrs.get_float("bias")),
        alpha(attrs.get_float("alpha")),
        beta(attrs.get_float("beta")) {
    if (radius < 0) throw InvalidArgumentError("depth_radius = {} cannot be negative", radius);
  }
  /// bias + alpha · the sum of squares around channel `at`.
  float norm(const float* pixel, int64_t channels, int64_t at) const {
    float sum = 0;
    for (int64_t k = std::max<int64_t>(at - radius, 0); k <= std::min(at + radius, channels - 1); ++k) sum += pixel[k] * pixel[k];
    return bias + alpha * sum;
  }
  int64_t radius;
  float bias, alpha, beta;
};

void lrn_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 4, "The input of LRN");
  c.set_output(0, c.input(0));
}

void lrn_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  if (x.dtype() != DType::kFloat32) unsupported_dtype("LRN", x.dtype());
  const Lrn lrn(c.attrs());
  Tensor& y = c.output(0, x.shape());
  const int64_t channels = x.dim(-1);
  for (int64_t i = 0; i < x.elements(); ++i) {
    const float* pixel = x.data<float>() + i / channels * channels;
    y.data<float>()[i] = x.data<float>()[i] * std::pow(lrn.norm(pixel, channels, i % channels), -lrn.beta);
  }
}

/// input_grads, input_image, output_image
void lrn_grad_kernel(KernelContext& c) {
  const Tensor &dy = c.input(0), &x = c.input(1), &y = c.input(2);
  if (x.dtype() != DType::kFloat32) unsupported_dtype("LRNGrad", x.dtype());
  if (dy.shape() != x.shape() || y.shape() != x.shape() || x.rank() != 4) {
    throw InvalidArgumentError("input_grads, input_image and output_image must have one shape, found {}, {}, {}", dy.shape(),
                               x.shape(), y.shape());
  }
  const Lrn lrn(c.attrs());
  Tensor& dx = c.output(0, x.shape());
  std::fill_n(dx.data<float>(), dx.elements(), 0.0f);
  const int64_t channels = x.dim(-1);
  for (int64_t i = 0; i < x.elements(); ++i) {
    const int64_t first = i / channels * channels, at = i - first;
    const float *pixel = x.data<float>() + first, norm = lrn.norm(pixel, channels, at), up = dy.data<float>()[i];
    float* to = dx.data<float>() + first;
    to[at] += up * std::pow(norm, -lrn.beta);
    for (int64_t k = std::max<int64_t>(at - lrn.radius, 0); k <= std::min(at + lrn.radius, channels - 1); ++k) {
      to[k] -= 2 * lrn.alpha * lrn.beta * pixel[k] * y.data<float>()[i] / norm * up;
    }
  }
}

Values lrn_grad(GradContext& g) {
  Attrs attrs = {{"depth_radius", g.attrs().get_int("depth_radius")}};
  for (const char* name : {"bias", "alpha", "beta"}) attrs.set(name, g.attrs().get_float(name));
  return {emit1("LRNGrad", {g.upstream(0), g.input(0), g.output(0)}, std::move(attrs))};
}

constexpr OpDef kOps[] = {
    {.name = "RGBToHSV",
     .signature = "(images: T) -> (output: T); T: {floating} = float",
     .shape = color_shape,
     .kernel = rgb_to_hsv_kernel,
     .gradient = rgb_to_hsv_grad,
     .js = "image.rgbToHsv"},
    {.name = "HSVToRGB",
     .signature = "(images: T) -> (output: T); T: {floating} = float",
     .shape = color_shape,
     .kernel = hsv_to_rgb_kernel,
     .js = "image.hsvToRgb",
     .flags = kNoGradient},  // TensorFlow registers it so
    {.name = "AdjustHue",
     .signature = "(images: T, delta: float) -> (output: T); T: {half, float} = float",
     .shape = color_shape,
     .kernel = adjust_hue_kernel,
     .js = "image.adjustHue"},
    {.name = "AdjustSaturation",
     .signature = "(images: T, scale: float) -> (output: T); T: {half, float} = float",
     .shape = color_shape,
     .kernel = adjust_saturation_kernel,
     .js = "image.adjustSaturation"},
    {.name = "LRN",
     .signature = "(input: T) -> (output: T); depth_radius: int = 5; bias: float = 1.0; alpha: float = 1.0; beta: float = 0.5; "
                  "T: {half, bfloat16, float} = float",
     .shape = lrn_shape,
     .kernel = lrn_kernel,
     .gradient = lrn_grad,
     .js = "nn.localResponseNormalization"},
    {.name = "LRNGrad",
     .signature = "(input_grads: T, input_image: T, output_image: T) -> (output: T); depth_radius: int = 5; bias: float = 1.0; "
                  "alpha: float = 1.0; beta: float = 0.5; T: {half, bfloat16, float} = float",
     .shape = shape::same_as<1>,
     .kernel = lrn_grad_kernel},
};

}  // namespace

std::span<const OpDef> color_ops() { return kOps; }

}  // namespace keras
