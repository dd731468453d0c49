// Images of other sizes, and moved by projective transforms. All are [batch, height, width, channels].
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

/// How places of the new axis map to the old one; in single precision, as TensorFlow does.
struct Scaler {
  Scaler(const Attrs& attrs, int64_t old_axis, int64_t new_axis)
      : Scaler(attrs.get_bool("align_corners"), attrs.get_bool("half_pixel_centers"), old_axis, new_axis) {}
  Scaler(bool corners, bool half_pixels, int64_t old_axis, int64_t new_axis)
      : align_corners(corners),
        half_pixel_centers(half_pixels),
        old_size(old_axis),
        scale(align_corners && new_axis > 1 ? static_cast<float>(old_axis - 1) / static_cast<float>(new_axis - 1)
                                            : static_cast<float>(old_axis) / static_cast<float>(new_axis)) {
    if (align_corners && half_pixel_centers)
      throw InvalidArgumentError("If half_pixel_centers is True, align_corners must be False.");
  }

  float place(int64_t i) const {
    const auto at = static_cast<float>(i);
    return half_pixel_centers ? (at + 0.5f) * scale - 0.5f : at * scale;
  }
  int64_t nearest(int64_t i) const {
    const float at = (static_cast<float>(i) + (half_pixel_centers ? 0.5f : 0.0f)) * scale;
    return std::clamp<int64_t>(static_cast<int64_t>(align_corners ? std::round(at) : std::floor(at)), 0, old_size - 1);
  }

  bool align_corners, half_pixel_centers;
  int64_t old_size;
  float scale;
};

/// Between which two old places a new one lies, and how far from the first.
struct Between {
  Between(const Scaler& scaler, int64_t i) {
    const float at = scaler.place(i), below = std::floor(at);
    lower = std::max<int64_t>(static_cast<int64_t>(below), 0);
    upper = std::min<int64_t>(static_cast<int64_t>(std::ceil(at)), scaler.old_size - 1);
    share = at - below;
  }
  int64_t lower, upper;
  float share;
};

Shape resized(const Shape& images, const std::vector<int64_t>& size) {
  shape::require_rank(images, 4, "Images");
  if (size.size() != 2) throw InvalidArgumentError("size must have 2 elements, found {}", size);
  for (const int64_t side : size) {
    if (side <= 0 && side != kUnknownDim) throw InvalidArgumentError("output dimensions must be positive, found {}", size);
  }
  return images.known_rank() ? Shape{images.dim(0), size[0], size[1], images.dim(3)}
                             : Shape{kUnknownDim, size[0], size[1], kUnknownDim};
}

Shape resized_to_input(const Tensor& images, const Tensor& size) {
  const Shape result = resized(images.shape(), size.to_int64s());
  if (!result.fully_known()) throw InvalidArgumentError("output dimensions must be positive, found {}", result);
  if (images.dim(1) < 1 || images.dim(2) < 1) throw InvalidArgumentError("input image must be of non-zero size");
  return result;
}

template <int kSize>
void resize_shape(ShapeContext& c) {
  c.set_output(0, resized(c.input(0), shape::known_ints(c, kSize).value_or(std::vector<int64_t>{kUnknownDim, kUnknownDim})));
}

void bilinear_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, resized_to_input(x, c.input(1)));
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), rows = y.dim(1), columns = y.dim(2);
  const Scaler vertical(c.attrs(), height, rows), horizontal(c.attrs(), width, columns);
  float* to = y.data<float>();
  with_compute_type(x.dtype(), "ResizeBilinear", [&]<class T>(T) {
    for (int64_t row = 0; row < x.dim(0) * rows; ++row) {
      const Between v(vertical, row % rows);
      const T* image = x.data<T>() + row / rows * height * width * channels;
      for (int64_t column = 0; column < columns; ++column) {
        const Between h(horizontal, column);
        const auto at = [&](int64_t i, int64_t j, int64_t k) {
          return static_cast<float>(image[(i * width + j) * channels + k]);
        };
        for (int64_t k = 0; k < channels; ++k) {
          const float top = at(v.lower, h.lower, k) + (at(v.lower, h.upper, k) - at(v.lower, h.lower, k)) * h.share;
          const float bottom = at(v.upper, h.lower, k) + (at(v.upper, h.upper, k) - at(v.upper, h.lower, k)) * h.share;
          *to++ = top + (bottom - top) * v.share;
        }
      }
    }
  });
}

void check_gradients(const Tensor& dy, const Tensor& original) {
  shape::require_rank(dy.shape(), 4, "Gradients");
  shape::require_rank(original.shape(), 4, "Images");
  if (dy.dim(0) != original.dim(0) || dy.dim(3) != original.dim(3)) {
    throw InvalidArgumentError("Gradients of shape {} do not fit images of shape {}", dy.shape(), original.shape());
  }
}

void bilinear_grad_kernel(KernelContext& c) {
  const Tensor &dy = c.input(0), &original = c.input(1);
  check_gradients(dy, original);
  const int64_t height = original.dim(1), width = original.dim(2), channels = original.dim(3), rows = dy.dim(1),
                columns = dy.dim(2);
  Tensor& dx = c.output(0, original.shape());
  kernels::set_zero(dx);
  if (dx.elements() == 0 || dy.elements() == 0) return;
  const Scaler vertical(c.attrs(), height, rows), horizontal(c.attrs(), width, columns);
  const float* from = dy.data<float>();
  with_float_type(dx.dtype(), "ResizeBilinearGrad", [&]<class T>(T) {
    for (int64_t row = 0; row < dy.dim(0) * rows; ++row) {
      const Between v(vertical, row % rows);
      T* image = dx.data<T>() + row / rows * height * width * channels;
      for (int64_t column = 0; column < columns; ++column) {
        const Between h(horizontal, column);
        const auto add = [&](int64_t i, int64_t j, float weight) {
          T* to = image + (i * width + j) * channels;
          for (int64_t k = 0; k < channels; ++k) to[k] += static_cast<T>(from[k] * weight);
        };
        add(v.lower, h.lower, (1 - v.share) * (1 - h.share));
        add(v.lower, h.upper, (1 - v.share) * h.share);
        add(v.upper, h.lower, v.share * (1 - h.share));
        add(v.upper, h.upper, v.share * h.share);
        from += channels;
      }
    }
  });
}

void nearest_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, resized_to_input(x, c.input(1)));
  const int64_t channels = x.dim(3), rows = y.dim(1), columns = y.dim(2);
  const Scaler vertical(c.attrs(), x.dim(1), rows), horizontal(c.attrs(), x.dim(2), columns);
  for (int64_t pixel = 0; channels > 0 && pixel < x.dim(0) * rows * columns; ++pixel) {
    const int64_t image = pixel / (rows * columns), row = pixel / columns % rows;
    const int64_t from = (image * x.dim(1) + vertical.nearest(row)) * x.dim(2) + horizontal.nearest(pixel % columns);
    kernels::copy_part(x, from * channels, y, pixel * channels, channels);
  }
}

void nearest_grad_kernel(KernelContext& c) {
  const Tensor& dy = c.input(0);
  Tensor& dx = c.output(0, resized_to_input(dy, c.input(1)));
  kernels::set_zero(dx);
  const int64_t channels = dy.dim(3), rows = dy.dim(1), columns = dy.dim(2);
  const Scaler vertical(c.attrs(), dx.dim(1), rows), horizontal(c.attrs(), dx.dim(2), columns);
  with_float_type(dx.dtype(), "ResizeNearestNeighborGrad", [&]<class T>(T) {
    const T* from = dy.data<T>();
    for (int64_t pixel = 0; pixel < dy.dim(0) * rows * columns; ++pixel) {
      const int64_t image = pixel / (rows * columns), row = pixel / columns % rows;
      T* to = dx.data<T>() +
              ((image * dx.dim(1) + vertical.nearest(row)) * dx.dim(2) + horizontal.nearest(pixel % columns)) * channels;
      for (int64_t k = 0; k < channels; ++k) to[k] += *from++;
    }
  });
}

Attrs centers(GradContext& g) {
  return {{"align_corners", g.attrs().get_bool("align_corners")},
          {"half_pixel_centers", g.attrs().get_bool("half_pixel_centers")}};
}
Values bilinear_grad(GradContext& g) {
  if (!is_floating(g.input(0).dtype())) return {Value(), Value()};
  return {emit1("ResizeBilinearGrad", {g.upstream(0), g.input(0)}, centers(g)), Value()};
}
Values nearest_grad(GradContext& g) {
  const Value sides = emit1("Slice", {shape_of(g.input(0)), ints(g.emitter(), {1}), ints(g.emitter(), {2})});
  return {emit1("ResizeNearestNeighborGrad", {g.upstream(0), sides}, centers(g)), Value()};
}

// Bicubic

/// The cubic kernel at a distance below 2; `sharpness` is Keys's a.
float cubic(float distance, double sharpness) {
  const double x = distance;
  const double value = x <= 1 ? ((sharpness + 2) * x - (sharpness + 3)) * x * x + 1
                              : ((sharpness * x - 5 * sharpness) * x + 8 * sharpness) * x - 4 * sharpness;
  return static_cast<float>(value);
}

/// The four old places around a new one, and their weights, which come from a table of 1024 steps. With half pixel centers,
/// places outside count nothing.
struct CubicTaps {
  CubicTaps(const Scaler& scaler, int64_t i) {
    const float at = scaler.place(i), below = std::floor(at);
    const float share = std::nearbyint((at - below) * 1024.0f) / 1024.0f;
    const double sharpness = scaler.half_pixel_centers ? -0.5 : -0.75;
    float sum = 0;
    for (int64_t k = 0; k < 4; ++k) {
      const int64_t place = static_cast<int64_t>(below) - 1 + k;
      index[k] = std::clamp<int64_t>(place, 0, scaler.old_size - 1);
      weight[k] = cubic(std::abs(share + 1 - static_cast<float>(k)), sharpness);
      if (scaler.half_pixel_centers && index[k] != place) weight[k] = 0;
      sum += weight[k];
    }
    if (!scaler.half_pixel_centers || std::abs(sum) < 1000 * std::numeric_limits<float>::min()) return;
    for (float& w : weight) w /= sum;
  }
  int64_t index[4];
  float weight[4];
};

void bicubic_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, resized_to_input(x, c.input(1)));
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), rows = y.dim(1), columns = y.dim(2);
  const Scaler vertical(c.attrs(), height, rows), horizontal(c.attrs(), width, columns);
  float* to = y.data<float>();
  with_compute_type(x.dtype(), "ResizeBicubic", [&]<class T>(T) {
    for (int64_t row = 0; row < x.dim(0) * rows; ++row) {
      const CubicTaps v(vertical, row % rows);
      const T* image = x.data<T>() + row / rows * height * width * channels;
      for (int64_t column = 0; column < columns; ++column) {
        const CubicTaps h(horizontal, column);
        for (int64_t k = 0; k < channels; ++k) {
          float sum = 0;
          for (int i = 0; i < 4; ++i) {
            float line = 0;
            for (int j = 0; j < 4; ++j) {
              line += static_cast<float>(image[(v.index[i] * width + h.index[j]) * channels + k]) * h.weight[j];
            }
            sum += line * v.weight[i];
          }
          *to++ = sum;
        }
      }
    }
  });
}

void bicubic_grad_kernel(KernelContext& c) {
  const Tensor &dy = c.input(0), &original = c.input(1);
  check_gradients(dy, original);
  const int64_t height = original.dim(1), width = original.dim(2), channels = original.dim(3), rows = dy.dim(1),
                columns = dy.dim(2);
  Tensor& dx = c.output(0, original.shape());
  kernels::set_zero(dx);
  if (dx.elements() == 0 || dy.elements() == 0) return;
  const Scaler vertical(c.attrs(), height, rows), horizontal(c.attrs(), width, columns);
  const float* from = dy.data<float>();
  with_float_type(dx.dtype(), "ResizeBicubicGrad", [&]<class T>(T) {
    for (int64_t row = 0; row < dy.dim(0) * rows; ++row) {
      const CubicTaps v(vertical, row % rows);
      T* image = dx.data<T>() + row / rows * height * width * channels;
      for (int64_t column = 0; column < columns; ++column) {
        const CubicTaps h(horizontal, column);
        for (int tap = 0; tap < 16; ++tap) {
          T* to = image + (v.index[tap / 4] * width + h.index[tap % 4]) * channels;
          for (int64_t k = 0; k < channels; ++k) to[k] += static_cast<T>(from[k] * v.weight[tap / 4] * h.weight[tap % 4]);
        }
        from += channels;
      }
    }
  });
}

Values bicubic_grad(GradContext& g) {
  if (!is_floating(g.input(0).dtype())) return {Value(), Value()};
  return {emit1("ResizeBicubicGrad", {g.upstream(0), g.input(0)}, centers(g)), Value()};
}

// Area

/// The old places that a new one covers, and how much of each.
struct Cover {
  Cover(float scale, int64_t i) : begin(static_cast<float>(i) * scale), end(static_cast<float>(i + 1) * scale) {}
  int64_t first() const { return static_cast<int64_t>(std::floor(begin)); }
  int64_t last() const { return static_cast<int64_t>(std::ceil(end)); }
  float share(int64_t place) const {
    const auto at = static_cast<float>(place);
    return std::min(at + 1, end) - std::max(at, begin);
  }
  float begin, end;
};

void area_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, resized_to_input(x, c.input(1)));
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), rows = y.dim(1), columns = y.dim(2);
  const bool corners = c.attrs().get_bool("align_corners");
  const float vertical = Scaler(corners, false, height, rows).scale, horizontal = Scaler(corners, false, width, columns).scale;
  float* to = y.data<float>();
  with_compute_type(x.dtype(), "ResizeArea", [&]<class T>(T) {
    for (int64_t pixel = 0; pixel < x.dim(0) * rows * columns; ++pixel) {
      const Cover v(vertical, pixel / columns % rows), h(horizontal, pixel % columns);
      const T* image = x.data<T>() + pixel / (rows * columns) * height * width * channels;
      for (int64_t k = 0; k < channels; ++k) {
        float sum = 0;
        for (int64_t i = v.first(); i < v.last(); ++i) {
          const T* line = image + std::min(i, height - 1) * width * channels + k;
          float line_sum = 0;
          for (int64_t j = h.first(); j < h.last(); ++j) {
            line_sum += static_cast<float>(line[std::min(j, width - 1) * channels]) * h.share(j);
          }
          sum += line_sum * v.share(i);
        }
        *to++ = sum / (vertical * horizontal);
      }
    }
  });
}

/// Each image's own contrast around the means of its channels.
void adjust_contrast_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  if (x.rank() < 3) throw InvalidArgumentError("input must be at least 3-D, got shape {}", x.shape());
  if (c.input(1).elements() != 1) throw InvalidArgumentError("contrast_factor must be scalar: {}", c.input(1).shape());
  const float factor = c.input(1).data<float>()[0];
  const int64_t channels = x.dim(-1), pixels = x.dim(-2) * x.dim(-3);
  Tensor& y = c.output(0, x.shape());
  const int64_t images = x.elements() > 0 ? x.elements() / (channels * pixels) : 0;
  with_float_type(x.dtype(), "AdjustContrastv2", [&]<class T>(T) {
    for (int64_t i = 0; i < images * channels; ++i) {
      const int64_t first = i / channels * pixels * channels + i % channels;
      double sum = 0;
      for (int64_t p = 0; p < pixels; ++p) sum += static_cast<double>(x.data<T>()[first + p * channels]);
      const T mean = static_cast<T>(sum / static_cast<double>(pixels));
      for (int64_t p = 0; p < pixels; ++p) {
        const int64_t at = first + p * channels;
        y.data<T>()[at] = (x.data<T>()[at] - mean) * static_cast<T>(factor) + mean;
      }
    }
  });
}

constexpr OpDef kOps[] = {
    {.name = "ResizeBilinear",
     .signature = "(images: T, size: int32) -> (resized_images: float); T: {floating, int8, uint8, int16, uint16, int32, int64}; "
                  "align_corners: bool = false; half_pixel_centers: bool = false",
     .shape = resize_shape<1>,
     .kernel = bilinear_kernel,
     .gradient = bilinear_grad,
     .js = "resizeBilinear"},
    {.name = "ResizeBilinearGrad",
     .signature = "(grads: float, original_image: T) -> (output: T); T: {floating}; align_corners: bool = false; "
                  "half_pixel_centers: bool = false",
     .shape = shape::same_as<1>,
     .kernel = bilinear_grad_kernel},
    {.name = "ResizeNearestNeighbor",
     .signature = "(images: T, size: int32) -> (resized_images: T); T: {floating, int8, uint8, int16, uint16, int32, int64}; "
                  "align_corners: bool = false; half_pixel_centers: bool = false",
     .shape = resize_shape<1>,
     .kernel = nearest_kernel,
     .gradient = nearest_grad,
     .js = "resizeNearestNeighbor"},
    {.name = "ResizeNearestNeighborGrad",
     .signature = "(grads: T, size: int32) -> (output: T); T: {floating, uint8, int8, int32}; align_corners: bool = false; "
                  "half_pixel_centers: bool = false",
     .shape = resize_shape<1>,
     .kernel = nearest_grad_kernel},
    {.name = "ResizeBicubic",
     .signature = "(images: T, size: int32) -> (resized_images: float); T: {floating, int8, uint8, int16, uint16, int32, int64}; "
                  "align_corners: bool = false; half_pixel_centers: bool = false",
     .shape = resize_shape<1>,
     .kernel = bicubic_kernel,
     .gradient = bicubic_grad,
     .js = "image.resizeBicubic"},
    {.name = "ResizeBicubicGrad",
     .signature = "(grads: float, original_image: T) -> (output: T); T: {float, double}; align_corners: bool = false; "
                  "half_pixel_centers: bool = false",
     .shape = shape::same_as<1>,
     .kernel = bicubic_grad_kernel},
    {.name = "ResizeArea",
     .signature = "(images: T, size: int32) -> (resized_images: float); T: {floating, int8, uint8, int16, uint16, int32, int64}; "
                  "align_corners: bool = false",
     .shape = resize_shape<1>,
     .kernel = area_kernel,
     .js = "image.resizeArea"},
    {.name = "AdjustContrastv2",
     .signature = "(images: T, contrast_factor: float) -> (output: T); T: {half, float} = float",
     .shape = shape::same_as<0>,
     .kernel = adjust_contrast_kernel,
     .js = "adjustContrast"},
};

}  // namespace

std::span<const OpDef> resize_ops() { return kOps; }

}  // namespace keras
