// Square matrices: inverses, determinants, factors and solutions, batch by batch.
#include <cmath>
#include <vector>

#include "core/kernels/functors.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

Value product(const Value& a, const Value& b, bool adj_a = false, bool adj_b = false) {
  return emit1("BatchMatMulV2", {a, b}, {{"adj_x", adj_a}, {"adj_y", adj_b}});
}
Value as_matrices(const Value& x) { return expand_dims(expand_dims(x, -1), -1); }

// -A⁻ᵀ dA⁻¹ A⁻ᵀ
Values inverse_grad(GradContext& g) {
  const bool adjoint = g.attrs().get_bool("adjoint");
  const Value& inverse = g.output(0);
  return {neg(product(inverse, product(g.upstream(0), inverse, adjoint, !adjoint), !adjoint))};
}
Values determinant_grad(GradContext& g) {
  const Value inverse = emit1("MatrixInverse", {g.input(0)}, {{"adjoint", true}});
  return {mul(as_matrices(mul(g.upstream(0), g.output(0))), inverse)};
}
Values log_determinant_grad(GradContext& g) {
  if (!g.upstream(1).valid()) return {Value()};
  return {mul(as_matrices(g.upstream(1)), emit1("MatrixInverse", {g.input(0)}, {{"adjoint", true}}))};
}
Values solve_grad(GradContext& g) {
  const bool adjoint = g.attrs().get_bool("adjoint");
  const Value &x = g.output(0), of_b = emit1("MatrixSolve", {g.input(0), g.upstream(0)}, {{"adjoint", !adjoint}});
  return {neg(adjoint ? product(x, of_b, false, true) : product(of_b, x, false, true)), of_b};
}

Values cross_grad(GradContext& g) {
  return {emit1("Cross", {g.input(1), g.upstream(0)}), emit1("Cross", {g.upstream(0), g.input(0)})};
}

Value band(const Value& x, int64_t lower, int64_t upper) {
  return emit1("MatrixBandPart", {x, int_scalar(*x.emitter, lower), int_scalar(*x.emitter, upper)});
}
Value triangle(const Value& x, bool lower) { return band(x, lower ? -1 : 0, lower ? 0 : -1); }

Values triangular_solve_grad(GradContext& g) {
  const bool adjoint = g.attrs().get_bool("adjoint"), lower = g.attrs().get_bool("lower");
  const Value& x = g.output(0);
  const Value of_b = emit1("MatrixTriangularSolve", {g.input(0), g.upstream(0)}, {{"lower", lower}, {"adjoint", !adjoint}});
  return {triangle(neg(adjoint ? product(x, of_b, false, true) : product(of_b, x, false, true)), lower), of_b};
}

// I. Murray, "Differentiation of the Cholesky decomposition": L⁻ᵀ Φ(Lᵀ dL) L⁻¹, made symmetric, where Φ takes the lower
// triangle with half its diagonal.
Values cholesky_grad(GradContext& g) {
  const Value& l = g.output(0);
  const Value diagonal = emit1("MatrixDiagPart", {l});
  const Value inverse = emit1("MatrixTriangularSolve", {l, emit1("MatrixDiag", {ones_like(diagonal)})});
  Value middle = product(l, g.upstream(0), true);
  middle = emit1("MatrixSetDiag", {middle, mul(emit1("MatrixDiagPart", {middle}), 0.5)});
  const Value half = product(product(inverse, band(middle, -1, 0), true), inverse);
  return {mul(add(half, product(half, emit1("MatrixDiag", {ones_like(diagonal)}), true)), 0.5)};
}

/// The size of the square matrices of an input, -1 if unknown.
int64_t square_size(const Shape& x) {
  shape::require_min_rank(x, 2, "A batch of matrices");
  return x.known_rank() ? shape::same_dim(x.dim(-2), x.dim(-1), "Rows and columns of a square matrix") : kUnknownDim;
}
void square_shape(ShapeContext& c) {
  square_size(c.input(0));
  c.set_output(0, c.input(0));
}
void determinant_shape(ShapeContext& c) {
  square_size(c.input(0));
  if (!c.input(0).known_rank()) return;
  const Shape batch(std::vector<int64_t>(c.input(0).dims().begin(), c.input(0).dims().end() - 2));
  c.set_output(0, batch);
}
void log_determinant_shape(ShapeContext& c) {
  determinant_shape(c);
  if (!c.input(0).known_rank()) return;
  c.set_output(1, Shape(std::vector<int64_t>(c.input(0).dims().begin(), c.input(0).dims().end() - 2)));
}
void check_solve(const Shape& a, const Shape& b) {
  const int64_t size = square_size(a);
  shape::require_min_rank(b, 2, "The right-hand sides");
  if (!a.known_rank() || !b.known_rank()) return;
  if (a.rank() != b.rank()) throw InvalidArgumentError("Matrices {} and right-hand sides {} must have one rank", a, b);
  shape::same_dim(size, b.dim(-2), "Rows of matrices and right-hand sides");
  for (int64_t axis = 0; axis + 2 < a.rank(); ++axis) shape::same_dim(a.dim(axis), b.dim(axis), "Batches of matrices");
}
void solve_shape(ShapeContext& c) {
  check_solve(c.input(0), c.input(1));
  c.set_output(0, c.input(1));
}

/// A square matrix and its factors P A = L U in one, computed in double precision.
class LuFactors {
 public:
  template <class T>
  LuFactors(const T* a, int64_t size, bool transposed)
      : n_(size), lu_(static_cast<size_t>(size * size)), order_(static_cast<size_t>(size)) {
    for (int64_t i = 0; i < n_; ++i) {
      order_[static_cast<size_t>(i)] = i;
      for (int64_t j = 0; j < n_; ++j) at(i, j) = static_cast<double>(transposed ? a[j * n_ + i] : a[i * n_ + j]);
    }
    for (int64_t column = 0; column < n_; ++column) eliminate(column);
  }

  bool singular() const { return singular_; }
  double sign() const { return sign_; }
  double pivot(int64_t i) const { return lu_[static_cast<size_t>(i * n_ + i)]; }

  /// x = A⁻¹ b for one column, `step` apart.
  template <class T>
  void solve(const T* b, T* x, int64_t step) const {
    std::vector<double> y(static_cast<size_t>(n_));
    for (int64_t i = 0; i < n_; ++i) {
      double sum = static_cast<double>(b[order_[static_cast<size_t>(i)] * step]);
      for (int64_t j = 0; j < i; ++j) sum -= lu_[static_cast<size_t>(i * n_ + j)] * y[static_cast<size_t>(j)];
      y[static_cast<size_t>(i)] = sum;
    }
    for (int64_t i = n_; i-- > 0;) {
      double sum = y[static_cast<size_t>(i)];
      for (int64_t j = i + 1; j < n_; ++j) sum -= lu_[static_cast<size_t>(i * n_ + j)] * y[static_cast<size_t>(j)];
      y[static_cast<size_t>(i)] = sum / pivot(i);
      x[i * step] = static_cast<T>(y[static_cast<size_t>(i)]);
    }
  }

 private:
  double& at(int64_t i, int64_t j) { return lu_[static_cast<size_t>(i * n_ + j)]; }

  void eliminate(int64_t column) {
    int64_t best = column;
    for (int64_t i = column + 1; i < n_; ++i) {
      if (std::abs(at(i, column)) > std::abs(at(best, column))) best = i;
    }
    if (at(best, column) == 0) {
      singular_ = true;
      return;
    }
    if (best != column) {
      for (int64_t j = 0; j < n_; ++j) std::swap(at(best, j), at(column, j));
      std::swap(order_[static_cast<size_t>(best)], order_[static_cast<size_t>(column)]);
      sign_ = -sign_;
    }
    for (int64_t i = column + 1; i < n_; ++i) {
      const double factor = at(i, column) /= at(column, column);
      for (int64_t j = column + 1; j < n_; ++j) at(i, j) -= factor * at(column, j);
    }
  }

  int64_t n_;
  std::vector<double> lu_;
  std::vector<int64_t> order_;
  double sign_ = 1;
  bool singular_ = false;
};

int64_t matrices_in(const Tensor& x) {
  const int64_t size = square_size(x.shape());
  return size > 0 ? x.elements() / (size * size) : 0;
}

void inverse_kernel(KernelContext& c) {
  const Tensor a = c.input(0);
  const int64_t size = square_size(a.shape());
  Tensor& output = c.output(0, a.shape());
  with_float_type(a.dtype(), "MatrixInverse", [&]<class T>(T) {
    for (int64_t i = 0; i < matrices_in(a); ++i) {
      const LuFactors factors(a.data<T>() + i * size * size, size, c.attrs().get_bool("adjoint"));
      if (factors.singular()) throw InvalidArgumentError("Input is not invertible.");
      std::vector<T> unit(static_cast<size_t>(size * size), T(0));
      for (int64_t j = 0; j < size; ++j) {
        unit[static_cast<size_t>(j * size + j)] = 1;
        factors.solve(unit.data() + j, output.data<T>() + i * size * size + j, size);
      }
    }
  });
}

void solve_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  check_solve(a.shape(), b.shape());
  const int64_t size = square_size(a.shape()), columns = b.dim(-1);
  Tensor& output = c.output(0, b.shape());
  with_float_type(a.dtype(), "MatrixSolve", [&]<class T>(T) {
    for (int64_t i = 0; i < matrices_in(a); ++i) {
      const LuFactors factors(a.data<T>() + i * size * size, size, c.attrs().get_bool("adjoint"));
      if (factors.singular()) throw InvalidArgumentError("Input matrix is not invertible.");
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t offset = i * size * columns + j;
        factors.solve(b.data<T>() + offset, output.data<T>() + offset, columns);
      }
    }
  });
}

/// One output: the determinant. Two: its sign and the logarithm of its size.
void determinant_kernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t size = square_size(a.shape());
  const Shape batch(std::vector<int64_t>(a.shape().dims().begin(), a.shape().dims().end() - 2));
  const bool logarithm = c.outputs() == 2;
  Tensor first = c.output(0, batch), second = logarithm ? c.output(1, batch) : Tensor();
  with_float_type(a.dtype(), "MatrixDeterminant", [&]<class T>(T) {
    for (int64_t i = 0; i < batch.elements(); ++i) {
      const LuFactors factors(a.data<T>() + i * size * size, size, false);
      double sign = factors.sign(), log_size = 0, value = factors.sign();
      for (int64_t j = 0; j < size; ++j) {
        const double pivot = factors.pivot(j);
        value *= pivot;
        sign *= pivot < 0 ? -1 : pivot > 0 ? 1 : 0;
        log_size += std::log(std::abs(pivot));
      }
      first.data<T>()[i] = static_cast<T>(logarithm ? sign : value);
      if (logarithm) second.data<T>()[i] = static_cast<T>(log_size);
    }
  });
}

void triangular_solve_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  check_solve(a.shape(), b.shape());
  const int64_t size = square_size(a.shape()), columns = b.dim(-1);
  const bool adjoint = c.attrs().get_bool("adjoint"), lower = c.attrs().get_bool("lower");
  Tensor& output = c.output(0, b.shape());
  with_float_type(a.dtype(), "MatrixTriangularSolve", [&]<class T>(T) {
    for (int64_t m = 0; m < matrices_in(a); ++m) {
      const T* matrix = a.data<T>() + m * size * size;
      const T* from = b.data<T>() + m * size * columns;
      T* x = output.data<T>() + m * size * columns;
      for (int64_t step = 0; step < size; ++step) {
        const int64_t i = lower != adjoint ? step : size - 1 - step;
        const double pivot = static_cast<double>(matrix[i * size + i]);
        if (pivot == 0) throw InvalidArgumentError("Input matrix is not invertible.");
        for (int64_t j = 0; j < columns; ++j) {
          double sum = static_cast<double>(from[i * columns + j]);
          for (int64_t done = 0; done < step; ++done) {
            const int64_t k = lower != adjoint ? done : size - 1 - done;
            sum -= static_cast<double>(adjoint ? matrix[k * size + i] : matrix[i * size + k]) *
                   static_cast<double>(x[k * columns + j]);
          }
          x[i * columns + j] = static_cast<T>(sum / pivot);
        }
      }
    }
  });
}

/// Reads the lower triangle alone.
void cholesky_kernel(KernelContext& c) {
  const Tensor a = c.input(0);
  const int64_t size = square_size(a.shape());
  Tensor& output = c.output(0, a.shape());
  with_float_type(a.dtype(), "Cholesky", [&]<class T>(T) {
    for (int64_t m = 0; m < matrices_in(a); ++m) {
      const T* from = a.data<T>() + m * size * size;
      T* l = output.data<T>() + m * size * size;
      std::fill_n(l, size * size, T(0));
      for (int64_t i = 0; i < size; ++i) {
        for (int64_t j = 0; j <= i; ++j) {
          double sum = static_cast<double>(from[i * size + j]);
          for (int64_t k = 0; k < j; ++k) sum -= static_cast<double>(l[i * size + k]) * static_cast<double>(l[j * size + k]);
          if (i == j && !(sum > 0))
            throw InvalidArgumentError("Cholesky decomposition was not successful. The input might not be valid.");
          l[i * size + j] = static_cast<T>(i == j ? std::sqrt(sum) : sum / static_cast<double>(l[j * size + j]));
        }
      }
    }
  });
}

void cross_shape(ShapeContext& c) {
  const Shape product = shape::same_shape(c.input(0), c.input(1), "Both inputs of Cross");
  shape::require_min_rank(product, 1, "An input of Cross");
  if (product.known_rank()) shape::same_dim(product.dim(-1), 3, "The last dimension of Cross's inputs and 3");
  c.set_output(0, product);
}

void cross_kernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  if (a.shape() != b.shape() || a.rank() < 1 || a.dim(-1) != 3) {
    throw InvalidArgumentError("Both inputs must have one shape and 3 columns, found {} and {}", a.shape(), b.shape());
  }
  Tensor& product = c.output(0, a.shape());
  with_compute_type(a.dtype(), "Cross", [&]<class T>(T) {
    for (int64_t at = 0; at < a.elements(); at += 3) {
      const T *u = a.data<T>() + at, *v = b.data<T>() + at;
      for (int i = 0; i < 3; ++i) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        product.data<T>()[at + i] = kernels::Sub::apply(kernels::Mul::apply(u[j], v[k]), kernels::Mul::apply(u[k], v[j]));
      }
    }
  });
}

constexpr OpDef kOps[] = {
    {.name = "MatrixInverse",
     .signature = "(input: T) -> (output: T); adjoint: bool = false; T: {complex, double, float, half}",
     .shape = square_shape,
     .kernel = inverse_kernel,
     .gradient = inverse_grad,
     .js = "linalg.inv"},
    {.name = "MatrixDeterminant",
     .signature = "(input: T) -> (output: T); T: {complex, half, float, double}",
     .shape = determinant_shape,
     .kernel = determinant_kernel,
     .gradient = determinant_grad,
     .js = "linalg.det"},
    {.name = "LogMatrixDeterminant",
     .signature = "(input: T) -> (sign: T, log_abs_determinant: T); T: {complex, half, float, double}",
     .shape = log_determinant_shape,
     .kernel = determinant_kernel,
     .gradient = log_determinant_grad,
     .js = "linalg.slogdet"},
    {.name = "MatrixSolve",
     .signature = "(matrix: T, rhs: T) -> (output: T); adjoint: bool = false; T: {complex, double, float, half}",
     .shape = solve_shape,
     .kernel = solve_kernel,
     .gradient = solve_grad,
     .js = "linalg.solve"},
    {.name = "MatrixTriangularSolve",
     .signature = "(matrix: T, rhs: T) -> (output: T); lower: bool = true; adjoint: bool = false; T: {floating, complex}",
     .shape = solve_shape,
     .kernel = triangular_solve_kernel,
     .gradient = triangular_solve_grad,
     .js = "linalg.triangularSolve"},
    {.name = "Cholesky",
     .signature = "(input: T) -> (output: T); T: {complex, double, float, half}",
     .shape = square_shape,
     .kernel = cholesky_kernel,
     .gradient = cholesky_grad,
     .js = "linalg.cholesky"},
    {.name = "Cross",
     .signature = "(a: T, b: T) -> (product: T); T: {real}",
     .shape = cross_shape,
     .kernel = cross_kernel,
     .gradient = cross_grad,
     .js = "linalg.cross"},
};

}  // namespace

std::span<const OpDef> linear_algebra_ops() { return kOps; }

}  // namespace keras
