// Four floats in one register, by the compiler's vector extension: SSE natively, simd128 in WebAssembly.
#pragma once

#include <cstring>
#if defined(__wasm_relaxed_simd__)
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

}  // namespace keras::kernels
