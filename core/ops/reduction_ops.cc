// Reductions over axes that come as an input, and running sums and products. No axes: nothing is reduced.
#include <limits>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/reduction.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

bool keeps_dims(GradContext& g) { return g.attrs().get_bool("keep_dims"); }

/// `value`, which has the shape of the op's output, under the shape that keep_dims gives.
Value with_kept_dims(GradContext& g, const Value& value) {
  if (keeps_dims(g)) return value;
  const Value &x = g.input(0), &axes = g.input(1);
  const Tensor* known = axes.constant();
  if (known != nullptr && x.shape().known_rank()) {
    Shape kept = x.shape();
    for (const int64_t axis : known->to_int64s()) kept.set_dim(shape::normalize_axis(axis, kept.rank()), 1);
    if (kept.fully_known()) return reshape(value, kept.dims());
    Value result = value;
    for (int64_t axis = 0; axis < kept.rank(); ++axis) {
      if (is_reduced(*known, axis, kept.rank())) result = expand_dims(result, axis);
    }
    return result;
  }
  const Value kept =
      emit1("Any", {emit1("ZerosLike", {emit1("Cast", {x}, {{"DstT", DType::kBool}})}), axes}, {{"keep_dims", true}});
  return reshape(value, emit1("Shape", {kept}));
}

Values sum_grad(GradContext& g) { return {broadcast_to(with_kept_dims(g, g.upstream(0)), shape_of(g.input(0))), Value()}; }

// The number of elements behind each result: |x| / |y|.
Value reduced_count(GradContext& g) {
  const Value &x = g.input(0), &y = g.output(0);
  const Value one = int_scalar(g.emitter(), 1);
  return cast(emit1("FloorDiv", {size_of(x), maximum(size_of(y), one)}), x.dtype());
}

Values mean_grad(GradContext& g) {
  const Value share = div(g.upstream(0), reduced_count(g));
  return {broadcast_to(with_kept_dims(g, share), shape_of(g.input(0))), Value()};
}

// Shared among the elements that attain the extreme.
Values extreme_grad(GradContext& g) {
  const Value &x = g.input(0), &axes = g.input(1);
  const Value attained = cast(equal(with_kept_dims(g, g.output(0)), x), x.dtype());
  const Value count = emit1("Sum", {attained, axes}, {{"keep_dims", true}});
  return {mul(div(attained, count), with_kept_dims(g, g.upstream(0))), Value()};
}

// Each element's factor is the product of all others: what precedes times what follows it along the axis.
Value others_along(const Value& x, int64_t axis) {
  const Value position = int_scalar(*x.emitter, axis);
  const Value before = emit1("Cumprod", {x, position}, {{"exclusive", true}});
  const Value after = emit1("Cumprod", {x, position}, {{"exclusive", true}, {"reverse", true}});
  return mul(before, after);
}

Values norm_grad(GradContext& g) { return {div(g.input(0), with_kept_dims(g, div(g.output(0), g.upstream(0)))), Value()}; }

Values prod_grad(GradContext& g) {
  const Value &x = g.input(0), &axes = g.input(1);
  const Tensor* known = axes.constant();
  if (known == nullptr || !x.shape().known_rank()) {
    throw UnimplementedError("The gradient of Prod needs axes that are known while tracing");
  }
  // Axis by axis: d prod = Π over the other reduced axes of the products along this one.
  Value factor, partial = x;
  for (int64_t axis = 0; axis < x.shape().rank(); ++axis) {
    if (!is_reduced(*known, axis, x.shape().rank())) continue;
    const Value others = others_along(partial, axis);
    factor = factor.valid() ? mul(factor, others) : others;
    partial = emit1("Prod", {partial, int_scalar(g.emitter(), axis)}, {{"keep_dims", true}});
  }
  if (!factor.valid()) return {g.upstream(0), Value()};
  return {mul(with_kept_dims(g, g.upstream(0)), factor), Value()};
}

Values cumsum_grad(GradContext& g) {
  return {emit1("Cumsum", {g.upstream(0), g.input(1)},
                {{"exclusive", g.attrs().get_bool("exclusive")}, {"reverse", !g.attrs().get_bool("reverse")}}),
          Value()};
}

// d/dx_i Σ_j dy_j Π_{k≤j} x_k = (Σ_{j≥i} dy_j y_j) / x_i, as TensorFlow has it.
Values cumprod_grad(GradContext& g) {
  const bool exclusive = g.attrs().get_bool("exclusive"), reverse = g.attrs().get_bool("reverse");
  const Value sums =
      emit1("Cumsum", {mul(g.output(0), g.upstream(0)), g.input(1)}, {{"exclusive", exclusive}, {"reverse", !reverse}});
  return {emit1("DivNoNan", {sums, g.input(0)}), Value()};
}

// Σ over the j that x_i is in of dy_j · exp(x_i − y_j), from logarithms: those of positive dy and of negative ones apart.
Values cumulative_logsumexp_grad(GradContext& g) {
  const Value &x = g.input(0), &up = g.upstream(0);
  const Value zero = scalar_like(up, 0);
  const Value lowest = scalar_like(up, up.dtype() == DType::kFloat64   ? std::numeric_limits<double>::lowest()
                                       : up.dtype() == DType::kFloat16 ? -65504.0
                                       : up.dtype() == DType::kFloat32 ? double{std::numeric_limits<float>::lowest()}
                                                                       : -0x1.FEp127);
  const auto part = [&](const Value& is_there, const Value& size) {
    const Value logs = sub(select(is_there, log(size), lowest), g.output(0));
    const Attrs attrs = {{"exclusive", g.attrs().get_bool("exclusive")}, {"reverse", !g.attrs().get_bool("reverse")}};
    return exp(add(emit1("CumulativeLogsumexp", {logs, g.input(1)}, attrs), x));
  };
  return {sub(part(greater(up, zero), up), part(less(up, zero), neg(up))), Value()};
}

// Each gradient to where its value was.
Values top_k_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return {Value(), Value()};
  const Value &x = g.input(0), &indices = g.output(1);
  const Value columns =
      emit1("GatherV2", {shape_of(x), sub(emit1("Rank", {x}), int_scalar(g.emitter(), 1)), int_scalar(g.emitter(), 0)});
  const Value size = size_of(x);
  const Value row_starts = emit1("Range", {int_scalar(g.emitter(), 0), size, columns});
  const Value k = emit1("FloorDiv", {size_of(indices), size_of(row_starts)});
  const Value by_row = reshape(indices, emit1("Pack", {size_of(row_starts), k}));
  const Value places = reshape(add(by_row, expand_dims(row_starts, 1)), {-1});
  const Value flat = emit1("UnsortedSegmentSum", {reshape(g.upstream(0), {-1}), places, size});
  return {reshape_like(flat, x), Value()};
}

void reduction_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  if (!x.known_rank()) return;
  const Tensor* axes = c.input_value(1);
  const bool keep_dims = c.attrs().get_bool("keep_dims");
  if (axes == nullptr) {
    if (keep_dims) c.set_output(0, Shape::unknown(x.rank()));
    return;
  }
  c.set_output(0, reduced_shape(x, *axes, keep_dims));
}

void arg_reduction_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  shape::require_min_rank(x, 1, "input");
  if (!x.known_rank()) return;
  const auto axis = shape::known_int(c, 1);
  if (!axis) return c.set_output(0, Shape::unknown(x.rank() - 1));
  std::vector<int64_t> dims = x.dims();
  dims.erase(dims.begin() + shape::normalize_axis(*axis, x.rank()));
  c.set_output(0, Shape(std::move(dims)));
}

/// values and indices of the k largest along the last axis
void top_k_shape(ShapeContext& c) {
  Shape shape = c.input(0);
  shape::require_min_rank(shape, 1, "input");
  if (!shape.known_rank()) return;
  const auto k = shape::known_int(c, 1);
  if (k && (*k < 0 || (shape.dim(-1) >= 0 && *k > shape.dim(-1)))) {
    throw InvalidArgumentError("input must have at least k = {} columns, found shape {}", *k, shape);
  }
  shape.set_dim(-1, k.value_or(kUnknownDim));
  c.set_output(0, shape);
  c.set_output(1, shape);
}

constexpr OpDef kOps[] = {
    {.name = "Sum",
     .signature = "(input: T, reduction_indices: Tidx) -> (output: T); keep_dims: bool = false; T: {numeric}; Tidx: "
                  "{int32, int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kSum>,
     .gradient = sum_grad,
     .js = "math.reduceSum",
     .flags = kInPlace},
    {.name = "Mean",
     .signature = "(input: T, reduction_indices: Tidx) -> (output: T); keep_dims: bool = false; T: {numeric}; Tidx: "
                  "{int32, int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kMean>,
     .gradient = mean_grad,
     .js = "math.reduceMean",
     .flags = kInPlace},
    {.name = "Max",
     .signature = "(input: T, reduction_indices: Tidx) -> (output: T); keep_dims: bool = false; T: {real}; Tidx: "
                  "{int32, int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kMax>,
     .gradient = extreme_grad,
     .js = "math.reduceMax",
     .flags = kInPlace},
    {.name = "Min",
     .signature = "(input: T, reduction_indices: Tidx) -> (output: T); keep_dims: bool = false; T: {real}; Tidx: "
                  "{int32, int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kMin>,
     .gradient = extreme_grad,
     .js = "math.reduceMin",
     .flags = kInPlace},
    {.name = "Prod",
     .signature = "(input: T, reduction_indices: Tidx) -> (output: T); keep_dims: bool = false; T: {numeric}; Tidx: "
                  "{int32, int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kProd>,
     .gradient = prod_grad,
     .js = "math.reduceProd",
     .flags = kInPlace},
    {.name = "EuclideanNorm",
     .signature = "(input: T, reduction_indices: Tidx) -> (output: T); keep_dims: bool = false; T: {numeric}; Tidx: "
                  "{int32, int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kNorm>,
     .gradient = norm_grad,
     .js = "math.reduceEuclideanNorm",
     .flags = kInPlace},
    {.name = "All",
     .signature = "(input: bool, reduction_indices: Tidx) -> (output: bool); keep_dims: bool = false; Tidx: {int32, "
                  "int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kAll>,
     .js = "math.reduceAll",
     .flags = kInPlace | kNoGradient},
    {.name = "Any",
     .signature = "(input: bool, reduction_indices: Tidx) -> (output: bool); keep_dims: bool = false; Tidx: {int32, "
                  "int64} = int32",
     .shape = reduction_shape,
     .kernel = reduce<Reduction::kAny>,
     .js = "math.reduceAny",
     .flags = kInPlace | kNoGradient},
    {.name = "ArgMax",
     .signature = "(input: T, dimension: Tidx) -> (output: output_type); T: {real, bool}; Tidx: {int16, int32, int64} "
                  "= int32; output_type: {int16, uint16, int32, int64} = int64",
     .shape = arg_reduction_shape,
     .kernel = arg_max_kernel,
     .js = "math.argmax",
     .flags = kNoGradient},
    {.name = "ArgMin",
     .signature = "(input: T, dimension: Tidx) -> (output: output_type); T: {real, bool}; Tidx: {int32, int64} = "
                  "int32; output_type: {int32, int64} = int64",
     .shape = arg_reduction_shape,
     .kernel = arg_min_kernel,
     .js = "math.argmin",
     .flags = kNoGradient},
    {.name = "TopKV2",
     .signature = "(input: T, k: Tk) -> (values: T, indices: index_type); sorted: bool = true; T: {real}; Tk: {int16, "
                  "int32, int64} = int32; index_type: {int16, int32, int64} = int32",
     .shape = top_k_shape,
     .kernel = top_k_kernel,
     .gradient = top_k_grad,
     .js = "math.topK"},
    {.name = "Cumsum",
     .signature = "(x: T, axis: Tidx) -> (out: T); exclusive: bool = false; reverse: bool = false; T: {numeric}; "
                  "Tidx: {int32, int64} = int32",
     .shape = shape::same_as<0>,
     .kernel = cumulative<false>,
     .gradient = cumsum_grad,
     .js = "math.cumsum"},
    {.name = "Cumprod",
     .signature = "(x: T, axis: Tidx) -> (out: T); exclusive: bool = false; reverse: bool = false; T: {numeric}; "
                  "Tidx: {int32, int64} = int32",
     .shape = shape::same_as<0>,
     .kernel = cumulative<true>,
     .gradient = cumprod_grad,
     .js = "math.cumprod"},
    {.name = "CumulativeLogsumexp",
     .signature = "(x: T, axis: Tidx) -> (out: T); exclusive: bool = false; reverse: bool = false; T: {floating}; "
                  "Tidx: {int32, int64} = int32",
     .shape = shape::same_as<0>,
     .kernel = cumulative_logsumexp,
     .gradient = cumulative_logsumexp_grad,
     .js = "math.cumulativeLogsumexp"},
};

}  // namespace

std::span<const OpDef> reduction_ops() { return kOps; }

}  // namespace keras
