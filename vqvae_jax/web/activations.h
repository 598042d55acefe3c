// What layers may end with.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define APART static __attribute__((noinline))
#define EXPORT(name) __attribute__((export_name(#name))) void name

enum { LINEAR, LEAKY, SILU };

static inline v128_t exponential(v128_t x) {
  // 2^n times a polynomial on +-ln 2 / 2 (Cephes' expf).
  x = wasm_f32x4_pmin(wasm_f32x4_splat(88.0f), wasm_f32x4_pmax(wasm_f32x4_splat(-87.0f), x));
  v128_t n = wasm_f32x4_nearest(wasm_f32x4_mul(x, wasm_f32x4_splat(1.44269504f)));
  x = wasm_f32x4_sub(x, wasm_f32x4_mul(n, wasm_f32x4_splat(0.693359375f)));
  x = wasm_f32x4_sub(x, wasm_f32x4_mul(n, wasm_f32x4_splat(-2.12194440e-4f)));
  static const float TERMS[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  v128_t sum = wasm_f32x4_splat(TERMS[0]);
  for (int i = 1; i < 6; i++) sum = wasm_f32x4_add(wasm_f32x4_mul(sum, x), wasm_f32x4_splat(TERMS[i]));
  sum = wasm_f32x4_add(wasm_f32x4_add(wasm_f32x4_mul(wasm_f32x4_mul(sum, x), x), x), wasm_f32x4_splat(1.0f));
  return wasm_i32x4_add(sum, wasm_i32x4_shl(wasm_i32x4_trunc_sat_f32x4(n), 23));
}

static inline v128_t silu_of(v128_t x) {
  return wasm_f32x4_div(x, wasm_f32x4_add(wasm_f32x4_splat(1.0f), exponential(wasm_f32x4_neg(x))));
}

static inline v128_t activated(v128_t x, int32_t activation) {
  if (activation == LEAKY) return wasm_f32x4_pmax(wasm_f32x4_mul(x, wasm_f32x4_splat(0.1f)), x);
  return activation == SILU ? silu_of(x) : x;
}
