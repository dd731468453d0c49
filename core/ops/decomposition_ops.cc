// Factors of matrices, batch by batch: QR, LU, eigenvalues of symmetric matrices, singular values. Computed in double precision.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

/// A dense matrix, row by row.
struct Matrix {
  Matrix(int64_t row_count, int64_t column_count)
      : rows(row_count), columns(column_count), data(static_cast<size_t>(row_count * column_count), 0.0) {}
  static Matrix identity(int64_t size) {
    Matrix result(size, size);
    for (int64_t i = 0; i < size; ++i) result(i, i) = 1;
    return result;
  }
  double& operator()(int64_t i, int64_t j) { return data[static_cast<size_t>(i * columns + j)]; }
  double operator()(int64_t i, int64_t j) const { return data[static_cast<size_t>(i * columns + j)]; }
  Matrix transposed() const {
    Matrix result(columns, rows);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) result(j, i) = (*this)(i, j);
    }
    return result;
  }

  int64_t rows, columns;
  std::vector<double> data;
};

/// Matrix number `index` of a batch.
template <class T>
Matrix matrix_of(const Tensor& tensor, int64_t index) {
  Matrix matrix(tensor.dim(-2), tensor.dim(-1));
  const T* from = tensor.data<T>() + index * matrix.rows * matrix.columns;
  std::copy_n(from, matrix.data.size(), matrix.data.begin());
  return matrix;
}

/// The upper left part of a matrix, as number `index` of a batch of vectors or matrices.
template <class T>
void put(const Matrix& matrix, Tensor& tensor, int64_t index) {
  const int64_t rows = tensor.dim(-2), columns = tensor.dim(-1);
  T* to = tensor.data<T>() + index * rows * columns;
  for (int64_t i = 0; i < rows * columns; ++i) to[i] = static_cast<T>(matrix(i / columns, i % columns));
}
template <class T>
void put(const std::vector<double>& values, Tensor& tensor, int64_t index) {
  std::transform(values.begin(), values.end(), tensor.data<T>() + index * tensor.dim(-1),
                 [](double v) { return static_cast<T>(v); });
}

Shape with_last(const Shape& input, const std::vector<int64_t>& last) {
  std::vector<int64_t> dims(input.dims().begin(), input.dims().end() - 2);
  dims.insert(dims.end(), last.begin(), last.end());
  return Shape(std::move(dims));
}
int64_t smaller(int64_t a, int64_t b) { return a < 0 || b < 0 ? kUnknownDim : std::min(a, b); }
int64_t matrices_in(const Shape& shape) { return with_last(shape, {}).elements(); }

void check_matrices(const Shape& shape) { shape::require_min_rank(shape, 2, "A batch of matrices"); }
void check_square(const Shape& shape) {
  check_matrices(shape);
  if (shape.known_rank()) shape::same_dim(shape.dim(-2), shape.dim(-1), "Rows and columns of a square matrix");
}

// QR by Householder's reflections. The first of them turn each column onto the axis, away from its own sign, as LAPACK does.

void reflect(Matrix& a, Matrix& q, int64_t k) {
  double tail = 0;
  for (int64_t i = k + 1; i < a.rows; ++i) tail += a(i, k) * a(i, k);
  if (tail == 0) return;
  const double first = a(k, k), length = std::sqrt(first * first + tail), turned = first >= 0 ? -length : length;
  std::vector<double> v(static_cast<size_t>(a.rows - k));
  for (int64_t i = k; i < a.rows; ++i) v[static_cast<size_t>(i - k)] = a(i, k);
  v[0] -= turned;
  const double scale = 2 / (v[0] * v[0] + tail);
  const auto apply = [&](auto at, int64_t count) {  // x − scale · v (v · x) for `count` vectors x
    for (int64_t j = 0; j < count; ++j) {
      double dot = 0;
      for (size_t i = 0; i < v.size(); ++i) dot += v[i] * at(static_cast<int64_t>(i), j);
      for (size_t i = 0; i < v.size(); ++i) at(static_cast<int64_t>(i), j) -= scale * dot * v[i];
    }
  };
  apply([&](int64_t i, int64_t j) -> double& { return a(k + i, j); }, a.columns);
  apply([&](int64_t i, int64_t j) -> double& { return q(j, k + i); }, q.rows);
  for (int64_t i = k + 1; i < a.rows; ++i) a(i, k) = 0;
}

void qr_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  check_matrices(x);
  if (!x.known_rank()) return;
  const int64_t inner = c.attrs().get_bool("full_matrices") ? x.dim(-2) : smaller(x.dim(-2), x.dim(-1));
  c.set_output(0, with_last(x, {x.dim(-2), inner}));
  c.set_output(1, with_last(x, {inner, x.dim(-1)}));
}

void qr_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t rows = x.dim(-2), columns = x.dim(-1);
  const int64_t inner = c.attrs().get_bool("full_matrices") ? rows : std::min(rows, columns);
  Tensor q = c.output(0, with_last(x.shape(), {rows, inner})), r = c.output(1, with_last(x.shape(), {inner, columns}));
  with_float_type(x.dtype(), "Qr", [&]<class T>(T) {
    for (int64_t m = 0; m < matrices_in(x.shape()); ++m) {
      Matrix a = matrix_of<T>(x, m), turns = Matrix::identity(rows);
      for (int64_t k = 0; k < std::min(rows, columns); ++k) reflect(a, turns, k);
      put<T>(turns, q, m);
      put<T>(a, r, m);
    }
  });
}

// LU with the largest pivots

void lu_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  check_square(x);
  c.set_output(0, x);
  if (x.known_rank()) c.set_output(1, with_last(x, {x.dim(-1)}));
}

void lu_kernel(KernelContext& c) {
  const Tensor x = c.input(0);
  const int64_t size = x.dim(-1);
  Tensor lu = c.output(0, x.shape()), p = c.output(1, with_last(x.shape(), {size}));
  with_float_type(x.dtype(), "Lu", [&]<class T>(T) {
    for (int64_t m = 0; m < matrices_in(x.shape()); ++m) {
      Matrix a = matrix_of<T>(x, m);
      std::vector<double> order(static_cast<size_t>(size));
      std::iota(order.begin(), order.end(), 0.0);
      for (int64_t k = 0; k < size; ++k) {
        int64_t best = k;
        for (int64_t i = k + 1; i < size; ++i) best = std::abs(a(i, k)) > std::abs(a(best, k)) ? i : best;
        if (a(best, k) == 0) throw InvalidArgumentError("Input is not invertible.");
        std::swap(order[static_cast<size_t>(k)], order[static_cast<size_t>(best)]);
        for (int64_t j = 0; best != k && j < size; ++j) std::swap(a(k, j), a(best, j));
        for (int64_t i = k + 1; i < size; ++i) {
          const double factor = a(i, k) /= a(k, k);
          for (int64_t j = k + 1; j < size; ++j) a(i, j) -= factor * a(k, j);
        }
      }
      put<T>(a, lu, m);
      p.dtype() == DType::kInt32 ? put<int32_t>(order, p, m) : put<int64_t>(order, p, m);
    }
  });
}

// Eigenvalues by Jacobi's rotations (C. Jacobi, 1846): plain, and exact to the last bits.

constexpr int kMostSweeps = 60;

/// Sine and cosine of the rotation that makes an off-diagonal element `off` of a symmetric 2 × 2 matrix 0.
struct Rotation {
  Rotation(double first, double off, double second) {
    const double cotangent = (second - first) / (2 * off);
    const double tangent = (cotangent >= 0 ? 1 : -1) / (std::abs(cotangent) + std::hypot(1.0, cotangent));
    cosine = 1 / std::hypot(1.0, tangent);
    sine = tangent * cosine;
  }
  void apply(double& a, double& b) const {
    const double before = a;
    a = cosine * before - sine * b;
    b = sine * before + cosine * b;
  }
  double cosine, sine;
};

/// Makes `a`, symmetric, diagonal; the columns of `v` become its eigenvectors.
void diagonalize(Matrix& a, Matrix& v) {
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    bool turned = false;
    for (int64_t p = 0; p < a.rows; ++p) {
      for (int64_t q = p + 1; q < a.rows; ++q) {
        if (std::abs(a(p, q)) <= 1e-17 * std::sqrt(std::abs(a(p, p) * a(q, q))) || a(p, q) == 0) continue;
        turned = true;
        const Rotation rotation(a(p, p), a(p, q), a(q, q));
        for (int64_t k = 0; k < a.rows; ++k) rotation.apply(a(k, p), a(k, q));
        for (int64_t k = 0; k < a.rows; ++k) rotation.apply(a(p, k), a(q, k));
        for (int64_t k = 0; k < a.rows; ++k) rotation.apply(v(k, p), v(k, q));
      }
    }
    if (!turned) return;
  }
}

std::vector<int64_t> order_of(const std::vector<double>& values, bool descending) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const double x = values[static_cast<size_t>(a)], y = values[static_cast<size_t>(b)];
    return x != y ? (x < y) != descending : a < b;
  });
  return order;
}

Matrix columns_in_order(const Matrix& matrix, const std::vector<int64_t>& order) {
  Matrix result(matrix.rows, matrix.columns);
  for (int64_t i = 0; i < matrix.rows; ++i) {
    for (size_t j = 0; j < order.size(); ++j) result(i, static_cast<int64_t>(j)) = matrix(i, order[j]);
  }
  return result;
}

void eigen_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  check_square(x);
  if (!x.known_rank()) return;
  c.set_output(0, with_last(x, {x.dim(-1)}));
  c.set_output(1, c.attrs().get_bool("compute_v") ? x : Shape{0});
}

/// Reads the lower triangle alone; eigenvalues rise.
void eigen_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t size = x.dim(-1);
  const bool vectors = c.attrs().get_bool("compute_v");
  Tensor e = c.output(0, with_last(x.shape(), {size})), v = c.output(1, vectors ? x.shape() : Shape{0});
  with_float_type(x.dtype(), "SelfAdjointEigV2", [&]<class T>(T) {
    for (int64_t m = 0; m < matrices_in(x.shape()); ++m) {
      Matrix a = matrix_of<T>(x, m), turned = Matrix::identity(size);
      for (int64_t i = 0; i < size; ++i) {
        for (int64_t j = i + 1; j < size; ++j) a(i, j) = a(j, i);
      }
      diagonalize(a, turned);
      std::vector<double> values;
      for (int64_t i = 0; i < size; ++i) values.push_back(a(i, i));
      const std::vector<int64_t> order = order_of(values, false);
      std::sort(values.begin(), values.end());
      put<T>(values, e, m);
      if (vectors) put<T>(columns_in_order(turned, order), v, m);
    }
  });
}

// Singular values by one-sided rotations (M. Hestenes, 1958): columns become orthogonal, their lengths are the values.

/// Turns the columns of `a`, at least as many rows, until they are orthogonal; `v` turns with them.
void orthogonalize(Matrix& a, Matrix& v) {
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    bool turned = false;
    for (int64_t p = 0; p < a.columns; ++p) {
      for (int64_t q = p + 1; q < a.columns; ++q) {
        double pp = 0, pq = 0, qq = 0;
        for (int64_t i = 0; i < a.rows; ++i) {
          pp += a(i, p) * a(i, p);
          pq += a(i, p) * a(i, q);
          qq += a(i, q) * a(i, q);
        }
        if (std::abs(pq) <= 1e-16 * std::sqrt(pp * qq) || pq == 0) continue;
        turned = true;
        const Rotation rotation(pp, pq, qq);
        for (int64_t i = 0; i < a.rows; ++i) rotation.apply(a(i, p), a(i, q));
        for (int64_t i = 0; i < v.rows; ++i) rotation.apply(v(i, p), v(i, q));
      }
    }
    if (!turned) return;
  }
}

/// `count` orthonormal columns: those of `a` over their lengths, what is missing filled up from the axes.
Matrix completed(const Matrix& a, const std::vector<double>& lengths, int64_t count) {
  Matrix result(a.rows, count);
  const double least = 1e-14 * (lengths.empty() ? 0.0 : lengths[0]);
  int64_t axis = 0;
  for (int64_t j = 0; j < count; ++j) {
    const bool given = j < a.columns && lengths[static_cast<size_t>(j)] > least;
    double length = given ? lengths[static_cast<size_t>(j)] : 0;
    for (int64_t i = 0; given && i < a.rows; ++i) result(i, j) = a(i, j);
    for (; !given && length < 0.1 / std::sqrt(static_cast<double>(a.rows));
         ++axis) {  // an axis that the columns so far do not span
      for (int64_t i = 0; i < a.rows; ++i) result(i, j) = i == axis ? 1 : 0;
      for (int round = 0; round < 2; ++round) {
        for (int64_t k = 0; k < j; ++k) {
          double dot = 0;
          for (int64_t i = 0; i < a.rows; ++i) dot += result(i, k) * result(i, j);
          for (int64_t i = 0; i < a.rows; ++i) result(i, j) -= dot * result(i, k);
        }
      }
      length = 0;
      for (int64_t i = 0; i < a.rows; ++i) length += result(i, j) * result(i, j);
      length = std::sqrt(length);
    }
    for (int64_t i = 0; i < a.rows; ++i) result(i, j) /= length;
  }
  return result;
}

struct Svd {
  /// Of a matrix with at least as many rows as columns.
  Svd(Matrix a, int64_t u_columns) : u(a.rows, 0), v(Matrix::identity(a.columns)) {
    orthogonalize(a, v);
    for (int64_t j = 0; j < a.columns; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < a.rows; ++i) sum += a(i, j) * a(i, j);
      s.push_back(std::sqrt(sum));
    }
    const std::vector<int64_t> order = order_of(s, true);
    std::sort(s.begin(), s.end(), std::greater<>());
    u = completed(columns_in_order(a, order), s, u_columns);
    v = columns_in_order(v, order);
  }
  std::vector<double> s;
  Matrix u, v;
};

void svd_shape(ShapeContext& c) {
  const Shape& x = c.input(0);
  check_matrices(x);
  if (!x.known_rank()) return;
  const int64_t rows = x.dim(-2), columns = x.dim(-1), least = smaller(rows, columns);
  const bool full = c.attrs().get_bool("full_matrices"), vectors = c.attrs().get_bool("compute_uv");
  c.set_output(0, with_last(x, {least}));
  c.set_output(1, vectors ? with_last(x, {rows, full ? rows : least}) : Shape{0});
  c.set_output(2, vectors ? with_last(x, {columns, full ? columns : least}) : Shape{0});
}

void svd_kernel(KernelContext& c) {
  const Tensor& x = c.input(0);
  const int64_t rows = x.dim(-2), columns = x.dim(-1), least = std::min(rows, columns);
  const bool full = c.attrs().get_bool("full_matrices"), vectors = c.attrs().get_bool("compute_uv");
  Tensor s = c.output(0, with_last(x.shape(), {least}));
  Tensor u = c.output(1, vectors ? with_last(x.shape(), {rows, full ? rows : least}) : Shape{0});
  Tensor v = c.output(2, vectors ? with_last(x.shape(), {columns, full ? columns : least}) : Shape{0});
  with_float_type(x.dtype(), "Svd", [&]<class T>(T) {
    for (int64_t m = 0; m < matrices_in(x.shape()); ++m) {
      const Matrix a = matrix_of<T>(x, m);
      const bool tall = rows >= columns;
      const Svd svd(tall ? a : a.transposed(), full ? std::max(rows, columns) : least);
      put<T>(svd.s, s, m);
      if (!vectors) continue;
      put<T>(tall ? svd.u : svd.v, u, m);
      put<T>(tall ? svd.v : svd.u, v, m);
    }
  });
}

// Gradients, as TensorFlow's linalg_grad.py has them

Value product(const Value& a, const Value& b, bool adj_a = false, bool adj_b = false) {
  return emit1("BatchMatMulV2", {a, b}, {{"adj_x", adj_a}, {"adj_y", adj_b}});
}
Value adjoint(const Value& x) {
  const int64_t rank = x.shape().rank();
  std::vector<int64_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(rank) - 1], order[static_cast<size_t>(rank) - 2]);
  return transpose(x, order);
}
Value band(const Value& x, int64_t lower, int64_t upper) {
  return emit1("MatrixBandPart", {x, int_scalar(*x.emitter, lower), int_scalar(*x.emitter, upper)});
}
Value diagonal(const Value& x) { return emit1("MatrixDiag", {x}); }
/// 1 / (values_j − values_i), 0 on the diagonal.
Value differences(const Value& values) {
  const Value gap = sub(expand_dims(values, -2), expand_dims(values, -1));
  return emit1("DivNoNan", {ones_like(gap), gap});
}
void require_known_rank(const Value& x, std::string_view op) {
  if (!x.shape().known_rank()) throw UnimplementedError("The gradient of {} needs a known rank", op);
}

/// For at least as many rows as columns: Roberts and Roberts, "QR and LQ Decomposition Matrix Backpropagation Algorithms",
/// 2020.
Value tall_qr_grad(const Value& q, const Value& r, const Value& up_q, const Value& up_r) {
  const Value of_r = product(r, up_r, false, true), of_q = product(q, up_q, true);
  const Value turn_q = sub(of_q, adjoint(of_q)), turn_r = sub(of_r, adjoint(of_r));
  const Value lower = add(band(turn_q, -1, 0), band(turn_r, -1, 0));
  const auto over_r = [&](const Value& a) {  // a R⁻ᵀ
    return adjoint(emit1("MatrixTriangularSolve", {r, adjoint(a)}, {{"lower", false}, {"adjoint", false}}));
  };
  return add(product(q, add(up_r, over_r(lower))), over_r(sub(up_q, product(q, of_q))));
}

/// The columns before number `split` (a vector of one), or those from it on.
Value columns_before(const Value& x, const Value& split) {
  Emitter& e = *x.emitter;
  return emit1("StridedSlice", {x, ints(e, {0, 0}), concat(std::vector<Value>{ints(e, {0}), split}, 0), ints(e, {1, 1})},
               {{"ellipsis_mask", int64_t{1}}});
}
Value columns_from(const Value& x, const Value& split) {
  Emitter& e = *x.emitter;
  return emit1("StridedSlice", {x, concat(std::vector<Value>{ints(e, {0}), split}, 0), ints(e, {0, 0}), ints(e, {1, 1})},
               {{"ellipsis_mask", int64_t{1}}, {"end_mask", int64_t{2}}});
}

Values qr_grad(GradContext& g) {
  const Value &q = g.output(0), &r = g.output(1);
  require_known_rank(q, "Qr");
  const Shape& x = g.input(0).shape();
  const int64_t rows = x.dim(-2), columns = x.dim(-1);
  const bool full = g.attrs().get_bool("full_matrices");
  if (full && rows > columns && columns >= 0) {
    throw UnimplementedError("The gradient of Qr with more rows than columns needs full_matrices false, found shape {}", x);
  }
  const Value up_q = g.upstream(0).valid() ? g.upstream(0) : zeros_like(q);
  const Value up_r = g.upstream(1).valid() ? g.upstream(1) : zeros_like(r);
  if (columns >= 0 && rows >= columns) return {tall_qr_grad(q, r, up_q, up_r)};
  // x = [square, rest] = q [u, qᵀ rest]; of a tall x the rest is empty.
  Emitter& e = g.emitter();
  const int64_t rank = q.shape().rank();
  const Value split = emit1("StridedSlice", {shape_of(q), ints(e, {rank - 2}), ints(e, {rank - 1}), ints(e, {1})});
  const Value rest = columns_from(g.input(0), split), up_rest = columns_from(up_r, split);
  const Value of_square =
      tall_qr_grad(q, columns_before(r, split), add(up_q, product(rest, up_rest, false, true)), columns_before(up_r, split));
  return {concat(std::vector<Value>{of_square, product(q, up_rest)}, rank - 1)};
}

Values eigen_grad(GradContext& g) {
  require_known_rank(g.input(0), "SelfAdjointEigV2");
  const Value& e = g.output(0);
  // The vectors are needed all the same.
  const bool has_vectors = g.attrs().get_bool("compute_v");
  const Value v = has_vectors ? g.output(1) : emit_all("SelfAdjointEigV2", {g.input(0)})[1];
  Value middle = g.upstream(0).valid() ? diagonal(g.upstream(0)) : zeros_like(v);
  if (has_vectors && g.upstream(1).valid()) middle = add(middle, mul(differences(e), product(v, g.upstream(1), true)));
  const Value whole = product(product(v, middle), v, false, true);
  // The lower triangle alone is read: it has the upper one's share, too.
  const Value folded = band(add(whole, adjoint(whole)), -1, 0);
  return {emit1("MatrixSetDiag", {folded, mul(emit1("MatrixDiagPart", {folded}), 0.5)})};
}

/// The gradient of a = u s vᵀ for at least as many rows as columns, J. Townsend, "Differentiating the Singular Value
/// Decomposition", 2016.
Value tall_svd_grad(const Value& s, const Value& u, const Value& v, const Value& up_s, const Value& up_u, const Value& up_v) {
  Value result = product(u, product(diagonal(up_s), v, false, true));
  const Value squares = square(s), f = differences(squares);
  const Value sizes = diagonal(s), inverse = diagonal(emit1("DivNoNan", {ones_like(s), s}));
  const Value of_u = product(u, up_u, true), of_v = product(v, up_v, true);
  const Value turn_u = mul(f, sub(of_u, adjoint(of_u))), turn_v = mul(f, sub(of_v, adjoint(of_v)));
  result = add(result, product(product(u, add(product(turn_u, sizes), product(sizes, turn_v))), v, false, true));
  const Value beside_u = sub(up_u, product(u, of_u)), beside_v = sub(up_v, product(v, of_v));
  result = add(result, product(product(beside_u, inverse), v, false, true));
  return add(result, product(u, product(inverse, beside_v, false, true)));
}

Values svd_grad(GradContext& g) {
  const Value& s = g.output(0);
  require_known_rank(s, "Svd");
  const Shape& x = g.input(0).shape();
  if (!g.attrs().get_bool("compute_uv")) {  // the vectors are needed all the same
    const Values svd = emit_all("Svd", {g.input(0)});
    return {product(svd[1], product(diagonal(g.upstream(0)), svd[2], false, true))};
  }
  const Value &u = g.output(1), &v = g.output(2);
  if (g.attrs().get_bool("full_matrices") && x.dim(-2) >= 0 && x.dim(-1) >= 0 && x.dim(-2) != x.dim(-1)) {
    throw UnimplementedError("The gradient of Svd needs full_matrices false, found shape {}", x);
  }
  const auto upstream = [&](int i) { return g.upstream(i).valid() ? g.upstream(i) : zeros_like(g.output(i)); };
  return {tall_svd_grad(s, u, v, upstream(0), upstream(1), upstream(2))};
}

constexpr OpDef kOps[] = {
    {.name = "Qr",
     .signature = "(input: T) -> (q: T, r: T); full_matrices: bool = false; T: {complex, double, float, half}",
     .shape = qr_shape,
     .kernel = qr_kernel,
     .gradient = qr_grad,
     .js = "linalg.qr"},
    {.name = "Lu",
     .signature =
         "(input: T) -> (lu: T, p: output_idx_type); T: {complex, double, float, half}; output_idx_type: {int32, int64} = int32",
     .shape = lu_shape,
     .kernel = lu_kernel,
     .js = "linalg.lu"},
    {.name = "SelfAdjointEigV2",
     .signature = "(input: T) -> (e: T, v: T); compute_v: bool = true; T: {complex, double, float, half}",
     .shape = eigen_shape,
     .kernel = eigen_kernel,
     .gradient = eigen_grad,
     .js = "linalg.eigh"},
    {.name = "Svd",
     .signature = "(input: T) -> (s: T, u: T, v: T); compute_uv: bool = true; full_matrices: bool = false; T: {complex, double, "
                  "float, half}",
     .shape = svd_shape,
     .kernel = svd_kernel,
     .gradient = svd_grad,
     .js = "linalg.svd"},
};

}  // namespace

std::span<const OpDef> decomposition_ops() { return kOps; }

}  // namespace keras
