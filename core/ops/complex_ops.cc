// Complex numbers: their parts, and the arithmetic on them.
#include "core/ops/complex.h"

#include <cmath>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

template <class F>
void with_complex_type(DType dtype, F f) {
  if (dtype == DType::kComplex64) return f(std::complex<float>());
  if (dtype == DType::kComplex128) return f(std::complex<double>());
  unsupported_dtype("Complex arithmetic", dtype);
}

struct Sum {
  template <class T>
  static T apply(T a, T b) {
    return a + b;
  }
};
struct Difference {
  template <class T>
  static T apply(T a, T b) {
    return a - b;
  }
};
struct Product {
  template <class T>
  static T apply(T a, T b) {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
  }
};
struct Quotient {
  template <class T>
  static T apply(T a, T b) {
    return Product::apply(a, std::conj(b)) / (b.real() * b.real() + b.imag() * b.imag());
  }
};
struct Negative {
  template <class T>
  static T apply(T a) {
    return -a;
  }
};
struct Conjugate {
  template <class T>
  static T apply(T a) {
    return std::conj(a);
  }
};
struct RealPart {
  template <class T>
  static auto apply(T a) {
    return a.real();
  }
};
struct ImaginaryPart {
  template <class T>
  static auto apply(T a) {
    return a.imag();
  }
};
struct Magnitude {
  template <class T>
  static auto apply(T a) {
    return std::hypot(a.real(), a.imag());
  }
};
struct Argument {
  template <class T>
  static auto apply(T a) {
    return std::atan2(a.imag(), a.real());
  }
};

template <class F>
void complex_binary(KernelContext& c) {
  with_complex_type(c.input(0).dtype(), [&]<class T>(T) { zip_inputs(c, kernels::zip_run<F, T, T>); });
}
template <class F>
void complex_unary(KernelContext& c) {
  with_complex_type(c.input(0).dtype(), [&]<class T>(T) { map_input(c, kernels::map_run<F, T, T>); });
}
/// To real numbers of the same precision.
template <class F>
void part_kernel(KernelContext& c) {
  with_complex_type(c.input(0).dtype(), [&]<class T>(T) {
    using Part = typename T::value_type;
    if (c.output_dtype(0) != DTypeOf<Part>::value) {
      throw InvalidArgumentError("A part of a {} number is {}, not {}", c.input(0).dtype(), DTypeOf<Part>::value,
                                 c.output_dtype(0));
    }
    map_input(c, kernels::map_run<F, T, Part>);
  });
}

struct Pair {
  template <class T>
  static std::complex<T> apply(T real, T imaginary) {
    return {real, imaginary};
  }
};
void complex_kernel(KernelContext& c) {
  with_float_type(c.input(0).dtype(), "Complex", [&]<class T>(T) {
    if (c.output_dtype(0) != DTypeOf<std::complex<T>>::value) {
      throw InvalidArgumentError("Complex makes no {} of {}", c.output_dtype(0), c.input(0).dtype());
    }
    zip_inputs(c, kernels::zip_run<Pair, T, std::complex<T>>);
  });
}

// Gradients, in TensorFlow's sense: a real result changes by the real part of conj(gradient) · change.

DType complex_of(DType part) { return part == DType::kFloat64 ? DType::kComplex128 : DType::kComplex64; }

Value complex(const Value& real, const Value& imaginary) {
  return emit1("Complex", {real, imaginary}, {{"Tout", complex_of(real.dtype())}});
}
Value part(const char* op, const Value& x) { return emit1(op, {x}, {{"Tout", part_of(x.dtype())}}); }

Values real_grad(GradContext& g) { return {from_real(g.upstream(0))}; }
Values imaginary_grad(GradContext& g) { return {complex(scalar_like(g.upstream(0), 0.0), g.upstream(0))}; }
Values conj_grad(GradContext& g) { return {conjugate(g.upstream(0))}; }
Values complex_grad(GradContext& g) { return unbroadcast_pair(g, part("Real", g.upstream(0)), part("Imag", g.upstream(0))); }
Values magnitude_grad(GradContext& g) { return {mul(from_real(emit1("DivNoNan", {g.upstream(0), g.output(0)})), g.input(0))}; }
// -gradient / (imaginary + i · real)
Values angle_grad(GradContext& g) {
  const Value& x = g.input(0);
  return {neg(div(from_real(g.upstream(0)), complex(part("Imag", x), part("Real", x))))};
}

constexpr OpDef kOps[] = {
    {.name = "Complex",
     .signature = "(real: T, imag: T) -> (out: Tout); T: {float, double} = float; Tout: {complex} = complex64",
     .shape = shape::broadcast,
     .kernel = complex_kernel,
     .gradient = complex_grad,
     .js = "complex"},
    {.name = "Real",
     .signature = "(input: T) -> (output: Tout); T: {complex} = complex64; Tout: {float, double} = float",
     .shape = shape::same_as<0>,
     .kernel = part_kernel<RealPart>,
     .gradient = real_grad,
     .js = "math.real"},
    {.name = "Imag",
     .signature = "(input: T) -> (output: Tout); T: {complex} = complex64; Tout: {float, double} = float",
     .shape = shape::same_as<0>,
     .kernel = part_kernel<ImaginaryPart>,
     .gradient = imaginary_grad,
     .js = "math.imag"},
    {.name = "ComplexAbs",
     .signature = "(x: T) -> (y: Tout); T: {complex} = complex64; Tout: {float, double} = float",
     .shape = shape::same_as<0>,
     .kernel = part_kernel<Magnitude>,
     .gradient = magnitude_grad,
     .js = "math.complexAbs"},
    {.name = "Angle",
     .signature = "(input: T) -> (output: Tout); T: {complex} = complex64; Tout: {float, double} = float",
     .shape = shape::same_as<0>,
     .kernel = part_kernel<Argument>,
     .gradient = angle_grad,
     .js = "math.angle"},
    {.name = "Conj",
     .signature = "(input: T) -> (output: T); T: {complex, variant} = complex64",
     .shape = shape::same_as<0>,
     .kernel = complex_unary<Conjugate>,
     .gradient = conj_grad,
     .js = "math.conj"},
};

}  // namespace

void add_complex(KernelContext& c) { complex_binary<Sum>(c); }
void subtract_complex(KernelContext& c) { complex_binary<Difference>(c); }
void multiply_complex(KernelContext& c) { complex_binary<Product>(c); }
void divide_complex(KernelContext& c) { complex_binary<Quotient>(c); }
void negate_complex(KernelContext& c) { complex_unary<Negative>(c); }

void add_many_complex(KernelContext& c) {
  std::vector<Tensor> inputs;  // handles: the output may lie over any of them
  for (int i = 0; i < c.inputs(); ++i) {
    inputs.push_back(c.input(i));
    if (inputs[0].shape() != inputs.back().shape()) {
      throw InvalidArgumentError("AddN needs inputs of one shape, found {} and {}", inputs[0].shape(), inputs.back().shape());
    }
  }
  Tensor& output = c.output(0, inputs[0].shape());
  with_complex_type(output.dtype(), [&]<class T>(T) {
    for (int64_t k = 0; k < output.elements(); ++k) {
      T sum{};
      for (const Tensor& input : inputs) sum += input.data<T>()[k];
      output.data<T>()[k] = sum;
    }
  });
}

void cast_complex(KernelContext& c) {
  const Tensor x = c.input(0);
  if (!is_complex(c.output_dtype(0))) {
    Tensor real = Tensor::allocate(part_of(x.dtype()), x.shape());
    with_complex_type(x.dtype(), [&]<class T>(T) {
      for (int64_t i = 0; i < x.elements(); ++i) real.data<typename T::value_type>()[i] = x.data<T>()[i].real();
    });
    return cast_elements(c, real);
  }
  Tensor& y = c.output(0, x.shape());
  with_complex_type(y.dtype(), [&]<class To>(To) {
    using Part = typename To::value_type;
    if (!is_complex(x.dtype())) {
      for (int64_t i = 0; i < x.elements(); ++i) y.data<To>()[i] = static_cast<Part>(x.number_at(i));
      return;
    }
    with_complex_type(x.dtype(), [&]<class From>(From) {
      for (int64_t i = 0; i < x.elements(); ++i) y.data<To>()[i] = To(x.data<From>()[i]);
    });
  });
}

Value from_real(const Value& real) { return complex(real, scalar_like(real, 0.0)); }

Value conjugate(const Value& x) { return is_complex(x.dtype()) ? emit1("Conj", {x}) : x; }

std::span<const OpDef> complex_ops() { return kOps; }

}  // namespace keras
