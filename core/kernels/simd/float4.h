// Four floats in one register, by the compiler's vector extension: SSE natively, simd128 in WebAssembly.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

namespace keras::kernels {

typedef float Float4 __attribute__((vector_size(16)));

inline Float4 load4(const float* from) {
  Float4 value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void store4(float* to, Float4 value) { std::memcpy(to, &value, sizeof value); }
inline Float4 splat4(float value) { return Float4{value, value, value, value}; }

/// a · b + c, rounded once where the machine can (relaxed SIMD), else twice.
inline Float4 mul_add(Float4 a, Float4 b, Float4 c) {
#if defined(__wasm_relaxed_simd__)
  return (Float4)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

/// The greater of x and bound, the lesser of both; NaN where x is NaN.
inline Float4 at_least4(Float4 x, Float4 bound) {
#if defined(__wasm_simd128__)
  return (Float4)wasm_f32x4_pmax((v128_t)x, (v128_t)bound);
#else
  return x < bound ? bound : x;
#endif
}
inline Float4 at_most4(Float4 x, Float4 bound) {
#if defined(__wasm_simd128__)
  return (Float4)wasm_f32x4_pmin((v128_t)x, (v128_t)bound);
#else
  return x > bound ? bound : x;
#endif
}

/// Four rows of four at `to`, as their four columns, `step` apart.
inline void transpose_4x4(const float* a, const float* b, const float* c, const float* d, float* to, int64_t step = 4) {
  const Float4 r0 = load4(a), r1 = load4(b), r2 = load4(c), r3 = load4(d);
  const Float4 low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  const Float4 low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5), high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  store4(to, __builtin_shufflevector(low01, low23, 0, 1, 4, 5));
  store4(to + step, __builtin_shufflevector(low01, low23, 2, 3, 6, 7));
  store4(to + 2 * step, __builtin_shufflevector(high01, high23, 0, 1, 4, 5));
  store4(to + 3 * step, __builtin_shufflevector(high01, high23, 2, 3, 6, 7));
}

}  // namespace keras::kernels
