// Keras's LSTM and GRU layers as the functions that they are in graphs: `standard_lstm` (keras/layers/rnn/lstm.py) and
// `standard_gru` (gru.py, reset_after=True) of Keras 2.15, over the loop of backend.rnn. TensorFlow marks them by the attribute
// api_implements, so that a runtime may put a kernel of its own in their place.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/graph/function.h"

namespace keras {

enum class Cell { kLstm, kGru };

/// Which of the functions: what Keras's layers are told.
struct RecurrentForm {
  Cell cell;
  bool time_major, go_backwards, return_sequences;
};

/// (inputs, init_h, init_c, kernel, recurrent_kernel, bias) → (last_output, outputs, h, c, runtime); a GRU has no c. `shapes` are
/// those of the arguments; the kernels' are known.
FunctionPtr recurrent_function(const RecurrentForm& form, std::span<const Shape> shapes);

/// The form of which a Function is, whatever its nodes are called; nothing for any other Function, among them layers with masks.
std::optional<RecurrentForm> recurrent_form(const Function& function);

}  // namespace keras
