// Arithmetic on sparse tensors: sums, reductions, parts and joins of them. Entries are taken to stand in order of their places,
// as TensorFlow takes them; places that are not in a sparse tensor are zero.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/base/checked.h"
#include "core/kernels/functors.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/sparse_places.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

Ints place_of(const Places& places, int64_t entry) {
  const auto begin = places.at.begin() + entry * places.rank;
  return {begin, begin + places.rank};
}

/// Entries in order of their places: the places, and for each the numbers of the entry in a and in b, -1 where it has none.
struct Union {
  Union(const Places& a, const Places& b) {
    for (int64_t i = 0, j = 0; i < a.count || j < b.count;) {
      const bool more_a = i < a.count, more_b = j < b.count;
      const Ints of_a = more_a ? place_of(a, i) : Ints(), of_b = more_b ? place_of(b, j) : Ints();
      const bool takes_a = more_a && (!more_b || of_a <= of_b), takes_b = more_b && (!more_a || of_b <= of_a);
      entries.push_back({takes_a ? of_a : of_b, takes_a ? i++ : -1, takes_b ? j++ : -1});
    }
  }
  struct Entry {
    Ints place;
    int64_t a, b;
  };
  std::vector<Entry> entries;
};

void write_places(Tensor& output, const std::vector<Ints>& places) {
  int64_t* to = output.data<int64_t>();
  for (const Ints& place : places) to = std::copy(place.begin(), place.end(), to);
}

void write_shape(Tensor& output, const Ints& shape) { std::copy(shape.begin(), shape.end(), output.data<int64_t>()); }

/// indices, values and shape of a sparse output, from output `first` on.
void sparse_shape(ShapeContext& c, int first, int64_t count, int64_t rank) {
  c.set_output(first, {count, rank});
  c.set_output(first + 1, {count});
  c.set_output(first + 2, {rank});
}

void check_same(const Places& a, const Places& b) {
  if (a.shape != b.shape) throw InvalidArgumentError("Operands' shapes do not match: got {} and {}", a.shape, b.shape);
}

// Of two sparse tensors

void sparse_add_shape(ShapeContext& c) { sparse_shape(c, 0, kUnknownDim, shape::dim_or_unknown(c.input(0), 1)); }

/// Sums of two entries that are below `thresh` are left out.
void sparse_add_kernel(KernelContext& c) {
  const Places a(c.input(0), c.input(2)), b(c.input(3), c.input(5));
  const Tensor &of_a = c.input(1), &of_b = c.input(4);
  check_values(of_a, a.count);
  check_values(of_b, b.count);
  check_same(a, b);
  if (c.input(6).elements() != 1) throw InvalidArgumentError("The threshold must be a scalar, got {}", c.input(6).shape());
  const double threshold = c.input(6).number_at(0);
  const Union both(a, b);
  with_compute_type(of_a.dtype(), "SparseAdd", [&]<class T>(T) {
    std::vector<Ints> places;
    std::vector<T> sums;
    for (const auto& entry : both.entries) {
      const T sum =
          kernels::Add::apply(entry.a >= 0 ? of_a.data<T>()[entry.a] : T(0), entry.b >= 0 ? of_b.data<T>()[entry.b] : T(0));
      if (entry.a >= 0 && entry.b >= 0 && !(threshold <= std::abs(static_cast<double>(sum)))) continue;
      places.push_back(entry.place);
      sums.push_back(sum);
    }
    const auto count = static_cast<int64_t>(sums.size());
    write_places(c.output(0, {count, a.rank}), places);
    std::copy(sums.begin(), sums.end(), c.output(1, {count}).template data<T>());
  });
  write_shape(c.output(2, {a.rank}), a.shape);
}

Values sparse_add_grad(GradContext& g) {
  if (!g.upstream(1).valid()) return Values(7);
  const Values found = emit_all("SparseAddGrad", {g.upstream(1), g.input(0), g.input(3), g.output(0)});
  return {Value(), found[0], Value(), Value(), found[1], Value(), Value()};
}

/// Rows of a matrix of indices, each with its number.
std::map<Ints, int64_t> numbers_of_rows(const Tensor& indices) {
  if (indices.rank() != 2) throw InvalidArgumentError("Indices must be a matrix, got {}", indices.shape());
  std::map<Ints, int64_t> numbers;
  const int64_t* at = indices.data<int64_t>();
  for (int64_t i = 0; i < indices.dim(0); ++i) numbers.emplace(Ints(at + i * indices.dim(1), at + (i + 1) * indices.dim(1)), i);
  return numbers;
}

void sparse_add_grad_shape(ShapeContext& c) {
  c.set_output(0, {shape::dim_or_unknown(c.input(1), 0)});
  c.set_output(1, {shape::dim_or_unknown(c.input(2), 0)});
}

void sparse_add_grad_kernel(KernelContext& c) {
  const Tensor& grads = c.input(0);
  const std::map<Ints, int64_t> numbers = numbers_of_rows(c.input(3));
  check_values(grads, c.input(3).dim(0));
  for (int k = 0; k < 2; ++k) {
    const Tensor& indices = c.input(1 + k);
    if (indices.rank() != 2) throw InvalidArgumentError("Indices must be a matrix, got {}", indices.shape());
    Tensor& output = c.output(k, {indices.dim(0)});
    kernels::set_zero(output);
    const int64_t* at = indices.data<int64_t>();
    for (int64_t i = 0; i < indices.dim(0); ++i, at += indices.dim(1)) {
      const auto found = numbers.find(Ints(at, at + indices.dim(1)));
      if (found != numbers.end()) kernels::copy_part(grads, found->second, output, i, 1);
    }
  }
}

void union_shape(ShapeContext& c) {
  c.set_output(0, {kUnknownDim, shape::dim_or_unknown(c.input(0), 1)});
  c.set_output(1, {kUnknownDim});
}

template <class F>
void union_kernel(KernelContext& c) {
  const Places a(c.input(0), c.input(2)), b(c.input(3), c.input(5));
  const Tensor &of_a = c.input(1), &of_b = c.input(4);
  check_values(of_a, a.count);
  check_values(of_b, b.count);
  check_same(a, b);
  const Union both(a, b);
  const auto count = static_cast<int64_t>(both.entries.size());
  int64_t* to = c.output(0, {count, a.rank}).data<int64_t>();
  for (const auto& entry : both.entries) to = std::copy(entry.place.begin(), entry.place.end(), to);
  Tensor& output = c.output(1, {count});
  with_compute_type(of_a.dtype(), "An op of two sparse tensors", [&]<class T>(T) {
    for (int64_t i = 0; i < count; ++i) {
      const auto& entry = both.entries[static_cast<size_t>(i)];
      output.data<T>()[i] =
          F::apply(entry.a >= 0 ? of_a.data<T>()[entry.a] : T(0), entry.b >= 0 ? of_b.data<T>()[entry.b] : T(0));
    }
  });
}

// Of a sparse and a dense tensor

void add_dense_kernel(KernelContext& c) {
  const Places a(c.input(0), c.input(2));
  const Tensor &values = c.input(1), &b = c.input(3);
  check_values(values, a.count);
  if (b.shape() != Shape(a.shape)) throw InvalidArgumentError("Operands' shapes do not match: got {} and {}", a.shape, b.shape());
  Tensor& output = c.output(0, b.shape());
  kernels::copy_elements(output, b);
  const Ints strides = kernels::dense_strides(a.shape);
  with_compute_type(values.dtype(), "SparseTensorDenseAdd", [&]<class T>(T) {
    for (int64_t i = 0; i < a.count; ++i) {
      const auto at = a.at.begin() + i * a.rank;
      T& to = output.data<T>()[std::inner_product(at, at + a.rank, strides.begin(), int64_t{0})];
      to = kernels::Add::apply(to, values.data<T>()[i]);
    }
  });
}

Values add_dense_grad(GradContext& g) {
  return {Value(), emit1("GatherNd", {g.upstream(0), g.input(0)}), Value(), g.upstream(0)};
}

void values_shape(ShapeContext& c) { c.set_output(0, {shape::dim_or_unknown(c.input(0), 0)}); }

/// The dense tensor is broadcast to the sparse one's shape.
template <class F>
void with_dense_kernel(KernelContext& c) {
  const Places a(c.input(0), c.input(2));
  const Tensor &values = c.input(1), &dense = c.input(3);
  check_values(values, a.count);
  const Ints dims = dense.shape().dims(), dense_strides = kernels::dense_strides(dims);
  const int64_t added = a.rank - dense.rank();
  bool fits = added >= 0;
  Ints strides(static_cast<size_t>(a.rank), 0);
  for (int64_t axis = std::max<int64_t>(added, 0); fits && axis < a.rank; ++axis) {
    const auto k = static_cast<size_t>(axis - added);
    fits = dims[k] == 1 || dims[k] == a.shape[static_cast<size_t>(axis)];
    strides[static_cast<size_t>(axis)] = dims[k] == 1 ? 0 : dense_strides[k];
  }
  if (!fits) {
    throw InvalidArgumentError("SparseDenseBinaryOpShared broadcasts dense to sparse only; got incompatible shapes: {} vs. {}",
                               a.shape, dims);
  }
  Tensor& output = c.output(0, values.shape());
  with_compute_type(values.dtype(), "An op of a sparse and a dense tensor", [&]<class T>(T) {
    for (int64_t i = 0; i < a.count; ++i) {
      const auto at = a.at.begin() + i * a.rank;
      const T factor = dense.data<T>()[std::inner_product(at, at + a.rank, strides.begin(), int64_t{0})];
      if constexpr (!std::is_floating_point_v<T> && requires { F::kRefusesZero; }) {
        if (factor == 0) throw InvalidArgumentError("Integer division by zero");
      }
      output.data<T>()[i] = F::apply(values.data<T>()[i], factor);
    }
  });
}

struct Quotient {
  static constexpr bool kRefusesZero = true;
  template <class T>
  static T apply(T x, T y) {
    if constexpr (std::is_signed_v<T> && !std::is_floating_point_v<T>) {
      if (y == T(-1)) return kernels::Sub::apply(T(0), x);
    }
    return static_cast<T>(x / y);
  }
};

/// Where in the dense tensor the entries' places are.
Value places_in_dense(GradContext& g) {
  Emitter& emitter = g.emitter();
  const Value shape = g.input(2), dense_shape = cast(shape_of(g.input(3)), DType::kInt64);
  const Value added = reshape(sub(size_of(shape), size_of(dense_shape)), Ints{1});
  const Value ones = emit1("Fill", {added, cast(int_scalar(emitter, 1), DType::kInt64)});
  const Value scale = emit1("FloorDiv", {shape, concat(std::vector<Value>{ones, dense_shape}, 0)});
  const Value scaled = emit1("FloorDiv", {g.input(0), scale});
  const Value begin = concat(std::vector<Value>{ints(emitter, {0}), added}, 0);
  return emit1("Slice", {scaled, begin, ints(emitter, {-1, -1})});
}

template <bool kDivides>
Values with_dense_grad(GradContext& g) {
  const Value places = places_in_dense(g), &up = g.upstream(0), &values = g.input(1);
  const Value factors = emit1("GatherNd", {g.input(3), places});
  const Value of_factors = kDivides ? mul(up, div(neg(values), square(factors))) : mul(up, values);
  const Value of_dense = emit1("ScatterNd", {places, of_factors, cast(shape_of(g.input(3)), DType::kInt64)});
  return {Value(), kDivides ? div(up, factors) : mul(up, factors), Value(), of_dense};
}

// Joins and parts

void sparse_concat_shape(ShapeContext& c) { sparse_shape(c, 0, kUnknownDim, shape::dim_or_unknown(c.input(0), 1)); }

void sparse_concat_kernel(KernelContext& c) {
  const auto count = static_cast<int>(c.attrs().get_int("N"));
  std::vector<Places> parts;
  if (count < 1) throw InvalidArgumentError("Expected at least 1 tensor to concatenate");
  for (int i = 0; i < count; ++i) {
    parts.emplace_back(c.input(i), c.input(2 * count + i));
    check_values(c.input(count + i), parts.back().count);
  }
  Ints shape = parts[0].shape;
  const auto axis = static_cast<size_t>(shape::normalize_axis(c.attrs().get_int("concat_dim"), parts[0].rank));
  std::vector<std::tuple<Ints, int, int64_t>> entries;  // place, part, number in it
  shape[axis] = 0;
  for (int i = 0; i < count; ++i) {
    const Places& part = parts[static_cast<size_t>(i)];
    Ints others = part.shape, wanted = shape;
    if (part.rank == std::ssize(shape)) others[axis] = wanted[axis] = 0;
    if (others != wanted)
      throw InvalidArgumentError("Concat shapes must be compatible: got {} and {}", parts[0].shape, part.shape);
    const int64_t first = shape[axis];
    shape[axis] = shape::add_dims(first, part.shape[axis]);
    for (int64_t k = 0; k < part.count; ++k) {
      Ints place = place_of(part, k);
      place[axis] += first;
      entries.emplace_back(std::move(place), i, k);
    }
  }
  std::ranges::sort(entries);
  const auto total = static_cast<int64_t>(entries.size());
  int64_t* to = c.output(0, {total, parts[0].rank}).data<int64_t>();
  Tensor& values = c.output(1, {total});
  for (int64_t i = 0; i < total; ++i) {
    const auto& [place, part, number] = entries[static_cast<size_t>(i)];
    to = std::copy(place.begin(), place.end(), to);
    kernels::copy_part(c.input(count + part), number, values, i, 1);
  }
  write_shape(c.output(2, {parts[0].rank}), shape);
}

/// The entries within [begin, begin + size), counted from begin, as outputs `index`, `index + stride` and `index + 2 * stride`.
void write_part(KernelContext& c, const Places& from, const Tensor& values, const Ints& begin, const Ints& size, int index,
                int stride) {
  Ints kept;
  for (int64_t i = 0; i < from.count; ++i) {
    bool inside = true;
    for (size_t axis = 0; axis < begin.size(); ++axis) {
      const int64_t at = from(i, static_cast<int64_t>(axis)) - begin[axis];
      inside = inside && at >= 0 && at < size[axis];
    }
    if (inside) kept.push_back(i);
  }
  const auto count = static_cast<int64_t>(kept.size());
  int64_t* to = c.output(index, {count, from.rank}).data<int64_t>();
  Tensor& output = c.output(index + stride, {count});
  for (int64_t i = 0; i < count; ++i) {
    const int64_t entry = kept[static_cast<size_t>(i)];
    for (int64_t axis = 0; axis < from.rank; ++axis) *to++ = from(entry, axis) - begin[static_cast<size_t>(axis)];
    kernels::copy_part(values, entry, output, i, 1);
  }
  write_shape(c.output(index + 2 * stride, {from.rank}), size);
}

void sparse_split_shape(ShapeContext& c) {
  const auto parts = static_cast<int>(c.attrs().get_int("num_split"));
  const int64_t rank = shape::dim_or_unknown(c.input(1), 1);
  for (int i = 0; i < parts; ++i) {
    c.set_output(i, {kUnknownDim, rank});
    c.set_output(parts + i, {kUnknownDim});
    c.set_output(2 * parts + i, {rank});
  }
}

/// The first parts are one larger where the axis cannot be shared evenly.
void sparse_split_kernel(KernelContext& c) {
  const Places from(c.input(1), c.input(3));
  check_values(c.input(2), from.count);
  const auto axis = static_cast<size_t>(shape::normalize_axis(shape::one_element(c.input(0), "split_dim"), from.rank));
  const int64_t parts = c.attrs().get_int("num_split"), whole = from.shape[axis];
  if (parts < 1 || parts > whole)
    throw InvalidArgumentError("Input num_split should be in [1, {}] of axis {}, got {}", whole, axis, parts);
  Ints begin(from.shape.size(), 0), size = from.shape;
  for (int i = 0; i < parts; ++i) {
    size[axis] = whole / parts + (i < whole % parts ? 1 : 0);
    write_part(c, from, c.input(2), begin, size, i, static_cast<int>(parts));
    begin[axis] += size[axis];
  }
}

void sparse_slice_shape(ShapeContext& c) { sparse_shape(c, 0, kUnknownDim, shape::dim_or_unknown(c.input(0), 1)); }

void sparse_slice_kernel(KernelContext& c) {
  const Places from(c.input(0), c.input(2));
  check_values(c.input(1), from.count);
  const Ints begin = c.input(3).to_int64s();
  Ints size = c.input(4).to_int64s();
  if (std::ssize(begin) != from.rank || std::ssize(size) != from.rank)
    throw InvalidArgumentError("Expected start and size to be vectors of {} elements, got {} and {}", from.rank, begin, size);
  for (size_t axis = 0; axis < begin.size(); ++axis) {
    if (begin[axis] < 0 || size[axis] < 0)
      throw InvalidArgumentError("A slice from {} of size {} has no negative parts", begin, size);
    size[axis] = std::min(size[axis], std::max<int64_t>(from.shape[axis] - begin[axis], 0));
  }
  write_part(c, from, c.input(1), begin, size, 0, 1);
}

Values sparse_slice_grad(GradContext& g) {
  if (!g.upstream(1).valid()) return Values(5);
  return {Value(), emit1("SparseSliceGrad", {g.upstream(1), g.input(0), g.input(3), g.output(0)}), Value(), Value(), Value()};
}

void sparse_slice_grad_shape(ShapeContext& c) { c.set_output(0, {shape::dim_or_unknown(c.input(1), 0)}); }

void sparse_slice_grad_kernel(KernelContext& c) {
  const Tensor &grads = c.input(0), &indices = c.input(1);
  const std::map<Ints, int64_t> numbers = numbers_of_rows(c.input(3));
  const Ints begin = c.input(2).to_int64s();
  check_values(grads, c.input(3).dim(0));
  if (indices.rank() != 2 || indices.dim(1) != std::ssize(begin))
    throw InvalidArgumentError("Indices of shape {} do not fit a start of {} elements", indices.shape(), begin.size());
  Tensor& output = c.output(0, {indices.dim(0)});
  kernels::set_zero(output);
  for (int64_t i = 0; i < indices.dim(0); ++i) {
    Ints place = begin;
    for (size_t axis = 0; axis < begin.size(); ++axis) {
      place[axis] = kernels::Sub::apply(indices.data<int64_t>()[i * indices.dim(1) + static_cast<int64_t>(axis)], begin[axis]);
    }
    const auto found = numbers.find(place);
    if (found != numbers.end()) kernels::copy_part(grads, found->second, output, i, 1);
  }
}

// Reductions

/// Which axes are summed over.
std::vector<bool> reduced_axes(const Ints& axes, int64_t rank) {
  std::vector<bool> reduced(static_cast<size_t>(rank), false);
  for (const int64_t axis : axes) reduced[static_cast<size_t>(shape::normalize_axis(axis, rank))] = true;
  return reduced;
}

Ints kept_dims(const Ints& dims, const std::vector<bool>& reduced, bool keep_dims) {
  Ints kept;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (!reduced[axis]) kept.push_back(dims[axis]);
    if (reduced[axis] && keep_dims) kept.push_back(1);
  }
  return kept;
}

struct Reduction {
  explicit Reduction(KernelContext& c)
      : from(c.input(0), c.input(2)),
        reduced(reduced_axes(c.input(3).to_int64s(), from.rank)),
        keep_dims(c.attrs().get_bool("keep_dims")) {
    check_values(c.input(1), from.count);
    dims = kept_dims(from.shape, reduced, keep_dims);
  }
  Ints place(int64_t entry) const {
    Ints at = kept_dims(place_of(from, entry), reduced, keep_dims);
    size_t k = 0;
    for (size_t axis = 0; keep_dims && axis < reduced.size(); ++axis, ++k) at[k] = reduced[axis] ? 0 : at[k];
    return at;
  }
  /// F of the values at each place that has any.
  template <class F, class T>
  std::map<Ints, T> run(const Tensor& values) const {
    std::map<Ints, T> found;
    for (int64_t i = 0; i < from.count; ++i) {
      const auto [at, added] = found.try_emplace(place(i), values.data<T>()[i]);
      if (!added) at->second = F::apply(at->second, values.data<T>()[i]);
    }
    return found;
  }

  Places from;
  std::vector<bool> reduced;
  bool keep_dims;
  Ints dims;
};

template <class F>
void reduce_kernel(KernelContext& c) {
  const Reduction reduction(c);
  Tensor& output = c.output(0, Shape(reduction.dims));
  kernels::set_zero(output);
  const Ints strides = kernels::dense_strides(reduction.dims);
  with_compute_type(output.dtype(), "A reduction of a sparse tensor", [&]<class T>(T) {
    for (const auto& [place, value] : reduction.run<F, T>(c.input(1))) {
      output.data<T>()[std::inner_product(place.begin(), place.end(), strides.begin(), int64_t{0})] = value;
    }
  });
}

template <class F>
void reduce_sparse_kernel(KernelContext& c) {
  const Reduction reduction(c);
  const auto rank = static_cast<int64_t>(reduction.dims.size());
  with_compute_type(c.input(1).dtype(), "A reduction of a sparse tensor", [&]<class T>(T) {
    const std::map<Ints, T> found = reduction.run<F, T>(c.input(1));
    const auto count = static_cast<int64_t>(found.size());
    int64_t* at = c.output(0, {count, rank}).data<int64_t>();
    T* to = c.output(1, {count}).template data<T>();
    for (const auto& [place, value] : found) {
      at = std::copy(place.begin(), place.end(), at);
      *to++ = value;
    }
  });
  write_shape(c.output(2, {rank}), reduction.dims);
}

void reduce_shape(ShapeContext& c) {
  const auto dims = shape::known_ints(c, 2), axes = shape::known_ints(c, 3);
  if (!dims || !axes) return;
  const std::vector<bool> reduced = reduced_axes(*axes, std::ssize(*dims));
  c.set_output(0, Shape(kept_dims(*dims, reduced, c.attrs().get_bool("keep_dims"))));
}

// Each entry's gradient is that of the sum it went into: its place there is its own, with 0 on the axes that are gone.
Values reduce_sum_grad(GradContext& g) {
  Emitter& emitter = g.emitter();
  const Value &shape = g.input(2), rank = size_of(shape);
  const Value named = emit1("FloorMod", {add(g.input(3), rank), rank});
  const Value axes = reshape(named, Ints{-1, 1});
  const Value ones = emit1("Fill", {reshape(size_of(named), Ints{1}), cast(int_scalar(emitter, 1), DType::kInt64)});
  const Value kept = emit1("TensorScatterUpdate", {shape, axes, ones});
  const Value places = emit1("FloorDiv", {g.input(0), emit1("FloorDiv", {shape, kept})});
  return {Value(), emit1("GatherNd", {reshape(g.upstream(0), kept), places}), Value(), Value()};
}

/// Over the last axis, of the entries that are there.
void softmax_kernel(KernelContext& c) {
  const Places from(c.input(0), c.input(2));
  const Tensor& values = c.input(1);
  check_values(values, from.count);
  if (from.rank < 2) throw InvalidArgumentError("Input should have rank >= 2, but received shape: {}", from.shape);
  Tensor& output = c.output(0, values.shape());
  with_float_type(values.dtype(), "SparseSoftmax", [&]<class T>(T) {
    std::map<Ints, std::pair<T, T>> rows;  // the largest value, and the sum of exponentials
    const auto row = [&](int64_t i) {
      Ints place = place_of(from, i);
      place.pop_back();
      return place;
    };
    const T* x = values.data<T>();
    for (int64_t i = 0; i < from.count; ++i) {
      T& largest = rows.try_emplace(row(i), x[i], T(0)).first->second.first;
      largest = std::max(largest, x[i]);
    }
    for (int64_t i = 0; i < from.count; ++i) {
      auto& [largest, sum] = rows.at(row(i));
      sum += output.data<T>()[i] = std::exp(x[i] - largest);
    }
    for (int64_t i = 0; i < from.count; ++i) output.data<T>()[i] /= rows.at(row(i)).second;
  });
}

Values softmax_grad(GradContext& g) {
  const Value &places = g.input(0), &shape = g.input(2), &y = g.output(0), &up = g.upstream(0);
  const Value sums = emit1("SparseReduceSum", {places, mul(up, y), shape, ints(g.emitter(), {-1})}, {{"keep_dims", true}});
  return {Value(), mul(emit1("SparseDenseCwiseAdd", {places, up, shape, neg(sums)}), y), Value()};
}

constexpr OpDef kOps[] = {
    {.name = "SparseAdd",
     .signature =
         "(a_indices: int64, a_values: T, a_shape: int64, b_indices: int64, b_values: T, b_shape: int64, thresh: Treal) -> "
         "(sum_indices: int64, sum_values: T, sum_shape: int64); T: {numeric}; Treal: {real}",
     .shape = sparse_add_shape,
     .kernel = sparse_add_kernel,
     .gradient = sparse_add_grad},
    {.name = "SparseAddGrad",
     .signature = "(backprop_val_grad: T, a_indices: int64, b_indices: int64, sum_indices: int64) -> (a_val_grad: T, b_val_grad: "
                  "T); T: {numeric}",
     .shape = sparse_add_grad_shape,
     .kernel = sparse_add_grad_kernel},
    {.name = "SparseSparseMaximum",
     .signature = "(a_indices: int64, a_values: T, a_shape: int64, b_indices: int64, b_values: T, b_shape: int64) -> "
                  "(output_indices: int64, output_values: T); T: {real}",
     .shape = union_shape,
     .kernel = union_kernel<kernels::Maximum>},
    {.name = "SparseSparseMinimum",
     .signature = "(a_indices: int64, a_values: T, a_shape: int64, b_indices: int64, b_values: T, b_shape: int64) -> "
                  "(output_indices: int64, output_values: T); T: {numeric}",
     .shape = union_shape,
     .kernel = union_kernel<kernels::Minimum>},
    {.name = "SparseTensorDenseAdd",
     .signature = "(a_indices: Tindices, a_values: T, a_shape: Tindices, b: T) -> (output: T); T: {numeric}; Tindices: {int32, "
                  "int64}",
     .shape = shape::same_as<3>,
     .kernel = add_dense_kernel,
     .gradient = add_dense_grad},
    {.name = "SparseDenseCwiseAdd",
     .signature = "(sp_indices: int64, sp_values: T, sp_shape: int64, dense: T) -> (output: T); T: {numeric}",
     .shape = values_shape,
     .kernel = with_dense_kernel<kernels::Add>},
    {.name = "SparseDenseCwiseMul",
     .signature = "(sp_indices: int64, sp_values: T, sp_shape: int64, dense: T) -> (output: T); T: {numeric}",
     .shape = values_shape,
     .kernel = with_dense_kernel<kernels::Mul>,
     .gradient = with_dense_grad<false>},
    {.name = "SparseDenseCwiseDiv",
     .signature = "(sp_indices: int64, sp_values: T, sp_shape: int64, dense: T) -> (output: T); T: {numeric}",
     .shape = values_shape,
     .kernel = with_dense_kernel<Quotient>,
     .gradient = with_dense_grad<true>},
    {.name = "SparseConcat",
     .signature = "(indices: N * int64, values: N * T, shapes: N * int64) -> (output_indices: int64, output_values: T, "
                  "output_shape: int64); concat_dim: int; N: int; T: type",
     .shape = sparse_concat_shape,
     .kernel = sparse_concat_kernel},
    {.name = "SparseSplit",
     .signature = "(split_dim: int64, indices: int64, values: T, shape: int64) -> (output_indices: num_split * int64, "
                  "output_values: num_split * T, output_shape: num_split * int64); num_split: int; T: type",
     .shape = sparse_split_shape,
     .kernel = sparse_split_kernel},
    {.name = "SparseSlice",
     .signature =
         "(indices: int64, values: T, shape: int64, start: int64, size: int64) -> (output_indices: int64, output_values: "
         "T, output_shape: int64); T: type",
     .shape = sparse_slice_shape,
     .kernel = sparse_slice_kernel,
     .gradient = sparse_slice_grad},
    {.name = "SparseSliceGrad",
     .signature = "(backprop_val_grad: T, input_indices: int64, input_start: int64, output_indices: int64) -> (val_grad: T); T: "
                  "{numeric}",
     .shape = sparse_slice_grad_shape,
     .kernel = sparse_slice_grad_kernel},
    {.name = "SparseReduceSum",
     .signature = "(input_indices: int64, input_values: T, input_shape: int64, reduction_axes: int32) -> (output: T); keep_dims: "
                  "bool = false; T: {numeric}",
     .shape = reduce_shape,
     .kernel = reduce_kernel<kernels::Add>,
     .gradient = reduce_sum_grad},
    {.name = "SparseReduceSumSparse",
     .signature = "(input_indices: int64, input_values: T, input_shape: int64, reduction_axes: int32) -> (output_indices: int64, "
                  "output_values: T, output_shape: int64); keep_dims: bool = false; T: {numeric}",
     .shape = shape::unknown,
     .kernel = reduce_sparse_kernel<kernels::Add>},
    {.name = "SparseReduceMax",
     .signature = "(input_indices: int64, input_values: T, input_shape: int64, reduction_axes: int32) -> (output: T); keep_dims: "
                  "bool = false; T: {real}",
     .shape = reduce_shape,
     .kernel = reduce_kernel<kernels::Maximum>},
    {.name = "SparseReduceMaxSparse",
     .signature = "(input_indices: int64, input_values: T, input_shape: int64, reduction_axes: int32) -> (output_indices: int64, "
                  "output_values: T, output_shape: int64); keep_dims: bool = false; T: {real}",
     .shape = shape::unknown,
     .kernel = reduce_sparse_kernel<kernels::Maximum>},
    {.name = "SparseSoftmax",
     .signature = "(sp_indices: int64, sp_values: T, sp_shape: int64) -> (output: T); T: {half, float, double}",
     .shape = values_shape,
     .kernel = softmax_kernel,
     .gradient = softmax_grad},
};

}  // namespace

std::span<const OpDef> sparse_math_ops() { return kOps; }

}  // namespace keras
