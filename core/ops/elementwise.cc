// Elementwise kernels that are more than one formula over one or two inputs.
#include "core/ops/elementwise.h"
#include "core/ops/tensor_list.h"

#include <cmath>
#include <limits>

#include "core/kernels/strided_copy.h"

namespace keras {
namespace {

/// A tensor's strides over a broadcast shape, 0 where it repeats.
std::vector<int64_t> broadcast_strides(const Tensor& tensor, const Shape& shape) {
  const auto dense = kernels::dense_strides(tensor.shape().dims());
  const auto missing = static_cast<size_t>(shape.rank() - tensor.rank());
  std::vector<int64_t> strides(static_cast<size_t>(shape.rank()), 0);
  for (size_t i = 0; i < dense.size(); ++i) strides[missing + i] = tensor.dim(static_cast<int64_t>(i)) == 1 ? 0 : dense[i];
  return strides;
}

/// `tensor` itself, or a broadcast copy of it.
Tensor broadcast_copy(const Tensor& tensor, const Shape& shape) {
  if (tensor.shape() == shape) return tensor;
  Tensor copy = Tensor::allocate(tensor.dtype(), shape);
  kernels::copy_strided(tensor.dtype(), shape.dims(), kernels::view_of(copy), {tensor.raw(), broadcast_strides(tensor, shape)});
  return copy;
}

/// `steps` are 0 for an operand that is one element, else 1.
template <class T>
void select_elements(int64_t count, const bool* condition, int64_t condition_step, const T* a, int64_t a_step, const T* b,
                     int64_t b_step, T* to) {
  kernels::each<int64_t>(count, [=](int64_t i) { to[i] = condition[i * condition_step] ? a[i * a_step] : b[i * b_step]; });
}

void select_into(Tensor& output, const Tensor& condition, const Tensor& a, const Tensor& b) {
  const auto step = [&](const Tensor& tensor) -> int64_t { return tensor.elements() == 1 ? 0 : 1; };
  const auto run = [&]<class T>(T) {
    select_elements(output.elements(), condition.data<bool>(), step(condition), reinterpret_cast<const T*>(a.raw()), step(a),
                    reinterpret_cast<const T*>(b.raw()), step(b), reinterpret_cast<T*>(output.raw()));
  };
  if (output.dtype() == DType::kString) return run(std::string());
  switch (dtype_bytes(output.dtype())) {
    case 1: return run(uint8_t());
    case 2: return run(uint16_t());
    case 4: return run(uint32_t());
    case 8: return run(uint64_t());
    default: unsupported_dtype("Select", output.dtype());
  }
}

template <class To, class From>
To cast_one(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (value != value) return 0;
    if (value <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (value >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

/// Calls f with a value of the type of every dtype that Cast knows.
template <class F>
void with_castable_type(DType dtype, F f) {
  switch (dtype) {
    case DType::kUint64: return f(uint64_t());
    case DType::kUint32: return f(uint32_t());
    case DType::kInt16: return f(int16_t());
    case DType::kUint16: return f(uint16_t());
    default: return with_any_type(dtype, "Cast", f);
  }
}

size_t element_bytes(const Tensor& tensor) { return static_cast<size_t>(dtype_bytes(tensor.dtype())); }

}  // namespace

void map_input(KernelContext& c, kernels::MapRun run) {
  const Tensor x = c.input(0);  // a handle, not a reference: the output may take over its memory
  Tensor& y = c.output(0, x.shape());
  kernels::map(c.kernels(), x.elements(), x.raw(), element_bytes(x), y.raw(), element_bytes(y), run);
}

void zip_inputs(KernelContext& c, kernels::ZipRun run) {
  const Tensor x = c.input(0), y = c.input(1);
  Tensor& z = c.output(0, broadcast_shapes(x.shape(), y.shape()));
  kernels::zip(c.kernels(), x.shape().dims(), y.shape().dims(), x.raw(), y.raw(), element_bytes(x), z.raw(), element_bytes(z),
               run);
}

void check_same_shape(KernelContext& c) {
  if (c.input(0).shape() == c.input(1).shape()) return;
  throw InvalidArgumentError("Inputs must have one shape, found {} and {}", c.input(0).shape(), c.input(1).shape());
}

void unsupported_dtype(std::string_view op, DType dtype) {
  throw UnimplementedError("{} is not implemented for dtype {}", op, dtype);
}

void logical_not(KernelContext& c) {
  const Tensor x = c.input(0);
  kernels::map_with(c.kernels(), x.elements(), x.data<bool>(), c.output(0, x.shape()).data<bool>(),
                    [](bool value) { return !value; });
}

void add_n(KernelContext& c) {
  const Tensor first = c.input(0);
  for (int i = 1; i < c.inputs(); ++i) {
    if (c.input(i).shape() != first.shape()) {
      throw InvalidArgumentError("AddN needs inputs of one shape, found {} and {}", first.shape(), c.input(i).shape());
    }
  }
  // The output may lie over any one input, so that all are read before an element is written.
  std::vector<Tensor> inputs;
  for (int i = 0; i < c.inputs(); ++i) inputs.push_back(c.input(i));
  if (first.dtype() == DType::kVariant) return c.set_output(0, add_lists(inputs));
  Tensor& output = c.output(0, first.shape());
  with_compute_type(first.dtype(), "AddN", [&]<class T>(T) {
    std::vector<const T*> sources;
    for (const Tensor& input : inputs) sources.push_back(input.data<T>());
    T* to = output.data<T>();
    kernels::parallel_for(c.kernels(), first.elements(), kernels::kElementGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T sum = sources[0][i];
        for (size_t k = 1; k < sources.size(); ++k) sum = kernels::Add::apply(sum, sources[k][i]);
        to[i] = sum;
      }
    });
  });
}

void leaky_relu(KernelContext& c) {
  const Tensor x = c.input(0);
  with_float_type(x.dtype(), "LeakyRelu", [&]<class T>(T) {
    const auto alpha = static_cast<T>(c.attrs().get_float("alpha"));
    kernels::map_with(c.kernels(), x.elements(), x.data<T>(), c.output(0, x.shape()).data<T>(),
                      [alpha](T value) { return value > 0 ? value : value * alpha; });
  });
}

void leaky_relu_grad_kernel(KernelContext& c) {
  const Tensor dy = c.input(0), x = c.input(1);
  if (dy.shape() != x.shape()) throw InvalidArgumentError("Inputs must have one shape, found {} and {}", dy.shape(), x.shape());
  with_float_type(x.dtype(), "LeakyReluGrad", [&]<class T>(T) {
    const auto alpha = static_cast<T>(c.attrs().get_float("alpha"));
    kernels::zip_with(c.kernels(), x.elements(), dy.data<T>(), x.data<T>(), c.output(0, x.shape()).data<T>(),
                      [alpha](T gradient, T value) { return value > 0 ? gradient : gradient * alpha; });
  });
}

void clip_by_value(KernelContext& c) {
  const Tensor x = c.input(0);
  const auto bound = [&](int i) {
    const Tensor& given = c.input(i);
    if (given.elements() == 1) return given;
    if (broadcast_shapes(given.shape(), x.shape()) != x.shape()) {
      throw InvalidArgumentError("A bound of shape {} does not fit values of shape {}", given.shape(), x.shape());
    }
    return broadcast_copy(given, x.shape());
  };
  const Tensor low = bound(1), high = bound(2);
  Tensor& output = c.output(0, x.shape());
  with_compute_type(x.dtype(), "ClipByValue", [&]<class T>(T) {
    const T *from = x.data<T>(), *lowest = low.data<T>(), *highest = high.data<T>();
    const int64_t low_step = low.elements() == 1 ? 0 : 1, high_step = high.elements() == 1 ? 0 : 1;
    T* to = output.data<T>();
    for (int64_t i = 0; i < x.elements(); ++i) {
      to[i] = kernels::Maximum::apply(kernels::Minimum::apply(from[i], highest[i * high_step]), lowest[i * low_step]);
    }
  });
}

void select_kernel(KernelContext& c) {
  const Tensor &condition = c.input(0), &a = c.input(1), &b = c.input(2);
  if (a.shape() != b.shape())
    throw InvalidArgumentError("Select needs two values of one shape, found {} and {}", a.shape(), b.shape());
  // A vector condition chooses rows.
  Tensor aligned = condition;
  if (condition.rank() == 1 && a.rank() > 1 && condition.dim(0) == a.dim(0)) {
    std::vector<int64_t> dims(static_cast<size_t>(a.rank()), 1);
    dims[0] = condition.dim(0);
    aligned = condition.reshaped(Shape(std::move(dims)));
  }
  if (condition.elements() != 1 && broadcast_shapes(aligned.shape(), a.shape()) != a.shape()) {
    throw InvalidArgumentError("Select's condition has shape {}, its values {}", condition.shape(), a.shape());
  }
  if (aligned.elements() != 1) aligned = broadcast_copy(aligned, a.shape());
  select_into(c.output(0, a.shape()), aligned, a, b);
}

void select_v2_kernel(KernelContext& c) {
  const Shape shape = broadcast_shapes(broadcast_shapes(c.input(0).shape(), c.input(1).shape()), c.input(2).shape());
  const auto operand = [&](int i) { return c.input(i).elements() == 1 ? c.input(i) : broadcast_copy(c.input(i), shape); };
  const Tensor condition = operand(0), a = operand(1), b = operand(2);
  select_into(c.output(0, shape), condition, a, b);
}

void cast_elements(KernelContext& c, const Tensor& input) {
  Tensor& output = c.output(0, input.shape());
  if (input.dtype() == output.dtype()) return kernels::copy_elements(output, input);
  with_castable_type(input.dtype(), [&]<class From>(From) {
    with_castable_type(output.dtype(), [&]<class To>(To) {
      const auto* from = reinterpret_cast<const From*>(input.raw());
      auto* to = reinterpret_cast<To*>(output.raw());
      kernels::each<int64_t>(input.elements(), [=](int64_t i) { to[i] = cast_one<To>(from[i]); });
    });
  });
}

}  // namespace keras
