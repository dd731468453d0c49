// QR by Householder reflections (G. Golub, C. Van Loan, "Matrix Computations", 5.2), in double.
#include "core/keras/initializers/orthogonal.h"

#include <cmath>
#include <vector>

namespace keras {
namespace {

struct Matrix {
  int64_t rows, columns;
  std::vector<double> values;
  double& at(int64_t i, int64_t j) { return values[static_cast<size_t>(i * columns + j)]; }
};

/// x ← x − 2 v (vᵀ x) for each column of `m`, v in rows from `first`.
void reflect(Matrix& m, const std::vector<double>& v, int64_t first) {
  for (int64_t j = 0; j < m.columns; ++j) {
    double dot = 0;
    for (int64_t i = first; i < m.rows; ++i) dot += v[static_cast<size_t>(i)] * m.at(i, j);
    for (int64_t i = first; i < m.rows; ++i) m.at(i, j) -= 2 * dot * v[static_cast<size_t>(i)];
  }
}

}  // namespace

Tensor orthogonal_columns(const Tensor& tall, bool transpose, double gain) {
  const int64_t rows = tall.dim(0), columns = tall.dim(1);
  Matrix r{rows, columns, {}};
  for (int64_t i = 0; i < tall.elements(); ++i) r.values.push_back(static_cast<double>(tall.data<float>()[i]));
  std::vector<std::vector<double>> reflectors;
  for (int64_t k = 0; k < columns; ++k) {
    std::vector<double> v(static_cast<size_t>(rows), 0);
    double norm = 0;
    for (int64_t i = k; i < rows; ++i) norm += r.at(i, k) * r.at(i, k);
    norm = std::sqrt(norm);
    for (int64_t i = k; i < rows; ++i) v[static_cast<size_t>(i)] = r.at(i, k);
    v[static_cast<size_t>(k)] += r.at(k, k) < 0 ? -norm : norm;
    double length = 0;
    for (const double x : v) length += x * x;
    length = std::sqrt(length);
    if (length > 0) {
      for (double& x : v) x /= length;
    }
    reflect(r, v, k);
    reflectors.push_back(std::move(v));
  }
  Matrix q{rows, columns, std::vector<double>(static_cast<size_t>(rows * columns), 0)};
  for (int64_t j = 0; j < columns; ++j) q.at(j, j) = 1;
  for (int64_t k = columns - 1; k >= 0; --k) reflect(q, reflectors[static_cast<size_t>(k)], k);
  Tensor result = Tensor::allocate(DType::kFloat32, transpose ? Shape{columns, rows} : Shape{rows, columns});
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      const double sign = r.at(j, j) < 0 ? -1 : r.at(j, j) > 0 ? 1 : 0;
      result.data<float>()[transpose ? j * rows + i : i * columns + j] = static_cast<float>(gain * sign * q.at(i, j));
    }
  }
  return result;
}

}  // namespace keras
