// LSTM and GRU against the equations of Keras's layers in double, one element after the other.
#include "core/kernels/rnn.h"

#include "core/base/format.h"
#include "tests/core/kernels/support.h"

namespace keras::kernels {
namespace {

using Doubles = std::vector<double>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Weights {
  std::vector<float> kernel, recurrent_kernel, bias;
};

Weights weights_for(const Sequence& s, int64_t gates, int64_t biases) {
  return {noise(s.inputs * gates, 1), noise(s.units * gates, 2), noise(biases, 3)};
}

std::vector<float> packed(const std::vector<float>& matrix, int64_t rows, int64_t columns) {
  std::vector<float> result(static_cast<size_t>(packed_floats(rows, columns)));
  pack_matrix(rows, columns, {matrix.data(), columns, 1}, result.data());
  return result;
}

/// x · matrix + bias
Doubles project(const Doubles& x, const std::vector<float>& matrix, const float* bias, int64_t columns) {
  Doubles z(static_cast<size_t>(columns));
  for (int64_t j = 0; j < columns; ++j) {
    z[static_cast<size_t>(j)] = bias[j];
    for (size_t p = 0; p < x.size(); ++p)
      z[static_cast<size_t>(j)] += x[p] * matrix[p * static_cast<size_t>(columns) + static_cast<size_t>(j)];
  }
  return z;
}

/// What one element of the batch comes to: state after each step, and the last c.
struct Expected {
  std::vector<Doubles> h;
  Doubles c;
};

Expected lstm_of(const Sequence& s, const Weights& w, const std::vector<Doubles>& xs, Doubles h, Doubles c) {
  Expected result;
  const auto units = static_cast<size_t>(s.units);
  for (const Doubles& x : xs) {
    const Doubles a = project(x, w.kernel, w.bias.data(), 4 * s.units);
    const Doubles b = project(h, w.recurrent_kernel, std::vector<float>(4 * units).data(), 4 * s.units);
    for (size_t i = 0; i < units; ++i) {
      const auto gate = [&](size_t number) { return a[number * units + i] + b[number * units + i]; };
      c[i] = sigmoid(gate(1)) * c[i] + sigmoid(gate(0)) * std::tanh(gate(2));
      h[i] = sigmoid(gate(3)) * std::tanh(c[i]);
    }
    result.h.push_back(h);
  }
  result.c = c;
  return result;
}

Expected gru_of(const Sequence& s, const Weights& w, const std::vector<Doubles>& xs, Doubles h) {
  Expected result;
  const auto units = static_cast<size_t>(s.units);
  for (const Doubles& x : xs) {
    const Doubles a = project(x, w.kernel, w.bias.data(), 3 * s.units);
    const Doubles b = project(h, w.recurrent_kernel, w.bias.data() + 3 * s.units, 3 * s.units);
    for (size_t i = 0; i < units; ++i) {
      const double z = sigmoid(a[i] + b[i]), r = sigmoid(a[units + i] + b[units + i]);
      h[i] = z * h[i] + (1 - z) * std::tanh(a[2 * units + i] + r * b[2 * units + i]);
    }
    result.h.push_back(h);
  }
  return result;
}

class Rnn : public ::testing::TestWithParam<Sequence> {
 protected:
  const Sequence s = GetParam();
  const int64_t states = s.batch * s.units;
  const std::vector<float> inputs = noise(s.batch * s.steps * s.inputs, 4), first_h = noise(states, 5),
                           first_c = noise(states, 6);
  std::vector<float> h = first_h, c = first_c,
                     outputs = std::vector<float>(static_cast<size_t>(states * (s.return_sequences ? s.steps : 1)));

  /// The steps of one element in the order in which they are computed.
  std::vector<Doubles> steps_of(int64_t element) const {
    std::vector<Doubles> steps;
    for (int64_t t = 0; t < s.steps; ++t) {
      const int64_t place = s.go_backwards ? s.steps - 1 - t : t;
      const float* x = inputs.data() + (s.time_major ? place * s.batch + element : element * s.steps + place) * s.inputs;
      steps.emplace_back(x, x + s.inputs);
    }
    return steps;
  }

  Doubles part(const std::vector<float>& all, int64_t element) const {
    const auto begin = all.begin() + element * s.units;
    return {begin, begin + s.units};
  }

  void expect_row(const float* row, const Doubles& wanted, const std::string& what) const {
    for (size_t i = 0; i < wanted.size(); ++i) ASSERT_NEAR(row[i], wanted[i], 2e-6 * static_cast<double>(s.steps)) << what;
  }

  void expect_element(int64_t element, const Expected& wanted) const {
    expect_row(h.data() + element * s.units, wanted.h.back(), "h");
    if (!s.return_sequences) return expect_row(outputs.data() + element * s.units, wanted.h.back(), "output");
    for (int64_t t = 0; t < s.steps; ++t) {
      const int64_t row = s.time_major ? t * s.batch + element : element * s.steps + t;
      expect_row(outputs.data() + row * s.units, wanted.h[static_cast<size_t>(t)], keras::format("step {}", t));
    }
  }
};

TEST_P(Rnn, LstmOnEveryNumberOfWorkers) {
  const Weights w = weights_for(s, 4 * s.units, 4 * s.units);
  for (const int width : {1, 3}) {
    TestContext context(width);
    h = first_h, c = first_c;
    lstm(context, s, inputs.data(), packed(w.kernel, s.inputs, 4 * s.units).data(),
         packed(w.recurrent_kernel, s.units, 4 * s.units).data(), w.bias.data(), h.data(), c.data(), outputs.data());
    for (int64_t element = 0; element < s.batch; ++element) {
      const Expected wanted = lstm_of(s, w, steps_of(element), part(first_h, element), part(first_c, element));
      expect_element(element, wanted);
      expect_row(c.data() + element * s.units, wanted.c, "c");
    }
  }
}

TEST_P(Rnn, GruOnEveryNumberOfWorkers) {
  const Weights w = weights_for(s, 3 * s.units, 6 * s.units);
  for (const int width : {1, 3}) {
    TestContext context(width);
    h = first_h;
    gru(context, s, inputs.data(), packed(w.kernel, s.inputs, 3 * s.units).data(),
        packed(w.recurrent_kernel, s.units, 3 * s.units).data(), w.bias.data(), h.data(), outputs.data());
    for (int64_t element = 0; element < s.batch; ++element) {
      expect_element(element, gru_of(s, w, steps_of(element), part(first_h, element)));
    }
  }
}

// batch, steps, inputs, units, time_major, go_backwards, return_sequences
INSTANTIATE_TEST_SUITE_P(Sequences, Rnn,
                         ::testing::Values(Sequence{1, 1, 1, 1, false, false, false}, Sequence{2, 5, 3, 4, false, false, true},
                                           Sequence{5, 7, 9, 6, true, false, true}, Sequence{3, 4, 8, 16, false, true, true},
                                           Sequence{4, 6, 2, 5, true, true, false}, Sequence{9, 12, 33, 40, false, true, false}));

}  // namespace
}  // namespace keras::kernels
