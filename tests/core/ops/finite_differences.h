// Slopes of traced functions by finite differences.
#pragma once

#include "core/graph/executor.h"

namespace keras::testing {

/// The real numbers in a floating or complex tensor, as doubles: a complex one is two. Shares the tensor's memory.
class Numbers {
 public:
  explicit Numbers(const Tensor& tensor);
  int64_t size() const { return size_; }
  bool is_double() const { return is_double_; }
  double get(int64_t i) const;
  void set(int64_t i, double value);
  /// max |x| of those that are finite.
  double largest() const;

 private:
  Tensor tensor_;
  bool is_double_;
  int64_t size_;
};

/// What the arithmetic allows.
struct Precision {
  double step;       // relative to what is moved, if that is beyond 1
  double tolerance;  // relative to the largest slope
  double rounding;   // of a sum, relative to its terms
};
/// The error of the slope is O(step⁴) ≈ 1e-14 times a fifth derivative plus rounding · |L| / step: 1e-6 leaves room for steep
/// functions, and none for a wrong formula.
constexpr Precision kDouble{1e-3, 1e-6, 1e-14};
/// For what TensorFlow computes in float32 alone.
constexpr Precision kSingle{2e-2, 5e-3, 1e-6};

/// L(args) = Σ weight · result of a function; with `variables`, these hold the arguments.
class Projection {
 public:
  Projection(FunctionPtr function, std::vector<Tensor> weights, std::vector<VariablePtr> variables, Runtime& runtime);
  double operator()(const std::vector<Tensor>& args);
  /// Σ |weight · result| of the last call: what rounding is proportional to.
  double scale() const { return scale_; }
  /// False where results come in float32.
  bool is_double() const;

 private:
  Executor executor_;
  std::vector<Tensor> weights_;
  std::vector<VariablePtr> variables_;
  Runtime& runtime_;
  double scale_ = 0;
};

struct Slope {
  double value = 0;
  bool smooth = false;  // false: a kink, a jump or an end of the domain lies within a step, so that there is none
};

/// dL/dx for moves of all `places` of x together, by Richardson's (4 D(h/4) − D(h/2)) / 3 of central differences D.
/// `x` is one of the arguments. `steep`: a slope that is large here.
Slope slope_at(Projection& f, const std::vector<Tensor>& args, Numbers& x, const std::vector<int64_t>& places,
               const Precision& precision, double steep);

}  // namespace keras::testing
