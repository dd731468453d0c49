// Padding, mirrored padding, and the moves between space and batch.
#include <algorithm>
#include <span>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using kernels::copy_strided;
using kernels::view_of;

// The middle of the gradient; what fell on the padding is gone, or belongs to the constant.
Value unpadded(GradContext& g) {
  const Value& paddings = g.input(1);
  const Value before = emit_all("Unpack", {paddings}, {{"num", int64_t{2}}, {"axis", int64_t{1}}})[0];
  return emit1("Slice", {g.upstream(0), before, cast(shape_of(g.input(0)), paddings.dtype())});
}
Values pad_grad(GradContext& g) { return {unpadded(g), Value()}; }
Values pad_v2_grad(GradContext& g) {
  const Value inside = unpadded(g);
  if (g.input(2).constant() != nullptr) return {inside, Value(), Value()};
  return {inside, Value(), sub(reduce_sum(g.upstream(0)), reduce_sum(inside))};
}
Values mirror_pad_grad(GradContext& g) {
  return {emit1("MirrorPadGrad", {g.upstream(0), g.input(1)}, {{"mode", g.attrs().get_string("mode")}}), Value()};
}
Values mirror_pad_grad_grad(GradContext& g) {
  return {emit1("MirrorPad", {g.upstream(0), g.input(1)}, {{"mode", g.attrs().get_string("mode")}}), Value()};
}
Values space_to_batch_grad(GradContext& g) {
  return {emit1("BatchToSpaceND", {g.upstream(0), g.input(1), g.input(2)}), Value(), Value()};
}
Values batch_to_space_grad(GradContext& g) {
  return {emit1("SpaceToBatchND", {g.upstream(0), g.input(1), g.input(2)}), Value(), Value()};
}

using Paddings = std::vector<std::pair<int64_t, int64_t>>;  // before and after, for each axis

Paddings checked_paddings(const Tensor& tensor, int64_t rank) {
  const auto values = tensor.to_int64s();
  if (static_cast<int64_t>(values.size()) != 2 * rank) {
    throw InvalidArgumentError("paddings must be of shape ({}, 2), found {}", rank, tensor.shape());
  }
  Paddings paddings;
  for (size_t i = 0; i < values.size(); i += 2) {
    if (values[i] < 0 || values[i + 1] < 0) throw InvalidArgumentError("Paddings must be non-negative: {}", values);
    paddings.emplace_back(values[i], values[i + 1]);
  }
  return paddings;
}

Shape padded(Shape shape, const Paddings& paddings, int64_t sign = 1) {
  for (int64_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape.dim(axis) < 0) continue;
    const auto [before, after] = paddings[static_cast<size_t>(axis)];
    const int64_t both = shape::add_dims(before, after);
    shape.set_dim(axis, sign > 0 ? shape::add_dims(shape.dim(axis), both) : shape.dim(axis) - both);
    if (shape.dim(axis) < 0) throw InvalidArgumentError("Paddings take more than axis {} has", axis);
  }
  return shape;
}

template <int kSign>
void pad_shape(ShapeContext& c) {
  const Tensor* value = c.input_value(1);
  const Shape& input = c.input(0);
  if (!input.known_rank()) return;
  c.set_output(0, value != nullptr ? padded(input, checked_paddings(*value, input.rank()), kSign) : Shape::unknown(input.rank()));
}

void pad_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Paddings paddings = checked_paddings(c.input(1), input.rank());
  Tensor& output = c.output(0, padded(input.shape(), paddings));
  if (c.inputs() == 3 && c.input(2).elements() != 1) throw InvalidArgumentError("constant_values must be a scalar");
  if (c.inputs() == 3)
    kernels::fill(output, c.input(2).raw());
  else
    kernels::set_zero(output);
  const auto strides = kernels::dense_strides(output.shape().dims());
  int64_t offset = 0;
  for (size_t axis = 0; axis < paddings.size(); ++axis) offset += paddings[axis].first * strides[axis];
  if (input.elements() > 0) copy_strided(input.dtype(), input.shape().dims(), view_of(output, offset), view_of(input));
}

/// For each axis of the padded array, the step in elements of the inner one that each of its places mirrors.
std::vector<std::vector<int64_t>> mirror_offsets(const Shape& inner, const Paddings& paddings, const std::string& mode) {
  if (mode != "REFLECT" && mode != "SYMMETRIC") throw InvalidArgumentError("Unknown mode '{}'", mode);
  const int64_t edge = mode == "REFLECT" ? 1 : 0;  // REFLECT does not repeat the outermost element
  const auto strides = kernels::dense_strides(inner.dims());
  std::vector<std::vector<int64_t>> offsets;
  for (int64_t axis = 0; axis < inner.rank(); ++axis) {
    const auto [before, after] = paddings[static_cast<size_t>(axis)];
    const int64_t dim = inner.dim(axis);
    if (std::max(before, after) > dim - edge) {
      throw InvalidArgumentError("paddings must be no greater than the dimension size: {}, {} greater than {}", before, after,
                                 dim - edge);
    }
    std::vector<int64_t> steps;
    for (int64_t i = -before; i < dim + after; ++i) {
      const int64_t source = i < 0 ? -i - 1 + edge : i < dim ? i : 2 * dim - i - 1 - edge;
      steps.push_back(source * strides[static_cast<size_t>(axis)]);
    }
    offsets.push_back(std::move(steps));
  }
  return offsets;
}

/// Calls visit(place in the padded array, place in the inner array), in order of the padded array.
template <class Visit>
void for_each_mirrored(std::span<const std::vector<int64_t>> offsets, int64_t inner, int64_t& outer, Visit visit) {
  if (offsets.empty()) return visit(outer++, inner);
  for (const int64_t step : offsets[0]) for_each_mirrored(offsets.subspan(1), inner + step, outer, visit);
}

void mirror_pad_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Paddings paddings = checked_paddings(c.input(1), input.rank());
  const auto offsets = mirror_offsets(input.shape(), paddings, c.attrs().get_string("mode"));
  Tensor& output = c.output(0, padded(input.shape(), paddings));
  const auto copy = [&]<class T>(T) {
    const T* from = input.data<T>();
    T* to = output.data<T>();
    int64_t place = 0;
    for_each_mirrored(offsets, 0, place, [&](int64_t outer, int64_t inner) { to[outer] = from[inner]; });
  };
  if (input.dtype() == DType::kString) return copy(std::string());
  with_any_type(input.dtype(), "MirrorPad", copy);
}

void mirror_pad_grad_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Paddings paddings = checked_paddings(c.input(1), input.rank());
  Tensor& output = c.output(0, padded(input.shape(), paddings, -1));
  const auto offsets = mirror_offsets(output.shape(), paddings, c.attrs().get_string("mode"));
  kernels::set_zero(output);
  with_compute_type(input.dtype(), "MirrorPadGrad", [&]<class T>(T) {
    const T* from = input.data<T>();
    T* to = output.data<T>();
    int64_t place = 0;
    for_each_mirrored(offsets, 0, place,
                      [&](int64_t outer, int64_t inner) { to[inner] = static_cast<T>(to[inner] + from[outer]); });
  });
}

/// The geometry of SpaceToBatchND and its inverse: `space` is [batch, spatial, rest] after padding (before cropping).
struct Blocks {
  std::vector<int64_t> sizes;
  Paddings paddings;
  int64_t count = 1;  // blocks in one image
};

Blocks make_blocks(const Tensor& block_shape, const Tensor& paddings, int64_t rank) {
  Blocks blocks{block_shape.to_int64s(), {}, 1};
  const auto spatial = static_cast<int64_t>(blocks.sizes.size());
  if (rank < spatial + 1) throw InvalidArgumentError("An input of rank {} has no {} spatial axes", rank, spatial);
  blocks.paddings = checked_paddings(paddings, spatial);
  for (const int64_t size : blocks.sizes) {
    if (size < 1) throw InvalidArgumentError("Block sizes must be positive, found {}", blocks.sizes);
    blocks.count *= size;
  }
  return blocks;
}

Shape space_to_batch(const Shape& input, const Blocks& blocks) {
  Shape result = input;
  result.set_dim(0, shape::mul_dims(input.dim(0), blocks.count));
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    const int64_t axis = static_cast<int64_t>(i) + 1;
    if (input.dim(axis) < 0) continue;
    const int64_t size = input.dim(axis) + blocks.paddings[i].first + blocks.paddings[i].second;
    if (size % blocks.sizes[i] != 0)
      throw InvalidArgumentError("padded_shape[{}]={} is not divisible by {}", i, size, blocks.sizes[i]);
    result.set_dim(axis, size / blocks.sizes[i]);
  }
  return result;
}

Shape batch_to_space(const Shape& input, const Blocks& blocks) {
  Shape result = input;
  if (input.dim(0) >= 0) {
    if (input.dim(0) % blocks.count != 0)
      throw InvalidArgumentError("A batch of {} is not divisible by {}", input.dim(0), blocks.count);
    result.set_dim(0, input.dim(0) / blocks.count);
  }
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    const int64_t axis = static_cast<int64_t>(i) + 1;
    if (input.dim(axis) < 0) continue;
    const int64_t size = input.dim(axis) * blocks.sizes[i] - blocks.paddings[i].first - blocks.paddings[i].second;
    if (size < 0) throw InvalidArgumentError("Crops take more than axis {} has", axis);
    result.set_dim(axis, size);
  }
  return result;
}

template <auto kResult>
void block_shape(ShapeContext& c) {
  const Tensor *sizes = c.input_value(1), *paddings = c.input_value(2);
  if (!c.input(0).known_rank()) return;
  if (sizes == nullptr || paddings == nullptr) return c.set_output(0, Shape::unknown(c.input(0).rank()));
  c.set_output(0, kResult(c.input(0), make_blocks(*sizes, *paddings, c.input(0).rank())));
}

/// Calls copy for each block offset: its number, the range [first, last) of block rows that lie within the image on each
/// spatial axis, and the image's position of the first.
template <class Copy>
void for_each_block(const Shape& image, const Shape& batches, const Blocks& blocks, Copy copy) {
  for (int64_t number = 0; number < blocks.count; ++number) {
    std::vector<int64_t> dims = batches.dims(), first(batches.dims().size(), 0), start(batches.dims().size(), 0);
    dims[0] = image.dim(0);
    int64_t rest = number;
    for (size_t i = blocks.sizes.size(); i-- > 0;) {
      const int64_t size = blocks.sizes[i], within = rest % size - blocks.paddings[i].first;
      rest /= size;
      first[i + 1] = within < 0 ? (size - 1 - within) / size : 0;
      start[i + 1] = within + first[i + 1] * size;
      const int64_t room = image.dim(static_cast<int64_t>(i) + 1) - start[i + 1];
      dims[i + 1] = std::min(dims[i + 1] - first[i + 1], room > 0 ? (room + size - 1) / size : 0);
    }
    if (std::all_of(dims.begin(), dims.end(), [](int64_t dim) { return dim > 0; })) copy(number, dims, first, start);
  }
}

int64_t dot(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// The strides of an image walked in steps of a block.
std::vector<int64_t> block_strides(const Shape& image, const Blocks& blocks) {
  auto strides = kernels::dense_strides(image.dims());
  for (size_t i = 0; i < blocks.sizes.size(); ++i) strides[i + 1] *= blocks.sizes[i];
  return strides;
}

void space_to_batch_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Blocks blocks = make_blocks(c.input(1), c.input(2), input.rank());
  Tensor& output = c.output(0, space_to_batch(input.shape(), blocks));
  kernels::set_zero(output);
  const auto in = kernels::dense_strides(input.shape().dims()), out = kernels::dense_strides(output.shape().dims());
  for_each_block(input.shape(), output.shape(), blocks,
                 [&](int64_t number, const auto& dims, const auto& first, const auto& start) {
                   const int64_t to = number * input.dim(0) * out[0] + dot(first, out);
                   copy_strided(input.dtype(), dims, view_of(output, to),
                                {view_of(input, dot(start, in)).data, block_strides(input.shape(), blocks)});
                 });
}

void batch_to_space_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Blocks blocks = make_blocks(c.input(1), c.input(2), input.rank());
  Tensor& output = c.output(0, batch_to_space(input.shape(), blocks));
  const auto in = kernels::dense_strides(input.shape().dims()), out = kernels::dense_strides(output.shape().dims());
  for_each_block(
      output.shape(), input.shape(), blocks, [&](int64_t number, const auto& dims, const auto& first, const auto& start) {
        const int64_t from = number * output.dim(0) * in[0] + dot(first, in);
        copy_strided(input.dtype(), dims, {view_of(output, dot(start, out)).data, block_strides(output.shape(), blocks)},
                     view_of(input, from));
      });
}

constexpr OpDef kOps[] = {
    {.name = "Pad",
     .signature = "(input: T, paddings: Tpaddings) -> (output: T); T: type; Tpaddings: {int32, int64} = int32",
     .shape = pad_shape<1>,
     .kernel = pad_kernel,
     .gradient = pad_grad,
     .js = "pad"},
    {.name = "PadV2",
     .signature = "(input: T, paddings: Tpaddings, constant_values: T) -> (output: T); T: type; Tpaddings: {int32, "
                  "int64} = int32",
     .shape = pad_shape<1>,
     .kernel = pad_kernel,
     .gradient = pad_v2_grad},
    {.name = "MirrorPad",
     .signature = "(input: T, paddings: Tpaddings) -> (output: T); T: type; Tpaddings: {int32, int64} = int32; mode: "
                  "string",
     .shape = pad_shape<1>,
     .kernel = mirror_pad_kernel,
     .gradient = mirror_pad_grad,
     .js = "mirrorPad"},
    {.name = "MirrorPadGrad",
     .signature = "(input: T, paddings: Tpaddings) -> (output: T); T: type; Tpaddings: {int32, int64} = int32; mode: "
                  "string",
     .shape = pad_shape<-1>,
     .kernel = mirror_pad_grad_kernel,
     .gradient = mirror_pad_grad_grad},
    {.name = "SpaceToBatchND",
     .signature = "(input: T, block_shape: Tblock_shape, paddings: Tpaddings) -> (output: T); T: type; Tblock_shape: "
                  "{int32, int64} = int32; Tpaddings: {int32, int64} = int32",
     .shape = block_shape<space_to_batch>,
     .kernel = space_to_batch_kernel,
     .gradient = space_to_batch_grad,
     .js = "spaceToBatch"},
    {.name = "BatchToSpaceND",
     .signature = "(input: T, block_shape: Tblock_shape, crops: Tcrops) -> (output: T); T: type; Tblock_shape: "
                  "{int32, int64} = int32; Tcrops: {int32, int64} = int32",
     .shape = block_shape<batch_to_space>,
     .kernel = batch_to_space_kernel,
     .gradient = batch_to_space_grad,
     .js = "batchToSpace"},
};

}  // namespace

std::span<const OpDef> pad_ops() { return kOps; }

}  // namespace keras
