// Matrix products. The right matrix is packed into panels of 8 columns, the left one row block by row block where its rows are
// not contiguous, and a tile of the result stays in registers, 5 × 8 where rows are contiguous, else 4 × 8; bias, residual and
// activation are applied to it before it is stored.
#pragma once

#include <cstdint>
#include <span>

#include "core/kernels/context.h"

namespace keras::kernels {

/// A matrix somewhere in memory, perhaps transposed: element (i, j) is at data[i · row_step + j · column_step].
template <class T>
struct MatrixView {
  const T* data;
  int64_t row_step, column_step;
};

enum class Activation { kNone, kRelu, kRelu6, kLeakyRelu, kElu, kSigmoid, kTanh };

/// What happens to a result before it is stored: result = activation(product · scale + bias + residual). With `accumulate` the
/// product is added to what is there instead, and nothing else happens.
struct Epilogue {
  const float* bias = nullptr;      // one for each column
  const float* residual = nullptr;  // laid out as the result
  Activation activation = Activation::kNone;
  float alpha = 0.2f;  // of LeakyRelu
  bool accumulate = false;
  const float* scale = nullptr;  // one for each column
};

/// activation(x) in place.
void activate(Activation activation, float alpha, int64_t count, float* x);

/// Floats that a packed [k, n] matrix takes.
int64_t packed_floats(int64_t k, int64_t n);
void pack_matrix(int64_t k, int64_t n, MatrixView<float> matrix, float* packed);
/// The way back: element (i, j) goes to matrix[i · row_step + j · column_step].
void unpack_matrix(int64_t k, int64_t n, const float* packed, float* matrix, int64_t row_step, int64_t column_step);

/// Rows of a left matrix in tiles that are multiplied at a time.
inline constexpr int64_t kTileRows = 4;
/// Four contiguous rows of `count` elements as [count][kTileRows].
void pack_tile(std::span<const float* const, kTileRows> rows, int64_t count, float* packed);

/// Makes rows [first, first + rows) of a left matrix, in tiles of kTileRows rows: each [k][kTileRows], the last perhaps with
/// rows of any value beyond the last one.
using PackRows = FunctionRef<void(int64_t first, int64_t rows, float* packed)>;

/// c[i · c_step + j] = Σ a(i, ·) b(·, j), for a [m, k] that `pack` makes, and packed b [k, n].
void gemm_packed(Context& context, int64_t m, int64_t n, int64_t k, PackRows pack, const float* packed, float* c, int64_t c_step,
                 const Epilogue& epilogue = {});

/// Says where rows [first, first + rows) of a left matrix lie that is in pieces, in tiles of kTileRows rows: each
/// [pieces][kTileRows], the last perhaps with rows of any value beyond the last one.
using FindPieces = FunctionRef<void(int64_t first, int64_t rows, const float** found)>;

/// The same for a [m, pieces · length] whose rows are pieces of `length` > 0 contiguous elements somewhere in memory.
void gemm_pieces(Context& context, int64_t m, int64_t n, int64_t pieces, int64_t length, FindPieces find, const float* packed,
                 float* c, int64_t c_step, const Epilogue& epilogue = {});

/// The same with a as it is.
void gemm_packed(Context& context, int64_t m, int64_t n, int64_t k, MatrixView<float> a, const float* packed, float* c,
                 int64_t c_step, const Epilogue& epilogue = {});

/// The same with b as it is; packs it first.
void gemm(Context& context, int64_t m, int64_t n, int64_t k, MatrixView<float> a, MatrixView<float> b, float* c, int64_t c_step,
          const Epilogue& epilogue = {});

/// The plain twin, for other element types.
template <class T>
void gemm_plain(int64_t m, int64_t n, int64_t k, MatrixView<T> a, MatrixView<T> b, T* c, int64_t c_step,
                bool accumulate = false) {
  for (int64_t i = 0; i < m; ++i) {
    T* row = c + i * c_step;
    if (!accumulate) {
      for (int64_t j = 0; j < n; ++j) row[j] = 0;
    }
    for (int64_t p = 0; p < k; ++p) {
      const T factor = a.data[i * a.row_step + p * a.column_step];
      const T* b_row = b.data + p * b.row_step;
      for (int64_t j = 0; j < n; ++j) row[j] += factor * b_row[j * b.column_step];
    }
  }
}

}  // namespace keras::kernels
