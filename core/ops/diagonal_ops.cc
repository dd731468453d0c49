// Diagonals of the innermost matrices: taken out, put in, and what is beside a band set to zero.
#include <algorithm>
#include <cstring>

#include "core/kernels/gather.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

/// The diagonals `low` … `high` of [rows, columns] matrices, and how they are packed into rows of one length, the highest
/// first.
struct Band {
  int64_t rows = 0, columns = 0, low = 0, high = 0;
  bool upper_left = true, lower_left = true;  // the side to which diagonals that are too short are moved

  int64_t length(int64_t d) const { return std::min(rows + std::min<int64_t>(d, 0), columns - std::max<int64_t>(d, 0)); }
  int64_t longest() const { return std::min(rows + std::min<int64_t>(high, 0), columns - std::max<int64_t>(low, 0)); }
  int64_t count() const { return high - low + 1; }
  int64_t packed_size() const { return count() * longest(); }

  /// Calls visit(place in the matrix, place in the packed diagonals).
  template <class Visit>
  void each(Visit visit) const {
    for (int64_t d = high; d >= low; --d) {
      const bool left = (d >= 0 && upper_left) || (d <= 0 && lower_left);
      const int64_t start = (high - d) * longest() + (left ? 0 : longest() - length(d));
      for (int64_t i = 0; i < length(d); ++i) {
        visit((i - std::min<int64_t>(d, 0)) * columns + i + std::max<int64_t>(d, 0), start + i);
      }
    }
  }
};

void check_band(const Band& band) {
  if (band.low > band.high) throw InvalidArgumentError("k must not decrease, found {} and {}", band.low, band.high);
  const auto outside = [&](int64_t d) { return d != 0 && (d <= -band.rows || d >= band.columns); };
  if (outside(band.low) || outside(band.high)) {
    throw InvalidArgumentError("Diagonals {} to {} are not in a matrix of {} rows and {} columns", band.low, band.high, band.rows,
                               band.columns);
  }
}

/// `k`: one diagonal, or the lowest and the highest.
void read_diagonals(Band& band, const std::vector<int64_t>& k) {
  if (k.empty() || k.size() > 2) throw InvalidArgumentError("k must be one diagonal or two, found {}", k);
  for (const int64_t d : k) {
    if (d < INT32_MIN || d > INT32_MAX) throw InvalidArgumentError("There is no diagonal {}", d);
  }
  band.low = k.front();
  band.high = k.back();
}

void read_alignment(Band& band, const Attrs& attrs) {
  if (!attrs.contains("align")) return;
  const std::string& align = attrs.get_string("align");
  if (align != "LEFT_RIGHT" && align != "RIGHT_LEFT" && align != "LEFT_LEFT" && align != "RIGHT_RIGHT") {
    throw InvalidArgumentError("align is {}", align);
  }
  band.upper_left = align.starts_with("LEFT");
  band.lower_left = align.ends_with("LEFT");
}

std::vector<int64_t> without_last(const Shape& shape, int64_t count) {
  if (shape.rank() < count) throw InvalidArgumentError("Input must be at least {}-dim, received shape: {}", count, shape);
  return {shape.dims().begin(), shape.dims().end() - count};
}

/// The band of a matrix whose shape is known.
Band band_of(const Shape& matrix, const std::vector<int64_t>& k, const Attrs& attrs) {
  without_last(matrix, 2);
  Band band;
  band.rows = matrix.dim(-2);
  band.columns = matrix.dim(-1);
  read_diagonals(band, k);
  read_alignment(band, attrs);
  check_band(band);
  return band;
}

Shape packed_shape(const Shape& matrix, const Band& band) {
  std::vector<int64_t> dims = without_last(matrix, 2);
  if (band.count() > 1) dims.push_back(band.count());
  dims.push_back(band.longest());
  return Shape(std::move(dims));
}

/// The matrices that these packed diagonals make. A size of -1 is the least that holds them; both: a square.
Band band_around(const Shape& packed, const std::vector<int64_t>& k, int64_t rows, int64_t columns, const Attrs& attrs) {
  Band band;
  read_diagonals(band, k);
  read_alignment(band, attrs);
  without_last(packed, band.low < band.high ? 2 : 1);
  if (band.low < band.high && packed.dim(-2) != band.count()) {
    throw InvalidArgumentError("{} diagonals were asked for, but the input has shape {}", band.count(), packed);
  }
  const int64_t least_rows = packed.dim(-1) - std::min<int64_t>(band.high, 0);
  const int64_t least_columns = packed.dim(-1) + std::max<int64_t>(band.low, 0);
  if (rows == -1 && columns == -1) rows = columns = std::max(least_rows, least_columns);
  band.rows = rows == -1 ? least_rows : rows;
  band.columns = columns == -1 ? least_columns : columns;
  check_band(band);
  if (band.rows < least_rows || band.columns < least_columns || (band.rows != least_rows && band.columns != least_columns)) {
    throw InvalidArgumentError("Diagonals of length {} do not fit {} rows and {} columns", packed.dim(-1), band.rows,
                               band.columns);
  }
  return band;
}

Shape matrices_shape(const Shape& packed, const Band& band) {
  std::vector<int64_t> dims = without_last(packed, band.count() > 1 ? 2 : 1);
  dims.insert(dims.end(), {band.rows, band.columns});
  return Shape(std::move(dims));
}

/// Calls move(to, from, bytes of one element) for arrays of plain elements.
int64_t plain_bytes(DType dtype) {
  const int64_t bytes = dtype_bytes(dtype);
  if (bytes == 0) throw UnimplementedError("Diagonals of {} are not implemented", dtype);
  return bytes;
}

void fill_or_zero(Tensor& output, const Tensor* value) {
  if (value == nullptr) return kernels::set_zero(output);
  if (value->elements() != 1) throw InvalidArgumentError("padding_value must be a scalar, found shape {}", value->shape());
  kernels::fill(output, value->raw());
}

/// Packed diagonals into the matrices of `output`, or (kTake) out of those of `input`.
template <bool kTake>
void move_band(const Band& band, const Tensor& from, Tensor& to) {
  const int64_t bytes = plain_bytes(from.dtype()), matrix = band.rows * band.columns, packed = band.packed_size();
  const int64_t count = matrix > 0 ? (kTake ? from : to).elements() / matrix : 0;
  for (int64_t i = 0; i < count; ++i) {
    band.each([&](int64_t in_matrix, int64_t in_packed) {
      const int64_t m = i * matrix + in_matrix, p = i * packed + in_packed;
      std::memcpy(to.raw() + (kTake ? p : m) * bytes, from.raw() + (kTake ? m : p) * bytes, static_cast<size_t>(bytes));
    });
  }
}

/// The first form of these ops has no k: it is the main diagonal.
std::vector<int64_t> diagonals_of(KernelContext& c, int input) {
  return c.inputs() > input ? c.input(input).to_int64s() : std::vector<int64_t>{0};
}

int64_t size_of_input(KernelContext& c, int input) {
  if (c.inputs() <= input) return -1;
  if (c.input(input).elements() != 1) throw InvalidArgumentError("num_rows and num_cols must be scalars");
  return c.input(input).to_int64s()[0];
}

void diag_part_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const Band band = band_of(x.shape(), diagonals_of(c, 1), c.attrs());
  Tensor& output = c.output(0, packed_shape(x.shape(), band));
  fill_or_zero(output, c.inputs() > 2 ? &c.input(2) : nullptr);
  move_band<true>(band, x, output);
}

void diag_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const Band band = band_around(x.shape(), diagonals_of(c, 1), size_of_input(c, 2), size_of_input(c, 3), c.attrs());
  Tensor& output = c.output(0, matrices_shape(x.shape(), band));
  fill_or_zero(output, c.inputs() > 4 ? &c.input(4) : nullptr);
  move_band<false>(band, x, output);
}

void set_diag_kernel(KernelContext& c) {
  const Tensor &x = c.input(0), &diagonals = c.input(1);
  const Band band = band_of(x.shape(), diagonals_of(c, 2), c.attrs());
  if (diagonals.shape() != packed_shape(x.shape(), band)) {
    throw InvalidArgumentError("The diagonals have shape {}, {} is needed", diagonals.shape(), packed_shape(x.shape(), band));
  }
  Tensor& output = c.output(0, x.shape());
  kernels::copy_elements(output, x);
  move_band<false>(band, diagonals, output);
}

void band_part_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  without_last(x.shape(), 2);
  const int64_t rows = x.dim(-2), columns = x.dim(-1), bytes = plain_bytes(x.dtype());
  if (c.input(1).elements() != 1 || c.input(2).elements() != 1) {
    throw InvalidArgumentError("num_lower and num_upper must be scalars");
  }
  int64_t lower = c.input(1).to_int64s()[0], upper = c.input(2).to_int64s()[0];
  if (lower > rows || upper > columns) {
    throw InvalidArgumentError("num_lower and num_upper must be at most {} and {}, found {} and {}", rows, columns, lower, upper);
  }
  if (lower < 0) lower = rows;
  if (upper < 0) upper = columns;
  Tensor& y = c.output(0, x.shape());
  kernels::set_zero(y);
  for (int64_t row = 0; columns > 0 && row < x.elements() / columns; ++row) {
    const int64_t i = row % rows, begin = std::max<int64_t>(0, i - lower), end = std::min(columns, i + upper + 1);
    const int64_t offset = (row * columns + begin) * bytes;
    if (end > begin) std::memcpy(y.raw() + offset, x.raw() + offset, static_cast<size_t>((end - begin) * bytes));
  }
}

/// diagonal [d…] → [d…, d…]
void tensor_diag_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  std::vector<int64_t> dims = x.shape().dims();
  dims.insert(dims.end(), x.shape().dims().begin(), x.shape().dims().end());
  Tensor& y = c.output(0, Shape(std::move(dims)));
  kernels::set_zero(y);
  if (x.elements() > 0)
    kernels::copy_strided(x.dtype(), std::vector{x.elements()}, {y.raw(), {x.elements() + 1}}, {x.raw(), {1}});
}

Shape half_of(const Shape& shape) {
  if (!shape.known_rank()) return shape;
  const int64_t half = shape.rank() / 2;
  if (shape.rank() % 2 != 0 || half == 0) throw InvalidArgumentError("Input must have even and non-zero rank, got {}", shape);
  std::vector<int64_t> dims;
  for (int64_t axis = 0; axis < half; ++axis) {
    dims.push_back(shape::same_dim(shape.dim(axis), shape.dim(axis + half), "Dimensions"));
  }
  return Shape(std::move(dims));
}

void tensor_diag_part_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, half_of(x.shape()));
  if (y.elements() > 0)
    kernels::copy_strided(x.dtype(), std::vector{y.elements()}, {y.raw(), {1}}, {x.raw(), {y.elements() + 1}});
}

void diag_part_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  shape::require_min_rank(x, 2, "input");
  std::optional<std::vector<int64_t>> k = std::vector<int64_t>{0};
  if (c.inputs() > 1) k = shape::known_ints(c, 1);
  if (!x.known_rank() || !k) return;
  if (x.dim(-1) >= 0 && x.dim(-2) >= 0) return c.set_output(0, packed_shape(x, band_of(x, *k, c.attrs())));
  std::vector<int64_t> dims = without_last(x, 2);
  if (k->size() == 2 && k->front() != k->back()) dims.push_back(k->back() - k->front() + 1);
  dims.push_back(kUnknownDim);
  c.set_output(0, Shape(std::move(dims)));
}

void diag_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  shape::require_min_rank(x, 1, "diagonal");
  if (!x.known_rank()) return;
  std::optional<std::vector<int64_t>> k = std::vector<int64_t>{0};
  std::optional<int64_t> rows = -1, columns = -1;
  if (c.inputs() > 1) {
    k = shape::known_ints(c, 1);
    rows = shape::known_int(c, 2);
    columns = shape::known_int(c, 3);
  }
  if (!k || !rows || !columns) return;
  const bool banded = k->size() == 2 && k->front() != k->back();
  if (x.dim(-1) >= 0 && (!banded || (x.rank() > 1 && x.dim(-2) >= 0))) {
    return c.set_output(0, matrices_shape(x, band_around(x, *k, *rows, *columns, c.attrs())));
  }
  std::vector<int64_t> dims = without_last(x, banded ? 2 : 1);
  dims.insert(dims.end(), {*rows, *columns});
  c.set_output(0, Shape(std::move(dims)));
}

void tensor_diag_shape(ShapeContext& c) {
  if (!c.input(0).known_rank()) return;
  std::vector<int64_t> dims = c.input(0).dims();
  dims.insert(dims.end(), c.input(0).dims().begin(), c.input(0).dims().end());
  c.set_output(0, Shape(std::move(dims)));
}

void tensor_diag_part_shape(ShapeContext& c) { c.set_output(0, half_of(c.input(0))); }

Attrs alignment(GradContext& g) {
  return g.attrs().contains("align") ? Attrs{{"align", g.attrs().get_string("align")}} : Attrs();
}
std::string_view third_or_second(GradContext& g, std::string_view third, std::string_view second) {
  return g.attrs().contains("align") ? third : second;
}

Values tensor_diag_grad(GradContext& g) { return {emit1("DiagPart", {g.upstream(0)})}; }
Values tensor_diag_part_grad(GradContext& g) { return {emit1("Diag", {g.upstream(0)})}; }
Values band_part_grad(GradContext& g) {
  return {emit1("MatrixBandPart", {g.upstream(0), g.input(1), g.input(2)}), Value(), Value()};
}

Values diag_v1_grad(GradContext& g) { return {emit1("MatrixDiagPart", {g.upstream(0)})}; }
Values diag_part_v1_grad(GradContext& g) { return {emit1("MatrixSetDiag", {zeros_like(g.input(0)), g.upstream(0)})}; }
Values set_diag_v1_grad(GradContext& g) {
  return {emit1("MatrixSetDiag", {g.upstream(0), zeros_like(g.input(1))}), emit1("MatrixDiagPart", {g.upstream(0)})};
}

Value taken(GradContext& g, const Value& k) {
  return emit1(third_or_second(g, "MatrixDiagPartV3", "MatrixDiagPartV2"), {g.upstream(0), k, scalar_like(g.upstream(0), 0.0)},
               alignment(g));
}
Value replaced(GradContext& g, const Value& matrix, const Value& diagonals, const Value& k) {
  return emit1(third_or_second(g, "MatrixSetDiagV3", "MatrixSetDiagV2"), {matrix, diagonals, k}, alignment(g));
}
Values diag_grad(GradContext& g) { return {taken(g, g.input(1)), Value(), Value(), Value(), Value()}; }
Values diag_part_grad(GradContext& g) {
  return {replaced(g, zeros_like(g.input(0)), g.upstream(0), g.input(1)), Value(), Value()};
}
Values set_diag_grad(GradContext& g) {
  return {replaced(g, g.upstream(0), zeros_like(g.input(1)), g.input(2)), taken(g, g.input(2)), Value()};
}

constexpr OpDef kOps[] = {
    {.name = "MatrixBandPart",
     .signature = "(input: T, num_lower: Tindex, num_upper: Tindex) -> (band: T); T: type; Tindex: {int32, int64} = int64",
     .shape = shape::same_as<0>,
     .kernel = band_part_kernel,
     .gradient = band_part_grad,
     .js = "linalg.bandPart"},
    {.name = "Diag",
     .signature = "(diagonal: T) -> (output: T); T: {floating, complex, int32, int64}",
     .shape = tensor_diag_shape,
     .kernel = tensor_diag_kernel,
     .gradient = tensor_diag_grad,
     .js = "linalg.tensorDiag"},
    {.name = "DiagPart",
     .signature = "(input: T) -> (diagonal: T); T: {floating, complex, int32, int64}",
     .shape = tensor_diag_part_shape,
     .kernel = tensor_diag_part_kernel,
     .gradient = tensor_diag_part_grad,
     .js = "linalg.tensorDiagPart"},
    {.name = "MatrixDiag",
     .signature = "(diagonal: T) -> (output: T); T: type",
     .shape = diag_shape,
     .kernel = diag_kernel,
     .gradient = diag_v1_grad},
    {.name = "MatrixDiagV2",
     .signature = "(diagonal: T, k: int32, num_rows: int32, num_cols: int32, padding_value: T) -> (output: T); T: type",
     .shape = diag_shape,
     .kernel = diag_kernel,
     .gradient = diag_grad},
    {.name = "MatrixDiagV3",
     .signature = "(diagonal: T, k: int32, num_rows: int32, num_cols: int32, padding_value: T) -> (output: T); T: type; align: "
                  "string = \"RIGHT_LEFT\"",
     .shape = diag_shape,
     .kernel = diag_kernel,
     .gradient = diag_grad,
     .js = "linalg.diag"},
    {.name = "MatrixDiagPart",
     .signature = "(input: T) -> (diagonal: T); T: type",
     .shape = diag_part_shape,
     .kernel = diag_part_kernel,
     .gradient = diag_part_v1_grad},
    {.name = "MatrixDiagPartV2",
     .signature = "(input: T, k: int32, padding_value: T) -> (diagonal: T); T: type",
     .shape = diag_part_shape,
     .kernel = diag_part_kernel,
     .gradient = diag_part_grad},
    {.name = "MatrixDiagPartV3",
     .signature = "(input: T, k: int32, padding_value: T) -> (diagonal: T); T: type; align: string = \"RIGHT_LEFT\"",
     .shape = diag_part_shape,
     .kernel = diag_part_kernel,
     .gradient = diag_part_grad,
     .js = "linalg.diagPart"},
    {.name = "MatrixSetDiag",
     .signature = "(input: T, diagonal: T) -> (output: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = set_diag_kernel,
     .gradient = set_diag_v1_grad},
    {.name = "MatrixSetDiagV2",
     .signature = "(input: T, diagonal: T, k: int32) -> (output: T); T: type",
     .shape = shape::same_as<0>,
     .kernel = set_diag_kernel,
     .gradient = set_diag_grad},
    {.name = "MatrixSetDiagV3",
     .signature = "(input: T, diagonal: T, k: int32) -> (output: T); T: type; align: string = \"RIGHT_LEFT\"",
     .shape = shape::same_as<0>,
     .kernel = set_diag_kernel,
     .gradient = set_diag_grad,
     .js = "linalg.setDiag"},
};

}  // namespace

std::span<const OpDef> diagonal_ops() { return kOps; }

}  // namespace keras
