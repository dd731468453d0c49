// What slides over images and is seldom asked for: patches, morphological dilation, pools that take their window as a tensor
// or tell where the maxima were. Channels come last.
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/kernels/functors.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/window.h"

namespace keras {
namespace {

/// [batch, depth, height, width, channels]; images have a depth of one.
struct Sliding {
  int64_t batch = 0, channels = 0;
  Window depth, height, width;
  int64_t places() const { return depth.size * height.size * width.size; }
  int64_t input_row() const { return width.input * channels; }
};

struct Sizes {
  std::vector<int64_t> window, strides, rates;  // as long as the input's rank
  std::string padding;
};

void check_sizes(const std::vector<int64_t>& sizes, int64_t rank, std::string_view what) {
  if (static_cast<int64_t>(sizes.size()) != rank) {
    throw InvalidArgumentError("{} must have {} elements, found {}", what, rank, sizes.size());
  }
  if (sizes.front() != 1 || sizes.back() != 1) {
    throw UnimplementedError("{} of the batch and the channels must be 1, found {}", what, sizes);
  }
}

/// Unknown dimensions are allowed.
Sliding make_sliding(const Shape& input, int64_t rank, const Sizes& sizes) {
  shape::require_rank(input, rank, "The input");
  check_sizes(sizes.window, rank, "The window");
  check_sizes(sizes.strides, rank, "strides");
  check_sizes(sizes.rates, rank, "rates");
  const auto window = [&](int64_t axis) {
    const auto i = static_cast<size_t>(axis);
    if (sizes.window[i] < 1) throw InvalidArgumentError("The window must be positive, found {}", sizes.window);
    return make_window(input.dim(axis), sizes.window[i], sizes.strides[i], sizes.rates[i], sizes.padding);
  };
  Sliding s{input.dim(0), input.dim(rank - 1), {}, window(rank - 3), window(rank - 2)};
  s.depth = rank == 5 ? window(1) : make_window(1, 1, 1, 1, "VALID");
  return s;
}

Shape output_shape(const Sliding& s, int64_t rank, int64_t channels) {
  if (rank == 4) return {s.batch, s.height.output, s.width.output, channels};
  return {s.batch, s.depth.output, s.height.output, s.width.output, channels};
}

/// visit(output place, input place, place in the window) for all that lie within the input; places count elements of one
/// channel.
template <class Visit>
void slide(const Sliding& s, Visit visit) {
  const auto at = [](const Window& w, int64_t out, int64_t k) { return out * w.stride - w.pad_before + k * w.dilation; };
  const auto inside = [](const Window& w, int64_t place) { return place >= 0 && place < w.input; };
  int64_t output = 0;
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t z = 0; z < s.depth.output; ++z) {
      for (int64_t y = 0; y < s.height.output; ++y) {
        for (int64_t x = 0; x < s.width.output; ++x, ++output) {
          for (int64_t k = 0; k < s.places(); ++k) {
            const int64_t row = k / s.width.size;
            const int64_t in_z = at(s.depth, z, row / s.height.size), in_y = at(s.height, y, row % s.height.size);
            const int64_t in_x = at(s.width, x, k % s.width.size);
            if (!inside(s.depth, in_z) || !inside(s.height, in_y) || !inside(s.width, in_x)) continue;
            visit(output, ((b * s.depth.input + in_z) * s.height.input + in_y) * s.width.input + in_x, k);
          }
        }
      }
    }
  }
}

// Patches

Sizes patch_sizes(const Attrs& attrs) {
  const std::vector<int64_t> sizes = attrs.get_ints("ksizes");
  const std::vector<int64_t> rates = attrs.contains("rates") ? attrs.get_ints("rates") : std::vector<int64_t>(sizes.size(), 1);
  return {sizes, attrs.get_ints("strides"), rates, attrs.get_string("padding")};
}

template <int64_t kRank>
void patches_shape(ShapeContext& c) {
  if (!c.input(0).known_rank()) return c.set_output(0, Shape::unknown(kRank));
  const Sliding s = make_sliding(c.input(0), kRank, patch_sizes(c.attrs()));
  c.set_output(0, output_shape(s, kRank, shape::mul_dims(s.channels, s.places())));
}

template <int64_t kRank>
void patches_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Sliding s = make_sliding(input.shape(), kRank, patch_sizes(c.attrs()));
  Tensor& output = c.output(0, output_shape(s, kRank, s.channels * s.places()));
  const int64_t bytes = s.channels * dtype_bytes(input.dtype());
  if (output.size_bytes() > 0) std::memset(output.raw(), 0, static_cast<size_t>(output.size_bytes()));
  if (bytes == 0) return;
  slide(s, [&](int64_t to, int64_t from, int64_t k) {
    std::memcpy(output.raw() + (to * s.places() + k) * bytes, input.raw() + from * bytes, static_cast<size_t>(bytes));
  });
}

/// Taking patches is a convolution with a filter of ones and zeros, which puts each place of the window into channels of its
/// own; so the gradient is that convolution's.
Value patch_filter(const Value& images, const std::vector<int64_t>& sizes) {
  Emitter& emitter = *images.emitter;
  const Value channels =
      emit1("StridedSlice", {emit1("Shape", {images}), ints(emitter, {-1}), ints(emitter, {0}), ints(emitter, {1})},
            {{"end_mask", int64_t{1}}});
  int64_t places = 1;
  Values dims;
  for (size_t i = 1; i + 1 < sizes.size(); ++i) {
    places *= sizes[i];
    dims.push_back(ints(emitter, {sizes[i]}));
  }
  const Value count = emit1("Mul", {channels, int_scalar(emitter, places)});
  dims.push_back(channels);
  dims.push_back(count);
  const Value ones = emit1("Fill", {count, scalar_like(images, 1.0)});
  return reshape(emit1("MatrixDiag", {ones}), concat(dims, 0));
}

Values image_patches_grad(GradContext& g) {
  const Value filter = patch_filter(g.input(0), g.attrs().get_ints("ksizes"));
  return {emit1("Conv2DBackpropInput", {shape_of(g.input(0)), filter, g.upstream(0)},
                {{"strides", g.attrs().get_ints("strides")},
                 {"dilations", g.attrs().get_ints("rates")},
                 {"padding", g.attrs().get_string("padding")}})};
}
Values volume_patches_grad(GradContext& g) {
  const Value filter = patch_filter(g.input(0), g.attrs().get_ints("ksizes"));
  return {emit1("Conv3DBackpropInputV2", {shape_of(g.input(0)), filter, g.upstream(0)},
                {{"strides", g.attrs().get_ints("strides")}, {"padding", g.attrs().get_string("padding")}})};
}

// Dilation: the largest sum of an element and the filter's

Sliding dilation_windows(const Attrs& attrs, const Shape& input, const Shape& filter) {
  shape::require_rank(input, 4, "input");
  shape::require_rank(filter, 3, "filter");
  if (filter.known_rank()) shape::same_dim(input.dim(3), filter.dim(2), "Channels of input and filter");
  Sizes sizes{
      {1, filter.dim(0), filter.dim(1), 1}, attrs.get_ints("strides"), attrs.get_ints("rates"), attrs.get_string("padding")};
  return make_sliding(input, 4, sizes);
}

void dilation_shape(ShapeContext& c) {
  const Shape &input = c.input(0), &filter = c.input(1);
  shape::require_rank(input, 4, "input");
  shape::require_rank(filter, 3, "filter");
  if (!input.known_rank() || !filter.fully_known()) return c.set_output(0, Shape::unknown(4));
  const Sliding s = dilation_windows(c.attrs(), input, filter);
  c.set_output(0, output_shape(s, 4, filter.dim(2)));
}

/// Where the maxima are: for each output element, places in the input and in the window.
template <class T>
struct Maxima {
  std::vector<T> values;
  std::vector<int64_t> inputs, places;
};

/// filter null: a pool.
template <class T>
Maxima<T> find_maxima(const Sliding& s, const T* input, const T* filter) {
  const auto count = static_cast<size_t>(output_shape(s, 4, s.channels).elements());
  Maxima<T> maxima{std::vector<T>(count, std::numeric_limits<T>::lowest()), std::vector<int64_t>(count, -1),
                   std::vector<int64_t>(count, -1)};
  slide(s, [&](int64_t to, int64_t from, int64_t k) {
    for (int64_t c = 0; c < s.channels; ++c) {
      const auto i = static_cast<size_t>(to * s.channels + c);
      const T sum = kernels::Add::apply(input[from * s.channels + c], filter != nullptr ? filter[k * s.channels + c] : T(0));
      if (maxima.inputs[i] >= 0 && !(sum > maxima.values[i])) continue;
      maxima.values[i] = sum;
      maxima.inputs[i] = from * s.channels + c;
      maxima.places[i] = k * s.channels + c;
    }
  });
  return maxima;
}

void dilation_kernel(KernelContext& c) {
  const Tensor &input = c.input(0), &filter = c.input(1);
  const Sliding s = dilation_windows(c.attrs(), input.shape(), filter.shape());
  Tensor& output = c.output(0, output_shape(s, 4, s.channels));
  with_compute_type(input.dtype(), "Dilation2D", [&]<class T>(T) {
    const Maxima<T> maxima = find_maxima<T>(s, input.data<T>(), filter.data<T>());
    std::copy(maxima.values.begin(), maxima.values.end(), output.data<T>());
  });
}

/// Where TensorFlow takes the maximum of a window from that lies outside of the input: where it begins, or the input does.
int64_t place_for_outside(const Sliding& s, int64_t output) {
  const auto first = [](const Window& w, int64_t out) { return std::max<int64_t>(out * w.stride - w.pad_before, 0); };
  const int64_t channel = output % s.channels, window = output / s.channels, row = window / s.width.output;
  const int64_t y = first(s.height, row % s.height.output), x = first(s.width, window % s.width.output);
  return ((row / s.height.output * s.height.input + y) * s.width.input + x) * s.channels + channel;
}

/// The upstream goes to the maxima: of input 0 (the input) or 1 (the filter).
template <int kOf>
void dilation_grad_kernel(KernelContext& c) {
  const Tensor &input = c.input(0), &filter = c.input(1), &up = c.input(2);
  const Sliding s = dilation_windows(c.attrs(), input.shape(), filter.shape());
  if (up.shape() != output_shape(s, 4, s.channels)) {
    throw InvalidArgumentError("out_backprop has shape {}, expected {}", up.shape(), output_shape(s, 4, s.channels));
  }
  Tensor& output = c.output(0, c.input(kOf).shape());
  if (output.size_bytes() > 0) std::memset(output.raw(), 0, static_cast<size_t>(output.size_bytes()));
  with_compute_type(input.dtype(), "Dilation2D", [&]<class T>(T) {
    const Maxima<T> maxima = find_maxima<T>(s, input.data<T>(), filter.data<T>());
    const auto& places = kOf == 0 ? maxima.inputs : maxima.places;
    for (size_t i = 0; i < places.size(); ++i) {
      const auto output_place = static_cast<int64_t>(i);
      const int64_t outside = kOf == 0 ? place_for_outside(s, output_place) : output_place % s.channels;
      T& to = output.data<T>()[places[i] >= 0 ? places[i] : outside];
      to = kernels::Add::apply(to, up.data<T>()[i]);
    }
  });
}

Values dilation_grad(GradContext& g) {
  const Attrs attrs{{"strides", g.attrs().get_ints("strides")},
                    {"rates", g.attrs().get_ints("rates")},
                    {"padding", g.attrs().get_string("padding")}};
  return {emit1("Dilation2DBackpropInput", {g.input(0), g.input(1), g.upstream(0)}, attrs),
          emit1("Dilation2DBackpropFilter", {g.input(0), g.input(1), g.upstream(0)}, attrs)};
}

// Pools

Sizes pool_sizes(std::vector<int64_t> window, std::vector<int64_t> strides, const Attrs& attrs) {
  if (attrs.contains("data_format") && attrs.get_string("data_format") != "NHWC") {
    throw UnimplementedError("data_format '{}' is not supported", attrs.get_string("data_format"));
  }
  return {std::move(window), std::move(strides), {1, 1, 1, 1}, attrs.get_string("padding")};
}

void pool_with_argmax_shape(ShapeContext& c) {
  if (!c.input(0).known_rank()) return;
  const Sliding s =
      make_sliding(c.input(0), 4, pool_sizes(c.attrs().get_ints("ksize"), c.attrs().get_ints("strides"), c.attrs()));
  for (int i = 0; i < 2; ++i) c.set_output(i, output_shape(s, 4, s.channels));
}

void pool_with_argmax_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Sliding s =
      make_sliding(input.shape(), 4, pool_sizes(c.attrs().get_ints("ksize"), c.attrs().get_ints("strides"), c.attrs()));
  const Shape shape = output_shape(s, 4, s.channels);
  const int64_t image = c.attrs().get_bool("include_batch_in_index") ? 0 : s.height.input * s.input_row();
  Tensor &values = c.output(0, shape), &places = c.output(1, shape);
  with_compute_type(input.dtype(), "MaxPoolWithArgmax", [&]<class T>(T) {
    const Maxima<T> maxima = find_maxima<T>(s, input.data<T>(), nullptr);
    std::copy(maxima.values.begin(), maxima.values.end(), values.data<T>());
    for (size_t i = 0; i < maxima.inputs.size(); ++i) {
      const int64_t place = image > 0 ? maxima.inputs[i] % image : maxima.inputs[i];
      if (places.dtype() == DType::kInt64)
        places.data<int64_t>()[i] = place;
      else
        places.data<int32_t>()[i] = static_cast<int32_t>(place);
    }
  });
}

void pool_grad_with_argmax_kernel(KernelContext& c) {
  const Tensor &input = c.input(0), &up = c.input(1);
  const std::vector<int64_t> places = c.input(2).to_int64s();
  if (c.input(2).shape() != up.shape() || up.rank() < 1 || input.rank() != 4) {
    throw InvalidArgumentError("grad and argmax must have one shape, found {} and {}", up.shape(), c.input(2).shape());
  }
  const int64_t batch = input.dim(0), image = batch > 0 ? input.elements() / batch : 0;
  const bool with_batch = c.attrs().get_bool("include_batch_in_index");
  Tensor& output = c.output(0, input.shape());
  if (output.size_bytes() > 0) std::memset(output.raw(), 0, static_cast<size_t>(output.size_bytes()));
  const int64_t group = batch > 0 ? up.elements() / batch : 0;
  with_compute_type(input.dtype(), "MaxPoolGradWithArgmax", [&]<class T>(T) {
    for (int64_t i = 0; i < up.elements(); ++i) {
      const int64_t place = places[static_cast<size_t>(i)], start = with_batch || group == 0 ? 0 : i / group * image;
      if (place < 0 || place >= output.elements() - start) throw InvalidArgumentError("argmax {} is outside of the input", place);
      T& to = output.data<T>()[start + place];
      to = kernels::Add::apply(to, up.data<T>()[i]);
    }
  });
}

Values pool_with_argmax_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return {Value()};
  Attrs attrs;
  for (const char* name : {"ksize", "strides", "padding", "include_batch_in_index"}) attrs.set(name, *g.attrs().find(name));
  return {emit1("MaxPoolGradWithArgmax", {g.input(0), g.upstream(0), g.output(1)}, attrs)};
}

/// ksize and strides are the last two inputs.
Sliding tensor_pool(KernelContext& c) {
  const int ksize = c.inputs() - 2;
  return make_sliding(c.input(0).shape(), 4, pool_sizes(c.input(ksize).to_int64s(), c.input(ksize + 1).to_int64s(), c.attrs()));
}

void pool_v2_shape(ShapeContext& c) {
  const auto ksize = shape::known_ints(c, 1), strides = shape::known_ints(c, 2);
  if (!c.input(0).known_rank() || !ksize || !strides) return c.set_output(0, Shape::unknown(4));
  const Sliding s = make_sliding(c.input(0), 4, pool_sizes(*ksize, *strides, c.attrs()));
  c.set_output(0, output_shape(s, 4, s.channels));
}

void pool_v2_kernel(KernelContext& c) {
  const Sliding s = tensor_pool(c);
  Tensor& output = c.output(0, output_shape(s, 4, s.channels));
  with_compute_type(output.dtype(), "MaxPoolV2", [&]<class T>(T) {
    const Maxima<T> maxima = find_maxima<T>(s, c.input(0).data<T>(), nullptr);
    std::copy(maxima.values.begin(), maxima.values.end(), output.data<T>());
  });
}

void pool_v2_grad_kernel(KernelContext& c) {
  const Sliding s = tensor_pool(c);
  const Tensor& up = c.input(2);
  if (up.shape() != output_shape(s, 4, s.channels)) {
    throw InvalidArgumentError("grad has shape {}, expected {}", up.shape(), output_shape(s, 4, s.channels));
  }
  Tensor& output = c.output(0, c.input(0).shape());
  if (output.size_bytes() > 0) std::memset(output.raw(), 0, static_cast<size_t>(output.size_bytes()));
  with_compute_type(output.dtype(), "MaxPoolGradV2", [&]<class T>(T) {
    const Maxima<T> maxima = find_maxima<T>(s, c.input(0).data<T>(), nullptr);
    for (size_t i = 0; i < maxima.inputs.size(); ++i) {
      T& to = output.data<T>()[maxima.inputs[i]];
      to = kernels::Add::apply(to, up.data<T>()[i]);
    }
  });
}

/// What stands where the maxima are.
void pool_v2_grad_grad_kernel(KernelContext& c) {
  const Sliding s = tensor_pool(c);
  const Tensor& up = c.input(2);
  if (up.shape() != c.input(0).shape()) {
    throw InvalidArgumentError("grad has shape {}, expected {}", up.shape(), c.input(0).shape());
  }
  Tensor& output = c.output(0, output_shape(s, 4, s.channels));
  with_compute_type(output.dtype(), "MaxPoolGradGradV2", [&]<class T>(T) {
    const Maxima<T> maxima = find_maxima<T>(s, c.input(0).data<T>(), nullptr);
    for (size_t i = 0; i < maxima.inputs.size(); ++i) output.data<T>()[i] = up.data<T>()[maxima.inputs[i]];
  });
}

Attrs pool_v2_attrs(GradContext& g) {
  return {{"padding", g.attrs().get_string("padding")}, {"data_format", g.attrs().get_string("data_format")}};
}

// A gradient moves with its upstream alone: the maxima stay where they are.
template <bool kBack>
Values pool_v2_grad_grad(GradContext& g) {
  return {Value(), Value(),
          emit1(kBack ? "MaxPoolGradV2" : "MaxPoolGradGradV2", {g.input(0), g.input(1), g.upstream(0), g.input(3), g.input(4)},
                pool_v2_attrs(g)),
          Value(), Value()};
}

Values pool_v2_grad(GradContext& g) {
  const Attrs attrs = pool_v2_attrs(g);
  return {emit1("MaxPoolGradV2", {g.input(0), g.output(0), g.upstream(0), g.input(1), g.input(2)}, attrs), Value(), Value()};
}

constexpr OpDef kOps[] = {
    {.name = "ExtractImagePatches",
     .signature = "(images: T) -> (patches: T); ksizes: list(int); strides: list(int); rates: list(int); T: {numeric, bool}; "
                  "padding: string",
     .shape = patches_shape<4>,
     .kernel = patches_kernel<4>,
     .gradient = image_patches_grad,
     .js = "image.extractPatches"},
    {.name = "ExtractVolumePatches",
     .signature = "(input: T) -> (patches: T); ksizes: list(int); strides: list(int); T: {real}; padding: string",
     .shape = patches_shape<5>,
     .kernel = patches_kernel<5>,
     .gradient = volume_patches_grad},
    {.name = "Dilation2D",
     .signature = "(input: T, filter: T) -> (output: T); T: {real}; strides: list(int); rates: list(int); padding: string",
     .shape = dilation_shape,
     .kernel = dilation_kernel,
     .gradient = dilation_grad,
     .js = "nn.dilation2d"},
    {.name = "Dilation2DBackpropInput",
     .signature = "(input: T, filter: T, out_backprop: T) -> (in_backprop: T); T: {real}; strides: list(int); rates: "
                  "list(int); padding: string",
     .shape = shape::same_as<0>,
     .kernel = dilation_grad_kernel<0>},
    {.name = "Dilation2DBackpropFilter",
     .signature = "(input: T, filter: T, out_backprop: T) -> (filter_backprop: T); T: {real}; strides: list(int); rates: "
                  "list(int); padding: string",
     .shape = shape::same_as<1>,
     .kernel = dilation_grad_kernel<1>},
    {.name = "MaxPoolWithArgmax",
     .signature = "(input: T) -> (output: T, argmax: Targmax); ksize: list(int); strides: list(int); Targmax: {int32, int64} = "
                  "int64; padding: string; include_batch_in_index: bool = false; T: {real}",
     .shape = pool_with_argmax_shape,
     .kernel = pool_with_argmax_kernel,
     .gradient = pool_with_argmax_grad,
     .js = "nn.maxPoolWithArgmax"},
    {.name = "MaxPoolGradWithArgmax",
     .signature = "(input: T, grad: T, argmax: Targmax) -> (output: T); ksize: list(int); strides: list(int); padding: string; "
                  "include_batch_in_index: bool = false; Targmax: {int32, int64}; T: {real}",
     .shape = shape::same_as<0>,
     .kernel = pool_grad_with_argmax_kernel},
    {.name = "MaxPoolV2",
     .signature = "(input: T, ksize: int32, strides: int32) -> (output: T); T: {floating, int32, int64, uint8, int16, int8, "
                  "uint16} = float; padding: string; data_format: string = \"NHWC\"",
     .shape = pool_v2_shape,
     .kernel = pool_v2_kernel,
     .gradient = pool_v2_grad},
    {.name = "MaxPoolGradV2",
     .signature = "(orig_input: T, orig_output: T, grad: T, ksize: int32, strides: int32) -> (output: T); padding: string; "
                  "data_format: string = \"NHWC\"; T: {real} = float",
     .shape = shape::same_as<0>,
     .kernel = pool_v2_grad_kernel,
     .gradient = pool_v2_grad_grad<false>},
    {.name = "MaxPoolGradGradV2",
     .signature = "(orig_input: T, orig_output: T, grad: T, ksize: int32, strides: int32) -> (output: T); padding: string; "
                  "data_format: string = \"NHWC\"; T: {real}",
     .shape = shape::same_as<1>,
     .kernel = pool_v2_grad_grad_kernel,
     .gradient = pool_v2_grad_grad<true>},
};

}  // namespace

std::span<const OpDef> patch_ops() { return kOps; }

}  // namespace keras
