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

constexpr int64_t kTileColumns = 8;
constexpr int64_t kBlockRows = 64;  // rows of a that are packed at a time

/// Rows of the left matrix for one tile, packed: element p of row i is at[p · kTileRows + i].
struct PackedRows {
  const float* at;
  float operator()(int64_t i, int64_t p) const { return at[p * kTileRows + i]; }
};

/// Rows of the left matrix as they lie in memory, each contiguous.
struct PlainRows {
  const float* row[kTileRows];
  float operator()(int64_t i, int64_t p) const { return row[i][p]; }
};

/// A tile of the result in registers: kRows rows of kPanels · kTileColumns columns.
template <int64_t kRows, int64_t kPanels>
struct Tile {
  Float4 low[kRows][kPanels] = {}, high[kRows][kPanels] = {};
};

/// Panels of b follow each other, each [k][kTileColumns].
template <int64_t kRows, int64_t kPanels, class Rows>
Tile<kRows, kPanels> multiply_tile(int64_t k, Rows rows, const float* b) {
  Tile<kRows, kPanels> tile;
  const int64_t panel_size = k * kTileColumns;
  for (int64_t p = 0; p < k; ++p, b += kTileColumns) {
    for (int64_t j = 0; j < kPanels; ++j) {
      const Float4 b_low = load4(b + j * panel_size), b_high = load4(b + j * panel_size + 4);
      for (int64_t i = 0; i < kRows; ++i) {
        const Float4 factor = splat4(rows(i, p));
        tile.low[i][j] = mul_add(factor, b_low, tile.low[i][j]);
        tile.high[i][j] = mul_add(factor, b_high, tile.high[i][j]);
      }
    }
  }
  return tile;
}

/// Rows [0, rows) of a as [k][kTileRows], the missing rows of the last tile zero.
void pack_rows(int64_t rows, int64_t k, MatrixView<float> a, float* packed) {
  for (int64_t i0 = 0; i0 < rows; i0 += kTileRows, packed += kTileRows * k) {
    const int64_t count = std::min(kTileRows, rows - i0);
    if (count == kTileRows && a.row_step == 1) {
      for (int64_t p = 0; p < k; ++p) store4(packed + p * kTileRows, load4(a.data + i0 + p * a.column_step));
      continue;
    }
    std::fill_n(packed, kTileRows * k, 0.0f);
    for (int64_t i = 0; i < count; ++i) {
      const float* row = a.data + (i0 + i) * a.row_step;
      for (int64_t p = 0; p < k; ++p) packed[p * kTileRows + i] = row[p * a.column_step];
    }
  }
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

/// Rows of the result from `first` on, as many as the tile has, in the columns of panels from `panel` on.
template <int64_t kRows, int64_t kPanels, class Rows>
void multiply_rows(const Product& product, int64_t first, Rows rows, int64_t panel, int64_t row_count = kRows) {
  const Epilogue& epilogue = product.epilogue;
  const bool vectors_do = epilogue.accumulate || is_vector_activation(epilogue.activation);
  const float* b = product.packed_b + panel * kTileColumns * product.k;
  const Tile tile = multiply_tile<kRows, kPanels>(product.k, rows, b);
  for (int64_t j = 0; j < kPanels; ++j) {
    const int64_t column = (panel + j) * kTileColumns, columns = std::min(kTileColumns, product.n - column);
    const float* bias = epilogue.bias != nullptr ? epilogue.bias + column : nullptr;
    for (int64_t i = 0; i < row_count; ++i) {
      const int64_t at = (first + i) * product.c_step + column;
      const float* residual = epilogue.residual != nullptr ? epilogue.residual + at : nullptr;
      if (columns == kTileColumns && vectors_do) {
        store_four(tile.low[i][j], product.c + at, bias, residual, epilogue);
        store_four(tile.high[i][j], product.c + at + 4, bias != nullptr ? bias + 4 : nullptr,
                   residual != nullptr ? residual + 4 : nullptr, epilogue);
      } else {
        store_some(tile.low[i][j], tile.high[i][j], columns, product.c + at, bias, residual, epilogue);
      }
    }
  }
}

/// Rows [first, first + rows) of the result, in the columns of panels [panel_begin, panel_end). `rows_at(i)`: the left rows
/// from i on, counted within the block. A single row takes several panels at once: two registers would wait for each other.
template <class RowsAt>
void multiply_block(const Product& product, int64_t first, int64_t rows, RowsAt rows_at, int64_t panel_begin, int64_t panel_end) {
  constexpr int64_t kWide = 4;
  const int64_t full = rows % kTileRows == 1 ? rows - 1 : rows;
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    for (int64_t i = 0; i < full; i += kTileRows) {
      multiply_rows<kTileRows, 1>(product, first + i, rows_at(i), panel, std::min(kTileRows, rows - i));
    }
  }
  if (full == rows) return;
  int64_t panel = panel_begin;
  for (; panel + kWide <= panel_end; panel += kWide) multiply_rows<1, kWide>(product, first + full, rows_at(full), panel);
  for (; panel < panel_end; ++panel) multiply_rows<1, 1>(product, first + full, rows_at(full), panel);
}

/// Calls block(first row, rows, first panel, panel end, worker) for all of a product, on several threads where it is worth it.
template <class Block>
void for_blocks(Context& context, int64_t m, int64_t n, int64_t k, Block block) {
  if (m == 0 || n == 0) return;
  const int64_t panels = (n + kTileColumns - 1) / kTileColumns;
  const int64_t blocks = (m + kBlockRows - 1) / kBlockRows;
  const bool worth_sharing = m * n * k >= 100'000;
  // Few rows: the columns are shared among the threads instead, each packing the rows for itself.
  const int64_t shares =
      blocks >= context.parallel.width() || !worth_sharing ? 1 : std::min<int64_t>(panels, context.parallel.width());
  run_tasks(context, blocks * shares, worth_sharing, [&](int64_t task, int worker) {
    const int64_t first = task / shares * kBlockRows, share = task % shares;
    block(first, std::min(kBlockRows, m - first), panels * share / shares, panels * (share + 1) / shares, worker);
  });
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

void pack_tile(std::span<const float* const, kTileRows> rows, int64_t count, float* packed) {
  int64_t done = 0;
  for (; done + 4 <= count; done += 4) {
    transpose_4x4(rows[0] + done, rows[1] + done, rows[2] + done, rows[3] + done, packed + done * kTileRows);
  }
  for (; done < count; ++done) {
    for (size_t i = 0; i < kTileRows; ++i) packed[done * kTileRows + static_cast<int64_t>(i)] = rows[i][done];
  }
}

void gemm_packed(Context& context, int64_t m, int64_t n, int64_t k, PackRows pack, const float* packed, float* c, int64_t c_step,
                 const Epilogue& epilogue) {
  const Product product{n, k, packed, c, c_step, epilogue};
  for_blocks(context, m, n, k, [&](int64_t first, int64_t rows, int64_t panel, int64_t panel_end, int worker) {
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    auto* packed_a = static_cast<float*>(
        context.scratch.get(worker, static_cast<size_t>(std::max<int64_t>(tiles * kTileRows * k, 1)) * sizeof(float)));
    pack(first, rows, packed_a);
    const auto rows_at = [=](int64_t i) { return PackedRows{packed_a + i * k}; };
    multiply_block(product, first, rows, rows_at, panel, panel_end);
  });
}

void gemm_packed(Context& context, int64_t m, int64_t n, int64_t k, MatrixView<float> a, const float* packed, float* c,
                 int64_t c_step, const Epilogue& epilogue) {
  if (a.column_step != 1) {
    const auto pack = [&](int64_t first, int64_t rows, float* to) {
      pack_rows(rows, k, {a.data + first * a.row_step, a.row_step, a.column_step}, to);
    };
    return gemm_packed(context, m, n, k, pack, packed, c, c_step, epilogue);
  }
  const Product product{n, k, packed, c, c_step, epilogue};
  for_blocks(context, m, n, k, [&](int64_t first, int64_t rows, int64_t panel, int64_t panel_end, int) {
    const auto rows_at = [=](int64_t i) {  // the last row stands in for those that are missing
      PlainRows tile;
      for (int64_t j = 0; j < kTileRows; ++j) tile.row[j] = a.data + (first + std::min(i + j, rows - 1)) * a.row_step;
      return tile;
    };
    multiply_block(product, first, rows, rows_at, panel, panel_end);
  });
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
