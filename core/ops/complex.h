// Arithmetic of complex tensors, for ops that take numbers of any kind.
#pragma once

#include "core/ops/registry.h"
#include "core/ops/value.h"
#include "core/tensor/complex.h"

namespace keras {

void add_complex(KernelContext& c);
void subtract_complex(KernelContext& c);
void multiply_complex(KernelContext& c);
void divide_complex(KernelContext& c);
void negate_complex(KernelContext& c);
void add_many_complex(KernelContext& c);
/// Cast from or to a complex dtype. A real number takes the real part.
void cast_complex(KernelContext& c);

/// The kernel of an op that takes complex numbers too.
template <KernelFn kReal, KernelFn kComplex>
void real_or_complex(KernelContext& c) {
  is_complex(c.input(0).dtype()) ? kComplex(c) : kReal(c);
}

/// The dtype of a complex number's parts.
inline DType part_of(DType complex) { return complex == DType::kComplex128 ? DType::kFloat64 : DType::kFloat32; }
/// A real value as a complex one.
Value from_real(const Value& real);
/// The conjugate of a complex value; a real one is its own.
Value conjugate(const Value& x);

}  // namespace keras
