// A Function is recognised by writing down what Keras would have written and comparing.
#include "core/graph/recurrent_form.h"

#include "core/graph/builder.h"
#include "core/graph/same_computation.h"
#include "core/ops/builders.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

/// The new states, the output first.
using Step = Values (*)(const Value& x, const Values& states, const Values& weights);

Values split(const Value& z, int64_t count) { return emit_all("Split", {int_scalar(*z.emitter, 1), z}, {{"num_split", count}}); }

Values lstm_step(const Value& x, const Values& states, const Values& weights) {
  const Value z = bias_add(add(matmul(x, weights[0]), matmul(states[0], weights[1])), weights[2]);
  const Values gates = split(z, 4);
  const Value c = add(mul(sigmoid(gates[1]), states[1]), mul(sigmoid(gates[0]), tanh(gates[2])));
  return {mul(sigmoid(gates[3]), tanh(c)), c};
}

/// The weights: kernel, bias of the inputs, recurrent kernel, bias of the state.
Values gru_step(const Value& x, const Values& states, const Values& weights) {
  const Values of_x = split(bias_add(matmul(x, weights[0]), weights[1]), 3);
  const Values of_h = split(bias_add(matmul(states[0], weights[2]), weights[3]), 3);
  const Value z = sigmoid(add(of_x[0], of_h[0])), r = sigmoid(add(of_x[1], of_h[1]));
  const Value candidate = tanh(add(of_x[2], mul(r, of_h[2])));
  return {add(mul(z, states[0]), mul(sub(1.0, z), candidate))};
}

Attrs floats() { return {{"element_dtype", DType::kFloat32}}; }

Value first_slice(const Value& x, int64_t begin, int64_t end) {
  Emitter& e = *x.emitter;
  return emit1("StridedSlice", {x, ints(e, {begin}), ints(e, {end}), ints(e, {1})}, {{"shrink_axis_mask", int64_t{1}}});
}

/// The loop of backend.rnn. Its values: counter, bound of the counter, time, outputs, states…, steps, inputs, weights….
class Loop {
 public:
  Loop(const RecurrentForm& form, Value inputs, Values states, Values weights)
      : form_(form), inputs_(std::move(inputs)), states_(std::move(states)), weights_(std::move(weights)) {}

  /// last_output, outputs, the states
  Values run() {
    Emitter& e = *inputs_.emitter;
    const Value sequence = form_.time_major ? inputs_ : transpose(inputs_, {1, 0, 2});  // [steps, batch, inputs]
    const Value steps = first_slice(shape_of(sequence), 0, 1);
    const Value turned = form_.go_backwards ? emit1("ReverseV2", {sequence, ints(e, {0})}) : sequence;
    element_ = {sequence.shape().dim(1), sequence.shape().dim(2)};
    output_ = {sequence.shape().dim(1), states_[0].shape().dim(1)};
    const Value input_list = emit1("TensorListFromTensor", {turned, ints(e, element_.dims())}, floats());
    const Value count = form_.return_sequences ? steps : int_scalar(e, 1);
    const Value output_list = emit1("TensorListReserve", {ints(e, output_.dims()), count}, floats());
    Values values = {int_scalar(e, 0), int_scalar(e, -1), int_scalar(e, 0), output_list};
    values.insert(values.end(), states_.begin(), states_.end());
    values.push_back(steps);
    values.push_back(input_list);
    values.insert(values.end(), weights_.begin(), weights_.end());
    const FunctionRef condition{"while_cond", while_condition(values)}, body{"while_body", while_body(values)};
    const Values results = e.emit("StatelessWhile", values, {{"cond", condition}, {"body", body}});
    Attrs stack = floats();
    stack.set("num_elements", form_.return_sequences ? int64_t{-1} : int64_t{1});
    const Value outputs = emit1("TensorListStack", {results[3], ints(e, output_.dims())}, stack);
    Values all = {first_slice(outputs, -1, 0), form_.time_major ? outputs : transpose(outputs, {1, 0, 2})};
    for (size_t i = 0; i < states_.size(); ++i) all.push_back(results[4 + i]);
    return all;
  }

 private:
  static Values add_args(GraphBuilder& builder, const Values& like) {
    Values args;
    for (const Value& value : like)
      args.push_back(builder.arg("loop_" + std::to_string(args.size()), value.dtype(), value.shape()));
    return args;
  }

  FunctionPtr while_condition(const Values& like) const {
    GraphBuilder builder("while_cond");
    const Values args = add_args(builder, like);
    const Value more = less(args[2], args[4 + states_.size()]);
    return builder.finish(std::span(&more, 1), {"more"});
  }

  FunctionPtr while_body(const Values& like) const {
    GraphBuilder builder("while_body");
    Values args = add_args(builder, like);
    const size_t first_weight = 6 + states_.size();
    const Value &counter = args[0], &time = args[2], &list = args[first_weight - 1];
    const Value x = emit1("TensorListGetItem", {list, time, ints(builder, element_.dims())}, floats());
    const Step step = form_.cell == Cell::kLstm ? lstm_step : gru_step;
    const Values states = step(x, Values(args.begin() + 4, args.begin() + 4 + static_cast<std::ptrdiff_t>(states_.size())),
                               Values(args.begin() + static_cast<std::ptrdiff_t>(first_weight), args.end()));
    const Value place = form_.return_sequences ? time : int_scalar(builder, 0);
    const Value written = emit1("TensorListSetItem", {args[3], place, states[0]}, floats());
    args[0] = add(counter, 1);
    args[2] = add(time, 1);
    args[3] = written;
    std::copy(states.begin(), states.end(), args.begin() + 4);
    std::vector<std::string> names;
    for (size_t i = 0; i < args.size(); ++i) names.push_back("next_" + std::to_string(i));
    return builder.finish(args, std::move(names));
  }

  RecurrentForm form_;
  Value inputs_;
  Values states_, weights_;
  Shape element_, output_;  // of one step
};

constexpr size_t states_of(Cell cell) { return cell == Cell::kLstm ? 2 : 1; }

/// As many arguments and results as a layer's function has, of its dtypes and ranks.
bool is_candidate(const Function& function, Cell cell) {
  const size_t states = states_of(cell);
  if (function.args.size() != 4 + states || function.outputs.size() != 3 + states) return false;
  for (size_t i = 0; i < function.args.size(); ++i) {
    const Node& arg = function.nodes[static_cast<size_t>(function.args[i])];
    const int64_t rank = i == 0 ? 3 : i + 1 == function.args.size() && cell == Cell::kLstm ? 1 : 2;
    if (arg.dtypes[0] != DType::kFloat32 || !arg.shapes[0].known_rank() || arg.shapes[0].rank() != rank) return false;
    if (i > states && !arg.shapes[0].fully_known()) return false;
  }
  return true;
}

/// Whether kernels and biases have the sizes that the cell needs: other sizes are an error that the written-out form reports.
bool sizes_fit(std::span<const Shape> shapes, Cell cell) {
  const Shape &kernel = shapes[shapes.size() - 3], &recurrent = shapes[shapes.size() - 2], &bias = shapes.back();
  const int64_t units = recurrent.dim(0), gates = (cell == Cell::kLstm ? 4 : 3) * units;
  const Shape wanted_bias = cell == Cell::kLstm ? Shape{gates} : Shape{2, gates};
  const auto is_state = [&](size_t i) { return shapes[i].dim(1) == units; };
  return kernel == Shape{shapes[0].dim(2), gates} && recurrent == Shape{units, gates} && bias == wanted_bias && is_state(1) &&
         is_state(states_of(cell));
}

}  // namespace

FunctionPtr recurrent_function(const RecurrentForm& form, std::span<const Shape> shapes) {
  const bool is_lstm = form.cell == Cell::kLstm;
  std::vector<std::string> arg_names = {"inputs", "init_h"}, output_names = {"last_output", "outputs", "state_h"};
  if (is_lstm) {
    arg_names.emplace_back("init_c");
    output_names.emplace_back("state_c");
  }
  for (const char* name : {"kernel", "recurrent_kernel", "bias"}) arg_names.emplace_back(name);
  output_names.emplace_back("runtime");
  GraphBuilder builder(is_lstm ? "standard_lstm" : "standard_gru");
  Values args;
  for (size_t i = 0; i < shapes.size(); ++i) args.push_back(builder.arg(arg_names[i], DType::kFloat32, shapes[i]));
  const auto first_weight = args.begin() + 1 + static_cast<std::ptrdiff_t>(states_of(form.cell));
  Values states(args.begin() + 1, first_weight), weights(first_weight, args.end());
  if (!is_lstm) {
    const Values biases = emit_all("Unpack", {weights[2]}, {{"num", int64_t{2}}, {"axis", int64_t{0}}});
    weights = {weights[0], biases[0], weights[1], biases[1]};
  }
  Values results = Loop(form, args[0], std::move(states), std::move(weights)).run();
  results.push_back(builder.constant(Tensor::scalar(1.0f)));  // of TensorFlow's kinds of hardware: a CPU
  return builder.finish(results, std::move(output_names));
}

std::optional<RecurrentForm> recurrent_form(const Function& function) {
  for (const Cell cell : {Cell::kLstm, Cell::kGru}) {
    if (!is_candidate(function, cell)) continue;
    std::vector<Shape> shapes;
    for (const int32_t arg : function.args) shapes.push_back(function.nodes[static_cast<size_t>(arg)].shapes[0]);
    if (!sizes_fit(shapes, cell)) return std::nullopt;
    for (int bits = 0; bits < 8; ++bits) {
      const RecurrentForm form{cell, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
      const Shape batch{shapes[0].dim(form.time_major ? 1 : 0)}, batch_of_state{shapes[1].dim(0)};
      if (!batch.compatible_with(batch_of_state)) continue;
      if (same_computation(function, *recurrent_function(form, shapes))) return form;
    }
  }
  return std::nullopt;
}

}  // namespace keras
