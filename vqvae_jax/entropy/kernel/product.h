// Products of whole numbers, of which many inputs are zero: exact, so the same on every machine.
#pragma once
#include <stdint.h>
#include <wasm_simd128.h>

#include "memory.h"

enum { TILE = 32 };  // outputs that are summed at a time
enum { LARGEST_VALUE = 255, LARGEST_SUM = 32767 };

// The inputs that are not zero, in groups whose products with 8-bit weights cannot sum to more than 16 bits.
typedef struct {
  int32_t *rows;    // where their weights begin in a block
  int16_t *values;  // within +-LARGEST_VALUE
  int32_t groups;
  int32_t *ends;  // [groups]
} Sparse;

static inline int32_t tiles_of(int32_t outputs) { return (outputs + TILE - 1) / TILE; }

// Room for so many inputs of at most LARGEST_VALUE.
static inline Sparse sparse(int32_t inputs) {
  return (Sparse){.rows = room(inputs * sizeof(int32_t)), .values = room(inputs * sizeof(int16_t)),
                  .ends = room((inputs + 1) * sizeof(int32_t))};
}

// Takes what is not zero of `count` values of at least 0; a large one as several. `largest` weight of each, `found`
// with room for one more than there are.
APART void take_all(Sparse *inputs, const int16_t *values, const int32_t *largest, int32_t count, int16_t *found) {
  int32_t some = 0, taken = 0, sum = 0, groups = 0;
  for (int n = 0; n < count; n++) {  // without branches, which nobody could predict
    found[some] = (int16_t)n;
    some += values[n] != 0;
  }
  int32_t *rows = inputs->rows, *ends = inputs->ends;
  for (int n = 0; n < some; n++) {
    int32_t row = found[n], most = largest[row];
    for (int32_t left = values[row], part; left; left -= part) {
      part = left < LARGEST_VALUE ? left : LARGEST_VALUE;
      sum += part * most;
      if (sum > LARGEST_SUM) {
        ends[groups++] = taken;
        sum = part * most;
      }
      rows[taken] = row * TILE;
      inputs->values[taken++] = (int16_t)part;
    }
  }
  ends[groups++] = taken;
  inputs->groups = groups;
}

// out[0 ... TILE) = bias[0 ... TILE) + sum of value * block[row][0 ... TILE); bias and out may be the same.
APART void product(const int16_t *block, const Sparse *inputs, const int32_t *bias, int32_t *out) {
  const int32_t *row = inputs->rows, *last = inputs->ends + inputs->groups;
  const int16_t *value = inputs->values;
  for (const int32_t *end = inputs->ends; end < last; end++) {
    v128_t sums[TILE / 8] = {0};
    for (; row < inputs->rows + *end; row++, value++) {
      v128_t by = wasm_v128_load16_splat(value);
      for (int i = 0; i < TILE / 8; i++)
        sums[i] = wasm_i16x8_add(sums[i], wasm_i16x8_mul(wasm_v128_load(block + *row + 8 * i), by));
    }
    for (int i = 0; i < TILE / 8; i++) {
      v128_t low = wasm_i32x4_extend_low_i16x8(sums[i]), high = wasm_i32x4_extend_high_i16x8(sums[i]);
      wasm_v128_store(out + 8 * i, wasm_i32x4_add(wasm_v128_load(bias + 8 * i), low));
      wasm_v128_store(out + 8 * i + 4, wasm_i32x4_add(wasm_v128_load(bias + 8 * i + 4), high));
    }
    bias = out;
  }
}

// All tiles of `outputs`, which are filled up; weights [tiles, inputs, TILE].
static inline void product_of(const int16_t *weights, int32_t all_inputs, int32_t tiles, const Sparse *inputs,
                              const int32_t *bias, int32_t *out) {
  for (int tile = 0; tile < tiles; tile++)
    product(weights + (size_t)tile * all_inputs * TILE, inputs, bias + tile * TILE, out + tile * TILE);
}
