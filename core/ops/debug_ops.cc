// Values looked at: their bits, their numbers, their distribution, whether they are there. The engine itself prints nothing:
// Print's message has no reader here.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/write_ints.h"

namespace keras {
namespace {

/// Elements of another size split into several along a new last axis, or join those of the last axis.
Shape recast_shape(const Shape& shape, DType from, DType to) {
  const int64_t from_bytes = dtype_bytes(from), to_bytes = dtype_bytes(to);
  if (!shape.known_rank() || from_bytes == to_bytes) return shape;
  std::vector<int64_t> dims = shape.dims();
  if (from_bytes > to_bytes) {
    dims.push_back(from_bytes / to_bytes);
    return Shape(std::move(dims));
  }
  const int64_t parts = to_bytes / from_bytes;
  if (dims.empty() || (dims.back() >= 0 && dims.back() != parts)) {
    throw InvalidArgumentError("Cannot bitcast from {} to {}: the last dimension of {} must be {}", from, to, shape, parts);
  }
  dims.pop_back();
  return Shape(std::move(dims));
}

void bitcast_shape(ShapeContext& c) { c.set_output(0, recast_shape(c.input(0), c.input_dtype(0), c.attrs().get_dtype("type"))); }

void bitcast_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  Tensor& y = c.output(0, recast_shape(x.shape(), x.dtype(), c.output_dtype(0)));
  if (x.size_bytes() > 0) std::memcpy(y.raw(), x.raw(), static_cast<size_t>(x.size_bytes()));
}

void check_numerics_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  bool nan = false, infinite = false;
  with_float_type(x.dtype(), "CheckNumerics", [&]<class T>(T) {
    for (const T value : x.values<T>()) {
      nan = nan || std::isnan(value);
      infinite = infinite || std::isinf(value);
    }
  });
  if (nan || infinite) {
    throw InvalidArgumentError("{} : Tensor had {} values", c.attrs().get_string("message"),
                               !infinite ? "NaN"
                               : !nan    ? "Inf"
                                         : "Inf and NaN");
  }
  c.set_output(0, x);
}

Values check_numerics_grad(GradContext& g) {
  const std::string message =
      keras::format("Not a number (NaN) or infinity (Inf) values detected in gradient. {}", g.attrs().get_string("message"));
  return {emit1("CheckNumerics", {g.upstream(0)}, {{"message", message}})};
}

void pass_on_kernel(KernelContext& c) { c.set_output(0, c.input(0)); }
Values print_grad(GradContext& g) {
  Values gradients(static_cast<size_t>(g.inputs()));
  gradients[0] = g.upstream(0);
  return gradients;
}
void nothing_kernel(KernelContext&) {}

void histogram_shape(ShapeContext& c) { c.set_output(0, {shape::known_int(c, 2).value_or(kUnknownDim)}); }

/// Bins of one width between two limits; what is beyond counts in the outermost ones.
void histogram_kernel(KernelContext& c) {
  const Tensor &values = c.input(0), &range = c.input(1);
  const auto asked = c.input(2).to_int64s();
  if (asked.size() != 1 || asked[0] <= 0) throw InvalidArgumentError("nbins should be a positive number, found {}", asked);
  if (range.elements() != 2)
    throw InvalidArgumentError("value_range should be a vector of 2 elements, found shape {}", range.shape());
  const double low = range.number_at(0), high = range.number_at(1), width = (high - low) / static_cast<double>(asked[0]);
  if (!(low < high))
    throw InvalidArgumentError("value_range should satisfy value_range[0] < value_range[1], found {} and {}", low, high);
  Tensor& output = c.output(0, {asked[0]});  // before memory is asked for: the limit of tensors holds
  std::vector<int64_t> counts(static_cast<size_t>(asked[0]), 0);
  for (int64_t i = 0; i < values.elements(); ++i) {
    const double at = (values.number_at(i) - low) / width;
    if (std::isnan(at)) continue;
    ++counts[static_cast<size_t>(std::clamp(at, 0.0, static_cast<double>(asked[0] - 1)))];
  }
  write_ints(output, counts);
}

// Optionals

struct Optional {
  bool has_value = false;
  std::vector<Tensor> components;
};

constexpr std::byte kOptionalMark{};  // where an optional's handle points

void set_optional(KernelContext& c, Optional optional) {
  c.set_output(0, Tensor::borrow(DType::kVariant, Shape(), const_cast<std::byte*>(&kOptionalMark),
                                 std::make_shared<Optional>(std::move(optional))));
}

const Optional& optional_of(const Tensor& handle) {
  if (handle.raw() != &kOptionalMark) throw InvalidArgumentError("The variant holds no optional");
  return *handle.object<Optional>();
}

void none_kernel(KernelContext& c) { set_optional(c, {}); }
void from_value_kernel(KernelContext& c) {
  Optional optional{true, {}};
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor& value = c.input(i);
    optional.components.push_back(value.owner() == nullptr && !value.holds_object() ? value.clone() : value);
  }
  set_optional(c, std::move(optional));
}
void has_value_kernel(KernelContext& c) { c.output(0, Shape()).data<bool>()[0] = optional_of(c.input(0)).has_value; }

void get_value_shape(ShapeContext& c) {
  const auto& shapes = c.attrs().get<std::vector<Shape>>("output_shapes");
  if (shapes.size() != c.attrs().get<std::vector<DType>>("output_types").size()) {
    throw InvalidArgumentError("`output_types` and `output_shapes` must be the same length");
  }
  for (size_t i = 0; i < shapes.size(); ++i) c.set_output(static_cast<int>(i), shapes[i]);
}
void get_value_kernel(KernelContext& c) {
  const Optional& optional = optional_of(c.input(0));
  if (!optional.has_value) throw InvalidArgumentError("The given optional does not have a value.");
  if (static_cast<int>(optional.components.size()) != c.outputs()) {
    throw InvalidArgumentError("The given optional has {} components, expected {}.", optional.components.size(), c.outputs());
  }
  const auto& shapes = c.attrs().get<std::vector<Shape>>("output_shapes");
  for (int i = 0; i < c.outputs(); ++i) {
    const Tensor& value = optional.components[static_cast<size_t>(i)];
    if (value.dtype() != c.output_dtype(i) || !shapes[static_cast<size_t>(i)].compatible_with(value.shape())) {
      throw InvalidArgumentError("Component {} of the optional is {} {}, but {} {} is expected", i, value.dtype(), value.shape(),
                                 c.output_dtype(i), shapes[static_cast<size_t>(i)]);
    }
    c.set_output(i, value);
  }
}

constexpr OpDef kOps[] = {
    {.name = "Bitcast",
     .signature = "(input: T) -> (output: type); T: {numeric}; type: {numeric}",
     .shape = bitcast_shape,
     .kernel = bitcast_kernel,
     .js = "bitcast"},
    {.name = "CheckNumerics",
     .signature = "(tensor: T) -> (output: T); T: {floating}; message: string",
     .shape = shape::same_as<0>,
     .kernel = check_numerics_kernel,
     .gradient = check_numerics_grad,
     .flags = kAliasesInput},
    {.name = "CheckNumericsV2",
     .signature = "(tensor: T) -> (output: T); T: {floating}; message: string",
     .shape = shape::same_as<0>,
     .kernel = check_numerics_kernel,
     .gradient = check_numerics_grad,
     .js = "debugging.checkNumerics",
     .flags = kStateful | kAliasesInput},
    {.name = "Print",
     .signature = "(input: T, data: U) -> (output: T); T: type; U: list(type); message: string = \"\"; first_n: int = -1; "
                  "summarize: int = 3",
     .shape = shape::same_as<0>,
     .kernel = pass_on_kernel,
     .gradient = print_grad,
     .flags = kAliasesInput},
    {.name = "PrintV2",
     .signature = "(input: string) -> (); output_stream: string = \"stderr\"; end: string = \"\\n\"",
     .shape = shape::unknown,
     .kernel = nothing_kernel,
     .flags = kStateful},
    {.name = "HistogramFixedWidth",
     .signature = "(values: T, value_range: T, nbins: int32) -> (out: dtype); T: {int32, int64, float, double}; dtype: {int32, "
                  "int64} = int32",
     .shape = histogram_shape,
     .kernel = histogram_kernel,
     .js = "histogramFixedWidth",
     .flags = kNoGradient},
    {.name = "OptionalNone",
     .signature = "() -> (optional: variant)",
     .shape = shape::scalar,
     .kernel = none_kernel,
     .flags = kNoGradient},
    {.name = "OptionalFromValue",
     .signature = "(components: Toutput_types) -> (optional: variant); Toutput_types: list(type)",
     .shape = shape::scalar,
     .kernel = from_value_kernel,
     .flags = kNoGradient},
    {.name = "OptionalHasValue",
     .signature = "(optional: variant) -> (has_value: bool)",
     .shape = shape::scalar,
     .kernel = has_value_kernel,
     .flags = kNoGradient},
    {.name = "OptionalGetValue",
     .signature = "(optional: variant) -> (components: output_types); output_types: list(type); output_shapes: list(shape)",
     .shape = get_value_shape,
     .kernel = get_value_kernel,
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> debug_ops() { return kOps; }

}  // namespace keras
