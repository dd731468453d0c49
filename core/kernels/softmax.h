// Softmax over rows, and the cross-entropy losses built on it. Outputs may be their inputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/kernels/reduce.h"

namespace keras::kernels {

/// y = x − max(x), and log Σ e^y.
template <class T>
T shifted_row(int64_t columns, const T* x, T* y) {
  const T largest = reduce_run<MaxOf>(columns, x);
  T sum = 0;
  for (int64_t k = 0; k < columns; ++k) y[k] = x[k] - largest;
  for (int64_t k = 0; k < columns; ++k) sum += Exp::apply(y[k]);
  return std::log(sum);
}

template <class Body>
void for_rows(Context& context, int64_t rows, int64_t columns, Body body) {
  parallel_for(context, rows, 4096 / std::max<int64_t>(columns, 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

template <class T>
void softmax(Context& context, int64_t rows, int64_t columns, const T* x, T* y) {
  for_rows(context, rows, columns, [=](int64_t row) {
    const T* from = x + row * columns;
    T* to = y + row * columns;
    const T largest = reduce_run<MaxOf>(columns, from);
    for (int64_t k = 0; k < columns; ++k) to[k] = Exp::apply(from[k] - largest);
    const T scale = T(1) / reduce_run<SumOf>(columns, to);
    for (int64_t k = 0; k < columns; ++k) to[k] *= scale;
  });
}

template <class T>
void log_softmax(Context& context, int64_t rows, int64_t columns, const T* x, T* y) {
  for_rows(context, rows, columns, [=](int64_t row) {
    T* to = y + row * columns;
    const T log_sum = shifted_row(columns, x + row * columns, to);
    for (int64_t k = 0; k < columns; ++k) to[k] -= log_sum;
  });
}

/// loss = −Σ labels · log softmax(x), backprop = softmax(x) − labels. A row of logits or labels may repeat for all rows
/// (its step is 0).
template <class T>
void softmax_cross_entropy(Context& context, int64_t rows, int64_t columns, const T* x, int64_t x_step, const T* labels,
                           int64_t label_step, T* loss, T* backprop) {
  for_rows(context, rows, columns, [=](int64_t row) {
    const T* target = labels + row * label_step;
    T* to = backprop + row * columns;
    const T log_sum = shifted_row(columns, x + row * x_step, to);
    T total = 0;
    for (int64_t k = 0; k < columns; ++k) {
      if (target[k] != 0) total += target[k] * (log_sum - to[k]);
      to[k] = Exp::apply(to[k] - log_sum) - target[k];
    }
    loss[row] = total;
  });
}

/// The same where the label is a class number. REQUIRES: labels in [0, columns).
template <class T, class Label>
void sparse_softmax_cross_entropy(Context& context, int64_t rows, int64_t columns, const T* x, const Label* labels, T* loss,
                                  T* backprop) {
  for_rows(context, rows, columns, [=](int64_t row) {
    T* to = backprop + row * columns;
    const T log_sum = shifted_row(columns, x + row * columns, to);
    loss[row] = log_sum - to[labels[row]];
    for (int64_t k = 0; k < columns; ++k) to[k] = Exp::apply(to[k] - log_sum);
    to[labels[row]] -= 1;
  });
}

}  // namespace keras::kernels
