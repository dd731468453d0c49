// Matrix products and biases. The private ops are made by rewrites only: a product with bias and activation in one pass, the
// packing of its weights, which is computed once as long as the weights stay, and recurrent layers over packed weights, made
// from calls of the functions that Keras writes for them (core/graph/recurrent_form.h).
#include "core/ops/builders.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/matmul_kernels.h"
#include "core/ops/recurrent_kernels.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

// c = a b: da = dc bᵀ, db = aᵀ dc, and the like where one of them is transposed.
template <class Product>
Values product_grad(GradContext& g, bool transpose_a, bool transpose_b, Product product) {
  const Value &a = g.input(0), &b = g.input(1), &dc = g.upstream(0);
  if (!transpose_a && !transpose_b) return {product(dc, b, false, true), product(a, dc, true, false)};
  if (!transpose_a) return {product(dc, b, false, false), product(dc, a, true, false)};
  if (!transpose_b) return {product(b, dc, false, true), product(a, dc, false, false)};
  return {product(b, dc, true, true), product(dc, a, true, true)};
}

Values matmul_grad(GradContext& g) {
  return product_grad(g, g.attrs().get_bool("transpose_a"), g.attrs().get_bool("transpose_b"), matmul);
}

Value batch_matmul(const Value& a, const Value& b, bool adj_a, bool adj_b) {
  return emit1("BatchMatMulV2", {a, b}, {{"adj_x", adj_a}, {"adj_y", adj_b}});
}

// The matrices' own axes are never broadcast: all but the last two are summed back.
Value unbroadcast_batch(const Value& gradient, const Value& x) {
  const Shape &from = gradient.shape(), &to = x.shape();
  if (from.known_rank() && to.known_rank() && to.rank() == from.rank() && from.rank() == 2) return gradient;
  if (from.fully_known() && from == to) return gradient;
  return unbroadcast(gradient, x);
}

Values batch_matmul_grad(GradContext& g) {
  const Values grads = product_grad(g, g.attrs().get_bool("adj_x"), g.attrs().get_bool("adj_y"), batch_matmul);
  return {unbroadcast_batch(grads[0], g.input(0)), unbroadcast_batch(grads[1], g.input(1))};
}

Values batch_matmul_v3_grad(GradContext& g) {
  const DType dtype = g.output(0).dtype();
  if (g.input(0).dtype() != dtype || g.input(1).dtype() != dtype) {
    throw UnimplementedError("The gradient of BatchMatMulV3 needs one dtype, found {} · {} = {}", g.input(0).dtype(),
                             g.input(1).dtype(), dtype);
  }
  return batch_matmul_grad(g);
}

Values bias_add_grad(GradContext& g) {
  return {g.upstream(0), emit1("BiasAddGrad", {g.upstream(0)}, {{"data_format", g.attrs().get_string("data_format")}})};
}

// A sum over all axes but the channels': its gradient is that gradient for every position.
Values bias_add_grad_grad(GradContext& g) {
  return {emit1("BiasAdd", {zeros_like(g.input(0)), g.upstream(0)}, {{"data_format", g.attrs().get_string("data_format")}})};
}

/// [m, k] · [k, n] = [m, n], with rows and columns swapped where an attribute says so.
Shape product_shape(const Shape& a, const Shape& b, bool transpose_a, bool transpose_b) {
  shape::require_rank(a, 2, "The left matrix");
  shape::require_rank(b, 2, "The right matrix");
  const auto dim = [](const Shape& shape, int64_t axis) { return shape::dim_or_unknown(shape, axis); };
  if (dim(a, transpose_a ? 0 : 1) >= 0 && dim(b, transpose_b ? 1 : 0) >= 0 &&
      dim(a, transpose_a ? 0 : 1) != dim(b, transpose_b ? 1 : 0)) {
    throw InvalidArgumentError("Matrix size-incompatible: In[0]: {}, In[1]: {}", a, b);
  }
  return {dim(a, transpose_a ? 1 : 0), dim(b, transpose_b ? 0 : 1)};
}

void matmul_shape(ShapeContext& c) {
  c.set_output(0, product_shape(c.input(0), c.input(1), c.attrs().get_bool("transpose_a"), c.attrs().get_bool("transpose_b")));
}

void batch_matmul_shape(ShapeContext& c) {
  const Shape &x = c.input(0), &y = c.input(1);
  shape::require_min_rank(x, 2, "The left matrices");
  shape::require_min_rank(y, 2, "The right matrices");
  if (!x.known_rank() || !y.known_rank()) return;
  const auto batch = [](const Shape& shape) { return Shape(std::vector<int64_t>(shape.dims().begin(), shape.dims().end() - 2)); };
  const auto matrix = [](const Shape& shape) { return Shape{shape.dim(-2), shape.dim(-1)}; };
  const Shape product = product_shape(matrix(x), matrix(y), c.attrs().get_bool("adj_x"), c.attrs().get_bool("adj_y"));
  std::vector<int64_t> dims = broadcast_shapes(batch(x), batch(y)).dims();
  dims.push_back(product.dim(0));
  dims.push_back(product.dim(1));
  c.set_output(0, Shape(std::move(dims)));
}

/// One dtype for all, or what TensorFlow's CPU has besides: products of 8-bit integers, and of those with bfloat16.
void batch_matmul_v3_shape(ShapeContext& c) {
  const DType x = c.input_dtype(0), y = c.input_dtype(1), product = c.attrs().get_dtype("Tout");
  const auto is_byte = [](DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUint8; };
  const auto is_brain = [](DType dtype) { return dtype == DType::kBfloat16; };
  const bool mixed = (is_byte(x) && is_brain(y)) || (is_brain(x) && is_byte(y));
  const bool has_kernel =
      (x == y && x == product) || (is_byte(x) && is_byte(y) && product == DType::kInt32) || (mixed && is_brain(product));
  if (!has_kernel) throw UnimplementedError("No kernel of BatchMatMulV3 multiplies {} and {} to {}", x, y, product);
  batch_matmul_shape(c);
}

/// The axis of the channels.
int64_t channel_axis(ShapeContext& c) {
  const bool first = c.attrs().get_string("data_format") == "NCHW";
  shape::require_min_rank(c.input(0), first ? 3 : 2, "The value");
  return first ? 1 : -1;
}

void bias_add_shape(ShapeContext& c) {
  Shape value = c.input(0);
  const int64_t axis = channel_axis(c);
  shape::require_rank(c.input(1), 1, "The bias");
  if (value.known_rank()) {
    value.set_dim(axis, shape::same_dim(value.dim(axis), shape::dim_or_unknown(c.input(1), 0), "Channels and bias"));
  }
  c.set_output(0, value);
}

void bias_add_grad_shape(ShapeContext& c) {
  c.set_output(0, {c.input(0).known_rank() ? c.input(0).dim(channel_axis(c)) : kUnknownDim});
}

/// `weights` are either b itself or what _PackMatMulWeights made of it; `b_shape` then is that of b.
void fused_matmul_shape(ShapeContext& c) {
  const Shape& packed_shape = c.attrs().get<Shape>("b_shape");
  const Shape& b = packed_shape.known_rank() ? packed_shape : c.input(1);
  c.set_output(0, product_shape(c.input(0), b, c.attrs().get_bool("transpose_a"), c.attrs().get_bool("transpose_b")));
}

constexpr OpDef kOps[] = {
    {.name = "MatMul",
     .signature = "(a: T, b: T) -> (product: T); transpose_a: bool = false; transpose_b: bool = false; T: {floating, "
                  "complex, int32, int64, uint8, uint16, uint32, uint64}",
     .shape = matmul_shape,
     .kernel = matmul_kernel,
     .gradient = matmul_grad},
    {.name = "BatchMatMul",
     .signature = "(x: T, y: T) -> (output: T); T: {floating, complex, int32, int64}; adj_x: bool = false; adj_y: "
                  "bool = false",
     .shape = batch_matmul_shape,
     .kernel = batch_matmul_kernel,
     .gradient = batch_matmul_grad},
    {.name = "BatchMatMulV2",
     .signature = "(x: T, y: T) -> (output: T); T: {floating, complex, int16, int32, int64, uint8, uint16, uint32, "
                  "uint64}; adj_x: bool = false; adj_y: bool = false",
     .shape = batch_matmul_shape,
     .kernel = batch_matmul_kernel,
     .gradient = batch_matmul_grad,
     .js = "linalg.matmul"},
    {.name = "BatchMatMulV3",
     .signature = "(x: Ta, y: Tb) -> (output: Tout); Ta: {floating, complex, uint8, int8, int16, int32, int64}; Tb: "
                  "{floating, complex, uint8, int8, int16, int32, int64}; Tout: {floating, complex, int16, int32, int64}; "
                  "adj_x: bool = false; adj_y: bool = false",
     .shape = batch_matmul_v3_shape,
     .kernel = batch_matmul_v3_kernel,
     .gradient = batch_matmul_v3_grad},
    {.name = "BiasAdd",
     .signature = "(value: T, bias: T) -> (output: T); T: {numeric}; data_format: string = \"NHWC\"",
     .shape = bias_add_shape,
     .kernel = bias_add_kernel,
     .gradient = bias_add_grad,
     .js = "nn.biasAdd",
     .flags = kInPlace},
    {.name = "BiasAddGrad",
     .signature = "(out_backprop: T) -> (output: T); T: {numeric}; data_format: string = \"NHWC\"",
     .shape = bias_add_grad_shape,
     .kernel = bias_add_grad_kernel,
     .gradient = bias_add_grad_grad},

    {.name = "_FusedMatMul",
     .signature = "(a: T, b: T, args: num_args * T) -> (product: T); transpose_a: bool = false; transpose_b: bool = "
                  "false; T: {float}; num_args: int; fused_ops: list(string) = []; leakyrelu_alpha: float = 0.2; "
                  "b_shape: shape = ?",
     .shape = fused_matmul_shape,
     .kernel = fused_matmul_kernel},
    {.name = "_PackMatMulWeights",
     .signature = "(b: T) -> (packed: T); T: {float}; transpose_b: bool = false",
     .shape = pack_matmul_weights_shape,
     .kernel = pack_matmul_weights_kernel},
    {.name = "_FusedLSTM",
     .signature = "(inputs: float, init_h: float, init_c: float, kernel: float, recurrent_kernel: float, bias: float) -> "
                  "(last_output: float, outputs: float, state_h: float, state_c: float, runtime: float); units: int; "
                  "time_major: bool; go_backwards: bool; return_sequences: bool",
     .shape = fused_lstm_shape,
     .kernel = fused_lstm_kernel},
    {.name = "_FusedGRU",
     .signature = "(inputs: float, init_h: float, kernel: float, recurrent_kernel: float, bias: float) -> (last_output: "
                  "float, outputs: float, state_h: float, runtime: float); units: int; time_major: bool; go_backwards: "
                  "bool; return_sequences: bool",
     .shape = fused_gru_shape,
     .kernel = fused_gru_kernel},
};

}  // namespace

std::span<const OpDef> matmul_ops() { return kOps; }

}  // namespace keras
