// The packed matrix product. Layout and blocking after K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008), without the blocking over k: our products have k up to a few thousand, a panel of b then still
// fits the second-level cache.
#include "core/kernels/gemm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernels/functors.h"
#include "core/kernels/parallel_for.h"
#include "core/kernels/simd/activate4.h"
#include "core/kernels/simd/float4.h"

namespace keras::kernels {
namespace {

constexpr int64_t kTileRows = 4, kTileColumns = 8;
constexpr int64_t kBlockRows = 64;  // rows of a that are packed at a time

/// Rows [0, rows) of a as [k][kTileRows], the missing rows of the last tile zero.
void pack_rows(int64_t rows, int64_t k, MatrixView<float> a, float* packed) {
  for (int64_t i0 = 0; i0 < rows; i0 += kTileRows) {
    const int64_t count = std::min(kTileRows, rows - i0);
    float* tile = packed + i0 * k;
    if (count < kTileRows) std::fill_n(tile, kTileRows * k, 0.0f);
    int64_t done = 0;
    if (count == kTileRows && a.column_step == 1) {
      const float* rows_of_tile[] = {a.data + i0 * a.row_step, a.data + (i0 + 1) * a.row_step, a.data + (i0 + 2) * a.row_step,
                                     a.data + (i0 + 3) * a.row_step};
      for (; done + 4 <= k; done += 4) {
        transpose_4x4(rows_of_tile[0] + done, rows_of_tile[1] + done, rows_of_tile[2] + done, rows_of_tile[3] + done,
                      tile + done * kTileRows);
      }
    } else if (count == kTileRows && a.row_step == 1) {
      for (; done < k; ++done) store4(tile + done * kTileRows, load4(a.data + i0 + done * a.column_step));
    }
    for (int64_t i = 0; i < count; ++i) {
      const float* row = a.data + (i0 + i) * a.row_step;
      for (int64_t p = done; p < k; ++p) tile[p * kTileRows + i] = row[p * a.column_step];
    }
  }
}

/// A 4 × 8 tile of the result, in registers.
struct Tile {
  Float4 low[kTileRows] = {}, high[kTileRows] = {};
};

Tile multiply_tile(int64_t k, const float* a, const float* b) {
  Tile tile;
  for (int64_t p = 0; p < k; ++p, a += kTileRows, b += kTileColumns) {
    const Float4 b_low = load4(b), b_high = load4(b + 4);
    for (int64_t i = 0; i < kTileRows; ++i) {
      const Float4 factor = splat4(a[i]);
      tile.low[i] = mul_add(factor, b_low, tile.low[i]);
      tile.high[i] = mul_add(factor, b_high, tile.high[i]);
    }
  }
  return tile;
}

/// Four results to their place: for full tiles, where nothing but a few vector operations is left to do.
void store_four(Float4 value, float* to, const float* bias, const float* residual, const Epilogue& epilogue) {
  if (epilogue.accumulate) return store4(to, load4(to) + value);
  if (bias != nullptr) value += load4(bias);
  if (residual != nullptr) value += load4(residual);
  store4(to, activate4(epilogue.activation, value));
}

/// The first `count` of a row of eight.
void store_some(Float4 low, Float4 high, int64_t count, float* to, const float* bias, const float* residual,
                const Epilogue& epilogue) {
  float row[kTileColumns];
  store4(row, low);
  store4(row + 4, high);
  if (epilogue.accumulate) {
    for (int64_t j = 0; j < count; ++j) to[j] += row[j];
    return;
  }
  for (int64_t j = 0; bias != nullptr && j < count; ++j) row[j] += bias[j];
  for (int64_t j = 0; residual != nullptr && j < count; ++j) row[j] += residual[j];
  activate(epilogue.activation, epilogue.alpha, count, row);
  std::copy_n(row, count, to);
}

struct Product {
  int64_t n, k;
  const float* packed_b;
  float* c;
  int64_t c_step;
  const Epilogue& epilogue;
};

/// Rows [first, first + rows) of the result, whose left rows are packed; panels [panel_begin, panel_end) of columns.
void multiply_block(const Product& product, int64_t first, int64_t rows, const float* packed_a, int64_t panel_begin,
                    int64_t panel_end) {
  const Epilogue& epilogue = product.epilogue;
  const bool vectors_do = epilogue.accumulate || is_vector_activation(epilogue.activation);
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    const int64_t column = panel * kTileColumns, columns = std::min(kTileColumns, product.n - column);
    const float* bias = epilogue.bias != nullptr ? epilogue.bias + column : nullptr;
    for (int64_t i0 = 0; i0 < rows; i0 += kTileRows) {
      const Tile tile = multiply_tile(product.k, packed_a + i0 * product.k, product.packed_b + column * product.k);
      for (int64_t i = 0; i < std::min(kTileRows, rows - i0); ++i) {
        const int64_t at = (first + i0 + i) * product.c_step + column;
        const float* residual = epilogue.residual != nullptr ? epilogue.residual + at : nullptr;
        if (columns == kTileColumns && vectors_do) {
          store_four(tile.low[i], product.c + at, bias, residual, epilogue);
          store_four(tile.high[i], product.c + at + 4, bias != nullptr ? bias + 4 : nullptr,
                     residual != nullptr ? residual + 4 : nullptr, epilogue);
        } else {
          store_some(tile.low[i], tile.high[i], columns, product.c + at, bias, residual, epilogue);
        }
      }
    }
  }
}

}  // namespace

void activate(Activation activation, float alpha, int64_t count, float* x) {
  switch (activation) {
    case Activation::kNone: return;
    case Activation::kRelu:
      for (int64_t i = 0; i < count; ++i) x[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0.0f;
      return;
    case Activation::kRelu6:
      for (int64_t i = 0; i < count; ++i) x[i] = x[i] < 0 ? 0.0f : x[i] > 6 ? 6.0f : x[i];
      return;
    case Activation::kLeakyRelu:
      for (int64_t i = 0; i < count; ++i) x[i] = x[i] > 0 ? x[i] : x[i] * alpha;
      return;
    case Activation::kElu:
      for (int64_t i = 0; i < count; ++i) x[i] = x[i] < 0 ? std::expm1(x[i]) : x[i];
      return;
    case Activation::kSigmoid:
      for (int64_t i = 0; i < count; ++i) x[i] = Sigmoid::apply(x[i]);
      return;
    case Activation::kTanh:
      for (int64_t i = 0; i < count; ++i) x[i] = Tanh::apply(x[i]);
      return;
  }
}

int64_t packed_floats(int64_t k, int64_t n) { return (n + kTileColumns - 1) / kTileColumns * kTileColumns * k; }

void pack_matrix(int64_t k, int64_t n, MatrixView<float> matrix, float* packed) {
  for (int64_t column = 0; column < n; column += kTileColumns) {
    const int64_t count = std::min(kTileColumns, n - column);
    for (int64_t p = 0; p < k; ++p, packed += kTileColumns) {
      const float* from = matrix.data + p * matrix.row_step + column * matrix.column_step;
      for (int64_t j = 0; j < count; ++j) packed[j] = from[j * matrix.column_step];
      std::fill(packed + count, packed + kTileColumns, 0.0f);
    }
  }
}

void gemm_packed(Context& context, int64_t m, int64_t n, int64_t k, MatrixView<float> a, const float* packed, float* c,
                 int64_t c_step, const Epilogue& epilogue) {
  const Product product{n, k, packed, c, c_step, epilogue};
  const int64_t panels = (n + kTileColumns - 1) / kTileColumns;
  const int64_t blocks = (m + kBlockRows - 1) / kBlockRows;
  if (m == 0 || n == 0) return;
  const bool worth_sharing = m * n * k >= 100'000;
  // Few rows: the columns are shared among the threads instead, each packing the rows for itself.
  const int64_t shares =
      blocks >= context.parallel.width() || !worth_sharing ? 1 : std::min<int64_t>(panels, context.parallel.width());
  const auto run = [&](int64_t task, int worker) {
    const int64_t block = task / shares, share = task % shares;
    const int64_t first = block * kBlockRows, rows = std::min(kBlockRows, m - first);
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    auto* packed_a = static_cast<float*>(
        context.scratch.get(worker, static_cast<size_t>(std::max<int64_t>(tiles * kTileRows * k, 1)) * sizeof(float)));
    pack_rows(rows, k, {a.data + first * a.row_step, a.row_step, a.column_step}, packed_a);
    multiply_block(product, first, rows, packed_a, panels * share / shares, panels * (share + 1) / shares);
  };
  run_tasks(context, blocks * shares, worth_sharing, run);
}

void gemm(Context& context, int64_t m, int64_t n, int64_t k, MatrixView<float> a, MatrixView<float> b, float* c, int64_t c_step,
          const Epilogue& epilogue) {
  std::vector<float> packed(static_cast<size_t>(packed_floats(k, n)));
  const int64_t panels = (n + kTileColumns - 1) / kTileColumns;
  parallel_for(context, panels, 16384 / std::max<int64_t>(k * kTileColumns, 1) + 1, [&](int64_t begin, int64_t end) {
    const int64_t column = begin * kTileColumns;
    pack_matrix(k, std::min(n, end * kTileColumns) - column, {b.data + column * b.column_step, b.row_step, b.column_step},
                packed.data() + column * k);
  });
  gemm_packed(context, m, n, k, a, packed.data(), c, c_step, epilogue);
}

}  // namespace keras::kernels
