// Sets in the rows of tensors, and how often values occur in rows: results are sparse tensors, in order of rows and values.
#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "core/kernels/functors.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/sparse_places.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

/// Calls f with a value of the dtype that sets may have.
template <class F>
void with_member_type(DType dtype, std::string_view op, F f) {
  if (dtype == DType::kString) return f(std::string());
  with_compute_type(dtype, op, f);
}

Ints row_of(Ints place) {
  place.pop_back();
  return place;
}

template <class T>
using Sets = std::map<Ints, std::set<T>>;  // by rows

/// Rows of a sparse tensor: those that have an entry.
template <class T>
Sets<T> sets_of(const Places& places, const Tensor& values) {
  Sets<T> sets;
  for (int64_t i = 0; i < places.count; ++i) {
    const auto at = places.at.begin() + i * places.rank;
    sets[Ints(at, at + places.rank - 1)].insert(values.data<T>()[i]);
  }
  return sets;
}

template <class T>
Sets<T> sets_of(const Tensor& dense) {
  Sets<T> sets;
  const int64_t size = dense.dim(-1);
  for (int64_t i = 0; i < dense.elements(); ++i) {
    Ints row(static_cast<size_t>(dense.rank() - 1));
    for (int64_t axis = dense.rank() - 2, rest = i / size; axis >= 0; rest /= dense.dim(axis--)) {
      row[static_cast<size_t>(axis)] = rest % dense.dim(axis);
    }
    sets[row].insert(dense.data<T>()[i]);
  }
  return sets;
}

enum class Operation { kAMinusB, kBMinusA, kIntersection, kUnion };

Operation operation_of(const Attrs& attrs) {
  const std::string& name = attrs.get_string("set_operation");
  if (name == "a-b") return Operation::kAMinusB;
  if (name == "b-a") return Operation::kBMinusA;
  if (name == "intersection") return Operation::kIntersection;
  if (name == "union") return Operation::kUnion;
  throw InvalidArgumentError("Invalid set_operation {}.", name);
}

template <class T>
std::set<T> combined(const std::set<T>& a, const std::set<T>& b, Operation operation) {
  std::set<T> result;
  const auto to = std::inserter(result, result.end());
  switch (operation) {
    case Operation::kAMinusB: std::ranges::set_difference(a, b, to); break;
    case Operation::kBMinusA: std::ranges::set_difference(b, a, to); break;
    case Operation::kIntersection: std::ranges::set_intersection(a, b, to); break;
    case Operation::kUnion: std::ranges::set_union(a, b, to); break;
  }
  return result;
}

template <class T>
void write_sets(KernelContext& c, const Sets<T>& sets, Ints shape) {
  int64_t count = 0, largest = 0;
  for (const auto& [row, members] : sets) {
    count += std::ssize(members);
    largest = std::max<int64_t>(largest, std::ssize(members));
  }
  shape.push_back(largest);
  const auto rank = static_cast<int64_t>(shape.size());
  int64_t* at = c.output(0, {count, rank}).data<int64_t>();
  T* to = c.output(1, {count}).template data<T>();
  for (const auto& [row, members] : sets) {
    int64_t number = 0;
    for (const T& member : members) {
      at = std::copy(row.begin(), row.end(), at);
      *at++ = number++;
      *to++ = member;
    }
  }
  std::copy(shape.begin(), shape.end(), c.output(2, {rank}).data<int64_t>());
}

/// `first` and `second` give the sets of either side by the type of their members.
template <class First, class Second>
void operate(KernelContext& c, DType dtype, const Ints& a, const Ints& b, First first, Second second) {
  if (a.size() < 2 || b.size() != a.size() || row_of(a) != row_of(b)) {
    throw InvalidArgumentError(
        "Sets of shapes {} and {} do not fit: all dimensions but the last must be the same, and one at least", a, b);
  }
  const Operation operation = operation_of(c.attrs());
  with_member_type(dtype, "A set operation", [&]<class T>(T) {
    const Sets<T> of_a = first(T()), of_b = second(T());
    Sets<T> result;
    for (const auto* sets : {&of_a, &of_b}) {
      for (const auto& [row, members] : *sets) {
        const auto in_a = of_a.find(row), in_b = of_b.find(row);
        const std::set<T> none;
        result.try_emplace(
            row, combined(in_a != of_a.end() ? in_a->second : none, in_b != of_b.end() ? in_b->second : none, operation));
      }
    }
    write_sets(c, result, row_of(a));
  });
}

void dense_sets_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  operate(
      c, a.dtype(), a.shape().dims(), b.shape().dims(), [&]<class T>(T) { return sets_of<T>(a); },
      [&]<class T>(T) { return sets_of<T>(b); });
}

void dense_and_sparse_sets_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &values = c.input(2);
  const Places b(c.input(1), c.input(3));
  check_values(values, b.count);
  operate(
      c, a.dtype(), a.shape().dims(), b.shape, [&]<class T>(T) { return sets_of<T>(a); },
      [&]<class T>(T) { return sets_of<T>(b, values); });
}

void sparse_sets_kernel(KernelContext& c) {
  const Places a(c.input(0), c.input(2)), b(c.input(3), c.input(5));
  const Tensor &of_a = c.input(1), &of_b = c.input(4);
  check_values(of_a, a.count);
  check_values(of_b, b.count);
  operate(
      c, of_a.dtype(), a.shape, b.shape, [&]<class T>(T) { return sets_of<T>(a, of_a); },
      [&]<class T>(T) { return sets_of<T>(b, of_b); });
}

template <int kDense>
void sets_shape(ShapeContext& c) {
  const int64_t rank =
      kDense >= 0 ? (c.input(kDense).known_rank() ? c.input(kDense).rank() : kUnknownDim) : shape::dim_or_unknown(c.input(0), 1);
  c.set_output(0, {kUnknownDim, rank});
  c.set_output(1, {kUnknownDim});
  c.set_output(2, {rank});
}

void set_size_shape(ShapeContext& c) {
  const auto dims = shape::known_ints(c, 2);
  if (dims && !dims->empty()) c.set_output(0, Shape(row_of(*dims)));
}

void set_size_kernel(KernelContext& c) {
  const Places places(c.input(0), c.input(2));
  check_values(c.input(1), places.count);
  if (places.rank < 1) throw InvalidArgumentError("Invalid input rank {}", places.rank);
  const Shape rows(row_of(places.shape));
  Tensor& output = c.output(0, rows);
  std::fill_n(output.data<int32_t>(), output.elements(), 0);
  with_member_type(c.input(1).dtype(), "SetSize", [&]<class T>(T) {
    for (const auto& [row, members] : sets_of<T>(places, c.input(1))) {
      int64_t at = 0;
      for (size_t axis = 0; axis < row.size(); ++axis) at = at * rows.dim(static_cast<int64_t>(axis)) + row[axis];
      output.data<int32_t>()[at] = static_cast<int32_t>(members.size());
    }
  });
}

// Counts

/// How often each value occurs in each row, or what its weights come to.
class Counts {
 public:
  Counts(KernelContext& c, const Tensor& weights, int64_t values)
      : weights_(weights),
        minlength_(c.attrs().get_int("minlength")),
        maxlength_(c.attrs().get_int("maxlength")),
        binary_(c.attrs().get_bool("binary_output")) {
    if (weights.elements() != 0 && weights.elements() != values) {
      throw InvalidArgumentError("Weights and values must have the same shape. Weights has {} elements; values: {}",
                                 weights.elements(), values);
    }
  }
  void add(const Ints& row, int64_t value, int64_t number) {
    if (value < 0) throw InvalidArgumentError("Input values must all be non-negative");
    largest_ = std::max(largest_, value);
    if (maxlength_ >= 0 && value >= maxlength_) return;
    found_[row][value].push_back(number);
  }
  void write(KernelContext& c, Ints rows) const {
    int64_t count = 0;
    for (const auto& [row, values] : found_) count += std::ssize(values);
    rows.push_back(maxlength_ >= 0 ? maxlength_ : std::max(shape::add_dims(largest_, 1), minlength_));
    const auto rank = static_cast<int64_t>(rows.size());
    int64_t* at = c.output(0, {count, rank}).data<int64_t>();
    with_compute_type(c.output_dtype(1), "A count", [&]<class T>(T) {
      T* to = c.output(1, {count}).template data<T>();
      for (const auto& [row, values] : found_) {
        for (const auto& [value, numbers] : values) {
          at = std::copy(row.begin(), row.end(), at);
          *at++ = value;
          *to++ = total<T>(numbers);
        }
      }
    });
    std::copy(rows.begin(), rows.end(), c.output(2, {rank}).data<int64_t>());
  }

 private:
  template <class T>
  T total(const Ints& numbers) const {
    if (binary_) return T(1);
    if (weights_.elements() == 0) return static_cast<T>(numbers.size());
    T sum = 0;
    for (const int64_t number : numbers) sum = kernels::Add::apply(sum, weights_.data<T>()[number]);
    return sum;
  }

  const Tensor& weights_;
  int64_t minlength_, maxlength_, largest_ = 0;
  bool binary_;
  std::map<Ints, std::map<int64_t, Ints>> found_;  // by rows and values, the numbers of the elements
};

void dense_counts_kernel(KernelContext& c) {
  const Tensor& values = c.input(0);
  if (values.rank() != 1 && values.rank() != 2)
    throw InvalidArgumentError("Input must be a 1 or 2-dimensional tensor. Got: {}", values.shape());
  Counts counts(c, c.input(1), values.elements());
  const Ints all = values.to_int64s();
  const int64_t size = values.dim(-1);
  for (int64_t i = 0; i < values.elements(); ++i) {
    counts.add(values.rank() == 2 ? Ints{i / size} : Ints(), all[static_cast<size_t>(i)], i);
  }
  counts.write(c, values.rank() == 2 ? Ints{values.dim(0)} : Ints());
}

void sparse_counts_kernel(KernelContext& c) {
  const Places places(c.input(0), c.input(2));
  check_values(c.input(1), places.count);
  if (places.rank != 1 && places.rank != 2) throw InvalidArgumentError("Input must be of rank 1 or 2, got {}", places.rank);
  Counts counts(c, c.input(3), places.count);
  const Ints all = c.input(1).to_int64s();
  for (int64_t i = 0; i < places.count; ++i) {
    counts.add(places.rank == 2 ? Ints{places(i, 0)} : Ints(), all[static_cast<size_t>(i)], i);
  }
  counts.write(c, places.rank == 2 ? Ints{places.shape[0]} : Ints());
}

template <bool kSparse>
void counts_shape(ShapeContext& c) {
  const int64_t rank = kSparse ? shape::dim_or_unknown(c.input(0), 1) : c.input(0).known_rank() ? c.input(0).rank() : kUnknownDim;
  c.set_output(0, {kUnknownDim, rank});
  c.set_output(1, {kUnknownDim});
  c.set_output(2, {rank});
}

// Distances

template <class T>
int64_t levenshtein(const std::vector<T>& a, const std::vector<T>& b) {
  Ints costs(b.size() + 1);
  for (size_t j = 0; j < costs.size(); ++j) costs[j] = static_cast<int64_t>(j);
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t diagonal = costs[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const int64_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = costs[j + 1];
      costs[j + 1] = std::min({replaced, diagonal + 1, costs[j] + 1});
    }
  }
  return costs.back();
}

/// Rows of the two sparse tensors are sequences.
void edit_distance_kernel(KernelContext& c) {
  const Places a(c.input(0), c.input(2)), b(c.input(3), c.input(5));
  const Tensor &of_a = c.input(1), &of_b = c.input(4);
  check_values(of_a, a.count);
  check_values(of_b, b.count);
  if (a.rank < 2 || a.rank != b.rank) throw InvalidArgumentError("Sequences of shapes {} and {} do not fit", a.shape, b.shape);
  Ints rows = row_of(a.shape);
  for (size_t axis = 0; axis < rows.size(); ++axis) rows[axis] = std::max(rows[axis], b.shape[axis]);
  Tensor& output = c.output(0, Shape(rows));
  float* to = output.data<float>();
  std::fill_n(to, output.elements(), 0.0f);
  const bool normalize = c.attrs().get_bool("normalize");
  with_member_type(of_a.dtype(), "EditDistance", [&]<class T>(T) {
    std::map<int64_t, std::pair<std::vector<T>, std::vector<T>>> sequences;
    const auto place = [&](const Places& from, int64_t i) {
      int64_t at = 0;
      for (int64_t axis = 0; axis + 1 < from.rank; ++axis) at = at * rows[static_cast<size_t>(axis)] + from(i, axis);
      return at;
    };
    for (int64_t i = 0; i < a.count; ++i) sequences[place(a, i)].first.push_back(of_a.data<T>()[i]);
    for (int64_t i = 0; i < b.count; ++i) sequences[place(b, i)].second.push_back(of_b.data<T>()[i]);
    for (const auto& [at, pair] : sequences) {
      const auto distance = static_cast<float>(levenshtein(pair.first, pair.second));
      const bool endless = normalize && pair.second.empty();
      to[at] = endless     ? std::numeric_limits<float>::infinity()
               : normalize ? distance / static_cast<float>(pair.second.size())
                           : distance;
    }
  });
}

void edit_distance_shape(ShapeContext& c) {
  const auto a = shape::known_ints(c, 2), b = shape::known_ints(c, 5);
  if (!a || !b || a->empty() || a->size() != b->size()) return;
  Ints rows = row_of(*a);
  for (size_t axis = 0; axis < rows.size(); ++axis) rows[axis] = std::max(rows[axis], (*b)[axis]);
  c.set_output(0, Shape(rows));
}

constexpr OpDef op(const char* name, const char* signature, ShapeFn shape, KernelFn kernel) {
  return {.name = name, .signature = signature, .shape = shape, .kernel = kernel, .flags = kNoGradient};
}

constexpr OpDef kOps[] = {
    op("DenseToDenseSetOperation",
       "(set1: T, set2: T) -> (result_indices: int64, result_values: T, result_shape: int64); set_operation: string; "
       "validate_indices: bool = true; T: {int8, int16, int32, int64, uint8, uint16, string}",
       sets_shape<0>, dense_sets_kernel),
    op("DenseToSparseSetOperation",
       "(set1: T, set2_indices: int64, set2_values: T, set2_shape: int64) -> (result_indices: int64, result_values: T, "
       "result_shape: int64); set_operation: string; validate_indices: bool = true; T: {int8, int16, int32, int64, uint8, "
       "uint16, "
       "string}",
       sets_shape<0>, dense_and_sparse_sets_kernel),
    op("SparseToSparseSetOperation",
       "(set1_indices: int64, set1_values: T, set1_shape: int64, set2_indices: int64, set2_values: T, set2_shape: int64) -> "
       "(result_indices: int64, result_values: T, result_shape: int64); set_operation: string; validate_indices: bool = true; T: "
       "{int8, int16, int32, int64, uint8, uint16, string}",
       sets_shape<-1>, sparse_sets_kernel),
    op("SetSize",
       "(set_indices: int64, set_values: T, set_shape: int64) -> (size: int32); validate_indices: bool = true; T: {int8, int16, "
       "int32, int64, uint8, uint16, string}",
       set_size_shape, set_size_kernel),
    op("DenseCountSparseOutput",
       "(values: T, weights: output_type) -> (output_indices: int64, output_values: output_type, output_dense_shape: int64); T: "
       "{int32, int64}; minlength: int = -1; maxlength: int = -1; binary_output: bool; output_type: {int32, int64, float, "
       "double}",
       counts_shape<false>, dense_counts_kernel),
    op("SparseCountSparseOutput",
       "(indices: int64, values: T, dense_shape: int64, weights: output_type) -> (output_indices: int64, output_values: "
       "output_type, output_dense_shape: int64); T: {int32, int64}; minlength: int = -1; maxlength: int = -1; binary_output: "
       "bool; "
       "output_type: {int32, int64, float, double}",
       counts_shape<true>, sparse_counts_kernel),
    op("EditDistance",
       "(hypothesis_indices: int64, hypothesis_values: T, hypothesis_shape: int64, truth_indices: int64, truth_values: T, "
       "truth_shape: int64) -> (output: float); normalize: bool = true; T: type",
       edit_distance_shape, edit_distance_kernel),
};

}  // namespace

std::span<const OpDef> set_ops() { return kOps; }

}  // namespace keras
