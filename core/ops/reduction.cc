// From a KernelContext to the reductions.
#include "core/ops/reduction.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/kernels/reduce.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/elementwise.h"
#include "core/ops/shape_functions.h"
#include "core/tensor/complex.h"

namespace keras {
namespace {

std::vector<bool> reduced_axes(const Tensor& axes, int64_t rank) {
  std::vector<bool> reduced(static_cast<size_t>(rank), false);
  for (const int64_t given : axes.to_int64s()) {
    const auto axis = static_cast<size_t>(shape::normalize_axis(given, rank));
    if (reduced[axis]) {
      throw InvalidArgumentError("Invalid reduction arguments: Axes contains duplicate dimension: {}", axis);
    }
    reduced[axis] = true;
  }
  return reduced;
}

template <class F, class T>
void reduce_into(KernelContext& c, const Tensor& x, const std::vector<bool>& reduced, Tensor& y) {
  kernels::reduce<F>(c.kernels(), kernels::group_axes(x.shape().dims(), reduced), reinterpret_cast<const T*>(x.raw()),
                     reinterpret_cast<T*>(y.raw()));
}

template <class T>
void mean_into(KernelContext& c, const Tensor& x, const std::vector<bool>& reduced, Tensor& y) {
  reduce_into<kernels::SumOf, T>(c, x, reduced, y);
  if (y.elements() == 0) return;
  int64_t count = 1;  // elements behind each mean
  for (size_t axis = 0; axis < reduced.size(); ++axis) count *= reduced[axis] ? x.dim(static_cast<int64_t>(axis)) : 1;
  if (count == 1) return;
  if (count == 0 && !is_floating(x.dtype())) return;  // 0, as in TensorFlow
  for (int64_t i = 0; i < y.elements(); ++i) y.data<T>()[i] = static_cast<T>(y.data<T>()[i] / static_cast<T>(count));
}

/// The square root of the sum of squares.
template <class T>
void norm_into(KernelContext& c, const Tensor& x, const std::vector<bool>& reduced, Tensor& y) {
  Tensor squares = Tensor::allocate(x.dtype(), x.shape());
  for (int64_t i = 0; i < x.elements(); ++i) squares.data<T>()[i] = kernels::Mul::apply(x.data<T>()[i], x.data<T>()[i]);
  reduce_into<kernels::SumOf, T>(c, squares, reduced, y);
  using Root = std::conditional_t<std::is_same_v<T, float>, float, double>;
  for (T& value : std::span(y.data<T>(), static_cast<size_t>(y.elements()))) {
    value = static_cast<T>(std::sqrt(static_cast<Root>(std::is_floating_point_v<T> ? value : std::max(value, T(0)))));
  }
}

/// Complex numbers are pairs of real ones: one more axis, which stays.
void sum_complex(KernelContext& c, const Tensor& x, std::vector<bool> reduced, Tensor& y) {
  std::vector<int64_t> dims = x.shape().dims();
  dims.push_back(2);
  reduced.push_back(false);
  const DType part = x.dtype() == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
  const Tensor parts = Tensor::borrow(part, Shape(std::move(dims)), const_cast<std::byte*>(x.raw()), x.owner());
  with_float_type(part, "A sum", [&]<class T>(T) { reduce_into<kernels::SumOf, T>(c, parts, reduced, y); });
}

/// [outer, size, inner] around an axis.
struct AxisView {
  AxisView(const Shape& shape, int64_t axis) : size(shape.dim(axis)) {
    for (int64_t i = 0; i < shape.rank(); ++i) (i < axis ? outer : inner) *= i == axis ? 1 : shape.dim(i);
  }
  int64_t outer = 1, size, inner = 1;
};

int64_t axis_of(KernelContext& c) {
  if (c.input(1).elements() != 1) throw InvalidArgumentError("The axis must be a scalar, found {}", c.input(1).shape());
  return shape::normalize_axis(c.input(1).to_int64s()[0], c.input(0).rank());
}

template <bool kLargest>
void arg_extreme(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t axis = axis_of(c);
  const AxisView view(x.shape(), axis);
  std::vector<int64_t> dims = x.shape().dims();
  dims.erase(dims.begin() + axis);
  Tensor& y = c.output(0, Shape(std::move(dims)));
  if (view.size == 0 && y.elements() > 0) throw InvalidArgumentError("Reduction axis {} is empty in shape {}", axis, x.shape());
  if (y.dtype() != DType::kInt32 && y.dtype() != DType::kInt64) unsupported_dtype("ArgMax's output_type", y.dtype());
  with_any_type(x.dtype(), "ArgMax", [&]<class T>(T) {
    const auto run = [&](auto* to) {
      kernels::arg_extreme<kLargest>(c.kernels(), view.outer, view.size, view.inner, x.data<T>(), to);
    };
    if (y.dtype() == DType::kInt64)
      run(y.data<int64_t>());
    else
      run(y.data<int32_t>());
  });
}

}  // namespace

bool is_reduced(const Tensor& axes, int64_t axis, int64_t rank) { return reduced_axes(axes, rank)[static_cast<size_t>(axis)]; }

Shape reduced_shape(const Shape& input, const Tensor& axes, bool keep_dims) {
  const std::vector<bool> reduced = reduced_axes(axes, input.rank());
  std::vector<int64_t> dims;
  for (int64_t axis = 0; axis < input.rank(); ++axis) {
    if (!reduced[static_cast<size_t>(axis)])
      dims.push_back(input.dim(axis));
    else if (keep_dims)
      dims.push_back(1);
  }
  return Shape(std::move(dims));
}

template <Reduction kWhat>
void reduce(KernelContext& c) {
  const Tensor x = c.input(0);
  // Read before there is an output: that may lie over the axes' memory.
  const std::vector<bool> reduced = reduced_axes(c.input(1), x.rank());
  const Shape shape = reduced_shape(x.shape(), c.input(1), c.attrs().get_bool("keep_dims"));
  Tensor& y = c.output(0, shape);
  if constexpr (kWhat == Reduction::kAll) {
    reduce_into<kernels::AllOf, uint8_t>(c, x, reduced, y);
  } else if constexpr (kWhat == Reduction::kAny) {
    reduce_into<kernels::AnyOf, uint8_t>(c, x, reduced, y);
  } else {
    if (kWhat == Reduction::kSum && is_complex(x.dtype())) return sum_complex(c, x, reduced, y);
    with_compute_type(x.dtype(), "A reduction", [&]<class T>(T) {
      if constexpr (kWhat == Reduction::kSum)
        reduce_into<kernels::SumOf, T>(c, x, reduced, y);
      else if constexpr (kWhat == Reduction::kMean)
        mean_into<T>(c, x, reduced, y);
      else if constexpr (kWhat == Reduction::kMax)
        reduce_into<kernels::MaxOf, T>(c, x, reduced, y);
      else if constexpr (kWhat == Reduction::kMin)
        reduce_into<kernels::MinOf, T>(c, x, reduced, y);
      else if constexpr (kWhat == Reduction::kNorm)
        norm_into<T>(c, x, reduced, y);
      else
        reduce_into<kernels::ProdOf, T>(c, x, reduced, y);
    });
  }
}

template void reduce<Reduction::kSum>(KernelContext& c);
template void reduce<Reduction::kMean>(KernelContext& c);
template void reduce<Reduction::kMax>(KernelContext& c);
template void reduce<Reduction::kMin>(KernelContext& c);
template void reduce<Reduction::kProd>(KernelContext& c);
template void reduce<Reduction::kNorm>(KernelContext& c);
template void reduce<Reduction::kAll>(KernelContext& c);
template void reduce<Reduction::kAny>(KernelContext& c);

void arg_max_kernel(KernelContext& c) { arg_extreme<true>(c); }
void arg_min_kernel(KernelContext& c) { arg_extreme<false>(c); }

/// Descending; of equal elements the first comes first.
void top_k_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t columns = x.dim(-1), k = c.input(1).elements() == 1 ? c.input(1).to_int64s()[0] : -1;
  if (k < 0 || k > columns) throw InvalidArgumentError("input must have at least k = {} columns, found {}", k, columns);
  Shape shape = x.shape();
  shape.set_dim(-1, k);
  Tensor &values = c.output(0, shape), &indices = c.output(1, shape);
  if (indices.dtype() != DType::kInt32) unsupported_dtype("TopKV2's index_type", indices.dtype());
  std::vector<int32_t> order(static_cast<size_t>(columns));
  with_compute_type(x.dtype(), "TopKV2", [&]<class T>(T) {
    for (int64_t row = 0; row < (columns == 0 ? 0 : x.elements() / columns); ++row) {
      const T* from = x.data<T>() + row * columns;
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + k, order.end(),
                        [from](int32_t a, int32_t b) { return from[a] > from[b] || (from[a] == from[b] && a < b); });
      for (int64_t i = 0; i < k; ++i) {
        indices.data<int32_t>()[row * k + i] = order[static_cast<size_t>(i)];
        values.data<T>()[row * k + i] = from[order[static_cast<size_t>(i)]];
      }
    }
  });
}

template <class F, class T>
void run_along_axis(KernelContext& c) {
  const Tensor& x = c.input(0);
  const bool exclusive = c.attrs().get_bool("exclusive"), reverse = c.attrs().get_bool("reverse");
  if (x.rank() == 0) throw InvalidArgumentError("A scalar has no axis to sum along");
  const AxisView view(x.shape(), axis_of(c));
  Tensor& y = c.output(0, x.shape());
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (int64_t inner = 0; inner < view.inner; ++inner) {
      const int64_t base = outer * view.size * view.inner + inner;
      T total = F::template start<T>();
      for (int64_t i = 0; i < view.size; ++i) {
        const int64_t at = base + (reverse ? view.size - 1 - i : i) * view.inner;
        const T next = F::join(total, x.data<T>()[at]);
        y.data<T>()[at] = exclusive ? total : next;
        total = next;
      }
    }
  }
}

template <bool kProduct>
void cumulative(KernelContext& c) {
  using F = std::conditional_t<kProduct, kernels::ProdOf, kernels::SumOf>;
  with_compute_type(c.input(0).dtype(), "Cumsum", [&]<class T>(T) { run_along_axis<F, T>(c); });
}

template void cumulative<false>(KernelContext& c);
template void cumulative<true>(KernelContext& c);

namespace {

/// log(exp(a) + exp(b)).
struct LogSumExp {
  template <class T>
  static T start() {
    return -std::numeric_limits<T>::infinity();
  }
  template <class T>
  static T join(T a, T b) {
    const T larger = std::max(a, b);
    return std::isinf(larger) ? larger : std::log1p(std::exp(std::min(a, b) - larger)) + larger;
  }
};

}  // namespace

void cumulative_logsumexp(KernelContext& c) {
  with_float_type(c.input(0).dtype(), "CumulativeLogsumexp", [&]<class T>(T) { run_along_axis<LogSumExp, T>(c); });
}

}  // namespace keras
