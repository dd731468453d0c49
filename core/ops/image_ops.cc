// Images moved by projective transforms, cut out and scaled. All are [batch, height, width, channels].
#include <algorithm>
#include <cmath>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

enum class FillMode { kConstant, kReflect, kWrap, kNearest };

FillMode fill_mode(const std::string& name) {
  if (name == "CONSTANT") return FillMode::kConstant;
  if (name == "REFLECT") return FillMode::kReflect;
  if (name == "WRAP") return FillMode::kWrap;
  if (name == "NEAREST") return FillMode::kNearest;
  throw InvalidArgumentError("fill_mode must be CONSTANT, REFLECT, WRAP or NEAREST, found '{}'", name);
}

bool is_bilinear(const std::string& name) {
  if (name != "BILINEAR" && name != "NEAREST") throw InvalidArgumentError("Invalid interpolation {}", name);
  return name == "BILINEAR";
}

/// Where in an axis of `size` a place outside of it is read: d c b a | a b c d | d c b a.
float reflected(float at, float size) {
  if (size <= 1) return 0;
  const float period = 2 * size;
  if (at < 0) {
    at += period * std::trunc(-at / period);
    return at < -size ? at + period : -at - 1;
  }
  at -= period * std::trunc(at / period);
  return at >= size ? period - at - 1 : at;
}

/// a b c d | a b c d | a b c d
float wrapped(float at, float size) {
  if (size <= 1) return 0;
  if (at < 0) return at + size * (std::trunc(-at / (size - 1)) + 1);
  return at - size * std::trunc(at / (size - 1));
}

float mapped(float at, int64_t axis_size, FillMode mode) {
  const auto size = static_cast<float>(axis_size), last = size - 1;
  if (mode == FillMode::kConstant) return at;
  if (mode != FillMode::kNearest && (at < 0 || at > last))
    at = mode == FillMode::kReflect ? reflected(at, size) : wrapped(at, size);
  return std::clamp(at, 0.0f, std::max(last, 0.0f));
}

/// Cut towards zero; what does not fit an integer is taken modulo its range, as processors do.
template <class T>
T pixel_of(float value) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<int64_t>(std::clamp(value, -9e18f, 9e18f)));
  else
    return static_cast<T>(value);
}

/// One image of a batch, read with a value for what is outside of it.
template <class T>
struct FilledImage {
  const T* pixels;
  int64_t height, width, channels;
  float fill;

  float at(float y, float x, int64_t channel) const {
    if (!(y >= 0 && y < static_cast<float>(height) && x >= 0 && x < static_cast<float>(width))) return fill;
    return static_cast<float>(pixels[(static_cast<int64_t>(y) * width + static_cast<int64_t>(x)) * channels + channel]);
  }
  float bilinear(float y, float x, int64_t channel) const {
    const float top = std::floor(y), left = std::floor(x), bottom = top + 1, right = left + 1;
    const float above = (right - x) * at(top, left, channel) + (x - left) * at(top, right, channel);
    const float below = (right - x) * at(bottom, left, channel) + (x - left) * at(bottom, right, channel);
    return (bottom - y) * above + (y - top) * below;
  }
};

Shape transformed_shape(const Shape& images, const Shape& transforms, const std::vector<int64_t>& size) {
  shape::require_rank(images, 4, "Images");
  shape::require_rank(transforms, 2, "transforms");
  if (size.size() != 2) throw InvalidArgumentError("output shape must be 1-D with 2 elements, found {}", size);
  const int64_t batch = shape::dim_or_unknown(images, 0), given = shape::dim_or_unknown(transforms, 0);
  shape::same_dim(shape::dim_or_unknown(transforms, 1), 8, "The length of a transform");
  if (batch >= 0 && given >= 0 && given != batch && given != 1) {
    throw InvalidArgumentError("Input transform should be num_images x 8 or 1 x 8, found {} for {} images", transforms, batch);
  }
  return {batch, size[0], size[1], shape::dim_or_unknown(images, 3)};
}

void transform_shape(ShapeContext& c) {
  const auto size = shape::known_ints(c, 2).value_or(std::vector<int64_t>{kUnknownDim, kUnknownDim});
  c.set_output(0, transformed_shape(c.input(0), c.input(1), size));
}

void transform_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &transforms = c.input(1);
  const Shape shape = transformed_shape(x.shape(), transforms.shape(), c.input(2).to_int64s());
  if (shape.dim(1) <= 0 || shape.dim(2) <= 0) throw InvalidArgumentError("output dimensions must be positive, found {}", shape);
  const float fill = c.inputs() > 3 ? c.input(3).data<float>()[0] : 0.0f;
  const FillMode mode = fill_mode(c.attrs().get_string("fill_mode"));
  const bool bilinear = is_bilinear(c.attrs().get_string("interpolation"));
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), rows = shape.dim(1), columns = shape.dim(2);
  Tensor& y = c.output(0, shape);
  with_compute_type(x.dtype(), "ImageProjectiveTransform", [&]<class T>(T) {
    T* to = y.data<T>();
    for (int64_t pixel = 0; pixel < x.dim(0) * rows * columns; ++pixel) {
      const int64_t image = pixel / (rows * columns);
      const float* t = transforms.data<float>() + (transforms.dim(0) == 1 ? 0 : image) * 8;
      const auto row = static_cast<float>(pixel / columns % rows), column = static_cast<float>(pixel % columns);
      const float depth = t[6] * column + t[7] * row + 1.0f;
      const float from_x = mapped((t[0] * column + t[1] * row + t[2]) / depth, width, mode);
      const float from_y = mapped((t[3] * column + t[4] * row + t[5]) / depth, height, mode);
      const auto outside = static_cast<float>(pixel_of<T>(fill));
      const FilledImage<T> source{x.data<T>() + image * height * width * channels, height, width, channels, outside};
      for (int64_t k = 0; k < channels; ++k) {
        const float value = depth == 0 ? outside
                            : bilinear ? source.bilinear(from_y, from_x, k)
                                       : source.at(std::round(from_y), std::round(from_x), k);
        *to++ = pixel_of<T>(value);
      }
    }
  });
}

// The images' gradient is the upstream one moved back.
Values transform_grad(GradContext& g) {
  Emitter& emitter = g.emitter();
  const Value &x = g.input(0), &transforms = g.input(1);
  const Value rows = emit1("Slice", {shape_of(transforms), ints(emitter, {0}), ints(emitter, {1})});
  const Value one = emit1("Fill", {concat(std::vector<Value>{rows, ints(emitter, {1})}, 0), scalar_like(transforms, 1.0)});
  const Value matrices = reshape(concat(std::vector<Value>{transforms, one}, 1), {-1, 3, 3});
  const Value inverse = reshape(emit1("MatrixInverse", {matrices}), {-1, 9});
  const auto columns = [&](int64_t begin, int64_t count) {
    return emit1("Slice", {inverse, ints(emitter, {0, begin}), ints(emitter, {-1, count})});
  };
  Values inputs = {g.upstream(0), div(columns(0, 8), columns(8, 1)),
                   emit1("Slice", {shape_of(x), ints(emitter, {1}), ints(emitter, {2})})};
  const bool filled = g.inputs() > 3;
  if (filled) inputs.push_back(scalar_like(transforms, 0.0));
  const Value of_x =
      emit1(filled ? "ImageProjectiveTransformV3" : "ImageProjectiveTransformV2", inputs,
            {{"interpolation", g.attrs().get_string("interpolation")}, {"fill_mode", g.attrs().get_string("fill_mode")}});
  Values gradients(static_cast<size_t>(g.inputs()));
  gradients[0] = of_x;
  return gradients;
}

// Crops

/// How places along one axis of a crop map to the image: from `first` on, `step` apart. With one place: its middle.
struct CropAxis {
  CropAxis(float begin, float end, int64_t image_size, int64_t crop_size)
      : last(static_cast<float>(image_size - 1)),
        ratio(crop_size > 1 ? last / static_cast<float>(crop_size - 1) : 0.0f),
        first(crop_size > 1 ? begin * last : 0.5f * (begin + end) * last),
        step((end - begin) * ratio) {}
  float place(int64_t i) const { return first + static_cast<float>(i) * step; }
  bool inside(float at) const { return at >= 0 && at <= last; }

  float last, ratio, first, step;
};

/// What crops are made of: boxes [count, 4] of (y1, x1, y2, x2) relative to the image, and which image each is of.
struct Crops {
  Crops(const Tensor& box_tensor, const Tensor& index_tensor, int64_t batch)
      : boxes(box_tensor), images(index_tensor.to_int64s()) {
    if (boxes.rank() != 2 || boxes.dim(1) != 4 || boxes.dim(0) != static_cast<int64_t>(images.size())) {
      throw InvalidArgumentError("boxes must be [count, 4] with one box_ind each, found {} and {}", boxes.shape(),
                                 index_tensor.shape());
    }
    for (const int64_t image : images) {
      if (image < 0 || image >= batch) throw InvalidArgumentError("box_index has values outside [0, batch_size): {}", image);
    }
  }
  int64_t count() const { return static_cast<int64_t>(images.size()); }
  CropAxis vertical(int64_t box, int64_t image_size, int64_t crop_size) const { return axis(box, 0, image_size, crop_size); }
  CropAxis horizontal(int64_t box, int64_t image_size, int64_t crop_size) const { return axis(box, 1, image_size, crop_size); }

  Tensor boxes;
  std::vector<int64_t> images;

 private:
  CropAxis axis(int64_t box, int64_t which, int64_t image_size, int64_t crop_size) const {
    const float* b = boxes.data<float>() + box * 4;
    return {b[which], b[which + 2], image_size, crop_size};
  }
};

bool crops_bilinearly(const Attrs& attrs) {
  const std::string& method = attrs.get_string("method");
  if (method != "bilinear" && method != "nearest")
    throw InvalidArgumentError("method must be 'bilinear' or 'nearest', found {}", method);
  return method == "bilinear";
}

/// Calls visit(box, row, column, y, x) for each place of all crops [count, rows, columns], y and x in the image's pixels.
template <class Visit>
void visit_crops(const Crops& crops, int64_t height, int64_t width, int64_t rows, int64_t columns, Visit visit) {
  for (int64_t box = 0; box < crops.count(); ++box) {
    const CropAxis vertical = crops.vertical(box, height, rows), horizontal = crops.horizontal(box, width, columns);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        const float y = vertical.place(row), x = horizontal.place(column);
        visit(box, row, column, y, x, vertical.inside(y) && horizontal.inside(x));
      }
    }
  }
}

void crop_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 4, "Images");
  shape::require_rank(c.input(1), 2, "boxes");
  const auto size = shape::known_ints(c, 3).value_or(std::vector<int64_t>{kUnknownDim, kUnknownDim});
  if (size.size() != 2) throw InvalidArgumentError("crop_size must have 2 elements, found {}", size);
  c.set_output(0, {shape::dim_or_unknown(c.input(1), 0), size[0], size[1], shape::dim_or_unknown(c.input(0), 3)});
}

void crop_kernel(KernelContext& c) {
  const Tensor& images = c.input(0);
  const Crops crops(c.input(1), c.input(2), images.dim(0));
  const std::vector<int64_t> size = c.input(3).to_int64s();
  if (size.size() != 2 || size[0] <= 0 || size[1] <= 0)
    throw InvalidArgumentError("crop dimensions must be positive, found {}", size);
  const int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  if (height <= 0 || width <= 0) throw InvalidArgumentError("image dimensions must be positive");
  const bool bilinear = crops_bilinearly(c.attrs());
  const float outside = c.attrs().get_float("extrapolation_value");
  Tensor& output = c.output(0, {crops.count(), size[0], size[1], channels});
  float* to = output.data<float>();
  with_compute_type(images.dtype(), "CropAndResize", [&]<class T>(T) {
    visit_crops(crops, height, width, size[0], size[1], [&](int64_t box, int64_t, int64_t, float y, float x, bool inside) {
      const T* image = images.data<T>() + crops.images[static_cast<size_t>(box)] * height * width * channels;
      const FilledImage<T> source{image, height, width, channels, 0.0f};
      for (int64_t k = 0; k < channels; ++k) {
        *to++ = !inside ? outside : bilinear ? source.bilinear(y, x, k) : source.at(std::round(y), std::round(x), k);
      }
    });
  });
}

void crop_grad_image_shape(ShapeContext& c) { c.set_output(0, shape::from_input(c, 3)); }

void crop_grad_image_kernel(KernelContext& c) {
  const Tensor& grads = c.input(0);
  const std::vector<int64_t> size = c.input(3).to_int64s();
  if (size.size() != 4 || grads.rank() != 4 || grads.dim(3) != size[3] || std::min({size[0], size[1], size[2], size[3]}) < 0) {
    throw InvalidArgumentError("Gradients of shape {} do not fit images of shape {}", grads.shape(), size);
  }
  const Crops crops(c.input(1), c.input(2), size[0]);
  if (grads.dim(0) != crops.count()) throw InvalidArgumentError("{} crops have {} boxes", grads.dim(0), crops.count());
  const int64_t height = size[1], width = size[2], channels = size[3];
  const bool bilinear = crops_bilinearly(c.attrs());
  Tensor& output = c.output(0, Shape(size));
  kernels::set_zero(output);
  const float* from = grads.data<float>();
  with_float_type(output.dtype(), "CropAndResizeGradImage", [&]<class T>(T) {
    visit_crops(crops, height, width, grads.dim(1), grads.dim(2),
                [&](int64_t box, int64_t, int64_t, float y, float x, bool inside) {
                  T* image = output.data<T>() + crops.images[static_cast<size_t>(box)] * height * width * channels;
                  const auto add = [&](float row, float column, float weight) {
                    if (weight == 0) return;
                    T* to = image + (static_cast<int64_t>(row) * width + static_cast<int64_t>(column)) * channels;
                    for (int64_t k = 0; k < channels; ++k) to[k] += static_cast<T>(from[k] * weight);
                  };
                  const float top = std::floor(y), left = std::floor(x), down = y - top, right = x - left;
                  if (inside && bilinear) {
                    add(top, left, (1 - down) * (1 - right));
                    add(top, left + 1, (1 - down) * right);
                    add(top + 1, left, down * (1 - right));
                    add(top + 1, left + 1, down * right);
                  } else if (inside) {
                    add(std::round(y), std::round(x), 1);
                  }
                  from += channels;
                });
  });
}

/// How a slope along an axis falls to the two sides of a box: place `i` of a crop.
void add_sides(const CropAxis& axis, int64_t crop_size, int64_t i, float slope, float& begin, float& end) {
  const float far = crop_size > 1 ? static_cast<float>(i) * axis.ratio : 0.5f * axis.last;
  begin += slope * (axis.last - far);
  end += slope * far;
}

void crop_grad_boxes_kernel(KernelContext& c) {
  const Tensor &grads = c.input(0), &images = c.input(1);
  shape::require_rank(grads.shape(), 4, "grads");
  shape::require_rank(images.shape(), 4, "Images");
  const Crops crops(c.input(2), c.input(3), images.dim(0));
  const int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3), rows = grads.dim(1),
                columns = grads.dim(2);
  if (grads.dim(0) != crops.count() || grads.dim(3) != channels) {
    throw InvalidArgumentError("Gradients of shape {} do not fit {} crops of images {}", grads.shape(), crops.count(),
                               images.shape());
  }
  Tensor& output = c.output(0, {crops.count(), 4});
  kernels::set_zero(output);
  const float* from = grads.data<float>();
  with_compute_type(images.dtype(), "CropAndResizeGradBoxes", [&]<class T>(T) {
    visit_crops(crops, height, width, rows, columns,
                [&](int64_t box, int64_t row, int64_t column, float y, float x, bool inside) {
                  const T* image = images.data<T>() + crops.images[static_cast<size_t>(box)] * height * width * channels;
                  const FilledImage<T> source{image, height, width, channels, 0.0f};
                  const float top = std::floor(y), left = std::floor(x), bottom = std::ceil(y), right = std::ceil(x);
                  float *sides = output.data<float>() + box * 4, slope_y = 0, slope_x = 0;
                  for (int64_t k = 0; inside && k < channels; ++k) {
                    const float a = source.at(top, left, k), b = source.at(top, right, k), d = source.at(bottom, left, k),
                                e = source.at(bottom, right, k);
                    slope_y += from[k] * ((d - a) * (1 - (x - left)) + (e - b) * (x - left));
                    slope_x += from[k] * ((b - a) * (1 - (y - top)) + (e - d) * (y - top));
                  }
                  add_sides(crops.vertical(box, height, rows), rows, row, slope_y, sides[0], sides[2]);
                  add_sides(crops.horizontal(box, width, columns), columns, column, slope_x, sides[1], sides[3]);
                  from += channels;
                });
  });
}

Values crop_grad(GradContext& g) {
  const Value &image = g.input(0), &boxes = g.input(1), &indices = g.input(2);
  const Attrs method = {{"method", g.attrs().get_string("method")}};
  Values gradients(4);
  if (is_floating(image.dtype())) {
    Attrs attrs = method;
    attrs.set("T", image.dtype());
    gradients[0] = emit1("CropAndResizeGradImage", {g.upstream(0), boxes, indices, shape_of(image)}, attrs);
  }
  gradients[1] = emit1("CropAndResizeGradBoxes", {g.upstream(0), image, boxes, indices});
  return gradients;
}

constexpr OpDef kOps[] = {
    {.name = "ImageProjectiveTransformV2",
     .signature = "(images: dtype, transforms: float, output_shape: int32) -> (transformed_images: dtype); dtype: {uint8, int32, "
                  "int64, half, float, double}; interpolation: string; fill_mode: string = \"CONSTANT\"",
     .shape = transform_shape,
     .kernel = transform_kernel,
     .gradient = transform_grad},
    {.name = "ImageProjectiveTransformV3",
     .signature = "(images: dtype, transforms: float, output_shape: int32, fill_value: float) -> (transformed_images: dtype); "
                  "dtype: {uint8, int32, int64, half, float, double}; interpolation: string; fill_mode: string = \"CONSTANT\"",
     .shape = transform_shape,
     .kernel = transform_kernel,
     .gradient = transform_grad,
     .js = "image.projectiveTransform"},
    {.name = "CropAndResize",
     .signature = "(image: T, boxes: float, box_ind: int32, crop_size: int32) -> (crops: float); T: {uint8, uint16, int8, int16, "
                  "int32, int64, half, float, double}; method: string = \"bilinear\"; extrapolation_value: float = 0.0",
     .shape = crop_shape,
     .kernel = crop_kernel,
     .gradient = crop_grad,
     .js = "image.cropAndResize"},
    {.name = "CropAndResizeGradImage",
     .signature = "(grads: float, boxes: float, box_ind: int32, image_size: int32) -> (output: T); T: {float, half, double}; "
                  "method: string = \"bilinear\"",
     .shape = crop_grad_image_shape,
     .kernel = crop_grad_image_kernel},
    {.name = "CropAndResizeGradBoxes",
     .signature = "(grads: float, image: T, boxes: float, box_ind: int32) -> (output: float); T: {uint8, uint16, int8, int16, "
                  "int32, int64, half, float, double}; method: string = \"bilinear\"",
     .shape = shape::same_as<2>,
     .kernel = crop_grad_boxes_kernel},
};

}  // namespace

std::span<const OpDef> image_ops() { return kOps; }

}  // namespace keras
