// Convolutions of any kernel and step, zeros outside: what a few positions see, times blocks of weights.
#pragma once
#include "activations.h"

enum { ROWS = 4, LANES = 8, STRIP = 12, MAX_TAPS = 125 };  // a product's rows and columns, and products with one block

// As `network.js` fills it in.
typedef struct {
  const float *in;
  float *out;
  const float *weights;  // [blocks of LANES outputs, taps, inputs, LANES]
  const float *bias;     // [blocks * LANES]; none: 0
  const float *add;      // added to what comes out, laid out as `out`, which it may be; none: 0
  const float *zeros;    // as many as inputs, for what lies outside
  int32_t inputs, in_stride, outputs, out_stride, activation;
  int32_t size[3], out_size[3], kernel[3], step[3], before[3];  // time, rows, columns
} Conv;

// Sums of ROWS positions and LANES outputs over all taps, four inputs at a time. For six positions an engine's
// registers do not suffice.
static inline void sums_of(const Conv *c, const float *const *taps, int32_t count, const float *weights,
                           v128_t sums[ROWS][2]) {
#define ROW(x, i, n)                                                \
  value = wasm_v128_load32_splat(x + n);                            \
  sums[i][0] = wasm_f32x4_add(sums[i][0], wasm_f32x4_mul(value, low)); \
  sums[i][1] = wasm_f32x4_add(sums[i][1], wasm_f32x4_mul(value, high));
#define INPUT(n)                                                                                      \
  {                                                                                                   \
    v128_t low = wasm_v128_load(weights + n * LANES), high = wasm_v128_load(weights + n * LANES + 4); \
    v128_t value; \
    ROW(x0, 0, n) ROW(x1, 1, n) ROW(x2, 2, n) ROW(x3, 3, n)                                            \
  }
  for (int tap = 0; tap < count; tap++, taps += ROWS) {
    const float *x0 = taps[0], *x1 = taps[1], *x2 = taps[2], *x3 = taps[3];
    int32_t n = c->inputs;
    for (; n >= 4; n -= 4, weights += 4 * LANES) {
      INPUT(0) INPUT(1) INPUT(2) INPUT(3)
      x0 += 4, x1 += 4, x2 += 4, x3 += 4;
    }
    for (; n; n--, weights += LANES) {
      INPUT(0)
      x0++, x1++, x2++, x3++;
    }
  }
#undef INPUT
#undef ROW
}

static inline void finish(const Conv *c, v128_t low, v128_t high, size_t at, int32_t lanes) {
  if (lanes == LANES) {
    if (c->add) {
      low = wasm_f32x4_add(low, wasm_v128_load(c->add + at));
      high = wasm_f32x4_add(high, wasm_v128_load(c->add + at + 4));
    }
    wasm_v128_store(c->out + at, activated(low, c->activation));
    wasm_v128_store(c->out + at + 4, activated(high, c->activation));
    return;
  }
  float some[LANES] = {0};
  for (int i = 0; c->add && i < lanes; i++) some[i] = c->add[at + i];
  low = wasm_f32x4_add(low, wasm_v128_load(some)), high = wasm_f32x4_add(high, wasm_v128_load(some + 4));
  wasm_v128_store(some, activated(low, c->activation));
  wasm_v128_store(some + 4, activated(high, c->activation));
  for (int i = 0; i < lanes; i++) c->out[at + i] = some[i];
}

// One product: outputs `first` on of the positions from `place` on, of `places`.
APART void tile(const Conv *c, const float *const *taps, int32_t count, int32_t first, size_t place, size_t places) {
  const float *weights = c->weights + (size_t)first * count * c->inputs;
  v128_t low = wasm_f32x4_splat(0), high = low, sums[ROWS][2];
  if (c->bias) low = wasm_v128_load(c->bias + first), high = wasm_v128_load(c->bias + first + 4);
  for (int i = 0; i < ROWS; i++) sums[i][0] = low, sums[i][1] = high;
  sums_of(c, taps, count, weights, sums);
  int32_t lanes = c->outputs - first < LANES ? c->outputs - first : LANES;
  for (int i = 0; i < ROWS && place + i < places; i++)
    finish(c, sums[i][0], sums[i][1], (place + i) * c->out_stride + first, lanes);
}

// Where the inputs of ROWS positions lie, tap by tap; behind the last position it is repeated.
APART void find_taps(const Conv *c, size_t place, size_t places, const float **taps) {
  const int32_t *size = c->size, *out = c->out_size, *kernel = c->kernel;
  for (int i = 0; i < ROWS; i++) {
    size_t at = place + i < places ? place + i : places - 1;
    int32_t x = (int32_t)(at % out[2]) * c->step[2] - c->before[2];
    int32_t y = (int32_t)(at / out[2] % out[1]) * c->step[1] - c->before[1];
    int32_t t = (int32_t)(at / out[2] / out[1]) * c->step[0] - c->before[0];
    int tap = i;
    for (int a = t; a < t + kernel[0]; a++)
      for (int b = y; b < y + kernel[1]; b++)
        for (int d = x; d < x + kernel[2]; d++, tap += ROWS) {
          int32_t inside = a >= 0 && a < size[0] && b >= 0 && b < size[1] && d >= 0 && d < size[2];
          taps[tap] = inside ? c->in + (((size_t)a * size[1] + b) * size[2] + d) * c->in_stride : c->zeros;
        }
  }
}

// A strip of products shares a block of weights, which then stays in the nearest cache.
EXPORT(conv)(const Conv *c) {
  static const float *taps[STRIP][MAX_TAPS * ROWS];
  int32_t count = c->kernel[0] * c->kernel[1] * c->kernel[2];
  size_t places = (size_t)c->out_size[0] * c->out_size[1] * c->out_size[2];
  if (count > MAX_TAPS) __builtin_trap();
  for (size_t place = 0; place < places; place += STRIP * ROWS) {
    int32_t strip = 0;
    for (; strip < STRIP && place + strip * ROWS < places; strip++)
      find_taps(c, place + strip * ROWS, places, taps[strip]);
    for (int first = 0; first < c->outputs; first += LANES)
      for (int i = 0; i < strip; i++) tile(c, taps[i], count, first, place + i * ROWS, places);
  }
}
