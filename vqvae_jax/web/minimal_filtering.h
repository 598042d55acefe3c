// 3x3 convolutions of a step of 1 by minimal filtering: 4x4 outputs of a channel by 36 products in place of 144
// (Winograd's F(4x4, 3x3), Lavin & Gray 2016). Its sums round a little more coarsely than those of `conv`.
#pragma once
#include "convolution.h"

// Values of one product begin GAP floats behind those of another: in steps of 4 KiB they would drive each other out of
// the nearest cache.
enum { SIDE = 4, AROUND = 6, PRODUCTS = AROUND * AROUND, TILES = 48, GAP = 16 };

static inline size_t plane(int32_t stride) { return (size_t)TILES * stride + GAP; }

static inline v128_t times(v128_t x, float by) { return wasm_f32x4_mul(x, wasm_f32x4_splat(by)); }

// Six inputs of a row or column, `step` vectors apart, in place.
static inline void spread_inputs(v128_t *d, int32_t step) {
  v128_t d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  v128_t even = wasm_f32x4_sub(d4, times(d2, 4)), odd = wasm_f32x4_sub(d3, times(d1, 4));
  v128_t near = wasm_f32x4_sub(d4, d2), far = times(wasm_f32x4_sub(d3, d1), 2);
  d[0] = wasm_f32x4_add(times(wasm_f32x4_sub(d0, d2), 4), near);
  d[step] = wasm_f32x4_add(even, odd);
  d[2 * step] = wasm_f32x4_sub(even, odd);
  d[3 * step] = wasm_f32x4_add(near, far);
  d[4 * step] = wasm_f32x4_sub(near, far);
  d[5 * step] = wasm_f32x4_add(times(wasm_f32x4_sub(d1, d3), 4), wasm_f32x4_sub(d5, d3));
}

// Four outputs of six products of a row or column, in place.
static inline void gather_outputs(v128_t *m, int32_t step) {
  v128_t m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step];
  v128_t sum = wasm_f32x4_add(m1, m2), difference = wasm_f32x4_sub(m1, m2);
  v128_t wide = wasm_f32x4_add(m3, m4), apart = wasm_f32x4_sub(m3, m4);
  m[0] = wasm_f32x4_add(wasm_f32x4_add(m[0], sum), wide);
  m[step] = wasm_f32x4_add(difference, times(apart, 2));
  m[2 * step] = wasm_f32x4_add(sum, times(wide, 4));
  m[3 * step] = wasm_f32x4_add(wasm_f32x4_add(difference, times(apart, 8)), m[5 * step]);
}

// Weights [blocks, 9, inputs, LANES] as `conv3x3` wants them: [PRODUCTS, blocks, inputs, LANES].
EXPORT(filters)(const float *weights, float *out, int32_t inputs, int32_t blocks) {
  static const float BY[AROUND][3] = {{1 / 4.f, 0, 0},
                                      {-1 / 6.f, -1 / 6.f, -1 / 6.f},
                                      {-1 / 6.f, 1 / 6.f, -1 / 6.f},
                                      {1 / 24.f, 1 / 12.f, 1 / 6.f},
                                      {1 / 24.f, -1 / 12.f, 1 / 6.f},
                                      {0, 0, 1}};
  size_t run = (size_t)inputs * LANES;
  for (int n = 0; n < PRODUCTS; n++)
    for (int block = 0; block < blocks; block++, out += run)
      for (size_t i = 0; i < run; i += 4) {
        v128_t sum = wasm_f32x4_splat(0);
        for (int tap = 0; tap < 9; tap++) {
          v128_t weight = wasm_v128_load(weights + (block * 9 + tap) * run + i);
          sum = wasm_f32x4_add(sum, times(weight, BY[n / AROUND][tap / 3] * BY[n % AROUND][tap % 3]));
        }
        wasm_v128_store(out + i, sum);
      }
}

// The place of a tile's first output: frame, row, column.
static inline void find_tile(const Conv *c, size_t tile, int32_t at[3]) {
  int32_t down = (c->size[1] + SIDE - 1) / SIDE, right = (c->size[2] + SIDE - 1) / SIDE;
  at[0] = (int32_t)(tile / right / down);
  at[1] = (int32_t)(tile / right % down) * SIDE;
  at[2] = (int32_t)(tile % right) * SIDE;
}

// One tile's inputs to [PRODUCTS, plane(stride)].
APART void tile_inputs(const Conv *c, size_t number, float *out, int32_t stride) {
  int32_t at[3];
  find_tile(c, number, at);
  for (int first = 0; first < c->inputs; first += 4, out += 4) {
    v128_t d[PRODUCTS];
    for (int y = 0; y < AROUND; y++) {
      int32_t row = at[1] + y - 1;
      const float *from = c->in + ((size_t)at[0] * c->size[1] + row) * c->size[2] * c->in_stride + first;
      for (int x = 0; x < AROUND; x++) {
        int32_t column = at[2] + x - 1;
        int32_t inside = row >= 0 && row < c->size[1] && column >= 0 && column < c->size[2];
        d[y * AROUND + x] = inside ? wasm_v128_load(from + (ptrdiff_t)column * c->in_stride) : wasm_f32x4_splat(0);
      }
      spread_inputs(d + y * AROUND, 1);
    }
    for (int x = 0; x < AROUND; x++) spread_inputs(d + x, AROUND);
    for (int n = 0; n < PRODUCTS; n++) wasm_v128_store(out + n * plane(stride), d[n]);
  }
}

// One tile's outputs from [PRODUCTS, plane(stride)].
APART void tile_outputs(const Conv *c, size_t number, const float *in, int32_t stride) {
  int32_t at[3];
  find_tile(c, number, at);
  for (int first = 0; first < c->outputs; first += LANES) {
    v128_t m[2][PRODUCTS];
    for (int half = 0; half < 2; half++) {
      const float *from = in + first + 4 * half;
      for (int n = 0; n < PRODUCTS; n++) m[half][n] = wasm_v128_load(from + n * plane(stride));
      for (int y = 0; y < AROUND; y++) gather_outputs(m[half] + y * AROUND, 1);
      for (int x = 0; x < SIDE; x++) gather_outputs(m[half] + x, AROUND);
    }
    v128_t low = wasm_f32x4_splat(0), high = low;
    if (c->bias) low = wasm_v128_load(c->bias + first), high = wasm_v128_load(c->bias + first + 4);
    int32_t lanes = c->outputs - first < LANES ? c->outputs - first : LANES;
    for (int y = 0; y < SIDE && at[1] + y < c->size[1]; y++)
      for (int x = 0; x < SIDE && at[2] + x < c->size[2]; x++) {
        size_t place = ((size_t)at[0] * c->size[1] + at[1] + y) * c->size[2] + at[2] + x;
        finish(c, wasm_f32x4_add(m[0][y * AROUND + x], low), wasm_f32x4_add(m[1][y * AROUND + x], high),
               place * c->out_stride + first, lanes);
      }
  }
}

// As `conv`, with weights [PRODUCTS, blocks of LANES outputs, inputs, LANES]. `scratch` has room for PRODUCTS * TILES
// positions of inputs, filled up to a multiple of 4, and as many of outputs, filled up to one of LANES, with gaps.
EXPORT(conv3x3)(const Conv *c, float *scratch) {
  const float *rows[TILES];
  int32_t in_stride = (c->inputs + 3) / 4 * 4, out_stride = (c->outputs + LANES - 1) / LANES * LANES;
  float *products = scratch + PRODUCTS * plane(in_stride);
  size_t tiles = (size_t)c->size[0] * ((c->size[1] + SIDE - 1) / SIDE) * ((c->size[2] + SIDE - 1) / SIDE);
  Conv one = {.outputs = out_stride, .inputs = c->inputs, .out_stride = out_stride, .activation = LINEAR};
  for (size_t begin = 0; begin < tiles; begin += TILES) {
    int32_t count = tiles - begin < TILES ? (int32_t)(tiles - begin) : TILES;
    for (int i = 0; i < count; i++) tile_inputs(c, begin + i, scratch + (size_t)i * in_stride, in_stride);
    for (int n = 0; n < PRODUCTS; n++) {
      const float *inputs = scratch + n * plane(in_stride);
      for (int i = 0; i < TILES; i++) rows[i] = inputs + (i < count ? i : count - 1) * in_stride;
      one.weights = c->weights + (size_t)n * out_stride * c->inputs;
      one.out = products + n * plane(out_stride);
      for (int first = 0; first < out_stride; first += LANES)
        for (int i = 0; i < count; i += ROWS) tile(&one, rows + i, 1, first, i, count);
    }
    for (int i = 0; i < count; i++) tile_outputs(c, begin + i, products + (size_t)i * out_stride, out_stride);
  }
}
