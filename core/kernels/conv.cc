// Convolutions as matrix products of patches.
#include "core/kernels/conv.h"

#include <algorithm>
#include <span>
#include <type_traits>
#include <vector>

#include "core/kernels/parallel_for.h"
#include "core/kernels/winograd.h"

namespace keras::kernels {
namespace {

constexpr int64_t kPatchElements = 64 * 1024;  // patches that are made at a time: 256 kB of floats

/// One row of a filter at one output place: calls run(index, offset, length) for the elements of the row that lie within
/// the image, in runs that are contiguous on both sides: from element `index` of the row, and from `offset` in the image.
template <class Run>
void for_row_runs(const ConvGeometry& g, int64_t group, int64_t in_x, Run run) {
  const int64_t channels = g.group_in();
  if (g.groups == 1 && g.dilation_width == 1) {
    const int64_t begin = std::max<int64_t>(-in_x, 0), end = std::min(g.filter_width, g.in_width - in_x);
    if (begin < end) run(begin * channels, (in_x + begin) * channels, (end - begin) * channels);
    return;
  }
  for (int64_t fx = 0; fx < g.filter_width; ++fx, in_x += g.dilation_width) {
    if (in_x >= 0 && in_x < g.in_width) run(fx * channels, in_x * g.in_channels + group * channels, channels);
  }
}

/// The patches of output places [first, first + count), counted over the whole batch, of one group: [count, patch()].
template <class T>
void make_patches(const ConvGeometry& g, const T* input, int64_t group, int64_t first, int64_t count, T* patches) {
  const int64_t row_size = g.filter_width * g.group_in();
  const bool padded = g.pad_top != 0 || g.pad_left != 0 || g.reaches_past_end();
  for (int64_t place = first; place < first + count; ++place) {
    const int64_t image = place / g.places(), y = place % g.places() / g.out_width, x = place % g.out_width;
    for (int64_t fy = 0; fy < g.filter_height; ++fy, patches += row_size) {
      const int64_t in_y = y * g.stride_height - g.pad_top + fy * g.dilation_height;
      if (padded) std::fill_n(patches, row_size, T(0));
      if (in_y < 0 || in_y >= g.in_height) continue;
      const T* row = input + (image * g.in_height + in_y) * g.in_width * g.in_channels;
      for_row_runs(g, group, x * g.stride_width - g.pad_left,
                   [=](int64_t index, int64_t offset, int64_t length) { std::copy_n(row + offset, length, patches + index); });
    }
  }
}

/// An output place, counted on without divisions.
struct Place {
  int64_t image, y, x;
  Place(const ConvGeometry& g, int64_t place)
      : image(place / g.places()), y(place % g.places() / g.out_width), x(place % g.out_width) {}
  void advance(const ConvGeometry& g) {
    if (++x < g.out_width) return;
    x = 0;
    if (++y < g.out_height) return;
    y = 0;
    ++image;
  }
};

/// Where the patches of four output places lie at one row of the filter.
struct PatchRows {
  const float* image_row[kTileRows];  // null outside of the image
  int64_t in_x[kTileRows];
};

PatchRows patch_rows(const ConvGeometry& g, const float* input, std::span<const Place, kTileRows> places, int64_t fy) {
  PatchRows rows;
  for (size_t i = 0; i < kTileRows; ++i) {
    const int64_t in_y = places[i].y * g.stride_height - g.pad_top + fy * g.dilation_height;
    const bool inside = in_y >= 0 && in_y < g.in_height;
    rows.image_row[i] = inside ? input + (places[i].image * g.in_height + in_y) * g.in_width * g.in_channels : nullptr;
    rows.in_x[i] = places[i].x * g.stride_width - g.pad_left;
  }
  return rows;
}

/// Whether all of a filter's row lies within the image at all four places.
bool lie_inside(const ConvGeometry& g, const PatchRows& rows) {
  const int64_t reach = (g.filter_width - 1) * g.dilation_width;
  for (int64_t i = 0; i < kTileRows; ++i) {
    if (rows.image_row[i] == nullptr || rows.in_x[i] < 0 || rows.in_x[i] + reach >= g.in_width) return false;
  }
  return true;
}

// What follows runs for each tile of a product: small functions, of which V8 soon has optimized code (see gemm.cc).

/// Elements of one of the four rows of a tile, as gemm packs it.
[[gnu::noinline]] void put_into_tile(const float* from, int64_t count, float* to) {
  for (int64_t j = 0; j < count; ++j) to[j * kTileRows] = from[j];
}

/// One row of the filter at four places, as gemm packs its left matrix: [filter_width · group_in][kTileRows].
[[gnu::noinline]] void pack_filter_row(const ConvGeometry& g, const PatchRows& rows, int64_t group, float* packed) {
  const int64_t size = g.filter_width * g.group_in();
  if (lie_inside(g, rows)) {
    const bool contiguous = g.groups == 1 && g.dilation_width == 1;
    const int64_t length = contiguous ? size : g.group_in();
    for (int64_t done = 0, fx = 0; done < size; done += length, ++fx) {
      const float* from[kTileRows];
      for (int64_t i = 0; i < kTileRows; ++i) {
        const int64_t x = rows.in_x[i] + fx * g.dilation_width;
        from[i] = rows.image_row[i] + x * g.in_channels + group * g.group_in();
      }
      pack_tile(from, length, packed + done * kTileRows);
    }
    return;
  }
  std::fill_n(packed, size * kTileRows, 0.0f);
  for (int64_t i = 0; i < kTileRows; ++i) {
    if (rows.image_row[i] == nullptr) continue;
    for_row_runs(g, group, rows.in_x[i], [&](int64_t index, int64_t offset, int64_t length) {
      put_into_tile(rows.image_row[i] + offset, length, packed + index * kTileRows + i);
    });
  }
}

/// The patches of output places [first, first + count), counted over the whole batch, of one group, as gemm packs them. The last
/// place stands in for those that its tile has too few of.
void pack_patches(const ConvGeometry& g, const float* input, int64_t group, int64_t first, int64_t count, float* packed) {
  const int64_t row_size = g.filter_width * g.group_in() * kTileRows;
  Place next(g, first);
  for (int64_t done = 0; done < count; done += kTileRows) {
    Place places[kTileRows] = {next, next, next, next};
    for (int64_t i = 0; i < kTileRows; ++i) {
      places[i] = next;
      if (done + i + 1 < count) next.advance(g);
    }
    for (int64_t fy = 0; fy < g.filter_height; ++fy, packed += row_size)
      pack_filter_row(g, patch_rows(g, input, places, fy), group, packed);
  }
}

// Convolutions with at least this many channels read them where they lie; with fewer, a loop over the channels of one tap is
// too short.
constexpr int64_t kChannelsInPlace = 16;

/// Where the patches of output places [first, first + count), counted over the whole batch, of one group lie: one piece for each
/// tap of the filter, in tiles as gemm wants them. `zeros` stands for what is outside of the image.
void find_taps(const ConvGeometry& g, const float* input, int64_t group, const float* zeros, int64_t first, int64_t count,
               const float** found) {
  const int64_t taps = g.filter_height * g.filter_width;
  Place place(g, first);
  for (int64_t done = 0; done < (count + kTileRows - 1) / kTileRows * kTileRows; ++done) {
    const float** to = found + done / kTileRows * kTileRows * taps + done % kTileRows;
    const float* image = input + place.image * g.in_height * g.in_width * g.in_channels + group * g.group_in();
    for (int64_t fy = 0; fy < g.filter_height; ++fy) {
      const int64_t y = place.y * g.stride_height - g.pad_top + fy * g.dilation_height;
      for (int64_t fx = 0; fx < g.filter_width; ++fx, to += kTileRows) {
        const int64_t x = place.x * g.stride_width - g.pad_left + fx * g.dilation_width;
        const bool inside = y >= 0 && y < g.in_height && x >= 0 && x < g.in_width;
        *to = inside ? image + (y * g.in_width + x) * g.in_channels : zeros;
      }
    }
    if (done + 1 < count) place.advance(g);  // the last place stands in for those that its tile has too few of
  }
}

/// The reverse: adds patches to where they came from.
template <class T>
void add_patches(const ConvGeometry& g, const T* patches, int64_t group, int64_t first, int64_t count, T* input) {
  const int64_t row_size = g.filter_width * g.group_in();
  for (int64_t place = first; place < first + count; ++place) {
    const int64_t image = place / g.places(), y = place % g.places() / g.out_width, x = place % g.out_width;
    for (int64_t fy = 0; fy < g.filter_height; ++fy, patches += row_size) {
      const int64_t in_y = y * g.stride_height - g.pad_top + fy * g.dilation_height;
      if (in_y < 0 || in_y >= g.in_height) continue;
      T* row = input + (image * g.in_height + in_y) * g.in_width * g.in_channels;
      for_row_runs(g, group, x * g.stride_width - g.pad_left, [=](int64_t index, int64_t offset, int64_t length) {
        for (int64_t i = 0; i < length; ++i) row[offset + i] += patches[index + i];
      });
    }
  }
}

/// Output places that one block of patches holds.
int64_t block_places(const ConvGeometry& g) {
  return std::max<int64_t>(kPatchElements / std::max<int64_t>(g.patch(), 1) / 4 * 4, 4);
}

/// Calls body(first place, count) for blocks of places [begin, end), counted over the whole batch.
template <class Body>
void for_blocks(const ConvGeometry& g, int64_t begin, int64_t end, Body body) {
  const int64_t block = block_places(g);
  for (int64_t first = begin; first < end; first += block) body(first, std::min(block, end - first));
}
template <class Body>
void for_blocks(const ConvGeometry& g, Body body) {
  for_blocks(g, 0, g.batch * g.places(), body);
}

/// `patches` are [count, patch()] at data, or the input itself.
template <class T>
MatrixView<T> patch_view(const ConvGeometry& g, const T* input, int64_t group, int64_t first, int64_t count, T* memory) {
  if (g.is_pointwise()) return {input + first * g.in_channels + group * g.group_in(), g.in_channels, 1};
  make_patches(g, input, group, first, count, memory);
  return {memory, g.patch(), 1};
}

/// The same, made by several threads.
template <class T>
MatrixView<T> patch_view(Context& context, const ConvGeometry& g, const T* input, int64_t group, int64_t first, int64_t count,
                         T* memory) {
  if (g.is_pointwise()) return patch_view(g, input, group, first, count, memory);
  parallel_for(context, count, 16384 / std::max<int64_t>(g.patch(), 1) + 1, [&](int64_t begin, int64_t end) {
    make_patches(g, input, group, first + begin, end - begin, memory + begin * g.patch());
  });
  return {memory, g.patch(), 1};
}

template <class T>
std::vector<T> patch_memory(const ConvGeometry& g) {
  return std::vector<T>(static_cast<size_t>(std::min(block_places(g), g.batch * g.places()) * g.patch()));
}

/// A group's filter [patch, group_out] inside [height, width, in, out].
template <class T>
MatrixView<T> filter_view(const ConvGeometry& g, const T* filter, int64_t group) {
  return {filter + group * g.group_out(), g.out_channels, 1};
}

template <class T>
void product(Context& context, int64_t m, int64_t n, int64_t k, MatrixView<T> a, MatrixView<T> b, T* c, int64_t c_step,
             bool accumulate) {
  if constexpr (std::is_same_v<T, float>) {
    Epilogue epilogue;
    epilogue.accumulate = accumulate;
    gemm(context, m, n, k, a, b, c, c_step, epilogue);
  } else {
    gemm_plain(m, n, k, a, b, c, c_step, accumulate);
  }
}

}  // namespace

int64_t packed_filter_floats(const ConvGeometry& g) { return g.groups * packed_floats(g.patch(), g.group_out()); }

void pack_filter(const ConvGeometry& g, const float* filter, float* packed) {
  const int64_t each = packed_floats(g.patch(), g.group_out());
  for (int64_t group = 0; group < g.groups; ++group) {
    pack_matrix(g.patch(), g.group_out(), filter_view(g, filter, group), packed + group * each);
  }
}

void unpack_filter(const ConvGeometry& g, const float* packed, float* filter) {
  const int64_t each = packed_floats(g.patch(), g.group_out());
  for (int64_t group = 0; group < g.groups; ++group) {
    unpack_matrix(g.patch(), g.group_out(), packed + group * each, filter + group * g.group_out(), g.out_channels, 1);
  }
}

void conv2d_packed(Context& context, const ConvGeometry& g, const float* input, const float* packed, float* output,
                   const Epilogue& epilogue) {
  if (suits_winograd(g, epilogue)) return conv2d_winograd(context, g, input, packed, output, epilogue);
  const int64_t each = packed_floats(g.patch(), g.group_out()), places = g.batch * g.places();
  for (int64_t group = 0; group < g.groups; ++group) {
    const int64_t column = group * g.group_out();
    Epilogue part = epilogue;
    if (part.scale != nullptr) part.scale += column;
    if (part.bias != nullptr) part.bias += column;
    if (part.residual != nullptr) part.residual += column;
    const float* filter = packed + group * each;
    if (g.is_pointwise()) {
      const MatrixView<float> rows = patch_view<float>(g, input, group, 0, places, nullptr);
      gemm_packed(context, places, g.group_out(), g.patch(), rows, filter, output + column, g.out_channels, part);
    } else if (g.group_in() >= kChannelsInPlace) {
      const std::vector<float> zeros(static_cast<size_t>(g.group_in()));
      const auto find = [&](int64_t first, int64_t count, const float** found) {
        find_taps(g, input, group, zeros.data(), first, count, found);
      };
      gemm_pieces(context, places, g.group_out(), g.filter_height * g.filter_width, g.group_in(), find, filter, output + column,
                  g.out_channels, part);
    } else {
      const auto pack = [&](int64_t first, int64_t count, float* to) { pack_patches(g, input, group, first, count, to); };
      gemm_packed(context, places, g.group_out(), g.patch(), PackRows(pack), filter, output + column, g.out_channels, part);
    }
  }
}

template <class T>
void conv2d(Context& context, const ConvGeometry& g, const T* input, const T* filter, T* output) {
  if constexpr (std::is_same_v<T, float>) {
    std::vector<float> packed(static_cast<size_t>(packed_filter_floats(g)));
    pack_filter(g, filter, packed.data());
    conv2d_packed(context, g, input, packed.data(), output);
  } else {
    std::vector<T> memory = patch_memory<T>(g);
    for_blocks(g, [&](int64_t first, int64_t count) {
      for (int64_t group = 0; group < g.groups; ++group) {
        gemm_plain(count, g.group_out(), g.patch(), patch_view(g, input, group, first, count, memory.data()),
                   filter_view(g, filter, group), output + first * g.out_channels + group * g.group_out(), g.out_channels);
      }
    });
  }
}

// patches' gradient = dy · filterᵀ. Patches of one image overlap, so images are what threads can share.
template <class T>
void conv2d_backprop_input(Context& context, const ConvGeometry& g, const T* filter, const T* dy, T* dx) {
  std::fill_n(dx, g.batch * g.in_height * g.in_width * g.in_channels, T(0));
  const int64_t grain = 100'000 / std::max<int64_t>(g.places() * g.patch() * g.group_out(), 1) + 1;
  parallel_for(context, g.batch, grain, [&](int64_t begin, int64_t end) {
    std::vector<T> memory = patch_memory<T>(g);
    for_blocks(g, begin * g.places(), end * g.places(), [&](int64_t first, int64_t count) {
      for (int64_t group = 0; group < g.groups; ++group) {
        const MatrixView<T> rows{dy + first * g.out_channels + group * g.group_out(), g.out_channels, 1};
        const MatrixView<T> transposed{filter + group * g.group_out(), 1, g.out_channels};
        product(context, count, g.patch(), g.group_out(), rows, transposed, memory.data(), g.patch(), false);
        add_patches(g, memory.data(), group, first, count, dx);
      }
    });
  });
}

// filter's gradient = patchesᵀ · dy. Sums over places are made block by block, whatever the number of threads, which share
// what is done for a block: so they do not change a bit.
template <class T>
void conv2d_backprop_filter(Context& context, const ConvGeometry& g, const T* input, const T* dy, T* d_filter) {
  std::fill_n(d_filter, g.patch() * g.out_channels, T(0));
  std::vector<T> memory = patch_memory<T>(g);
  for_blocks(g, [&](int64_t first, int64_t count) {
    for (int64_t group = 0; group < g.groups; ++group) {
      const MatrixView<T> patches = patch_view(context, g, input, group, first, count, memory.data());
      const MatrixView<T> transposed{patches.data, patches.column_step, patches.row_step};
      const MatrixView<T> rows{dy + first * g.out_channels + group * g.group_out(), g.out_channels, 1};
      product(context, g.patch(), g.group_out(), count, transposed, rows, d_filter + group * g.group_out(), g.out_channels, true);
    }
  });
}

template void conv2d<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
template void conv2d<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
template void conv2d_backprop_input<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
template void conv2d_backprop_input<double>(Context&, const ConvGeometry&, const double*, const double*, double*);
template void conv2d_backprop_filter<float>(Context&, const ConvGeometry&, const float*, const float*, float*);
template void conv2d_backprop_filter<double>(Context&, const ConvGeometry&, const double*, const double*, double*);

}  // namespace keras::kernels
