// Recurrent layers in one op each, with the outputs of the functions that Keras writes for them.
#include "core/ops/recurrent_kernels.h"

#include <algorithm>

#include "core/kernels/rnn.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

// What Keras's functions return as their last output, `runtime`: computed on a CPU.
constexpr float kCpuRuntime = 1;

/// The last output alone stands for the sequence where that is not asked for.
Shape sequence_shape(const Attrs& attrs, int64_t batch, int64_t steps) {
  if (!attrs.get_bool("return_sequences")) steps = 1;
  const int64_t units = attrs.get_int("units");
  return attrs.get_bool("time_major") ? Shape{steps, batch, units} : Shape{batch, steps, units};
}

/// Outputs: last_output, outputs, the states, runtime.
void recurrent_shape(ShapeContext& c, int states) {
  shape::require_rank(c.input(0), 3, "The sequence");
  const bool time_major = c.attrs().get_bool("time_major");
  const int64_t batch = shape::dim_or_unknown(c.input(0), time_major ? 1 : 0);
  const Shape state = {batch, c.attrs().get_int("units")};
  c.set_output(0, state);
  c.set_output(1, sequence_shape(c.attrs(), batch, shape::dim_or_unknown(c.input(0), time_major ? 0 : 1)));
  for (int i = 0; i < states; ++i) {
    shape::same_shape(c.input(1 + i), state, "A state and the sequence's batch and units");
    c.set_output(2 + i, state);
  }
  c.set_output(2 + states, Shape());
}

/// Inputs whose shapes nobody could infer come unchecked.
kernels::Sequence sequence_of(KernelContext& c, int gates, int kernel_input) {
  const Shape& shape = c.input(0).shape();
  if (shape.rank() != 3) throw InvalidArgumentError("The sequence must have rank 3, found shape {}", shape);
  const bool time_major = c.attrs().get_bool("time_major");
  const int64_t units = c.attrs().get_int("units");
  const kernels::Sequence sequence{.batch = shape.dim(time_major ? 1 : 0),
                                   .steps = shape.dim(time_major ? 0 : 1),
                                   .inputs = shape.dim(2),
                                   .units = units,
                                   .time_major = time_major,
                                   .go_backwards = c.attrs().get_bool("go_backwards"),
                                   .return_sequences = c.attrs().get_bool("return_sequences")};
  if (c.input(kernel_input).elements() != kernels::packed_floats(sequence.inputs, gates * units) ||
      c.input(kernel_input + 1).elements() != kernels::packed_floats(units, gates * units)) {
    throw InvalidArgumentError("Kernels of other sizes than inputs of shape {} and {} units need", shape, units);
  }
  for (int i = 1; i < kernel_input; ++i) {
    if (c.input(i).shape() != Shape{sequence.batch, units}) {
      throw InvalidArgumentError("A state of shape {} for a batch of {} and {} units", c.input(i).shape(), sequence.batch, units);
    }
  }
  const Tensor& bias = c.input(kernel_input + 2);
  if (bias.elements() != (gates == 3 ? 2 : 1) * gates * units) {
    throw InvalidArgumentError("A bias of shape {} for {} units", bias.shape(), units);
  }
  return sequence;
}

/// Runs `run(states, outputs)` on copies of the first states, and hands out the results.
template <class Run>
void recurrent_kernel(KernelContext& c, const kernels::Sequence& s, int states, Run run) {
  const Shape state_shape = {s.batch, s.units};
  Tensor& outputs = c.output(1, sequence_shape(c.attrs(), s.batch, s.steps));
  if (s.steps == 0 && s.return_sequences) throw InvalidArgumentError("slice index -1 of dimension 0 out of bounds.");
  float* state[2] = {};
  for (int i = 0; i < states; ++i) {
    state[i] = c.output(2 + i, state_shape).data<float>();
    std::copy_n(c.input(1 + i).data<float>(), state_shape.elements(), state[i]);
  }
  float* last = c.output(0, state_shape).data<float>();
  if (s.steps > 0) {
    run(state, outputs.data<float>());
    std::copy_n(state[0], state_shape.elements(), last);
  } else {  // an output that was never written
    std::fill_n(last, state_shape.elements(), 0.0f);
    std::fill_n(outputs.data<float>(), outputs.elements(), 0.0f);
  }
  c.output(2 + states, Shape()).data<float>()[0] = kCpuRuntime;
}

}  // namespace

void fused_lstm_shape(ShapeContext& c) { recurrent_shape(c, 2); }
void fused_gru_shape(ShapeContext& c) { recurrent_shape(c, 1); }

void fused_lstm_kernel(KernelContext& c) {
  const kernels::Sequence s = sequence_of(c, 4, 3);
  recurrent_kernel(c, s, 2, [&](float* const* state, float* outputs) {
    kernels::lstm(c.kernels(), s, c.input(0).data<float>(), c.input(3).data<float>(), c.input(4).data<float>(),
                  c.input(5).data<float>(), state[0], state[1], outputs);
  });
}

void fused_gru_kernel(KernelContext& c) {
  const kernels::Sequence s = sequence_of(c, 3, 2);
  recurrent_kernel(c, s, 1, [&](float* const* state, float* outputs) {
    kernels::gru(c.kernels(), s, c.input(0).data<float>(), c.input(2).data<float>(), c.input(3).data<float>(),
                 c.input(4).data<float>(), state[0], outputs);
  });
}

}  // namespace keras
