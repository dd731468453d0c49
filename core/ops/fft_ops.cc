// Fourier transforms over the last one to three axes. What is real has its half spectrum: the last axis of n has n / 2 + 1
// numbers.
#include "core/kernels/fft.h"

#include <algorithm>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/complex.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using Number = std::complex<double>;
using Numbers = std::vector<Number>;

/// Transforms the last `axes` axes of dense numbers, all or all but the last one.
void transform(Numbers& numbers, const Shape& shape, int64_t axes, bool inverse, bool last_too) {
  int64_t step = 1;
  for (int64_t axis = 1; axis <= axes; ++axis) {
    const int64_t size = shape.dim(-axis);
    if (size > 1 && (axis > 1 || last_too)) {
      kernels::Fft fft(size, inverse);
      for (int64_t i = 0; i < static_cast<int64_t>(numbers.size()); ++i) {
        if (i / step % size == 0) fft.run(numbers.data() + i, step);
      }
    }
    step *= size;
  }
}

template <class T>
Numbers numbers_of(const Tensor& tensor) {
  return Numbers(tensor.data<T>(), tensor.data<T>() + tensor.elements());
}

template <int kAxes>
void complex_shape(ShapeContext& c) {
  shape::require_min_rank(c.input(0), kAxes, "The input of a Fourier transform");
  c.set_output(0, c.input(0));
}

template <int kAxes, bool kInverse>
void complex_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  Tensor& y = c.output(0, x.shape());
  const auto run = [&]<class T>(T) {
    Numbers numbers = numbers_of<T>(x);
    transform(numbers, x.shape(), kAxes, kInverse, true);
    for (size_t i = 0; i < numbers.size(); ++i) y.data<T>()[i] = T(numbers[i]);
  };
  x.dtype() == DType::kComplex64 ? run(std::complex<float>()) : run(std::complex<double>());
}

/// The lengths that `fft_length` asks for; -1 where they are not known.
std::vector<int64_t> checked_lengths(const Shape& input, std::optional<std::vector<int64_t>> lengths, int64_t axes) {
  shape::require_min_rank(input, axes, "The input of a Fourier transform");
  if (!lengths) return std::vector<int64_t>(static_cast<size_t>(axes), kUnknownDim);
  if (static_cast<int64_t>(lengths->size()) != axes) {
    throw InvalidArgumentError("fft_length must have shape [{}], found {} elements", axes, lengths->size());
  }
  for (const int64_t length : *lengths) {
    if (length < 0) throw InvalidArgumentError("fft_length must not be negative, found {}", length);
  }
  return *lengths;
}

/// The shape with its last axes of these lengths, the very last one as half a spectrum if `half`.
Shape with_lengths(const Shape& input, const std::vector<int64_t>& lengths, bool half) {
  if (!input.known_rank()) return Shape::unknown_rank();
  Shape shape = input;
  const auto axes = static_cast<int64_t>(lengths.size());
  for (int64_t i = 0; i < axes; ++i) {
    const int64_t length = lengths[static_cast<size_t>(i)];
    shape.set_dim(i - axes, half && i + 1 == axes && length > 0 ? length / 2 + 1 : length);
  }
  return shape;
}

template <int kAxes, bool kHalf>
void real_shape(ShapeContext& c) {
  c.set_output(0, with_lengths(c.input(0), checked_lengths(c.input(0), shape::known_ints(c, 1), kAxes), kHalf));
}

/// The first elements along each axis. Throws InvalidArgumentError where there are fewer.
Tensor cropped(const Tensor& x, const Shape& shape) {
  for (int64_t axis = 0; axis < shape.rank(); ++axis) {
    if (x.dim(axis) < shape.dim(axis)) {
      throw InvalidArgumentError("Input dimension {} must have length of at least {} but got: {}", axis, shape.dim(axis),
                                 x.dim(axis));
    }
  }
  if (x.shape() == shape) return x;
  Tensor part = Tensor::allocate(x.dtype(), shape);
  kernels::copy_strided(x.dtype(), shape.dims(), kernels::view_of(part), {x.raw(), kernels::dense_strides(x.shape().dims())});
  return part;
}

template <class T>
void real_forward(const Tensor& x, int64_t axes, Tensor& y) {
  Numbers numbers(x.data<T>(), x.data<T>() + x.elements());
  transform(numbers, x.shape(), axes, false, true);
  const int64_t size = x.dim(-1), half = y.dim(-1);
  for (int64_t i = 0; i < y.elements(); ++i) {
    y.data<std::complex<T>>()[i] = std::complex<T>(numbers[static_cast<size_t>(i / half * size + i % half)]);
  }
}

template <int kAxes>
void real_kernel(KernelContext& c) {
  const std::vector<int64_t> lengths = checked_lengths(c.input(0).shape(), c.input(1).to_int64s(), kAxes);
  Tensor& y = c.output(0, with_lengths(c.input(0).shape(), lengths, true));
  if (y.elements() == 0) return;
  const Tensor x = cropped(c.input(0), with_lengths(c.input(0).shape(), lengths, false));
  with_float_type(x.dtype(), "RFFT", [&]<class T>(T) {
    if (y.dtype() != DTypeOf<std::complex<T>>::value)
      throw InvalidArgumentError("The spectrum of {} is not {}", x.dtype(), y.dtype());
    real_forward<T>(x, kAxes, y);
  });
}

/// From half a spectrum: the other half are the conjugates.
template <class T>
void real_backward(const Tensor& x, int64_t axes, Tensor& y) {
  Numbers numbers = numbers_of<std::complex<T>>(x);
  transform(numbers, x.shape(), axes, true, false);
  const int64_t size = y.dim(-1), half = x.dim(-1);
  kernels::Fft fft(size, true);
  Numbers line(static_cast<size_t>(size));
  for (int64_t row = 0; row < y.elements() / size; ++row) {
    const Number* from = numbers.data() + row * half;
    for (int64_t k = 0; k < size; ++k) line[static_cast<size_t>(k)] = k < half ? from[k] : std::conj(from[size - k]);
    fft.run(line.data(), 1);
    for (int64_t k = 0; k < size; ++k) y.data<T>()[row * size + k] = static_cast<T>(line[static_cast<size_t>(k)].real());
  }
}

template <int kAxes>
void real_inverse_kernel(KernelContext& c) {
  const std::vector<int64_t> lengths = checked_lengths(c.input(0).shape(), c.input(1).to_int64s(), kAxes);
  Tensor& y = c.output(0, with_lengths(c.input(0).shape(), lengths, false));
  if (y.elements() == 0) return;
  const Tensor x = cropped(c.input(0), with_lengths(c.input(0).shape(), lengths, true));
  with_float_type(y.dtype(), "IRFFT", [&]<class T>(T) {
    if (x.dtype() != DTypeOf<std::complex<T>>::value)
      throw InvalidArgumentError("{} is not the spectrum of {}", x.dtype(), y.dtype());
    real_backward<T>(x, kAxes, y);
  });
}

// Gradients: the adjoint transforms.

constexpr const char* kForward[] = {"FFT", "FFT2D", "FFT3D"};
constexpr const char* kBackward[] = {"IFFT", "IFFT2D", "IFFT3D"};
constexpr const char* kRealForward[] = {"RFFT", "RFFT2D", "RFFT3D"};

/// The last `count` numbers of a shape vector.
Value last_dims(const Value& shape, int64_t count) {
  Emitter& emitter = *shape.emitter;
  return emit1("StridedSlice", {shape, ints(emitter, {-count}), ints(emitter, {0}), ints(emitter, {1})},
               {{"end_mask", int64_t{1}}});
}
Value product_of(const Value& lengths) { return emit1("Prod", {lengths, ints(*lengths.emitter, {0})}); }

template <int kAxes, bool kInverse>
Values complex_grad(GradContext& g) {
  const Value &x = g.input(0), &up = g.upstream(0);
  const Value size = cast(product_of(last_dims(shape_of(x), kAxes)), x.dtype());
  if (kInverse) return {div(emit1(kForward[kAxes - 1], {up}), size)};
  return {mul(emit1(kBackward[kAxes - 1], {up}), size)};
}

/// `x` with zeros behind it until its last axes are of these sizes.
Value padded(const Value& x, const Value& sizes, int64_t axes) {
  if (!x.shape().known_rank()) throw UnimplementedError("The gradient of a Fourier transform needs a known rank");
  const Value missing = expand_dims(sub(sizes, last_dims(shape_of(x), axes)), -1);
  return emit1("Pad", {x, pad(missing, {{x.shape().rank() - axes, 0}, {1, 0}})});
}

template <int kAxes>
Values real_grad(GradContext& g) {
  const Value &x = g.input(0), &lengths = g.input(1);
  const Value moved = emit1(kBackward[kAxes - 1], {padded(g.upstream(0), lengths, kAxes)});
  const Value real = mul(emit1("Real", {moved}, {{"Tout", x.dtype()}}), cast(product_of(lengths), x.dtype()));
  return {padded(real, last_dims(shape_of(x), kAxes), kAxes), Value()};
}

// Numbers of the half spectrum that stand for their conjugates, too, count twice.
template <int kAxes>
Values real_inverse_grad(GradContext& g) {
  const Value &x = g.input(0), &up = g.upstream(0), &lengths = g.input(1);
  const Value spectrum = emit1(kRealForward[kAxes - 1], {up, lengths}, {{"Tcomplex", x.dtype()}});
  const Value zero = int_scalar(g.emitter(), 0), one = int_scalar(g.emitter(), 1), two = int_scalar(g.emitter(), 2);
  const Value length = reshape(last_dims(lengths, 1), std::vector<int64_t>{});
  const Value k = emit1("Range", {zero, add(emit1("FloorDiv", {length, two}), one), one});
  const auto is = [&](const Value& a, const Value& b) { return cast(equal(a, b), up.dtype()); };
  const Value weights = sub(sub(2.0, is(k, zero)), is(mul(k, two), length));
  const Value scaled = mul(spectrum, from_real(div(weights, cast(product_of(lengths), up.dtype()))));
  return {padded(scaled, last_dims(shape_of(x), kAxes), kAxes), Value()};
}

template <int kAxes, bool kInverse>
constexpr OpDef complex_op(const char* name, const char* signature, const char* js) {
  return {.name = name,
          .signature = signature,
          .shape = complex_shape<kAxes>,
          .kernel = complex_kernel<kAxes, kInverse>,
          .gradient = complex_grad<kAxes, kInverse>,
          .js = js};
}
template <int kAxes>
constexpr OpDef real_op(const char* name, const char* signature) {
  return {.name = name,
          .signature = signature,
          .shape = real_shape<kAxes, true>,
          .kernel = real_kernel<kAxes>,
          .gradient = real_grad<kAxes>};
}
template <int kAxes>
constexpr OpDef real_inverse_op(const char* name, const char* signature) {
  return {.name = name,
          .signature = signature,
          .shape = real_shape<kAxes, false>,
          .kernel = real_inverse_kernel<kAxes>,
          .gradient = real_inverse_grad<kAxes>};
}

constexpr OpDef kOps[] = {
    complex_op<1, false>("FFT", "(input: Tcomplex) -> (output: Tcomplex); Tcomplex: {complex} = complex64", "signal.fft"),
    complex_op<2, false>("FFT2D", "(input: Tcomplex) -> (output: Tcomplex); Tcomplex: {complex} = complex64", "signal.fft2d"),
    complex_op<3, false>("FFT3D", "(input: Tcomplex) -> (output: Tcomplex); Tcomplex: {complex} = complex64", "signal.fft3d"),
    complex_op<1, true>("IFFT", "(input: Tcomplex) -> (output: Tcomplex); Tcomplex: {complex} = complex64", "signal.ifft"),
    complex_op<2, true>("IFFT2D", "(input: Tcomplex) -> (output: Tcomplex); Tcomplex: {complex} = complex64", "signal.ifft2d"),
    complex_op<3, true>("IFFT3D", "(input: Tcomplex) -> (output: Tcomplex); Tcomplex: {complex} = complex64", "signal.ifft3d"),
    real_op<1>("RFFT",
               "(input: Treal, fft_length: int32) -> (output: Tcomplex); Treal: {float, double} = float; Tcomplex: {complex} = "
               "complex64"),
    real_op<2>("RFFT2D",
               "(input: Treal, fft_length: int32) -> (output: Tcomplex); Treal: {float, double} = float; Tcomplex: {complex} = "
               "complex64"),
    real_op<3>("RFFT3D",
               "(input: Treal, fft_length: int32) -> (output: Tcomplex); Treal: {float, double} = float; Tcomplex: {complex} = "
               "complex64"),
    real_inverse_op<1>("IRFFT",
                       "(input: Tcomplex, fft_length: int32) -> (output: Treal); Treal: {float, double} = float; Tcomplex: "
                       "{complex} = complex64"),
    real_inverse_op<2>("IRFFT2D",
                       "(input: Tcomplex, fft_length: int32) -> (output: Treal); Treal: {float, double} = float; Tcomplex: "
                       "{complex} = complex64"),
    real_inverse_op<3>("IRFFT3D",
                       "(input: Tcomplex, fft_length: int32) -> (output: Treal); Treal: {float, double} = float; Tcomplex: "
                       "{complex} = complex64"),
};

}  // namespace

std::span<const OpDef> fft_ops() { return kOps; }

}  // namespace keras
