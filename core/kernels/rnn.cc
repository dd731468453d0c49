// Elements of a batch do not meet, so threads share them, each through all steps.
#include "core/kernels/rnn.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/kernels/functors.h"
#include "core/kernels/parallel_for.h"

namespace keras::kernels {
namespace {

/// Batches of fewer elements have the inputs of all their steps projected in one product, larger ones those of a step.
constexpr int64_t kWideBatch = 4;

/// The gates' part of the inputs: kernel and bias.
struct Projection {
  const Sequence& s;
  int64_t gates;
  const float *inputs, *kernel, *bias;

  void rows(Context& context, int64_t count, int64_t first, int64_t step, float* z, int64_t z_step) const {
    Epilogue epilogue;
    epilogue.bias = bias;
    const MatrixView<float> x{inputs + first * s.inputs, step * s.inputs, 1};
    gemm_packed(context, count, gates, s.inputs, x, kernel, z, z_step, epilogue);
  }
};

/// One element of the batch at one step, from its gates before their activations.
void lstm_gates(int64_t units, const float* z, float* __restrict c, float* __restrict h) {
  const float *input = z, *forget = z + units, *cell = z + 2 * units, *output = z + 3 * units;
  for (int64_t i = 0; i < units; ++i) {
    c[i] = Sigmoid::apply(forget[i]) * c[i] + Sigmoid::apply(input[i]) * Tanh::apply(cell[i]);
    h[i] = Sigmoid::apply(output[i]) * Tanh::apply(c[i]);
  }
}

/// `x`: the gates' part of the inputs, `r`: that of the state.
void gru_gates(int64_t units, const float* x, const float* r, float* __restrict h) {
  for (int64_t i = 0; i < units; ++i) {
    const float update = Sigmoid::apply(x[i] + r[i]), reset = Sigmoid::apply(x[units + i] + r[units + i]);
    const float candidate = Tanh::apply(x[2 * units + i] + reset * r[2 * units + i]);
    h[i] = update * h[i] + (1 - update) * candidate;
  }
}

/// Calls step(context of one thread, z, z's step, first element, end) for each step in its order, for parts of the batch on
/// several threads; z has the projected inputs of element `first` there, those of the next z's step further on. Copies the new
/// state to its place in `outputs`.
template <class Step>
void run_steps(Context& context, const Projection& projection, const float* h, float* outputs, Step step) {
  const Sequence& s = projection.s;
  const int64_t gates = projection.gates;
  const bool wide = s.batch >= kWideBatch;
  const auto z = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(s.batch * gates * (wide ? 1 : s.steps)));
  if (!wide) projection.rows(context, s.batch * s.steps, 0, 1, z.get(), gates);
  const auto run = [&](int64_t begin, int64_t end) {
    const std::unique_ptr<Parallel> serial = make_serial();
    Scratch scratch(1);
    Context alone{*serial, scratch};
    for (int64_t t = 0; t < s.steps; ++t) {
      const int64_t row = s.row_of(s.go_backwards ? s.steps - 1 - t : t) + begin * s.batch_step();
      if (wide) projection.rows(alone, end - begin, row, s.batch_step(), z.get() + begin * gates, gates);
      step(alone, z.get() + (wide ? begin : row) * gates, wide ? gates : s.batch_step() * gates, begin, end);
      if (!s.return_sequences && t + 1 < s.steps) continue;
      for (int64_t b = begin; b < end; ++b) {
        const int64_t place = s.return_sequences ? s.row_of(t) + b * s.batch_step() : b;
        std::copy_n(h + b * s.units, s.units, outputs + place * s.units);
      }
    }
  };
  // Whole tiles of rows, so that each is computed in the same way however many threads there are; two at least, since each task
  // reads the weights at every step.
  const int64_t tiles = (s.batch + kTileRows - 1) / kTileRows;
  const int64_t grain = 100'000 / std::max<int64_t>(kTileRows * s.steps * s.units * gates, 1) + 2;
  parallel_for(context, tiles, grain,
               [&](int64_t begin, int64_t end) { run(begin * kTileRows, std::min(end * kTileRows, s.batch)); });
}

}  // namespace

void lstm(Context& context, const Sequence& s, const float* inputs, const float* kernel, const float* recurrent_kernel,
          const float* bias, float* h, float* c, float* outputs) {
  const int64_t gates = 4 * s.units;
  const auto step = [&](Context& alone, float* z, int64_t z_step, int64_t begin, int64_t end) {
    Epilogue onto;
    onto.accumulate = true;
    const MatrixView<float> state{h + begin * s.units, s.units, 1};
    gemm_packed(alone, end - begin, gates, s.units, state, recurrent_kernel, z, z_step, onto);
    for (int64_t b = begin; b < end; ++b, z += z_step) lstm_gates(s.units, z, c + b * s.units, h + b * s.units);
  };
  run_steps(context, {s, gates, inputs, kernel, bias}, h, outputs, step);
}

void gru(Context& context, const Sequence& s, const float* inputs, const float* kernel, const float* recurrent_kernel,
         const float* bias, float* h, float* outputs) {
  const int64_t gates = 3 * s.units;
  std::vector<float> inner(static_cast<size_t>(s.batch * gates));
  const auto step = [&](Context& alone, const float* z, int64_t z_step, int64_t begin, int64_t end) {
    Epilogue plus;
    plus.bias = bias + gates;
    const MatrixView<float> state{h + begin * s.units, s.units, 1};
    gemm_packed(alone, end - begin, gates, s.units, state, recurrent_kernel, inner.data() + begin * gates, gates, plus);
    for (int64_t b = begin; b < end; ++b, z += z_step) gru_gates(s.units, z, inner.data() + b * gates, h + b * s.units);
  };
  run_steps(context, {s, gates, inputs, kernel, bias}, h, outputs, step);
}

}  // namespace keras::kernels
