#include "tests/core/ops/finite_differences.h"

#include <algorithm>
#include <cmath>

#include "core/tensor/complex.h"

namespace keras::testing {

Numbers::Numbers(const Tensor& tensor)
    : tensor_(tensor),
      is_double_(tensor.dtype() == DType::kFloat64 || tensor.dtype() == DType::kComplex128),
      size_(tensor.elements() * (is_complex(tensor.dtype()) ? 2 : 1)) {}

double Numbers::get(int64_t i) const {
  if (is_double_) return reinterpret_cast<const double*>(tensor_.raw())[i];
  return static_cast<double>(reinterpret_cast<const float*>(tensor_.raw())[i]);
}

void Numbers::set(int64_t i, double value) {
  if (is_double_) {
    reinterpret_cast<double*>(tensor_.raw())[i] = value;
  } else {
    reinterpret_cast<float*>(tensor_.raw())[i] = static_cast<float>(value);
  }
}

double Numbers::largest() const {
  double largest = 0;
  for (int64_t i = 0; i < size_; ++i) {
    if (std::isfinite(get(i))) largest = std::max(largest, std::abs(get(i)));
  }
  return largest;
}

Projection::Projection(FunctionPtr function, std::vector<Tensor> weights, std::vector<VariablePtr> variables, Runtime& runtime)
    : executor_(std::move(function)), weights_(std::move(weights)), variables_(std::move(variables)), runtime_(runtime) {}

bool Projection::is_double() const {
  return std::all_of(weights_.begin(), weights_.end(), [](const Tensor& weight) { return Numbers(weight).is_double(); });
}

double Projection::operator()(const std::vector<Tensor>& args) {
  for (size_t k = 0; k < variables_.size(); ++k) variables_[k]->assign(args[k].clone());
  const std::vector<Tensor> results = executor_.run(variables_.empty() ? args : std::vector<Tensor>(), runtime_);
  double sum = 0;
  scale_ = 0;
  for (size_t k = 0; k < results.size(); ++k) {
    const Numbers values(results[k]), weights(weights_[k]);
    for (int64_t i = 0; i < values.size(); ++i) {
      sum += values.get(i) * weights.get(i);
      scale_ += std::abs(values.get(i) * weights.get(i));
    }
  }
  return sum;
}

Slope slope_at(Projection& f, const std::vector<Tensor>& args, Numbers& x, const std::vector<int64_t>& places,
               const Precision& precision, double steep) {
  const double start = x.get(places[0]), step = precision.step * std::max(1.0, std::abs(start));
  const double middle = f(args), noise = precision.rounding * f.scale();
  const auto at = [&](double moved) {
    for (const int64_t place : places) x.set(place, moved);
    const double y = f(args);
    for (const int64_t place : places) x.set(place, start);
    return y;
  };
  const double left = at(start - step), right = at(start + step);
  const double half_left = at(start - step / 2), half_right = at(start + step / 2);
  const double wide = (right - left) / (2 * step), half = (half_right - half_left) / step;
  const double quarter = (at(start + step / 4) - at(start - step / 4)) / (step / 2);
  // When the step is halved, second differences of a smooth function shrink to a quarter, those of a kink to a half; so do the
  // errors of the first, of which little must be left.
  const double bend = std::abs(right - 2 * middle + left), half_bend = std::abs(half_right - 2 * middle + half_left);
  const double error = std::abs(half - quarter), slope_noise = 4 * noise / step;
  const bool smooth = std::isfinite(wide) && half_bend <= 0.3 * bend + noise &&
                      error <= 0.3 * std::abs(wide - half) + slope_noise &&
                      error <= 1e-3 * std::max(std::abs(quarter), steep) + slope_noise;
  return {(4 * quarter - half) / 3, smooth};
}

}  // namespace keras::testing
