// What the networks of decoders are made of, on float32 grids with channels last: convolutions, norms, activations, and
// moving values between grids. `network_plain.js` says the same in words.
//
// A position has `stride` floats, a multiple of 4; those behind its channels are zero. Who calls allots all memory.
#include "convolution.h"
#include "minimal_filtering.h"

// Each of `count` positions over the root of its mean square (RMSNorm), with a bias less its mean before (LayerNorm),
// times `scale`. Both have `stride` numbers, the last of them zero.
EXPORT(norm)(const float *in, float *out, const float *scale, const float *bias, int32_t count, int32_t channels,
             int32_t stride, int32_t activation) {
  for (int n = 0; n < count; n++, in += stride, out += stride) {
    v128_t sum = wasm_f32x4_splat(0), mean = sum;
    if (bias) {
      for (int i = 0; i < stride; i += 4) sum = wasm_f32x4_add(sum, wasm_v128_load(in + i));
      float all = wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1) +
                  wasm_f32x4_extract_lane(sum, 2) + wasm_f32x4_extract_lane(sum, 3);
      mean = wasm_f32x4_splat(all / (float)channels);
      sum = wasm_f32x4_splat(0);
    }
    for (int i = 0; i < stride; i += 4) {
      v128_t x = wasm_f32x4_sub(wasm_v128_load(in + i), mean);
      sum = wasm_f32x4_add(sum, wasm_f32x4_mul(x, x));
    }
    float all = wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1) + wasm_f32x4_extract_lane(sum, 2) +
                wasm_f32x4_extract_lane(sum, 3);
    float of_mean = wasm_f32x4_extract_lane(mean, 0);
    all = (all - (float)(stride - channels) * of_mean * of_mean) / (float)channels;
    v128_t by = wasm_f32x4_splat(1.0f / __builtin_sqrtf(all + 1e-6f));
    for (int i = 0; i < stride; i += 4) {
      v128_t x = wasm_f32x4_mul(wasm_f32x4_sub(wasm_v128_load(in + i), mean), by);
      x = wasm_f32x4_mul(x, wasm_v128_load(scale + i));
      if (bias) x = wasm_f32x4_add(x, wasm_v128_load(bias + i));
      wasm_v128_store(out + i, activated(x, activation));
    }
  }
}

// `count` floats, a multiple of 4, in place.
EXPORT(activate)(float *x, int32_t count, int32_t activation) {
  for (int n = 0; n < count; n += 4) wasm_v128_store(x + n, activated(wasm_v128_load(x + n), activation));
}

// Rows of a table by number.
EXPORT(gather)(const float *table, const int32_t *rows, float *out, int32_t count, int32_t channels, int32_t stride) {
  for (int n = 0; n < count; n++, out += stride)
    __builtin_memcpy(out, table + (size_t)rows[n] * channels, channels * sizeof(float));
}

// Channels of each position into those from `out` on of another grid's, or added to them.
EXPORT(place)(const float *in, float *out, int32_t count, int32_t channels, int32_t in_stride, int32_t out_stride) {
  for (int n = 0; n < count; n++, in += in_stride, out += out_stride)
    for (int i = 0; i < channels; i++) out[i] = in[i];
}

// Between a grid [t, h, w] of blocks' channels (frame, row, column, channel) and one of single positions
// [t ft, h fh, w fw]: to the latter, added to it, or from it.
enum { EXPAND, EXPAND_ADD, COLLECT };

EXPORT(blocks)(float *coarse, float *fine, int32_t t, int32_t h, int32_t w, int32_t ft, int32_t fh, int32_t fw,
               int32_t channels, int32_t coarse_stride, int32_t fine_stride, int32_t way) {
  for (int a = 0; a < t * ft; a++)
    for (int b = 0; b < h * fh; b++) {
      float *row = fine + ((size_t)a * h * fh + b) * w * fw * fine_stride;
      size_t place = ((size_t)(a / ft) * h + b / fh) * w;
      for (int d = 0; d < w * fw; d++, row += fine_stride) {
        float *block = coarse + (place + d / fw) * coarse_stride + ((a % ft * fh + b % fh) * fw + d % fw) * channels;
        if (way == COLLECT)
          for (int i = 0; i < channels; i++) block[i] = row[i];
        else
          for (int i = 0; i < channels; i++) row[i] = way == EXPAND ? block[i] : row[i] + block[i];
      }
    }
}

// Every position repeated (nearest neighbour): [t, h, w] to [t ft, h fh, w fw].
EXPORT(repeat)(const float *in, float *out, int32_t t, int32_t h, int32_t w, int32_t ft, int32_t fh, int32_t fw,
               int32_t stride) {
  for (int a = 0; a < t * ft; a++)
    for (int b = 0; b < h * fh; b++)
      for (int d = 0; d < w * fw; d++, out += stride)
        __builtin_memcpy(out, in + (((size_t)(a / ft) * h + b / fh) * w + d / fw) * stride, stride * sizeof(float));
}

// Pixels of three values in [-1, 1], of 4 floats each, to 8 bits: to the nearest, halves to even, NaN to 0; opaque.
EXPORT(rgba)(const float *in, uint32_t *out, int32_t count) {
  v128_t half = wasm_f32x4_splat(0.5f), most = wasm_f32x4_splat(255.0f);
  for (int n = 0; n < count; n++, in += 4) {
    v128_t x = wasm_f32x4_add(half, wasm_f32x4_mul(half, wasm_v128_load(in)));
    v128_t whole = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(wasm_f32x4_mul(x, most)));
    v128_t bytes = wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(whole, whole), half);
    out[n] = (uint32_t)wasm_i32x4_extract_lane(bytes, 0) | 0xff000000u;
  }
}

// Values within +-1, in place; `count` a multiple of 4.
EXPORT(clip)(float *x, int32_t count) {
  v128_t one = wasm_f32x4_splat(1.0f), low = wasm_f32x4_splat(-1.0f);
  for (int n = 0; n < count; n += 4)
    wasm_v128_store(x + n, wasm_f32x4_max(low, wasm_f32x4_min(one, wasm_v128_load(x + n))));
}

static inline float within(float x, float most) { return !(x > 0) ? 0 : x > most ? most : x; }  // NaN: 0

// A flow component of the fine grid (a position to `side` pixels) at a pixel: bilinear, edges repeated.
static float flow_at(const float *flow, int32_t rows, int32_t columns, int32_t stride, int32_t side, int32_t y,
                     int32_t x) {
  float down = within(((float)y + 0.5f) / (float)side - 0.5f, (float)(rows - 1));
  float right = within(((float)x + 0.5f) / (float)side - 0.5f, (float)(columns - 1));
  int32_t top = (int32_t)down, left = (int32_t)right;
  int32_t below = top + 1 < rows ? top + 1 : top, beside = left + 1 < columns ? left + 1 : left;
  down -= (float)top, right -= (float)left;
  const float *upper = flow + (size_t)top * columns * stride, *lower = flow + (size_t)below * columns * stride;
  float first = upper[left * stride] * (1 - right) + upper[beside * stride] * right;
  float second = lower[left * stride] * (1 - right) + lower[beside * stride] * right;
  return first * (1 - down) + second * down;
}

// A picture [h, w, 4] whose pixels lie by a flow (down, right) away in `before`; bilinear, edges repeated; added to.
EXPORT(warp)(const float *before, const float *flow, float *out, int32_t rows, int32_t columns, int32_t stride,
             int32_t side) {
  int32_t height = rows * side, width = columns * side;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++, out += 4) {
      float down = within((float)y + flow_at(flow, rows, columns, stride, side, y, x), (float)(height - 1));
      float right = within((float)x + flow_at(flow + 1, rows, columns, stride, side, y, x), (float)(width - 1));
      int32_t top = (int32_t)down, left = (int32_t)right;
      int32_t below = top + 1 < height ? top + 1 : top, beside = left + 1 < width ? left + 1 : left;
      down -= (float)top, right -= (float)left;
      for (int i = 0; i < 3; i++) {
        const float *above = before + 4 * top * width + i, *under = before + 4 * below * width + i;
        float upper = above[4 * left] * (1 - right) + above[4 * beside] * right;
        float lower = under[4 * left] * (1 - right) + under[4 * beside] * right;
        out[i] += upper * (1 - down) + lower * down;
      }
    }
}
