// Functions of doubles that ops of several families compute with.
#pragma once

namespace keras {

/// log |Γ(x)|
double log_gamma(double x);
/// Γ'(x) / Γ(x)
double digamma(double x);
/// ζ(s, x) = Σ 1/(x + k)ˢ
double hurwitz_zeta(double s, double x);

}  // namespace keras
