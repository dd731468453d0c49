// The discrete Fourier transform of any length: by powers of two (J. Cooley, J. Tukey, 1965), other lengths as a convolution of
// such a length (L. Bluestein, 1970). Computed in double precision.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace keras::kernels {

class Fft {
 public:
  /// Transforms of `size` numbers. The inverse divides by the size.
  Fft(int64_t size, bool inverse);
  /// In place, `step` numbers apart.
  void run(std::complex<double>* data, int64_t step);

 private:
  using Numbers = std::vector<std::complex<double>>;
  void transform(Numbers& numbers) const;  // of a power of two

  int64_t size_, power_;  // power_: the power of two at work
  bool inverse_;
  Numbers turns_;           // exp(∓2πi k / power_)
  Numbers chirp_, chirps_;  // exp(∓πi k² / size_); the transform of its conjugate, where size_ is no power of two
  Numbers work_;
};

}  // namespace keras::kernels
