// The updates of TensorFlow's training ops (core/kernels/training_ops.cc), one pass over variable and slots.
#pragma once

#include <cmath>
#include <cstdint>

namespace keras::kernels {

/// var -= rate · grad
template <class T>
void gradient_descent(int64_t count, T rate, const T* grad, T* var) {
  for (int64_t i = 0; i < count; ++i) var[i] -= rate * grad[i];
}

/// Keras's momentum: accum = momentum · accum − rate · grad, and var follows it (one step further with Nesterov).
template <class T>
void keras_momentum(int64_t count, T rate, T momentum, bool nesterov, const T* grad, T* accum, T* var) {
  for (int64_t i = 0; i < count; ++i) {
    accum[i] = accum[i] * momentum - rate * grad[i];
    var[i] += nesterov ? accum[i] * momentum - rate * grad[i] : accum[i];
  }
}

/// TensorFlow 1's momentum: accum = momentum · accum + grad, var −= rate · accum.
template <class T>
void momentum(int64_t count, T rate, T momentum, bool nesterov, const T* grad, T* accum, T* var) {
  for (int64_t i = 0; i < count; ++i) {
    accum[i] = accum[i] * momentum + grad[i];
    var[i] -= nesterov ? rate * grad[i] + rate * momentum * accum[i] : rate * accum[i];
  }
}

template <class T>
struct RmsPropRates {
  T rate, rho, momentum, epsilon;
};

template <class T>
void rms_prop(int64_t count, const RmsPropRates<T>& rates, const T* grad, T* mean_square, T* accum, T* var) {
  for (int64_t i = 0; i < count; ++i) {
    mean_square[i] += (grad[i] * grad[i] - mean_square[i]) * (1 - rates.rho);
    accum[i] = accum[i] * rates.momentum + rates.rate * grad[i] / std::sqrt(mean_square[i] + rates.epsilon);
    var[i] -= accum[i];
  }
}

template <class T>
struct AdamRates {
  T rate, beta_1, beta_2, epsilon;  // `rate` with the bias corrections in it
};

template <class T>
void adam(int64_t count, const AdamRates<T>& rates, bool nesterov, const T* grad, T* m, T* v, T* var) {
  for (int64_t i = 0; i < count; ++i) {
    m[i] += (grad[i] - m[i]) * (1 - rates.beta_1);
    v[i] += (grad[i] * grad[i] - v[i]) * (1 - rates.beta_2);
    const T direction = nesterov ? grad[i] * (1 - rates.beta_1) + rates.beta_1 * m[i] : m[i];
    var[i] -= rates.rate * direction / (std::sqrt(v[i]) + rates.epsilon);
  }
}

}  // namespace keras::kernels
