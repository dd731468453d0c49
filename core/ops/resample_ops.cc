// Images scaled and moved by filters: what tf.image.resize does with antialias or Lanczos, Gaussian and Mitchell kernels. After
// TensorFlow's scale_and_translate_op.cc and sampling_kernels.h, in single precision as there. Images are [batch, height, width,
// channels].
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

struct Filter {
  const char* name;
  float radius;
  float (*weight)(float distance);  // of a distance of 0 at least
};

template <int kRadius>
float lanczos(float x) {
  constexpr auto kPi = std::numbers::pi_v<float>;
  if (x > kRadius) return 0;
  if (x <= 1e-3f) return 1;
  return kRadius * std::sin(kPi * x) * std::sin(kPi * x / kRadius) / (kPi * kPi * x * x);
}
float gaussian(float x) { return x >= 1.5f ? 0 : std::exp(-x * x / (2 * 0.5f * 0.5f)); }
float box(float x) { return x < 0.5f ? 1.0f : x == 0.5f ? 0.5f : 0.0f; }
float triangle(float x) { return x < 1 ? 1 - x : 0; }
float keys_cubic(float x) {
  if (x >= 2) return 0;
  return x >= 1 ? ((-0.5f * x + 2.5f) * x - 4.0f) * x + 2.0f : ((1.5f * x - 2.5f) * x) * x + 1.0f;
}
float mitchell_cubic(float x) {
  if (x >= 2) return 0;
  return x >= 1 ? (((-7.0f / 18.0f) * x + 2.0f) * x - 10.0f / 3.0f) * x + 16.0f / 9.0f
                : (((7.0f / 6.0f) * x - 2.0f) * x) * x + 8.0f / 9.0f;
}

constexpr Filter kFilters[] = {
    {"lanczos1", 1, lanczos<1>},
    {"lanczos3", 3, lanczos<3>},
    {"lanczos5", 5, lanczos<5>},
    {"gaussian", 1.5f, gaussian},
    {"box", 1, box},
    {"triangle", 1, triangle},
    {"keyscubic", 2, keys_cubic},
    {"mitchellcubic", 2, mitchell_cubic},
};

const Filter& filter_of(const Attrs& attrs) {
  const std::string& name = attrs.get_string("kernel_type");
  for (const Filter& filter : kFilters) {
    if (name == filter.name) return filter;
  }
  throw InvalidArgumentError("Unrecognized kernel type: {}", name);
}

/// For each new place the old ones that it is made of, and their weights.
struct Spans {
  struct Span {
    int64_t first = 0;
    std::vector<float> weights;
  };
  std::vector<Span> at;

  Spans(const Filter& filter, bool antialias, int64_t new_size, int64_t old_size, float scale, float translation)
      : at(static_cast<size_t>(new_size)) {
    if (!(scale > 0) || !std::isfinite(scale)) throw InvalidArgumentError("scale must be greater than zero, got {}", scale);
    if (!std::isfinite(translation)) throw InvalidArgumentError("translation must be finite, got {}", translation);
    const float inverse = 1.0f / scale, moved = -inverse * translation;
    const float widening = antialias ? std::max(inverse, 1.0f) : 1.0f, reach = filter.radius * widening;
    const auto size = static_cast<float>(old_size);
    for (int64_t i = 0; i < new_size; ++i) {
      const float sample = (static_cast<float>(i) + 0.5f) * inverse + moved;
      if (sample < 0 || sample > size) continue;
      const float begin = std::clamp(std::ceil(sample - reach - 0.5f), 0.0f, size - 1);
      const float end = std::clamp(std::floor(sample + reach - 0.5f), 0.0f, size - 1);
      Span& span = at[static_cast<size_t>(i)];
      span.first = static_cast<int64_t>(begin);
      float sum = 0;
      for (int64_t k = span.first; k <= static_cast<int64_t>(end); ++k) {
        span.weights.push_back(filter.weight(std::abs((static_cast<float>(k) + 0.5f - sample) / widening)));
        sum += span.weights.back();
      }
      if (std::abs(sum) < 1000 * std::numeric_limits<float>::min()) span.weights.clear();
      for (float& weight : span.weights) weight /= sum;
    }
  }
};

struct Axes {
  Axes(KernelContext& c, int64_t rows, int64_t columns, const Tensor& old)
      : Axes(c, c.input(2), c.input(3), rows, columns, old) {}
  Spans vertical, horizontal;

 private:
  Axes(KernelContext& c, const Tensor& scale, const Tensor& translation, int64_t rows, int64_t columns, const Tensor& old)
      : vertical(make(c, pair(scale, 0), pair(translation, 0), rows, old.dim(1))),
        horizontal(make(c, pair(scale, 1), pair(translation, 1), columns, old.dim(2))) {}
  static float pair(const Tensor& tensor, int64_t i) {
    if (tensor.elements() != 2)
      throw InvalidArgumentError("scale and translation must be 2-element vectors, got {}", tensor.shape());
    return tensor.data<float>()[i];
  }
  static Spans make(KernelContext& c, float scale, float translation, int64_t new_size, int64_t old_size) {
    const Filter& filter = filter_of(c.attrs());
    const bool antialias = c.attrs().get_bool("antialias");
    const float reach = filter.radius * std::max(antialias ? 1 / scale : 1.0f, 1.0f);
    const double taps = std::min(2.0 * static_cast<double>(reach) + 2, static_cast<double>(old_size));
    if (!(taps * static_cast<double>(new_size) * sizeof(float) <= static_cast<double>(c.limits().tensor_bytes))) {
      throw ResourceExhaustedError("{} places of {} by a scale of {} take more weights than limits.tensorBytes ({}) has room for",
                                   new_size, old_size, scale, c.limits().tensor_bytes);
    }
    return {filter, antialias, new_size, old_size, scale, translation};
  }
};

void scale_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 4, "images");
  const auto size = shape::known_ints(c, 1);
  if (size && size->size() != 2) throw InvalidArgumentError("size must have 2 elements, found {}", *size);
  c.set_output(0, {shape::dim_or_unknown(c.input(0), 0), size ? (*size)[0] : kUnknownDim, size ? (*size)[1] : kUnknownDim,
                   shape::dim_or_unknown(c.input(0), 3)});
}

void scale_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> size = c.input(1).to_int64s();
  if (x.rank() != 4) throw InvalidArgumentError("input must be 4-dimensional, got {}", x.shape());
  if (size.size() != 2 || size[0] <= 0 || size[1] <= 0)
    throw InvalidArgumentError("output dimensions must be positive, found {}", size);
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), rows = size[0], columns = size[1];
  if (height < 1 || width < 1) throw InvalidArgumentError("input image must be of non-zero size");
  Tensor& y = c.output(0, {x.dim(0), rows, columns, channels});
  kernels::set_zero(y);
  if (y.elements() == 0) return;
  const Axes axes(c, rows, columns, x);
  std::vector<float> line(static_cast<size_t>(width * channels));  // a new row of old columns
  float* to = y.data<float>();
  with_compute_type(x.dtype(), "ScaleAndTranslate", [&]<class T>(T) {
    for (int64_t row = 0; row < x.dim(0) * rows; ++row) {
      const Spans::Span& v = axes.vertical.at[static_cast<size_t>(row % rows)];
      const T* from = x.data<T>() + (row / rows * height + v.first) * width * channels;
      std::ranges::fill(line, 0.0f);
      for (const float weight : v.weights) {
        for (float& sum : line) sum += weight * static_cast<float>(*from++);
      }
      for (const Spans::Span& h : axes.horizontal.at) {
        const float* column = line.data() + h.first * channels;
        for (const float weight : h.weights) {
          for (int64_t k = 0; k < channels; ++k) to[k] += weight * *column++;
        }
        to += channels;
      }
    }
  });
}

void scale_grad_kernel(KernelContext& c) {
  const Tensor &dy = c.input(0), &original = c.input(1);
  if (dy.rank() != 4 || original.rank() != 4 || dy.dim(0) != original.dim(0) || dy.dim(3) != original.dim(3)) {
    throw InvalidArgumentError("Gradients of shape {} do not fit images of shape {}", dy.shape(), original.shape());
  }
  const int64_t height = original.dim(1), width = original.dim(2), channels = original.dim(3), rows = dy.dim(1);
  Tensor& dx = c.output(0, original.shape());
  kernels::set_zero(dx);
  if (dx.elements() == 0 || dy.elements() == 0) return;
  const Axes axes(c, rows, dy.dim(2), original);
  std::vector<float> line(static_cast<size_t>(width * channels));
  const float* from = dy.data<float>();
  for (int64_t row = 0; row < dy.dim(0) * rows; ++row) {
    std::ranges::fill(line, 0.0f);
    for (const Spans::Span& h : axes.horizontal.at) {
      float* column = line.data() + h.first * channels;
      for (const float weight : h.weights) {
        for (int64_t k = 0; k < channels; ++k) *column++ += weight * from[k];
      }
      from += channels;
    }
    const Spans::Span& v = axes.vertical.at[static_cast<size_t>(row % rows)];
    float* to = dx.data<float>() + (row / rows * height + v.first) * width * channels;
    for (const float weight : v.weights) {
      for (const float value : line) *to++ += weight * value;
    }
  }
}

Values scale_grad(GradContext& g) {
  const Attrs attrs = {{"kernel_type", g.attrs().get_string("kernel_type")}, {"antialias", g.attrs().get_bool("antialias")}};
  const Value image = cast(g.input(0), DType::kFloat32);
  const Value found = emit1("ScaleAndTranslateGrad", {g.upstream(0), image, g.input(2), g.input(3)}, attrs);
  return {is_floating(g.input(0).dtype()) ? cast(found, g.input(0).dtype()) : Value(), Value(), Value(), Value()};
}

constexpr OpDef kOps[] = {
    {.name = "ScaleAndTranslate",
     .signature = "(images: T, size: int32, scale: float, translation: float) -> (resized_images: float); T: {floating, int8, "
                  "uint8, int16, uint16, int32, int64}; kernel_type: string = \"lanczos3\"; antialias: bool = true",
     .shape = scale_shape,
     .kernel = scale_kernel,
     .gradient = scale_grad},
    {.name = "ScaleAndTranslateGrad",
     .signature = "(grads: T, original_image: T, scale: float, translation: float) -> (output: T); T: {float}; kernel_type: "
                  "string = \"lanczos3\"; antialias: bool = true",
     .shape = shape::same_as<1>,
     .kernel = scale_grad_kernel},
};

}  // namespace

std::span<const OpDef> resample_ops() { return kOps; }

}  // namespace keras
