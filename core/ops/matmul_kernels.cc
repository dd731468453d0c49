// From a KernelContext to matrix products and biases.
#include "core/ops/matmul_kernels.h"

#include "core/kernels/gemm.h"
#include "core/kernels/parallel_for.h"
#include "core/kernels/reduce.h"
#include "core/ops/elementwise.h"
#include "core/ops/epilogue.h"

namespace keras {
namespace {

using kernels::MatrixView;

/// The sizes of one product and how its operands are read.
struct Sizes {
  Sizes(const Shape& a, const Shape& b, bool turn_a, bool turn_b)
      : m(a.dim(turn_a ? -1 : -2)),
        n(b.dim(turn_b ? -2 : -1)),
        k(a.dim(turn_a ? -2 : -1)),
        transpose_a(turn_a),
        transpose_b(turn_b) {
    if (b.dim(turn_b ? -1 : -2) != k) throw InvalidArgumentError("Matrix size-incompatible: In[0]: {}, In[1]: {}", a, b);
  }
  template <class T>
  MatrixView<T> a(const T* data) const {
    return transpose_a ? MatrixView<T>{data, 1, m} : MatrixView<T>{data, k, 1};
  }
  template <class T>
  MatrixView<T> b(const T* data) const {
    return transpose_b ? MatrixView<T>{data, 1, k} : MatrixView<T>{data, n, 1};
  }

  int64_t m, n, k;
  bool transpose_a, transpose_b;
};

template <class T>
void multiply(KernelContext& c, const Sizes& sizes, const T* a, const T* b, T* result) {
  if constexpr (std::is_same_v<T, float>) {
    kernels::gemm(c.kernels(), sizes.m, sizes.n, sizes.k, sizes.a(a), sizes.b(b), result, sizes.n);
  } else {
    kernels::gemm_plain(sizes.m, sizes.n, sizes.k, sizes.a(a), sizes.b(b), result, sizes.n);
  }
}

/// All axes but the last two.
Shape batch_of(const Shape& shape) { return Shape(std::vector<int64_t>(shape.dims().begin(), shape.dims().end() - 2)); }

/// Which matrix of an operand with this batch shape stands at place `index` of the broadcast batch.
int64_t broadcast_place(const Shape& batch, const Shape& broadcast, int64_t index) {
  int64_t place = 0, step = 1;
  for (int64_t axis = 1; axis <= broadcast.rank(); ++axis) {
    const int64_t at = index % broadcast.dim(-axis);
    index /= broadcast.dim(-axis);
    if (axis > batch.rank()) continue;
    if (batch.dim(-axis) != 1) place += at * step;
    step *= batch.dim(-axis);
  }
  return place;
}

bool is_channels_first(KernelContext& c) { return c.attrs().get_string("data_format") == "NCHW"; }

/// [outer, channels, inner]
struct ChannelView {
  ChannelView(const Shape& shape, bool channels_first) {
    const int64_t axis = channels_first ? 1 : shape.rank() - 1;
    for (int64_t i = 0; i < shape.rank(); ++i) {
      if (i == axis)
        channels = shape.dim(i);
      else
        (i < axis ? outer : inner) *= shape.dim(i);
    }
  }
  int64_t outer = 1, channels = 1, inner = 1;
};

}  // namespace

void matmul_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const Sizes sizes(a.shape(), b.shape(), c.attrs().get_bool("transpose_a"), c.attrs().get_bool("transpose_b"));
  Tensor& result = c.output(0, {sizes.m, sizes.n});
  with_compute_type(a.dtype(), "MatMul", [&]<class T>(T) { multiply(c, sizes, a.data<T>(), b.data<T>(), result.data<T>()); });
}

namespace {

void batch_matmul_of(KernelContext& c, const Tensor& x, const Tensor& y) {
  const Sizes sizes(x.shape(), y.shape(), c.attrs().get_bool("adj_x"), c.attrs().get_bool("adj_y"));
  const Shape x_batch = batch_of(x.shape()), y_batch = batch_of(y.shape()), batch = broadcast_shapes(x_batch, y_batch);
  std::vector<int64_t> dims = batch.dims();
  dims.insert(dims.end(), {sizes.m, sizes.n});
  Tensor& result = c.output(0, Shape(std::move(dims)));
  with_compute_type(x.dtype(), "BatchMatMulV2", [&]<class T>(T) {
    const int64_t grain = 100'000 / std::max<int64_t>(sizes.m * sizes.n * sizes.k, 1) + 1;
    kernels::parallel_for(c.kernels(), batch.elements(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        multiply(c, sizes, x.data<T>() + broadcast_place(x_batch, batch, i) * sizes.m * sizes.k,
                 y.data<T>() + broadcast_place(y_batch, batch, i) * sizes.k * sizes.n, result.data<T>() + i * sizes.m * sizes.n);
      }
    });
  });
}

Tensor converted(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  Tensor result = Tensor::allocate(dtype, tensor.shape());
  with_compute_type(tensor.dtype(), "BatchMatMulV3", [&]<class From>(From) {
    with_compute_type(dtype, "BatchMatMulV3", [&]<class To>(To) {
      if constexpr (std::is_floating_point_v<From> && !std::is_floating_point_v<To>)
        throw UnimplementedError("BatchMatMulV3 does not make integers of floats");
      else
        std::transform(tensor.data<From>(), tensor.data<From>() + tensor.elements(), result.data<To>(),
                       [](From value) { return static_cast<To>(value); });
    });
  });
  return result;
}

}  // namespace

void batch_matmul_kernel(KernelContext& c) { batch_matmul_of(c, c.input(0), c.input(1)); }

void batch_matmul_v3_kernel(KernelContext& c) {
  const Tensor x = converted(c.input(0), c.output_dtype(0)), y = converted(c.input(1), c.output_dtype(0));
  batch_matmul_of(c, x, y);
}

void bias_add_kernel(KernelContext& c) {
  const Tensor value = c.input(0), bias = c.input(1);
  const ChannelView view(value.shape(), is_channels_first(c));
  if (bias.elements() != view.channels) {
    throw InvalidArgumentError("Must provide as many biases as the channel dimension of the input tensor: {} vs. {}",
                               bias.shape(), value.shape());
  }
  Tensor& output = c.output(0, value.shape());
  with_compute_type(value.dtype(), "BiasAdd", [&]<class T>(T) {
    const int64_t value_dims[] = {view.outer, view.channels, view.inner}, bias_dims[] = {view.channels, 1};
    kernels::zip<kernels::Add>(c.kernels(), value_dims, bias_dims, value.data<T>(), bias.data<T>(), output.data<T>());
  });
}

void bias_add_grad_kernel(KernelContext& c) {
  const Tensor& value = c.input(0);
  const ChannelView view(value.shape(), is_channels_first(c));
  Tensor& output = c.output(0, {view.channels});
  with_compute_type(value.dtype(), "BiasAddGrad", [&]<class T>(T) {
    kernels::reduce<kernels::SumOf>(c.kernels(), {{view.outer, true}, {view.channels, false}, {view.inner, true}},
                                    value.data<T>(), output.data<T>());
  });
}

void fused_matmul_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const Shape& packed_shape = c.attrs().get<Shape>("b_shape");
  const bool packed = packed_shape.known_rank();
  const Sizes sizes(a.shape(), packed ? packed_shape : b.shape(), c.attrs().get_bool("transpose_a"),
                    c.attrs().get_bool("transpose_b"));
  const Shape shape{sizes.m, sizes.n};
  const kernels::Epilogue epilogue = make_epilogue(c, 2, shape);
  float* result = c.output(0, shape).data<float>();
  const auto rows = sizes.a(a.data<float>());
  if (packed) {
    kernels::gemm_packed(c.kernels(), sizes.m, sizes.n, sizes.k, rows, b.data<float>(), result, sizes.n, epilogue);
  } else {
    kernels::gemm(c.kernels(), sizes.m, sizes.n, sizes.k, rows, sizes.b(b.data<float>()), result, sizes.n, epilogue);
  }
}

void pack_matmul_weights_shape(ShapeContext& c) {
  const Shape& b = c.input(0);
  if (!b.fully_known() || b.rank() != 2) return c.set_output(0, {kUnknownDim});
  const bool turned = c.attrs().get_bool("transpose_b");
  c.set_output(0, {kernels::packed_floats(b.dim(turned ? 1 : 0), b.dim(turned ? 0 : 1))});
}

void pack_matmul_weights_kernel(KernelContext& c) {
  const Tensor& b = c.input(0);
  if (b.rank() != 2) throw InvalidArgumentError("Weights of a product must have rank 2, found shape {}", b.shape());
  const bool turned = c.attrs().get_bool("transpose_b");
  const int64_t k = b.dim(turned ? 1 : 0), n = b.dim(turned ? 0 : 1);
  const MatrixView<float> view = turned ? MatrixView<float>{b.data<float>(), 1, k} : MatrixView<float>{b.data<float>(), n, 1};
  kernels::pack_matrix(k, n, view, c.output(0, {kernels::packed_floats(k, n)}).data<float>());
}

Tensor unpack_matmul_weights(const Tensor& packed, const Shape& matrix, bool transpose_b) {
  Tensor result = Tensor::allocate(DType::kFloat32, matrix);
  const int64_t k = matrix.dim(transpose_b ? 1 : 0), n = matrix.dim(transpose_b ? 0 : 1);
  kernels::unpack_matrix(k, n, packed.data<float>(), result.data<float>(), transpose_b ? 1 : n, transpose_b ? k : 1);
  return result;
}

}  // namespace keras
