// Radix two, in place after the bits of the indices are reversed.
#include "core/kernels/fft.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace keras::kernels {
namespace {

using Number = std::complex<double>;

Number product(Number a, Number b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

/// exp(-πi · part / whole)
Number turn(int64_t part, int64_t whole) {
  const double angle = -std::numbers::pi * static_cast<double>(part) / static_cast<double>(whole);
  return {std::cos(angle), std::sin(angle)};
}

}  // namespace

Fft::Fft(int64_t size, bool inverse) : size_(size), inverse_(inverse) {
  const auto n = static_cast<uint64_t>(size);
  const bool is_power = std::has_single_bit(n);
  power_ = static_cast<int64_t>(is_power ? n : std::bit_ceil(2 * n - 1));
  for (int64_t k = 0; k < power_ / 2; ++k) turns_.push_back(turn(2 * k, power_));
  work_.resize(static_cast<size_t>(power_));
  if (is_power) return;
  chirps_.resize(work_.size());
  for (int64_t k = 0; k < size; ++k) {
    chirp_.push_back(turn(k * k % (2 * size), size));  // its period is 2 · size
    chirps_[static_cast<size_t>(k)] = std::conj(chirp_.back());
    if (k > 0) chirps_[static_cast<size_t>(power_ - k)] = std::conj(chirp_.back());
  }
  transform(chirps_);
}

void Fft::transform(Numbers& numbers) const {
  for (size_t i = 0, reversed = 0; i < numbers.size(); ++i) {
    if (i < reversed) std::swap(numbers[i], numbers[reversed]);
    size_t bit = numbers.size() / 2;
    for (; bit > 0 && (reversed & bit) != 0; bit /= 2) reversed ^= bit;
    reversed |= bit;
  }
  for (size_t half = 1; half < numbers.size(); half *= 2) {
    const size_t stride = numbers.size() / (2 * half);
    for (size_t begin = 0; begin < numbers.size(); begin += 2 * half) {
      for (size_t k = 0; k < half; ++k) {
        const Number a = numbers[begin + k], b = product(numbers[begin + k + half], turns_[k * stride]);
        numbers[begin + k] = a + b;
        numbers[begin + k + half] = a - b;
      }
    }
  }
}

// The inverse is the transform of the conjugates, conjugated.
void Fft::run(Number* data, int64_t step) {
  const auto given = [&](int64_t k) { return inverse_ ? std::conj(data[k * step]) : data[k * step]; };
  const double scale = inverse_ ? 1.0 / static_cast<double>(size_) : 1.0;
  const auto put = [&](int64_t k, Number value) { data[k * step] = (inverse_ ? std::conj(value) : value) * scale; };
  if (chirp_.empty()) {
    for (int64_t k = 0; k < size_; ++k) work_[static_cast<size_t>(k)] = given(k);
    transform(work_);
    for (int64_t k = 0; k < size_; ++k) put(k, work_[static_cast<size_t>(k)]);
    return;
  }
  std::fill(work_.begin(), work_.end(), Number());
  for (int64_t k = 0; k < size_; ++k) work_[static_cast<size_t>(k)] = product(given(k), chirp_[static_cast<size_t>(k)]);
  transform(work_);
  for (size_t k = 0; k < work_.size(); ++k) work_[k] = std::conj(product(work_[k], chirps_[k]));
  transform(work_);
  for (int64_t k = 0; k < size_; ++k) {
    const Number convolved = std::conj(work_[static_cast<size_t>(k)]) / static_cast<double>(power_);
    put(k, product(convolved, chirp_[static_cast<size_t>(k)]));
  }
}

}  // namespace keras::kernels
