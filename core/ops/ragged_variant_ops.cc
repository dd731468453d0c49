// Ragged tensors as variants: whole, or one for each row of the outermost axis. So tf.map_fn and tensor lists carry them.
#include <algorithm>

#include "core/kernels/functors.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/row_splits.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/variant_array.h"
#include "core/ops/write_ints.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

struct Ragged {
  DType splits_dtype;
  std::vector<Ints> splits;  // outermost first
  Tensor values;
};

constexpr std::byte kRaggedMark{};  // where the handle of one points

Tensor ragged_handle(Ragged ragged) {
  return Tensor::borrow(DType::kVariant, Shape(), const_cast<std::byte*>(&kRaggedMark),
                        std::make_shared<Ragged>(std::move(ragged)));
}
/// Null for another variant.
const Ragged* ragged_in(const Tensor& handle) { return handle.raw() == &kRaggedMark ? handle.object<Ragged>().get() : nullptr; }

/// Rows [begin, end) of the first axis.
Tensor rows_of(const Tensor& values, int64_t begin, int64_t end) {
  Shape shape = values.shape();
  const int64_t row = values.dim(0) > 0 ? values.elements() / values.dim(0) : 0;
  shape.set_dim(0, end - begin);
  Tensor rows = Tensor::allocate(values.dtype(), shape);
  kernels::copy_part(values, begin * row, rows, 0, rows.elements());
  return rows;
}

/// Row `row` of the outermost axis; a row of a tensor without ragged axes has one axis less.
Ragged row_of(const Ragged& ragged, int64_t row) {
  Ragged result{ragged.splits_dtype, {}, {}};
  if (ragged.splits.empty()) {
    const Tensor rows = rows_of(ragged.values, row, row + 1);
    result.values = rows.reshaped(Shape(Ints(rows.shape().dims().begin() + 1, rows.shape().dims().end())));
    return result;
  }
  int64_t begin = ragged.splits[0][static_cast<size_t>(row)], end = ragged.splits[0][static_cast<size_t>(row) + 1];
  for (size_t level = 1; level < ragged.splits.size(); ++level) {
    const Ints& all = ragged.splits[level];
    Ints own(all.begin() + begin, all.begin() + end + 1);
    begin = own.front();
    end = own.back();
    for (int64_t& split : own) split -= begin;
    result.splits.push_back(std::move(own));
  }
  result.values = rows_of(ragged.values, begin, end);
  return result;
}

void to_variant_shape(ShapeContext& c) {
  const int ragged = c.inputs() - 1;
  for (int i = 0; i < ragged; ++i) shape::require_rank(c.input(i), 1, "Row splits");
  if (ragged > 0) shape::require_min_rank(c.input(ragged), 1, "rt_dense_values");
  if (!c.attrs().get_bool("batched_input")) return c.set_output(0, Shape());
  const int64_t first = shape::dim_or_unknown(c.input(0), 0);
  c.set_output(0, {ragged == 0 || first < 0 ? first : first - 1});
}

/// rt_nested_splits…, rt_dense_values
void to_variant_kernel(KernelContext& c) {
  const int count = c.inputs() - 1;
  if (c.input(count).holds_object()) throw UnimplementedError("Ragged tensors of {} are not supported", c.input(count).dtype());
  Ragged ragged{c.attrs().get_dtype("Tsplits"), {}, c.input(count).clone()};
  const bool batched = c.attrs().get_bool("batched_input");
  if ((batched || count > 0) && ragged.values.rank() < 1) {
    throw InvalidArgumentError("rt_dense_values must have a dimension at least");
  }
  for (int i = 0; i < count; ++i) {
    ragged.splits.push_back(c.input(i).to_int64s());
    check_splits(ragged.splits.back(), i + 1 < count ? c.input(i + 1).elements() - 1 : ragged.values.dim(0));
  }
  if (!batched) return c.set_output(0, ragged_handle(std::move(ragged)));
  const int64_t rows = count > 0 ? static_cast<int64_t>(ragged.splits[0].size()) - 1 : ragged.values.dim(0);
  if (rows > c.limits().file_objects * 16) throw ResourceExhaustedError("{} rows are too many variants", rows);
  std::vector<Tensor> elements;
  for (int64_t row = 0; row < rows; ++row) elements.push_back(ragged_handle(row_of(ragged, row)));
  c.set_output(0, variant_array({rows}, std::move(elements)));
}

/// How many ragged axes each of the variants has; -1 asks for what is left beside the axes that they stand in.
int64_t inner_rank(const Attrs& attrs, int64_t outer_axes) {
  const int64_t input = attrs.get_int("input_ragged_rank"), output = attrs.get_int("output_ragged_rank");
  const int64_t rank = input >= 0 ? input : output == 0 ? 0 : output - outer_axes;
  if (rank < 0) {
    throw InvalidArgumentError(
        "Inferred input_ragged_rank (output_ragged_rank - encoded_variant.dims()) must be >= 0, found {} "
        "for output_ragged_rank {}",
        rank, output);
  }
  if (output == 0 ? rank != 0 : output != outer_axes + rank) {
    throw InvalidArgumentError(
        "output_ragged_rank must be equal to input_ragged_rank + encoded_ragged.dims(). Found {}, {} and {}", output, rank,
        outer_axes);
  }
  return rank;
}

void from_variant_shape(ShapeContext& c) {
  const int64_t splits = c.attrs().get_int("output_ragged_rank");
  if (splits < 0) throw InvalidArgumentError("output_ragged_rank must not be negative, found {}", splits);
  for (int64_t i = 0; i < splits; ++i) c.set_output(static_cast<int>(i), {kUnknownDim});
  if (c.input(0).known_rank()) inner_rank(c.attrs(), c.input(0).rank());
}

/// The parts that a tensor of variants holds. Throws InvalidArgumentError for those of other ranks or dtypes.
std::vector<const Ragged*> parts_of(const Tensor& encoded, size_t rank, DType values, DType splits) {
  std::vector<const Ragged*> parts;
  for (const Tensor& variant : variant_elements(encoded)) {
    const Ragged* part = ragged_in(variant);
    if (part == nullptr)
      throw InvalidArgumentError("Input Variant element at index {} doesn't hold a ragged tensor", parts.size());
    if (part->splits.size() != rank) {
      throw InvalidArgumentError("Encoded input RaggedTensorVariant has ragged_rank={}. Expected ragged_rank={}.",
                                 part->splits.size(), rank);
    }
    if (part->values.dtype() != values) {
      throw InvalidArgumentError("Expected values Tensor dtype: {}, found: {}", values, part->values.dtype());
    }
    if (rank > 0 && part->splits_dtype != splits) {
      throw InvalidArgumentError("Expected row_splits Tensor dtype: {}, found: {}", splits, part->splits_dtype);
    }
    parts.push_back(part);
  }
  return parts;
}

/// The values of all parts, one after the other, as the last output.
void write_values(KernelContext& c, const std::vector<const Ragged*>& parts, const Shape& shape) {
  Tensor& values = c.output(c.outputs() - 1, shape);
  int64_t at = 0;
  for (const Ragged* part : parts) {
    kernels::copy_part(part->values, 0, values, at, part->values.elements());
    at += part->values.elements();
  }
}

/// Joined along their first axis.
Shape joined_shape(const std::vector<const Ragged*>& parts) {
  if (parts.empty()) return {0};
  Shape shape = parts[0]->values.shape();
  int64_t rows = 0;
  for (const Ragged* part : parts) {
    Shape other = part->values.shape();
    if (other.rank() < 1 || shape.rank() != other.rank()) {
      throw InvalidArgumentError("Rank of values must match for all components, and be 1 at least; found {} and {}", shape,
                                 other);
    }
    rows = shape::add_dims(rows, other.dim(0));
    shape.set_dim(0, other.dim(0));
    if (shape != other)
      throw InvalidArgumentError("Values of components must have one inner shape, found {} and {}", shape, other);
  }
  shape.set_dim(0, rows);
  return shape;
}

/// Parts without ragged axes, and of one shape, side by side.
Shape stacked_shape(const std::vector<const Ragged*>& parts, const Shape& outer) {
  Ints dims = outer.dims();
  if (parts.empty()) return outer;
  const Shape& inner = parts[0]->values.shape();
  dims.insert(dims.end(), inner.dims().begin(), inner.dims().end());
  for (const Ragged* part : parts) {
    if (part->values.shape() != inner) {
      throw InvalidArgumentError("All flat_values must have compatible shapes. Shape at index 0: {}. Another: {}", inner,
                                 part->values.shape());
    }
  }
  return Shape(dims);
}

/// The splits of all parts, outermost first: those of the regular axes before the last, of the parts, and within them.
std::vector<Ints> joined_splits(const std::vector<const Ragged*>& parts, const Shape& outer, int64_t rank) {
  std::vector<Ints> all;
  int64_t rows = 1;
  for (int64_t axis = 0; axis + 1 < outer.rank(); ++axis) {
    rows *= outer.dim(axis);
    Ints splits;
    for (int64_t i = 0; i <= rows; ++i) splits.push_back(i * outer.dim(axis + 1));
    all.push_back(std::move(splits));
  }
  Ints sizes = {0};
  for (const Ragged* part : parts) {
    const int64_t size = rank > 0 ? static_cast<int64_t>(part->splits[0].size()) - 1 : part->values.dim(0);
    sizes.push_back(sizes.back() + size);
  }
  all.push_back(std::move(sizes));
  for (int64_t level = 0; level < rank; ++level) {
    Ints splits = {0};
    for (const Ragged* part : parts) {
      const int64_t base = splits.back();
      const Ints& own = part->splits[static_cast<size_t>(level)];
      for (size_t i = 1; i < own.size(); ++i) splits.push_back(base + own[i]);
    }
    all.push_back(std::move(splits));
  }
  return all;
}

void from_variant_kernel(KernelContext& c) {
  const Tensor& encoded = c.input(0);
  const int last = c.outputs() - 1;
  const int64_t rank = inner_rank(c.attrs(), encoded.rank());
  const DType dtype = c.output_dtype(last), splits_dtype = c.attrs().get_dtype("Tsplits");
  const std::vector<const Ragged*> parts = parts_of(encoded, static_cast<size_t>(rank), dtype, splits_dtype);
  std::vector<Ints> splits;
  if (encoded.rank() == 0) {
    splits = parts[0]->splits;
    c.set_output(last, parts[0]->values);
  } else if (last == 0) {
    write_values(c, parts, stacked_shape(parts, encoded.shape()));
  } else {
    write_values(c, parts, joined_shape(parts));  // it checks that they have rows
    splits = joined_splits(parts, encoded.shape(), rank);
  }
  if (static_cast<int>(splits.size()) != last) {
    throw InvalidArgumentError("The variants have {} ragged axes, but output_ragged_rank is {}", splits.size(), last);
  }
  for (int i = 0; i < last; ++i) {
    const Ints& level = splits[static_cast<size_t>(i)];
    write_ints(c.output(i, {static_cast<int64_t>(level.size())}), level);
  }
}

/// encoded_ragged_grad, row_splits, dense_values_shape: the values' gradients, zero where no gradient came.
void gradient_kernel(KernelContext& c) {
  const Ints splits = c.input(1).to_int64s(), dims = c.input(2).to_int64s();
  const Shape shape(dims);
  if (!shape.fully_known()) throw InvalidArgumentError("dense_values_shape must not be negative, found {}", dims);
  Tensor& values = c.output(0, shape);
  const int64_t row = shape.rank() > 0 && shape.dim(0) > 0 ? shape.elements() / shape.dim(0) : 0;
  kernels::set_zero(values);
  int64_t at = 0;
  size_t i = 0;
  for (const Tensor& variant : variant_elements(c.input(0))) {
    const Ragged* part = ragged_in(variant);
    const int64_t size = part != nullptr          ? part->values.elements()
                         : i + 1 >= splits.size() ? row
                                                  : shape::mul_dims(splits[i + 1] - splits[i], row);
    if (size < 0 || size > values.elements() - at || (part != nullptr && part->values.dtype() != values.dtype())) {
      throw InvalidArgumentError("The gradients of rows do not fill values of shape {}", shape);
    }
    if (part != nullptr) kernels::copy_part(part->values, 0, values, at, size);
    at += size;
    ++i;
  }
}
void gradient_shape(ShapeContext& c) { c.set_output(0, shape::from_input(c, 2)); }

Values to_variant_grad(GradContext& g) {
  const int last = g.inputs() - 1;
  const Value splits = last > 0 ? g.input(0) : int_scalar(g.emitter(), 0);
  Values gradients(static_cast<size_t>(g.inputs()));
  gradients.back() = emit1("RaggedTensorToVariantGradient", {g.upstream(0), splits, shape_of(g.input(last))},
                           {{"Tvalues", g.input(last).dtype()}, {"Tsplits", splits.dtype()}});
  return gradients;
}

Values from_variant_grad(GradContext& g) {
  const Shape& encoded = g.input(0).shape();
  if (encoded.known_rank() && encoded.rank() > 1) {
    throw UnimplementedError("The gradient of RaggedTensorFromVariant takes a scalar or a vector of variants");
  }
  const int last = g.outputs() - 1;
  if (!g.upstream(last).valid()) return {Value()};
  Values inputs;
  for (int i = 0; i < last; ++i) inputs.push_back(g.output(i));
  inputs.push_back(g.upstream(last));
  const bool batched = encoded.known_rank() ? encoded.rank() == 1 : last > 0;
  return {emit1("RaggedTensorToVariant", inputs,
                {{"batched_input", batched},
                 {"RAGGED_RANK", int64_t{last}},
                 {"Tsplits", g.attrs().get_dtype("Tsplits")},
                 {"Tvalues", g.attrs().get_dtype("Tvalues")}})};
}

constexpr OpDef kOps[] = {
    {.name = "RaggedTensorToVariant",
     .signature =
         "(rt_nested_splits: RAGGED_RANK * Tsplits, rt_dense_values: Tvalues) -> (encoded_ragged: variant); RAGGED_RANK: "
         "int; Tvalues: type; Tsplits: {int32, int64} = int64; batched_input: bool",
     .shape = to_variant_shape,
     .kernel = to_variant_kernel,
     .gradient = to_variant_grad},
    {.name = "RaggedTensorFromVariant",
     .signature = "(encoded_ragged: variant) -> (output_nested_splits: output_ragged_rank * Tsplits, output_dense_values: "
                  "Tvalues); input_ragged_rank: int; output_ragged_rank: int; Tvalues: type; Tsplits: {int32, int64} = int64",
     .shape = from_variant_shape,
     .kernel = from_variant_kernel,
     .gradient = from_variant_grad},
    {.name = "RaggedTensorToVariantGradient",
     .signature = "(encoded_ragged_grad: variant, row_splits: Tsplits, dense_values_shape: int32) -> (dense_values_grad: "
                  "Tvalues); Tvalues: type; Tsplits: {int32, int64} = int64",
     .shape = gradient_shape,
     .kernel = gradient_kernel},
};

constexpr std::byte kArrayMark{};  // where an array of variants points

}  // namespace

Tensor variant_array(const Shape& shape, std::vector<Tensor> elements) {
  return Tensor::borrow(DType::kVariant, shape, const_cast<std::byte*>(&kArrayMark),
                        std::make_shared<std::vector<Tensor>>(std::move(elements)));
}

std::span<const Tensor> variant_elements(const Tensor& tensor) {
  if (tensor.raw() == &kArrayMark) return *tensor.object<std::vector<Tensor>>();
  if (tensor.rank() > 0) throw InvalidArgumentError("The variants of shape {} hold nothing", tensor.shape());
  return {&tensor, 1};
}

bool holds_ragged(const Tensor& variant) { return ragged_in(variant) != nullptr; }

Tensor add_ragged(std::span<const Tensor> variants) {
  Ragged sum = *ragged_in(variants[0]);
  sum.values = sum.values.clone();
  for (const Tensor& variant : variants.subspan(1)) {
    const Ragged* other = ragged_in(variant);
    if (other == nullptr || other->splits != sum.splits || other->values.dtype() != sum.values.dtype() ||
        other->values.shape() != sum.values.shape()) {
      throw InvalidArgumentError("Variants of other rows cannot be added to a ragged tensor");
    }
    with_compute_type(sum.values.dtype(), "A sum of ragged tensors", [&]<class T>(T) {
      T* to = sum.values.data<T>();
      for (const T value : other->values.values<T>()) {
        *to = kernels::Add::apply(*to, value);
        ++to;
      }
    });
  }
  return ragged_handle(std::move(sum));
}

Tensor zeros_like_ragged(const Tensor& variant) {
  Ragged zeros = *ragged_in(variant);
  zeros.values = Tensor::zeros(zeros.values.dtype(), zeros.values.shape());
  return ragged_handle(std::move(zeros));
}

std::span<const OpDef> ragged_variant_ops() { return kOps; }

}  // namespace keras
