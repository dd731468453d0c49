// Joining and splitting arrays. All moving is one kernel, a copy between strided views.
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using kernels::copy_strided;
using kernels::view_of;

// Each part gets its stretch of the gradient back.
Values concat_grad(GradContext& g) {
  const int parts = g.inputs() - 1;
  // Counted from the start, to be an index into shapes.
  const Value axis = emit1("FloorMod", {cast(g.input(parts), DType::kInt32), emit1("Rank", {g.upstream(0)})});
  Values sizes;
  for (int i = 0; i < parts; ++i) {
    const Value shape = shape_of(g.input(i));
    sizes.push_back(emit1("GatherV2", {shape, axis, int_scalar(g.emitter(), 0)}));
  }
  const Value size_splits = emit1("Pack", sizes);
  Values gradients = emit_all("SplitV", {g.upstream(0), size_splits, axis}, {{"num_split", static_cast<int64_t>(parts)}});
  gradients.push_back(Value());
  return gradients;
}

/// The upstream gradients, zeros where there is none.
Values upstreams_or_zeros(GradContext& g) {
  Values values;
  for (int i = 0; i < g.outputs(); ++i) {
    values.push_back(g.upstream(i).valid() ? g.upstream(i) : zeros_like(g.output(i)));
  }
  return values;
}

Value joined(Values parts, const Value& axis) {
  parts.push_back(axis);
  return emit1("ConcatV2", parts);
}

Values split_grad(GradContext& g) { return {Value(), joined(upstreams_or_zeros(g), g.input(0))}; }
Values split_v_grad(GradContext& g) { return {joined(upstreams_or_zeros(g), g.input(2)), Value(), Value()}; }

Values pack_grad(GradContext& g) {
  return emit_all("Unpack", {g.upstream(0)}, {{"num", g.attrs().get_int("N")}, {"axis", g.attrs().get_int("axis")}});
}
Values unpack_grad(GradContext& g) { return {emit1("Pack", upstreams_or_zeros(g), {{"axis", g.attrs().get_int("axis")}})}; }

// Tiles stand side by side: [m, n] tiled (a, b) is [a, m, b, n] seen as [a m, b n].
Values tile_grad(GradContext& g) {
  const Value shape = emit1("Shape", {g.input(0)});
  const Value multiples = cast(g.input(1), DType::kInt32);
  const Value interleaved = reshape(emit1("Pack", {multiples, shape}, {{"axis", int64_t{1}}}), {-1});
  const Value axes = emit1("Range", {int_scalar(g.emitter(), 0), emit1("Size", {interleaved}), int_scalar(g.emitter(), 2)});
  return {emit1("Sum", {reshape(g.upstream(0), interleaved), axes}), Value()};
}

/// Inputs `first` to `first + count - 1`, side by side along `axis`.
void concat_shape_of(ShapeContext& c, int first, int count, std::optional<int64_t> axis) {
  Shape result = Shape::unknown_rank();
  int64_t size = 0, rank = -1;
  for (int i = first; i < first + count; ++i) {
    if (c.input(i).known_rank()) rank = c.input(i).rank();
  }
  if (rank < 0) return;
  if (!axis) return c.set_output(0, Shape::unknown(rank));
  const int64_t position = shape::normalize_axis(*axis, rank);
  for (int i = first; i < first + count; ++i) {
    Shape part = c.input(i).known_rank() ? c.input(i) : Shape::unknown(rank);
    size = shape::add_dims(size, part.rank() == rank ? part.dim(position) : 0);
    if (part.rank() == rank) part.set_dim(position, kUnknownDim);
    result = shape::same_shape(result, part, "All axes but the joined one");
  }
  result.set_dim(position, size);
  c.set_output(0, result);
}

/// Places the parts behind one another along `axis` of the output, whose shape is known to fit.
void concat_parts(KernelContext& c, int first, int count, int64_t axis) {
  Shape shape = c.input(first).shape();
  axis = shape::normalize_axis(axis, shape.rank());
  int64_t total = 0;
  for (int i = first; i < first + count; ++i) {
    Shape part = c.input(i).shape();
    if (part.rank() != shape.rank()) throw InvalidArgumentError("Parts to join have ranks {} and {}", shape.rank(), part.rank());
    total += part.dim(axis);
    part.set_dim(axis, shape.dim(axis));
    if (part != shape) throw InvalidArgumentError("Parts to join have shapes {} and {}", shape, c.input(i).shape());
  }
  shape.set_dim(axis, total);
  Tensor& output = c.output(0, shape);
  int64_t offset = 0;
  for (int i = first; i < first + count; ++i) {
    const Tensor& part = c.input(i);
    auto to = view_of(output);
    to = view_of(output, offset * to.strides[static_cast<size_t>(axis)]);
    copy_strided(part.dtype(), part.shape().dims(), to, view_of(part));
    offset += part.dim(axis);
  }
}

int64_t axis_value(const Tensor& tensor) {
  if (tensor.elements() != 1) throw InvalidArgumentError("An axis must be a scalar, found {}", tensor.shape());
  return tensor.to_int64s()[0];
}

void concat_shape(ShapeContext& c) { concat_shape_of(c, 0, c.inputs() - 1, shape::known_element(c, c.inputs() - 1)); }
void concat_kernel(KernelContext& c) { concat_parts(c, 0, c.inputs() - 1, axis_value(c.input(c.inputs() - 1))); }

/// Sizes along the axis; one may be -1 for what is left.
std::vector<int64_t> split_sizes(std::vector<int64_t> sizes, int64_t total) {
  int64_t rest = -1, sum = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] >= 0) {
      sum = shape::add_dims(sum, sizes[i]);
    } else if (sizes[i] == -1 && rest < 0) {
      rest = static_cast<int64_t>(i);
    } else {
      throw InvalidArgumentError("Cannot split into sizes {}", sizes);
    }
  }
  if (total >= 0) {
    if (rest >= 0) sizes[static_cast<size_t>(rest)] = total - sum;
    if (sum > total || (rest < 0 && sum != total)) throw InvalidArgumentError("Cannot split {} into sizes {}", total, sizes);
  }
  return sizes;
}

std::vector<int64_t> even_sizes(int64_t total, int64_t parts) {
  if (parts < 1 || (total >= 0 && total % parts != 0)) {
    throw InvalidArgumentError("Cannot split a dimension of {} into {} even parts", total, parts);
  }
  return std::vector<int64_t>(static_cast<size_t>(parts), total < 0 ? kUnknownDim : total / parts);
}

void split_shape_of(ShapeContext& c, const Shape& value, std::optional<int64_t> axis, std::optional<std::vector<int64_t>> sizes) {
  const int64_t parts = c.attrs().get_int("num_split");
  if (!value.known_rank()) return;
  for (int64_t i = 0; i < parts; ++i) {
    Shape part = axis ? value : Shape::unknown(value.rank());
    if (axis) {
      const int64_t position = shape::normalize_axis(*axis, value.rank());
      const int64_t size = sizes ? split_sizes(*sizes, value.dim(position)).at(static_cast<size_t>(i)) : kUnknownDim;
      part.set_dim(position, size);
    }
    c.set_output(static_cast<int>(i), part);
  }
}

void split_shape(ShapeContext& c) {
  const auto axis = shape::known_int(c, 0);
  const Shape& value = c.input(1);
  std::optional<std::vector<int64_t>> sizes;
  if (axis && value.known_rank()) {
    sizes = even_sizes(value.dim(shape::normalize_axis(*axis, value.rank())), c.attrs().get_int("num_split"));
    if (!sizes->empty() && (*sizes)[0] < 0) sizes.reset();
  }
  split_shape_of(c, value, axis, sizes);
}

void check_split_count(ShapeContext& c, int64_t count) {
  shape::same_dim(count, c.attrs().get_int("num_split"), "num_split and the number of sizes");
}

void split_v_shape(ShapeContext& c) {
  const auto sizes = shape::known_ints(c, 1);
  if (sizes) check_split_count(c, static_cast<int64_t>(sizes->size()));
  split_shape_of(c, c.input(0), shape::known_element(c, 2), sizes);
}

void split_value(KernelContext& c, const Tensor& value, int64_t axis, const std::vector<int64_t>& sizes) {
  int64_t offset = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    Shape shape = value.shape();
    shape.set_dim(axis, sizes[i]);
    Tensor& part = c.output(static_cast<int>(i), shape);
    auto from = view_of(value);
    from = view_of(value, offset * from.strides[static_cast<size_t>(axis)]);
    copy_strided(value.dtype(), shape.dims(), view_of(part), from);
    offset += sizes[i];
  }
}

void split_kernel(KernelContext& c) {
  const Tensor& value = c.input(1);
  const int64_t axis = shape::normalize_axis(axis_value(c.input(0)), value.rank());
  split_value(c, value, axis, even_sizes(value.dim(axis), c.outputs()));
}

void split_v_kernel(KernelContext& c) {
  const Tensor& value = c.input(0);
  const int64_t axis = shape::normalize_axis(axis_value(c.input(2)), value.rank());
  const auto sizes = split_sizes(c.input(1).to_int64s(), value.dim(axis));
  if (static_cast<int>(sizes.size()) != c.outputs())
    throw InvalidArgumentError("{} sizes for {} parts", sizes.size(), c.outputs());
  split_value(c, value, axis, sizes);
}

void pack_shape(ShapeContext& c) {
  Shape part = c.input(0);
  for (int i = 1; i < c.inputs(); ++i) part = shape::same_shape(part, c.input(i), "Values to stack");
  if (!part.known_rank()) return;
  std::vector<int64_t> dims = part.dims();
  dims.insert(dims.begin() + shape::normalize_axis(c.attrs().get_int("axis"), part.rank() + 1), c.inputs());
  c.set_output(0, Shape(std::move(dims)));
}

/// The view of slice `index` of a stack along `axis`, without that axis.
template <class ViewOfPart>
auto slice_view(ViewOfPart stack, int64_t axis) {
  stack.strides.erase(stack.strides.begin() + axis);
  return stack;
}

void pack_kernel(KernelContext& c) {
  const Shape& part = c.input(0).shape();
  const int64_t axis = shape::normalize_axis(c.attrs().get_int("axis"), part.rank() + 1);
  std::vector<int64_t> dims = part.dims();
  dims.insert(dims.begin() + axis, c.inputs());
  for (int i = 1; i < c.inputs(); ++i) shape::same_shape(part, c.input(i).shape(), "Values to stack");
  Tensor& output = c.output(0, Shape(dims));
  const int64_t step = kernels::dense_strides(dims)[static_cast<size_t>(axis)];
  for (int i = 0; i < c.inputs(); ++i) {
    copy_strided(output.dtype(), part.dims(), slice_view(view_of(output, i * step), axis), view_of(c.input(i)));
  }
}

Shape unpacked_shape(const Shape& value, int64_t axis, int64_t count) {
  const int64_t position = shape::normalize_axis(axis, value.rank());
  shape::same_dim(value.dim(position), count, "num and the dimension to unstack");
  std::vector<int64_t> dims = value.dims();
  dims.erase(dims.begin() + position);
  return Shape(std::move(dims));
}

void unpack_shape(ShapeContext& c) {
  const int64_t count = c.attrs().get_int("num");
  if (!c.input(0).known_rank()) return;
  const Shape part = unpacked_shape(c.input(0), c.attrs().get_int("axis"), count);
  for (int64_t i = 0; i < count; ++i) c.set_output(static_cast<int>(i), part);
}

void unpack_kernel(KernelContext& c) {
  const Tensor& value = c.input(0);
  const Shape part = unpacked_shape(value.shape(), c.attrs().get_int("axis"), c.outputs());
  const int64_t axis = shape::normalize_axis(c.attrs().get_int("axis"), value.rank());
  const int64_t step = view_of(value).strides[static_cast<size_t>(axis)];
  for (int i = 0; i < c.outputs(); ++i) {
    copy_strided(value.dtype(), part.dims(), view_of(c.output(i, part)), slice_view(view_of(value, i * step), axis));
  }
}

Shape tiled(const Shape& input, const std::vector<int64_t>& multiples) {
  shape::same_dim(input.rank(), static_cast<int64_t>(multiples.size()), "The rank and the number of multiples");
  Shape result = input;
  for (int64_t axis = 0; axis < input.rank(); ++axis) {
    const int64_t times = multiples[static_cast<size_t>(axis)];
    if (times < 0) throw InvalidArgumentError("Multiples must not be negative, found {}", multiples);
    result.set_dim(axis, shape::mul_dims(input.dim(axis), times));
  }
  return result;
}

void tile_shape(ShapeContext& c) {
  if (!c.input(0).known_rank()) return;
  const auto multiples = shape::known_ints(c, 1);
  c.set_output(0, multiples ? tiled(c.input(0), *multiples) : Shape::unknown(c.input(0).rank()));
}

/// [m, n] tiled (a, b): out[i, j, k, l] = in[j, l] over [a, m, b, n].
void tile_kernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const auto multiples = c.input(1).to_int64s();
  Tensor& output = c.output(0, tiled(input.shape(), multiples));
  const auto from = view_of(input);
  kernels::ConstView repeated{from.data, {}};
  std::vector<int64_t> dims;
  for (int64_t axis = 0; axis < input.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    dims.insert(dims.end(), {multiples[i], input.dim(axis)});
    repeated.strides.insert(repeated.strides.end(), {0, from.strides[i]});
  }
  copy_strided(input.dtype(), dims, {output.raw(), kernels::dense_strides(dims)}, repeated);
}

constexpr OpDef kOps[] = {
    {.name = "ConcatV2",
     .signature = "(values: N * T, axis: Tidx) -> (output: T); N: int; T: type; Tidx: {int32, int64} = int32",
     .shape = concat_shape,
     .kernel = concat_kernel,
     .gradient = concat_grad,
     .js = "concat"},
    {.name = "Split",
     .signature = "(split_dim: int32, value: T) -> (output: num_split * T); num_split: int; T: type",
     .shape = split_shape,
     .kernel = split_kernel,
     .gradient = split_grad,
     .js = "split"},
    {.name = "SplitV",
     .signature = "(value: T, size_splits: Tlen, split_dim: int32) -> (output: num_split * T); num_split: int; T: "
                  "type; Tlen: {int8, int32, int64} = int64",
     .shape = split_v_shape,
     .kernel = split_v_kernel,
     .gradient = split_v_grad},
    {.name = "Pack",
     .signature = "(values: N * T) -> (output: T); N: int; T: type; axis: int = 0",
     .shape = pack_shape,
     .kernel = pack_kernel,
     .gradient = pack_grad,
     .js = "stack"},
    {.name = "Unpack",
     .signature = "(value: T) -> (output: num * T); num: int; T: type; axis: int = 0",
     .shape = unpack_shape,
     .kernel = unpack_kernel,
     .gradient = unpack_grad,
     .js = "unstack"},
    {.name = "Tile",
     .signature = "(input: T, multiples: Tmultiples) -> (output: T); T: type; Tmultiples: {int32, int64} = int32",
     .shape = tile_shape,
     .kernel = tile_kernel,
     .gradient = tile_grad,
     .js = "tile"},
};

}  // namespace

std::span<const OpDef> join_ops() { return kOps; }

}  // namespace keras
