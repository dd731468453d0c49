// Square roots and logarithms of square matrices, from their Schur form (Higham, "Functions of Matrices", chapters 6 and 11).
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/tensor/complex.h"

namespace keras {
namespace {

using Number = std::complex<double>;

/// A square matrix, row by row.
struct Square {
  explicit Square(int64_t n) : size(n), elements(static_cast<size_t>(n * n)) {}
  Number& operator()(int64_t row, int64_t column) { return elements[static_cast<size_t>(row * size + column)]; }
  const Number& operator()(int64_t row, int64_t column) const { return elements[static_cast<size_t>(row * size + column)]; }

  static Square identity(int64_t n) {
    Square result(n);
    for (int64_t i = 0; i < n; ++i) result(i, i) = 1;
    return result;
  }

  int64_t size;
  std::vector<Number> elements;
};

Square product(const Square& a, const Square& b) {
  Square result(a.size);
  for (int64_t i = 0; i < a.size; ++i) {
    for (int64_t k = 0; k < a.size; ++k) {
      for (int64_t j = 0; j < a.size; ++j) result(i, j) += a(i, k) * b(k, j);
    }
  }
  return result;
}

Square adjoint(const Square& a) {
  Square result(a.size);
  for (int64_t i = 0; i < a.size; ++i) {
    for (int64_t j = 0; j < a.size; ++j) result(i, j) = std::conj(a(j, i));
  }
  return result;
}

/// A = Q T Qᴴ with a unitary Q and an upper triangular T.
struct Schur {
  Square q, t;
  bool converged = true;
};

/// Reflections that leave one diagonal below the main one.
void reduce_to_hessenberg(Schur& s) {
  const int64_t n = s.t.size;
  for (int64_t k = 0; k + 2 < n; ++k) {
    std::vector<Number> v(static_cast<size_t>(n));
    double norm = 0;
    for (int64_t i = k + 1; i < n; ++i) {
      v[static_cast<size_t>(i)] = s.t(i, k);
      norm = std::hypot(norm, std::abs(s.t(i, k)));
    }
    if (norm == 0) continue;
    Number& first = v[static_cast<size_t>(k) + 1];
    first += first == 0.0 ? Number(norm) : first / std::abs(first) * norm;
    double length = 0;
    for (const Number& x : v) length += std::norm(x);
    const auto reflect_rows = [&](Square& m) {
      for (int64_t j = 0; j < n; ++j) {
        Number dot = 0;
        for (int64_t i = k + 1; i < n; ++i) dot += std::conj(v[static_cast<size_t>(i)]) * m(i, j);
        for (int64_t i = k + 1; i < n; ++i) m(i, j) -= 2 / length * dot * v[static_cast<size_t>(i)];
      }
    };
    const auto reflect_columns = [&](Square& m) {
      for (int64_t i = 0; i < n; ++i) {
        Number dot = 0;
        for (int64_t j = k + 1; j < n; ++j) dot += m(i, j) * v[static_cast<size_t>(j)];
        for (int64_t j = k + 1; j < n; ++j) m(i, j) -= 2 / length * dot * std::conj(v[static_cast<size_t>(j)]);
      }
    };
    reflect_rows(s.t);
    reflect_columns(s.t);
    reflect_columns(s.q);
    for (int64_t i = k + 2; i < n; ++i) s.t(i, k) = 0;
  }
}

/// The eigenvalue of the last 2 × 2 block up to row `last` that is nearer to its corner.
Number shift_of(const Square& t, int64_t last) {
  const Number a = t(last - 1, last - 1), b = t(last - 1, last), c = t(last, last - 1), d = t(last, last);
  const Number half = (a - d) / 2.0, root = std::sqrt(half * half + b * c);
  return d + half + (std::abs(half + root) < std::abs(half - root) ? root : -root);
}

/// One QR step of rows [first, last].
void qr_step(Schur& s, int64_t first, int64_t last, Number shift) {
  const int64_t n = s.t.size;
  for (int64_t i = first; i <= last; ++i) s.t(i, i) -= shift;
  std::vector<std::pair<Number, Number>> rotations;
  for (int64_t k = first; k < last; ++k) {
    const double r = std::hypot(std::abs(s.t(k, k)), std::abs(s.t(k + 1, k)));
    const Number c = r == 0 ? 1 : s.t(k, k) / r, d = r == 0 ? 0 : s.t(k + 1, k) / r;
    for (int64_t j = k; j < n; ++j) {
      const Number upper = s.t(k, j), lower = s.t(k + 1, j);
      s.t(k, j) = std::conj(c) * upper + std::conj(d) * lower;
      s.t(k + 1, j) = c * lower - d * upper;
    }
    rotations.emplace_back(c, d);
  }
  for (int64_t k = first; k < last; ++k) {
    const auto [c, d] = rotations[static_cast<size_t>(k - first)];
    const auto turn_columns = [&](Square& m, int64_t rows) {
      for (int64_t i = 0; i < rows; ++i) {
        const Number left = m(i, k), right = m(i, k + 1);
        m(i, k) = left * c + right * d;
        m(i, k + 1) = right * std::conj(c) - left * std::conj(d);
      }
    };
    turn_columns(s.t, last + 1);
    turn_columns(s.q, n);
  }
  for (int64_t i = first; i <= last; ++i) s.t(i, i) += shift;
}

Schur schur(const Square& a) {
  constexpr int kMostSteps = 60;  // for one eigenvalue; three are usual
  Schur s{Square::identity(a.size), a};
  reduce_to_hessenberg(s);
  int steps = 0;
  for (int64_t last = a.size - 1; last > 0;) {
    int64_t first = last;
    for (; first > 0; --first) {
      const double around = std::abs(s.t(first, first)) + std::abs(s.t(first - 1, first - 1));
      if (std::abs(s.t(first, first - 1)) <= std::numeric_limits<double>::epsilon() * around) break;
    }
    if (first > 0) s.t(first, first - 1) = 0;
    if (first == last) {
      --last;
      steps = 0;
      continue;
    }
    if (++steps > kMostSteps) {  // NaN in the matrix
      s.converged = false;
      return s;
    }
    qr_step(s, first, last, steps % 10 == 0 ? Number(std::abs(s.t(last, last - 1))) + s.t(last, last) : shift_of(s.t, last));
  }
  return s;
}

/// Björck and Hammarling's recurrence.
Square triangular_root(const Square& t) {
  Square root(t.size);
  for (int64_t j = 0; j < t.size; ++j) {
    root(j, j) = std::sqrt(t(j, j));
    for (int64_t i = j - 1; i >= 0; --i) {
      Number rest = t(i, j);
      for (int64_t k = i + 1; k < j; ++k) rest -= root(i, k) * root(k, j);
      root(i, j) = rest == 0.0 ? rest : rest / (root(i, i) + root(j, j));
    }
  }
  return root;
}

double distance_from_identity(const Square& t) {
  double largest = 0;
  for (int64_t i = 0; i < t.size; ++i) {
    double sum = 0;
    for (int64_t j = i; j < t.size; ++j) sum += std::abs(t(i, j) - (i == j ? 1.0 : 0.0));
    largest = std::max(largest, sum);
  }
  return largest;
}

/// (T − 1)(T + 1)⁻¹
Square moebius(const Square& t) {
  Square z(t.size);
  for (int64_t i = 0; i < t.size; ++i) {
    for (int64_t j = i; j < t.size; ++j) {
      Number rest = t(i, j) - (i == j ? 1.0 : 0.0);
      for (int64_t k = i; k < j; ++k) rest -= z(i, k) * t(k, j);
      z(i, j) = rest / (t(j, j) + 1.0);
    }
  }
  return z;
}

/// Inverse scaling and squaring: log T = 2ᵏ · 2 artanh((R − 1)(R + 1)⁻¹) of the 2ᵏ-th root R, which is near 1.
Square triangular_log(const Square& t) {
  constexpr int kMostRoots = 64, kTerms = 12;
  Square root = t;
  double scale = 2;
  for (int i = 0; i < kMostRoots && distance_from_identity(root) > 0.25; ++i) {
    root = triangular_root(root);
    scale *= 2;
  }
  const Square z = moebius(root), z2 = product(z, z);
  Square power = z, sum = z;
  for (int term = 1; term < kTerms; ++term) {
    power = product(power, z2);
    for (size_t i = 0; i < sum.elements.size(); ++i) sum.elements[i] += power.elements[i] / (2.0 * term + 1);
  }
  for (Number& element : sum.elements) element *= scale;
  for (int64_t i = 0; i < t.size; ++i) sum(i, i) = std::log(t(i, i));
  return sum;
}

/// f(A) = Q f(T) Qᴴ
Square function_of(const Square& a, Square (*of_triangular)(const Square&)) {
  const Schur s = schur(a);
  if (s.converged) return product(product(s.q, of_triangular(s.t)), adjoint(s.q));
  Square nothing(a.size);
  std::fill(nothing.elements.begin(), nothing.elements.end(), std::numeric_limits<double>::quiet_NaN());
  return nothing;
}

template <class T>
void write(const Square& from, std::complex<T>* to) {
  for (const Number& element : from.elements) *to++ = std::complex<T>(element);
}
/// NaN where there is no real result: a negative eigenvalue has no real root.
template <class T>
void write(const Square& from, T* to) {
  double largest = 0, imaginary = 0;
  for (const Number& element : from.elements) {
    largest = std::max(largest, std::abs(element));
    imaginary = std::max(imaginary, std::abs(element.imag()));
  }
  const bool is_real = imaginary <= 1e-6 * largest;
  for (const Number& element : from.elements) {
    *to++ = is_real ? static_cast<T>(element.real()) : std::numeric_limits<T>::quiet_NaN();
  }
}

void square_shape(ShapeContext& c) {
  Shape shape = c.input(0);
  shape::require_min_rank(shape, 2, "The input");
  if (shape.known_rank()) {
    const int64_t size = shape::same_dim(shape.dim(-2), shape.dim(-1), "Rows and columns of a square matrix");
    shape.set_dim(-2, size);
    shape.set_dim(-1, size);
  }
  c.set_output(0, shape);
}

template <Square (*kFunction)(const Square&)>
void matrix_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  if (x.rank() < 2 || x.dim(-1) != x.dim(-2)) throw InvalidArgumentError("Input matrix must be square, found {}", x.shape());
  const int64_t size = x.dim(-1), area = size * size;
  Tensor& y = c.output(0, x.shape());
  const auto run = [&]<class T>(T) {
    for (int64_t at = 0; at < x.elements(); at += area) {
      Square matrix(size);
      std::copy_n(reinterpret_cast<const T*>(x.raw()) + at, area, matrix.elements.begin());
      write(function_of(matrix, kFunction), reinterpret_cast<T*>(y.raw()) + at);
    }
  };
  switch (x.dtype()) {
    case DType::kComplex64: return run(std::complex<float>());
    case DType::kComplex128: return run(std::complex<double>());
    default: with_float_type(x.dtype(), "A function of matrices", run);
  }
}

// A = R R, so that dA = dR R + R dR: the gradient G solves Rᵀ G + G Rᵀ = dL/dR. Row by row, as a vector, it is the solution of
// (Rᵀ ⊗ 1 + 1 ⊗ R) g = dL/dR.
Values square_root_grad(GradContext& g) {
  const Value& root = g.output(0);
  if (is_complex(root.dtype()) || !root.shape().known_rank()) {
    throw UnimplementedError("The gradient of MatrixSquareRoot takes real matrices of a known rank");
  }
  Emitter& emitter = g.emitter();
  const Value one = emit1("MatrixDiag", {ones_like(emit1("MatrixDiagPart", {root}))});
  const Value turned = emit1("BatchMatMulV2", {root, one}, {{"adj_x", true}});
  const auto kronecker = [](const Value& a, const Value& b) {
    return mul(expand_dims(expand_dims(a, -1), -3), expand_dims(expand_dims(b, -2), -4));
  };
  const int64_t rank = root.shape().rank();
  const Value shape = shape_of(root);
  const auto dims = [&](int64_t begin, int64_t count) {
    return emit1("Slice", {shape, ints(emitter, {begin}), ints(emitter, {count})});
  };
  const Value lead = dims(0, rank - 2), area = mul(dims(rank - 1, 1), dims(rank - 1, 1));
  const Value system = reshape(add(kronecker(turned, one), kronecker(one, root)), concat(Values{lead, area, area}, 0));
  const Value column = reshape(g.upstream(0), concat(Values{lead, area, ints(emitter, {1})}, 0));
  return {reshape(emit1("MatrixSolve", {system, column}), shape)};
}

constexpr OpDef kOps[] = {
    {.name = "MatrixSquareRoot",
     .signature = "(input: T) -> (output: T); T: {complex, double, float, half}",
     .shape = square_shape,
     .kernel = matrix_kernel<triangular_root>,
     .gradient = square_root_grad,
     .js = "linalg.sqrtm"},
    {.name = "MatrixLogarithm",
     .signature = "(input: T) -> (output: T); T: {complex}",
     .shape = square_shape,
     .kernel = matrix_kernel<triangular_log>,
     .js = "linalg.logm"},
};

}  // namespace

std::span<const OpDef> matrix_function_ops() { return kOps; }

}  // namespace keras
