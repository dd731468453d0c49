// The packed matrix product. Layout and blocking after K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008), without the blocking over k: our products have k up to a few thousand, a panel of b then still
// fits the second-level cache.
#include "core/kernels/gemm.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/kernels/functors.h"
#include "core/kernels/parallel_for.h"
#include "core/kernels/simd/activate4.h"
#include "core/kernels/simd/float4.h"

namespace keras::kernels {
namespace {

constexpr int64_t kTileColumns = 8;
constexpr int64_t kTallRows = 5;    // of a tile of rows that need no packing
constexpr int64_t kBlockRows = 64;  // rows of a that are packed at a time
// A b that no second-level cache holds is read from further away for each block of rows: there, rows that need no packing are
// taken in taller blocks, where one thread takes them all.
constexpr int64_t kLargeMatrix = 512 * 1024;
constexpr int64_t kTallBlockRows = 256;
constexpr int64_t kSharePanels = 8;  // of b, that a task takes at least where there are enough for all threads

/// Rows of the left matrix for one tile, packed: element p of row i is at[p · kTileRows + i].
struct PackedRows {
  const float* at;
  float operator()(int64_t i, int64_t p) const { return at[p * kTileRows + i]; }
};

/// Rows of the left matrix as they lie in memory, each contiguous.
template <int64_t kRows>
struct PlainRows {
  const float* row[kRows];
  float operator()(int64_t i, int64_t p) const { return row[i][p]; }
};

/// Rows that lie in pieces of `length` elements: those of the first piece are at at[0] … at[kTileRows - 1], and so on.
struct PieceRows {
  const float* const* at;
  int64_t pieces, length;
};

/// Accumulators in registers, each of the eight columns of a panel of b: those of the rows of a tile in one panel, or those of a
/// single row in as many panels: one accumulator alone would wait for itself.
template <int64_t kRows>
struct Sums {
  Float4 low[kRows] = {}, high[kRows] = {};

  void add(int64_t i, float factor, const float* b) {
    low[i] = mul_add(splat4(factor), load4(b), low[i]);
    high[i] = mul_add(splat4(factor), load4(b + 4), high[i]);
  }
};

constexpr int64_t kRowPanels = kTileRows;  // panels that a single row takes at a time
constexpr int64_t kRowSteps = 256;         // and rows of these panels

/// sums += `count` columns of the rows, from the first on, times as many rows of a panel of b.
/// Not unrolled: V8 moves the loads of four steps at once before their arithmetic and spills what it loaded to the stack
/// (29 GFLOPS in the place of 47, 256 × 256 × 256, relaxed SIMD).
template <class Rows>
inline void add_tile(int64_t count, Rows rows, const float* b, Sums<kTileRows>& sums) {
  for (int64_t p = 0; p < count; ++p, b += kTileColumns) {
    for (int64_t i = 0; i < kTileRows; ++i) sums.add(i, rows(i, p), b);
  }
}

/// The same for kTallRows rows or, where `two`, for the first two of them; count > 0.
/// Ten accumulators, the vectors of b and a row's factor fill the registers of x86-64. V8 of Node 20 moves the loads of a step
/// before all of its arithmetic, but not past a branch: that on `two`, which the compiler must not take out of the loop, and
/// those between the steps keep it from spilling (52 GFLOPS in the place of 33, 256 × 256 × 256, relaxed SIMD).
inline void add_tall_tile(int count, PlainRows<kTallRows> rows, int two, const float* b, Sums<kTallRows>& sums) {
  const auto add_step = [&](int64_t p) __attribute__((always_inline)) {
    for (int64_t i = 0; i < 2; ++i) sums.add(i, rows(i, p), b + p * kTileColumns);
    asm volatile("" : "+r"(two));
    if (two) return;
    for (int64_t i = 2; i < kTallRows; ++i) sums.add(i, rows(i, p), b + p * kTileColumns);
  };
  for (;; count -= 4, b += 4 * kTileColumns) {  // counted once for four steps
    add_step(0);
    if (count <= 1) return;
    add_step(1);
    if (count <= 2) return;
    add_step(2);
    if (count <= 3) return;
    add_step(3);
    if (count <= 4) return;
    for (const float*& row : rows.row) row += 4;
  }
}

/// Steps [begin, end) of the same with the first row alone and kPanels panels of b, panel_size apart.
template <int64_t kPanels, class Rows>
[[gnu::noinline]] void add_row_steps(int64_t begin, int64_t end, Rows rows, const float* b, int64_t panel_size,
                                     Sums<kTileRows>& sums) {
  Sums<kTileRows> in_registers = sums;
  for (int64_t p = begin; p < end; ++p) {
    const float factor = rows(0, p);
    for (int64_t j = 0; j < kPanels; ++j) in_registers.add(j, factor, b + p * kTileColumns + j * panel_size);
  }
  sums = in_registers;
}
/// All of them: some at a time, so that the code that V8 optimizes meanwhile takes over within a long row.
template <int64_t kPanels, class Rows>
void add_row(int64_t count, Rows rows, const float* b, int64_t panel_size, Sums<kTileRows>& sums) {
  for (int64_t p = 0; p < count; p += kRowSteps)
    add_row_steps<kPanels>(p, std::min(p + kRowSteps, count), rows, b, panel_size, sums);
}

/// A tile of rows times a panel [k][kTileColumns] of b (kPanels = 0), or the first row times some panels.
template <int64_t kPanels, class Rows>
inline void add_products(int64_t count, Rows rows, const float* b, int64_t panel_size, Sums<kTileRows>& sums) {
  if constexpr (kPanels == 0)
    add_tile(count, rows, b, sums);
  else
    add_row<kPanels>(count, rows, b, panel_size, sums);
}
template <int64_t kPanels>
inline void add_products(int64_t, PieceRows rows, const float* b, int64_t panel_size, Sums<kTileRows>& sums) {
  for (int64_t piece = 0; piece < rows.pieces; ++piece, b += rows.length * kTileColumns) {
    const float* const* at = rows.at + piece * kTileRows;
    add_products<kPanels>(rows.length, PlainRows<kTileRows>{{at[0], at[1], at[2], at[3]}}, b, panel_size, sums);
  }
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

/// Rows [0, the result) of the eight columns from `column` on, as a panel: all of them where the columns lie beside each other,
/// those that make whole 4 × 4 blocks where each column is contiguous (a transposed matrix), else none.
[[gnu::noinline]] int64_t pack_whole_panel(int64_t k, MatrixView<float> matrix, int64_t column, float* packed) {
  const float* from = matrix.data + column * matrix.column_step;
  if (matrix.column_step == 1) {
    for (int64_t p = 0; p < k; ++p, from += matrix.row_step, packed += kTileColumns) {
      store4(packed, load4(from));
      store4(packed + 4, load4(from + 4));
    }
    return k;
  }
  if (matrix.row_step != 1) return 0;
  const int64_t step = matrix.column_step, whole = k / 4 * 4;
  for (int64_t p = 0; p < whole; p += 4, from += 4, packed += 4 * kTileColumns) {
    transpose_4x4(from, from + step, from + 2 * step, from + 3 * step, packed, kTileColumns);
    transpose_4x4(from + 4 * step, from + 5 * step, from + 6 * step, from + 7 * step, packed + 4, kTileColumns);
  }
  return whole;
}

// The two that follow are part of each tile: called, they would get the accumulators by way of memory.

/// The first `count` accumulators as they are: full panels and an activation that is a few vector operations. They are those of
/// rows `step` apart in one panel, or (kPanels) those of one row in panels beside each other, with scale and bias of their own.
template <bool kPanels, int64_t kRows>
[[gnu::always_inline]] inline void store_whole(const Sums<kRows>& sums, int64_t count, float* to, int64_t step,
                                               const float* scale, const float* bias, const float* residual,
                                               const Epilogue& epilogue) {
  if (epilogue.accumulate) {
    for (int64_t i = 0; i < count; ++i, to += step) {
      store4(to, load4(to) + sums.low[i]);
      store4(to + 4, load4(to + 4) + sums.high[i]);
    }
    return;
  }
  const Bounds4 bounded(epilogue.activation);
  Float4 scale_low = splat4(1), scale_high = splat4(1), bias_low = {}, bias_high = {};
  for (int64_t i = 0; i < count; ++i, to += step) {
    if (kPanels || i == 0) {
      const int64_t first = i * kTileColumns;
      if (scale != nullptr) scale_low = load4(scale + first), scale_high = load4(scale + first + 4);
      if (bias != nullptr) bias_low = load4(bias + first), bias_high = load4(bias + first + 4);
    }
    Float4 low = mul_add(sums.low[i], scale_low, bias_low), high = mul_add(sums.high[i], scale_high, bias_high);
    if (residual != nullptr) {
      low += load4(residual + i * step);
      high += load4(residual + i * step + 4);
    }
    store4(to, bounded(low));
    store4(to + 4, bounded(high));
  }
}

/// The first `count` of a row of eight.
void store_some(Float4 low, Float4 high, int64_t count, float* to, const float* scale, const float* bias, const float* residual,
                const Epilogue& epilogue) {
  float row[kTileColumns];
  store4(row, low);
  store4(row + 4, high);
  if (epilogue.accumulate) {
    for (int64_t j = 0; j < count; ++j) to[j] += row[j];
    return;
  }
  for (int64_t j = 0; scale != nullptr && j < count; ++j) row[j] *= scale[j];
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

/// Whether the columns from a panel on are full panels, as many as accumulators in a row, and the activation a vector's.
template <bool kPanels>
bool are_whole(const Product& product, int64_t count, int64_t panel) {
  const int64_t columns = product.n - panel * kTileColumns;
  return columns >= kTileColumns * (kPanels ? count : 1) &&
         (product.epilogue.accumulate || is_vector_activation(product.epilogue.activation));
}

/// The first `count` accumulators to rows `row` and on of the result, or (kPanels) to panels `panel` and on of one row.
template <bool kPanels, int64_t kRows>
[[gnu::always_inline]] inline void store_whole(const Product& product, const Sums<kRows>& sums, int64_t count, int64_t row,
                                               int64_t panel) {
  const Epilogue& epilogue = product.epilogue;
  const int64_t column = panel * kTileColumns, at = row * product.c_step + column;
  store_whole<kPanels>(sums, count, product.c + at, kPanels ? kTileColumns : product.c_step,
                       epilogue.scale != nullptr ? epilogue.scale + column : nullptr,
                       epilogue.bias != nullptr ? epilogue.bias + column : nullptr,
                       epilogue.residual != nullptr ? epilogue.residual + at : nullptr, epilogue);
}

/// The same, whatever there is of the columns and whichever the activation.
template <bool kPanels, int64_t kRows>
[[gnu::noinline]] void store_any(const Product& product, const Sums<kRows>& sums, int64_t count, int64_t row, int64_t panel) {
  if (are_whole<kPanels>(product, count, panel)) return store_whole<kPanels>(product, sums, count, row, panel);
  const Epilogue& epilogue = product.epilogue;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t column = (kPanels ? panel + i : panel) * kTileColumns;
    const int64_t at = (kPanels ? row : row + i) * product.c_step + column;
    store_some(sums.low[i], sums.high[i], std::min(kTileColumns, product.n - column), product.c + at,
               epilogue.scale != nullptr ? epilogue.scale + column : nullptr,
               epilogue.bias != nullptr ? epilogue.bias + column : nullptr,
               epilogue.residual != nullptr ? epilogue.residual + at : nullptr, epilogue);
  }
}

// Small functions where loops are: V8 has their optimized code while a whole product, compiled as one, would still run in the
// code that it starts with, several times slower.

/// The first `count` rows of a tile, to row `row` of the result and on, in the columns of a panel.
template <class Rows>
[[gnu::noinline]] void multiply_tile(const Product& product, int64_t row, Rows rows, int64_t panel, int64_t count) {
  Sums<kTileRows> sums;
  add_products<0>(product.k, rows, product.packed_b + panel * kTileColumns * product.k, 0, sums);
  if (count == kTileRows && are_whole<false>(product, kTileRows, panel))
    return store_whole<false>(product, sums, kTileRows, row, panel);
  const Sums<kTileRows> in_memory = sums;
  store_any<false>(product, in_memory, count, row, panel);
}
/// All of kTallRows rows, or the first two.
void multiply_tall_tile(const Product& product, int64_t row, PlainRows<kTallRows> rows, int64_t panel, int64_t count) {
  Sums<kTallRows> sums;
  if (product.k > 0) {
    add_tall_tile(static_cast<int>(product.k), rows, count == 2, product.packed_b + panel * kTileColumns * product.k, sums);
  }
  if (count == kTallRows && are_whole<false>(product, kTallRows, panel))
    return store_whole<false>(product, sums, kTallRows, row, panel);
  const Sums<kTallRows> in_memory = sums;
  store_any<false>(product, in_memory, count, row, panel);
}
/// One row, in the columns of some panels.
template <int64_t kPanels, class Rows>
void multiply_panels(const Product& product, int64_t row, Rows rows, int64_t panel) {
  Sums<kTileRows> sums;
  const int64_t panel_size = product.k * kTileColumns;
  add_products<kPanels>(product.k, rows, product.packed_b + panel * panel_size, panel_size, sums);
  store_any<true>(product, sums, kPanels, row, panel);
}
template <class Rows>
void multiply_row(const Product& product, int64_t row, Rows rows, int64_t panel, int64_t panel_end) {
  for (; panel + kRowPanels <= panel_end; panel += kRowPanels) multiply_panels<kRowPanels>(product, row, rows, panel);
  for (; panel < panel_end; ++panel) multiply_panels<1>(product, row, rows, panel);
}

/// Rows [first, first + rows) of the result, in the columns of panels [panel_begin, panel_end). `rows_at(i)`: the left rows
/// from i on, counted within the block.
template <class RowsAt>
void multiply_block(const Product& product, int64_t first, int64_t rows, RowsAt rows_at, int64_t panel_begin, int64_t panel_end) {
  const int64_t full = rows % kTileRows == 1 ? rows - 1 : rows;
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    for (int64_t i = 0; i < full; i += kTileRows) {
      multiply_tile(product, first + i, rows_at(i), panel, std::min(kTileRows, rows - i));
    }
  }
  if (full < rows) multiply_row(product, first + full, rows_at(full), panel_begin, panel_end);
}

/// How many of some contiguous rows' tiles have kTileRows rows; the rest are tiles of kTallRows, the last perhaps of two rows.
int64_t low_tiles(int64_t rows) {
  const int64_t count = (kTallRows - rows % kTallRows) % kTallRows;
  if (count * kTileRows <= rows) return count;
  return rows == 6 || rows == 11 ? 1 : 0;  // 4 + 2, 4 + 5 + 2
}

/// Contiguous rows, `step` apart.
struct RowBlock {
  const float* a;
  int64_t step, rows;

  template <int64_t kRows>
  PlainRows<kRows> from(int64_t i) const {  // the last row stands in for those that are missing
    PlainRows<kRows> tile;
    for (int64_t j = 0; j < kRows; ++j) tile.row[j] = a + std::min(i + j, rows - 1) * step;
    return tile;
  }
};

/// More than one of them, to row `first` of the result and on, in the columns of a panel.
[[gnu::noinline]] void multiply_panel(const Product& product, int64_t first, const RowBlock& block, int64_t panel) {
  const int64_t rows = block.rows;
  const int64_t low = rows == 3 ? rows : low_tiles(rows) * kTileRows;  // three are taken as four
  for (int64_t i = 0; i < low; i += kTileRows)
    multiply_tile(product, first + i, block.from<kTileRows>(i), panel, std::min(kTileRows, rows - i));
  for (int64_t i = low; i < rows; i += kTallRows)
    multiply_tall_tile(product, first + i, block.from<kTallRows>(i), panel, std::min(kTallRows, rows - i));
}

/// Calls block(first row, rows, first panel, panel end, worker) for all of a product, on several threads where it is worth it.
template <class Block>
void for_blocks(Context& context, int64_t m, int64_t n, int64_t k, Block block, int64_t block_rows = kBlockRows) {
  if (m == 0 || n == 0) return;
  const int64_t panels = (n + kTileColumns - 1) / kTileColumns;
  const int64_t blocks = (m + block_rows - 1) / block_rows;
  const bool worth_sharing = m * n * k >= 100'000;
  const int64_t width = context.parallel.width(), tasks = most_tasks(context);
  // Few rows: the columns are shared, too, each task packing the rows for itself.
  const int64_t most_shares = std::max(std::min(panels, width), panels / kSharePanels);
  const int64_t shares = worth_sharing ? std::min((tasks + blocks - 1) / blocks, most_shares) : 1;
  run_tasks(context, blocks * shares, worth_sharing, [&](int64_t task, int worker) {
    const int64_t first = task / shares * block_rows, share = task % shares;
    block(first, std::min(block_rows, m - first), panels * share / shares, panels * (share + 1) / shares, worker);
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
    const int64_t done = count == kTileColumns ? pack_whole_panel(k, matrix, column, packed) : 0;
    packed += done * kTileColumns;
    for (int64_t p = done; p < k; ++p, packed += kTileColumns) {
      const float* from = matrix.data + p * matrix.row_step + column * matrix.column_step;
      for (int64_t j = 0; j < count; ++j) packed[j] = from[j * matrix.column_step];
      std::fill(packed + count, packed + kTileColumns, 0.0f);
    }
  }
}

void unpack_matrix(int64_t k, int64_t n, const float* packed, float* matrix, int64_t row_step, int64_t column_step) {
  for (int64_t column = 0; column < n; column += kTileColumns) {
    const int64_t count = std::min(kTileColumns, n - column);
    for (int64_t p = 0; p < k; ++p, packed += kTileColumns) {
      float* to = matrix + p * row_step + column * column_step;
      for (int64_t j = 0; j < count; ++j) to[j * column_step] = packed[j];
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

void gemm_pieces(Context& context, int64_t m, int64_t n, int64_t pieces, int64_t length, FindPieces find, const float* packed,
                 float* c, int64_t c_step, const Epilogue& epilogue) {
  const int64_t k = pieces * length;
  const Product product{n, k, packed, c, c_step, epilogue};
  for_blocks(context, m, n, k, [&](int64_t first, int64_t rows, int64_t panel, int64_t panel_end, int worker) {
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    auto* found = static_cast<const float**>(
        context.scratch.get(worker, static_cast<size_t>(tiles * kTileRows * pieces) * sizeof(const float*)));
    find(first, rows, found);
    const auto rows_at = [=](int64_t i) { return PieceRows{found + i * pieces, pieces, length}; };
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
  const auto block = [&](int64_t first, int64_t rows, int64_t panel, int64_t panel_end, int) {
    const RowBlock left{a.data + first * a.row_step, a.row_step, rows};
    if (rows == 1) return multiply_row(product, first, left.from<kTileRows>(0), panel, panel_end);
    for (; panel < panel_end; ++panel) multiply_panel(product, first, left, panel);
  };
  const bool tall = k * n >= kLargeMatrix && context.parallel.width() == 1;
  for_blocks(context, m, n, k, block, tall ? kTallBlockRows : kBlockRows);
}

void gemm(Context& context, int64_t m, int64_t n, int64_t k, MatrixView<float> a, MatrixView<float> b, float* c, int64_t c_step,
          const Epilogue& epilogue) {
  const auto packed = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(packed_floats(k, n)));
  const int64_t panels = (n + kTileColumns - 1) / kTileColumns;
  parallel_for(context, panels, 16384 / std::max<int64_t>(k * kTileColumns, 1) + 1, [&](int64_t begin, int64_t end) {
    const int64_t column = begin * kTileColumns;
    pack_matrix(k, std::min(n, end * kTileColumns) - column, {b.data + column * b.column_step, b.row_step, b.column_step},
                packed.get() + column * k);
  });
  gemm_packed(context, m, n, k, a, packed.get(), c, c_step, epilogue);
}

}  // namespace keras::kernels
