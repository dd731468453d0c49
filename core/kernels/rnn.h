// Recurrent layers over whole sequences: one product projects the inputs of all steps, then each step is one product with the
// packed recurrent kernel and one pass over the gates.
#pragma once

#include "core/kernels/gemm.h"

namespace keras::kernels {

/// `inputs` of a sequence and its results are [batch, steps, …], or [steps, batch, …] with `time_major`.
struct Sequence {
  int64_t batch, steps, inputs, units;
  bool time_major, go_backwards;
  bool return_sequences;  // `outputs` has every step, in the order in which they are computed; else the last alone

  /// The row of [batch · steps] at which element 0 of the batch has this step, and how far the next element's is from there.
  int64_t row_of(int64_t step) const { return time_major ? step * batch : step; }
  int64_t batch_step() const { return time_major ? 1 : steps; }
};

/// Keras's gates in their order: input, forget, cell, output. REQUIRES: steps > 0.
/// kernel [inputs, 4 · units] and recurrent_kernel [units, 4 · units] as pack_matrix() makes them, bias [4 · units];
/// h, c [batch, units]: the first state, then the last. outputs [batch, steps or 1, units].
void lstm(Context& context, const Sequence& sequence, const float* inputs, const float* kernel, const float* recurrent_kernel,
          const float* bias, float* h, float* c, float* outputs);

/// The same with the gates update, reset, candidate; `reset_after` the product, as cuDNN does: bias [2, 3 · units] has those of
/// the inputs and of the state.
void gru(Context& context, const Sequence& sequence, const float* inputs, const float* kernel, const float* recurrent_kernel,
         const float* bias, float* h, float* outputs);

}  // namespace keras::kernels
