// Transforms around the packed matrix product: for a block of tiles all inputs, and then, for each panel of output channels, the
// filter, the 36 products and the outputs, which all stay in the second-level cache.
#include "core/kernels/winograd.h"

#include <algorithm>
#include <vector>

#include "core/kernels/simd/activate4.h"
#include "core/kernels/simd/float4.h"

namespace keras::kernels {
namespace {

constexpr int64_t kIn = 6, kOut = 4;  // sides of a tile's input and output
constexpr int64_t kProducts = kIn * kIn;
constexpr int64_t kPanel = 8;                 // output channels that a packed filter has side by side
constexpr int64_t kSkew = 16;                 // floats between matrices, lest all of them fall into one set of a cache
constexpr int64_t kBlockFloats = 192 * 1024;  // transformed input that is made at a time: 768 kB
// Measured: with less than this the transforms and the tiles' unused parts take what the products save.
constexpr int64_t kLeastChannels = 8;
constexpr int64_t kLeastTileChannels = 512;  // tiles × input channels
constexpr int64_t kLeastUsedPlaces = 10;     // of a tile's 16, on average

// The polynomials are interpolated at 0, ±a, ±b and infinity. These points have a fourth of the rounding errors of the usual
// ±1 and ±2, and all that is made of them here but the filter's factors is exact.
constexpr float a = 0.75f, b = 1.5f, aa = a * a, bb = b * b;
constexpr float norm_a = 2 * aa * (aa - bb), norm_b = 2 * bb * (bb - aa);

// One dimension of each transform; results go to to[0], to[step], ….

inline void input_line(const Float4* d, Float4* to, int64_t step) {
  const Float4 even_a = mul_add(splat4(-bb), d[2], d[4]), odd_a = mul_add(splat4(-bb), d[1], d[3]) * splat4(a);
  const Float4 even_b = mul_add(splat4(-aa), d[2], d[4]), odd_b = mul_add(splat4(-aa), d[1], d[3]) * splat4(b);
  to[0] = mul_add(splat4(aa * bb), d[0], mul_add(splat4(-aa - bb), d[2], d[4]));
  to[step] = even_a + odd_a;
  to[2 * step] = even_a - odd_a;
  to[3 * step] = even_b + odd_b;
  to[4 * step] = even_b - odd_b;
  to[5 * step] = mul_add(splat4(aa * bb), d[1], mul_add(splat4(-aa - bb), d[3], d[5]));
}

inline void filter_line(const Float4* g, Float4* to, int64_t step) {
  const Float4 even_a = mul_add(splat4(aa / norm_a), g[2], g[0] * splat4(1 / norm_a)), odd_a = g[1] * splat4(a / norm_a);
  const Float4 even_b = mul_add(splat4(bb / norm_b), g[2], g[0] * splat4(1 / norm_b)), odd_b = g[1] * splat4(b / norm_b);
  to[0] = g[0] * splat4(1 / (aa * bb));
  to[step] = even_a + odd_a;
  to[2 * step] = even_a - odd_a;
  to[3 * step] = even_b + odd_b;
  to[4 * step] = even_b - odd_b;
  to[5 * step] = g[2];
}

inline void output_line(const Float4* m, Float4* to, int64_t step) {
  const Float4 even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
  to[0] = m[0] + even_a + even_b;
  to[step] = mul_add(splat4(a), odd_a, splat4(b) * odd_b);
  to[2 * step] = mul_add(splat4(aa), even_a, splat4(bb) * even_b);
  to[3 * step] = mul_add(splat4(aa * a), odd_a, mul_add(splat4(bb * b), odd_b, m[5]));
}

/// How an output is cut into tiles, counted over the whole batch.
struct Tiles {
  int64_t across, each, count;

  explicit Tiles(const ConvGeometry& g)
      : across((g.out_width + kOut - 1) / kOut), each((g.out_height + kOut - 1) / kOut * across), count(g.batch * each) {}
};

struct Tile {
  int64_t image, y, x;  // of its first output

  Tile(const Tiles& tiles, int64_t number)
      : image(number / tiles.each), y(number % tiles.each / tiles.across * kOut), x(number % tiles.each % tiles.across * kOut) {}
};

/// A panel [9][channels][kPanel] of a packed filter as kProducts matrices [channels][kPanel].
[[gnu::noinline]] void transform_filter(int64_t channels, const float* panel, float* to) {
  const int64_t size = channels * kPanel;
  for (int64_t i = 0; i < size; i += 4) {
    Float4 columns[kIn * 3], line[kIn];
    for (int64_t x = 0; x < 3; ++x) {
      for (int64_t y = 0; y < 3; ++y) line[y] = load4(panel + (y * 3 + x) * size + i);
      filter_line(line, columns + x, 3);
    }
    float* at = to + i;
    for (int64_t y = 0; y < kIn; ++y) {
      filter_line(columns + y * 3, line, 1);
      for (int64_t x = 0; x < kIn; ++x, at += size + kSkew) store4(at, line[x]);
    }
  }
}

/// Tiles [first, first + count) of the input as kProducts matrices [count][channels]. `zeros` stands for what is outside of the
/// image.
[[gnu::noinline]] void transform_input(const ConvGeometry& g, const float* input, const float* zeros, int64_t first,
                                       int64_t count, float* to) {
  const Tiles tiles(g);
  const int64_t channels = g.in_channels;
  for (int64_t number = first; number < first + count; ++number, to += channels) {
    const Tile tile(tiles, number);
    const float* from[kProducts];
    for (int64_t i = 0; i < kProducts; ++i) {
      const int64_t y = tile.y - g.pad_top + i % kIn, x = tile.x - g.pad_left + i / kIn;
      const bool inside = y >= 0 && y < g.in_height && x >= 0 && x < g.in_width;
      from[i] = inside ? input + ((tile.image * g.in_height + y) * g.in_width + x) * channels : zeros;
    }
    for (int64_t c = 0; c < channels; c += 4) {
      Float4 columns[kProducts], line[kIn];
      for (int64_t x = 0; x < kIn; ++x) {
        for (int64_t y = 0; y < kIn; ++y) line[y] = load4(from[x * kIn + y] + c);
        input_line(line, columns + x, kIn);
      }
      float* at = to + c;
      for (int64_t y = 0; y < kIn; ++y) {
        input_line(columns + y * kIn, line, 1);
        for (int64_t x = 0; x < kIn; ++x, at += count * channels + kSkew) store4(at, line[x]);
      }
    }
  }
}

/// Where four output channels go, and what happens to them before.
struct Quad {
  const Epilogue& epilogue;
  int64_t channel, count;  // count: how many of the four there are
  Bounds4 bounds{epilogue.activation};
  bool whole = count == 4 && is_vector_activation(epilogue.activation);
  Float4 scale = whole && epilogue.scale != nullptr ? load4(epilogue.scale + channel) : splat4(1);
  Float4 bias = whole && epilogue.bias != nullptr ? load4(epilogue.bias + channel) : Float4{};

  void store(Float4 sum, float* output, int64_t at) const {
    if (!whole) return store_some(sum, output, at);
    Float4 value = mul_add(sum, scale, bias);
    if (epilogue.residual != nullptr) value += load4(epilogue.residual + at);
    store4(output + at, bounds(value));
  }

 private:
  void store_some(Float4 sum, float* output, int64_t at) const {
    float values[4];
    store4(values, sum);
    for (int64_t i = 0; i < count; ++i) {
      if (epilogue.scale != nullptr) values[i] *= epilogue.scale[channel + i];
      if (epilogue.bias != nullptr) values[i] += epilogue.bias[channel + i];
      if (epilogue.residual != nullptr) values[i] += epilogue.residual[at + i];
    }
    activate(epilogue.activation, epilogue.alpha, count, values);
    std::copy_n(values, count, output + at);
  }
};

/// kProducts matrices [count][kPanel] as tiles [first, first + count) of the output, in channels `channel` and on.
[[gnu::noinline]] void transform_output(const ConvGeometry& g, const float* products, int64_t first, int64_t count,
                                        int64_t channel, float* output, const Epilogue& epilogue) {
  const Tiles tiles(g);
  for (int64_t c = 0; c < std::min(kPanel, g.out_channels - channel); c += 4) {
    const Quad quad{epilogue, channel + c, std::min<int64_t>(4, g.out_channels - channel - c)};
    for (int64_t number = first; number < first + count; ++number) {
      const Tile tile(tiles, number);
      Float4 columns[kOut * kIn], line[kIn];
      const float* from = products + (number - first) * kPanel + c;
      for (int64_t x = 0; x < kIn; ++x) {
        for (int64_t y = 0; y < kIn; ++y) line[y] = load4(from + (y * kIn + x) * (count * kPanel + kSkew));
        output_line(line, columns + x, kIn);
      }
      const int64_t rows = std::min(kOut, g.out_height - tile.y), width = std::min(kOut, g.out_width - tile.x);
      for (int64_t y = 0; y < rows; ++y) {
        output_line(columns + y * kIn, line, 1);
        int64_t at = ((tile.image * g.out_height + tile.y + y) * g.out_width + tile.x) * g.out_channels + quad.channel;
        for (int64_t x = 0; x < width; ++x, at += g.out_channels) quad.store(line[x], output, at);
      }
    }
  }
}

/// Tiles of a block: whole tiles of rows, and as many blocks as threads share evenly.
int64_t block_tiles(const ConvGeometry& g, int64_t tiles, int64_t width) {
  const int64_t most = std::max<int64_t>(kBlockFloats / (kProducts * g.in_channels), kTileRows);
  int64_t blocks = (tiles + most - 1) / most;
  if (blocks > width) blocks = (blocks + width - 1) / width * width;
  return ((tiles + blocks - 1) / blocks + kTileRows - 1) / kTileRows * kTileRows;
}

}  // namespace

bool suits_winograd(const ConvGeometry& g, const Epilogue& epilogue) {
  if (g.filter_height != 3 || g.filter_width != 3 || g.groups != 1 || epilogue.accumulate) return false;
  if (g.stride_height != 1 || g.stride_width != 1 || g.dilation_height != 1 || g.dilation_width != 1) return false;
  if (g.in_channels % 4 != 0 || g.in_channels < kLeastChannels || g.out_channels < kLeastChannels) return false;
  const int64_t tiles = Tiles(g).count;
  return tiles >= kTileRows && tiles * g.in_channels >= kLeastTileChannels && g.batch * g.places() >= kLeastUsedPlaces * tiles;
}

void conv2d_winograd(Context& context, const ConvGeometry& g, const float* input, const float* packed, float* output,
                     const Epilogue& epilogue) {
  const int64_t channels = g.in_channels, tiles = Tiles(g).count, width = context.parallel.width();
  const int64_t block = block_tiles(g, tiles, width), blocks = (tiles + block - 1) / block;
  const int64_t panels = (g.out_channels + kPanel - 1) / kPanel;
  // Few blocks: the panels are shared among the threads, too, each transforming the input for itself.
  const int64_t shares = blocks >= width ? 1 : std::min(panels, width);
  const std::vector<float> zeros(static_cast<size_t>(channels));
  const std::unique_ptr<Parallel> serial = make_serial();
  context.parallel.run(blocks * shares, [&](int64_t task, int worker) {
    const int64_t first = task / shares * block, share = task % shares, count = std::min(block, tiles - first);
    const int64_t input_step = count * channels + kSkew, filter_step = channels * kPanel + kSkew;
    const int64_t product_step = count * kPanel + kSkew;
    const int64_t floats = kProducts * (input_step + filter_step + product_step);
    auto* inputs = static_cast<float*>(context.scratch.get(worker, static_cast<size_t>(floats) * sizeof(float)));
    float *filter = inputs + kProducts * input_step, *products = filter + kProducts * filter_step;
    Context alone{*serial, context.scratch};
    transform_input(g, input, zeros.data(), first, count, inputs);
    for (int64_t panel = panels * share / shares; panel < panels * (share + 1) / shares; ++panel) {
      transform_filter(channels, packed + panel * kPanel * g.patch(), filter);
      for (int64_t i = 0; i < kProducts; ++i) {
        const MatrixView<float> rows{inputs + i * input_step, channels, 1};
        gemm_packed(alone, count, kPanel, channels, rows, filter + i * filter_step, products + i * product_step, kPanel);
      }
      transform_output(g, products, first, count, panel * kPanel, output, epilogue);
    }
  });
}

}  // namespace keras::kernels
