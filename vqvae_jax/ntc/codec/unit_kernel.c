// `latents.py` and `integer_prior.py` over one unit, writing or reading: the same symbols (docs/entropy.md).
#include "../../entropy/kernel/memory.h"
#include "../../entropy/kernel/product.h"
#include "../../entropy/kernel/rans.h"

enum { STEPS = 4, TAPS = 9, CONTEXT_LIMIT = 31, HIDDEN_LIMIT = 511, MEAN_BITS = 4, MEAN_LIMIT = 1 << 15, SCALES = 64 };
enum { FRACTIONS = 16, RADIUS = 32, LARGEST = 1 << 24, LIMIT = 1 << 15 };
enum { MOST = LARGEST_SUM / 128 };  // that latents may sum to, under any weights

// What `unit_kernel.py` fills in, in this order. W is filled up with zeros to a multiple of TILE; of `out`, each
// quarter of the channels has its means, then its scales, filled up alike.
typedef struct {
  int32_t height, width, latents, hidden, skip;
  int32_t first_shift, middle_shift, mean_shift, scale_shift;
  const int16_t *past;          // [W / TILE, TAPS * 2 M, TILE]
  const int16_t *now;           // [W / TILE, TAPS * M, TILE]
  const int16_t *middle;  // [W / TILE, W, TILE]
  const int32_t *middle_largest;  // [W] weights
  const int32_t *middle_bias;
  const int16_t *out;          // [STEPS, tiles, W, TILE]
  const int32_t *out_largest;  
  const int32_t *out_bias;     // [STEPS, tiles * TILE]
  const int32_t *steps;        // [STEPS, W]
  const uint32_t *tables;      // [SCALES * FRACTIONS, 2 RADIUS + 1] sums of frequencies
  const int32_t *bias;         // [W] of the rate
  const int32_t *before;       // [h, w, M] latents of the unit before
  const int32_t *earlier;      // [h, w, M] of the one before that
  int32_t *units;              // [h, w, M] written (what is left out becomes zero) or read
  Coder *coder;
  char *heap;
  int32_t coded;  // latents that were not left out; filled in here
} Walk;

// The latents of each position that are not zero, clamped.
typedef struct {
  int32_t *counts;    // [h * w]
  int32_t *sums;      // [h * w] of magnitudes
  int16_t *channels;  // [h * w, room]
  int16_t *values;    // the same
  int32_t room;
} Lists;

static Lists lists(int32_t places, int32_t channels) {
  size_t one = places * sizeof(int32_t), all = (size_t)places * channels * sizeof(int16_t);
  return (Lists){room(one), room(one), room(all), room(all), channels};
}

static void empty(Lists *lists, int32_t places) {
  for (int n = 0; n < places; n++) lists->counts[n] = lists->sums[n] = 0;
}

static inline void append(Lists *lists, int32_t place, int32_t channel, int32_t value) {
  if (!value) return;
  size_t at = (size_t)place * lists->room + lists->counts[place]++;
  value = value > CONTEXT_LIMIT ? CONTEXT_LIMIT : value < -CONTEXT_LIMIT ? -CONTEXT_LIMIT : value;
  lists->channels[at] = (int16_t)channel;
  lists->values[at] = (int16_t)value;
  lists->sums[place] += value < 0 ? -value : value;
}

// What lies around a position, as inputs of a 3x3 convolution.
APART void around(const Walk *walk, const Lists *lists, int32_t y, int32_t x, Sparse *inputs) {
  int32_t taken = 0, groups = 0, sum = 0, *rows = inputs->rows, *ends = inputs->ends;
  int16_t *values = inputs->values;
  for (int tap = 0; tap < TAPS; tap++) {
    int32_t row = y + tap / 3 - 1, column = x + tap % 3 - 1;
    if (row < 0 || row >= walk->height || column < 0 || column >= walk->width) continue;
    int32_t place = row * walk->width + column, first = tap * lists->room, count = lists->counts[place];
    const int16_t *channels = lists->channels + (size_t)place * lists->room;
    const int16_t *found = lists->values + (size_t)place * lists->room;
    int32_t all = lists->sums[place] <= MOST, more = lists->sums[place];
    for (int n = 0; n < count; n++) {
      // A position's latents go into one group where that is possible.
      if (!all || !n) {
        if (!all) more = found[n] < 0 ? -found[n] : found[n];
        sum += more;
        if (sum > MOST) {
          ends[groups++] = taken;
          sum = more;
        }
      }
      rows[taken] = (first + channels[n]) * TILE;
      values[taken++] = found[n];
    }
  }
  ends[groups++] = taken;
  inputs->groups = groups;
}

// Sums, which are under 2**24, over 2**shift, to the nearest whole number, halves up, within limits of up to 2**15; in
// place. `count` is filled up to a multiple of 4.
APART void scale(int32_t *sums, int32_t count, int32_t shift, int32_t low, int32_t high) {
  // What is multiplied is limited first, and 2**15 is all that takes to get beyond the limits.
  int32_t right = shift > 0 ? shift : 0, left = shift > 0 ? 0 : shift < -15 ? 15 : -shift;
  v128_t half = wasm_i32x4_splat(right ? 1 << (right - 1) : 0);
  v128_t lowest = wasm_i32x4_splat(low), highest = wasm_i32x4_splat(high);
  for (int n = 0; n < count; n += 4) {
    v128_t found = wasm_i32x4_shr(wasm_i32x4_add(wasm_v128_load(sums + n), half), right);
    found = wasm_i32x4_shl(wasm_i32x4_max(wasm_i32x4_min(found, highest), lowest), left);
    wasm_v128_store(sums + n, wasm_i32x4_max(wasm_i32x4_min(found, highest), lowest));
  }
}

static int32_t read_bit(Coder *coder) {
  uint32_t half = SCALE / 2;
  int32_t one = slot_of(coder) >= half;
  take(coder, one ? half : 0, half);
  return one;
}

// The next number of any size.
static int32_t read_excess(Coder *coder) {
  int32_t length = 0;
  while (!read_bit(coder) && !coder->status)
    if (++length > LONGEST_EXCESS) coder->status = NO_END;
  int64_t value = 1;
  for (int n = 0; n < length && !coder->status; n++) value = value << 1 | read_bit(coder);
  if (!coder->status && value - 1 > LARGEST) coder->status = TOO_LARGE, coder->detail = value - 1;
  return coder->status ? 0 : (int32_t)(value - 1);
}

static void write_excess(Coder *coder, int32_t value) {
  int32_t length = 31 - __builtin_clz(value + 1);
  for (int place = 2 * length; place >= 0; place--) take(coder, (value + 1) >> place & 1 ? SCALE / 2 : 0, SCALE / 2);
}

// A symbol of any size under a row of the tables; known to a writer.
APART int32_t code_symbol(Coder *coder, const uint32_t *table, int32_t symbol) {
  int32_t place;
  if (coder->writing) {
    place = (symbol < -RADIUS ? -RADIUS : symbol >= RADIUS ? RADIUS - 1 : symbol) + RADIUS;
  } else {
    uint32_t slot = slot_of(coder);
    place = 0;
    for (int half = RADIUS; half; half >>= 1) place += table[place + half] <= slot ? half : 0;
  }
  take(coder, table[place], table[place + 1] - table[place]);
  if (place != 0 && place != 2 * RADIUS - 1) return place - RADIUS;
  int32_t inside = place - RADIUS, sign = place ? 1 : -1;
  if (coder->writing) {
    write_excess(coder, sign * (symbol - inside));
    return symbol;
  }
  return coder->status ? 0 : inside + sign * read_excess(coder);
}

// Memory for one position.
typedef struct {
  int32_t *sums, *scales;
  int16_t *hidden, *found;
  Sparse inputs;
} Scratch;

// The hidden values that are not zero, from sums that are theirs no longer.
static void rectify(int32_t count, int32_t shift, const int32_t *largest, Scratch *at) {
  scale(at->sums, count, shift, 0, HIDDEN_LIMIT);
  for (int n = 0; n < count; n += 8) {
    v128_t low = wasm_v128_load(at->sums + n), high = wasm_v128_load(at->sums + n + 4);
    wasm_v128_store(at->hidden + n, wasm_i16x8_narrow_i32x4(low, high));
  }
  take_all(&at->inputs, at->hidden, largest, count, at->found);
}

// Codes the latents of one position that belong to a step; the greatest magnitude of them.
APART int32_t code_place(Walk *walk, const int32_t *known, int32_t step, int32_t y, int32_t x, Lists *coded,
                         Scratch *at) {
  static const int32_t KIND[2][2] = {{0, 2}, {3, 1}};
  int32_t group = (step - KIND[y % 2][x % 2]) & 3, quarter = walk->latents / STEPS, width = walk->hidden;
  int32_t tiles = tiles_of(2 * quarter), place = y * walk->width + x, most = 0;
  for (int n = 0; n < width; n++) at->sums[n] = known[n] + walk->steps[step * width + n];
  rectify(width, walk->first_shift, walk->middle_largest, at);
  product_of(walk->middle, width, width / TILE, &at->inputs, walk->middle_bias, at->sums);
  rectify(width, walk->middle_shift, walk->out_largest, at);
  product_of(walk->out + (size_t)group * tiles * width * TILE, width, tiles, &at->inputs,
             walk->out_bias + group * tiles * TILE, at->sums);
  int32_t *means = at->sums, *scales = at->scales;
  for (int n = 0; n < quarter; n++) scales[n] = means[quarter + n];
  scale(means, quarter, walk->mean_shift, -MEAN_LIMIT, MEAN_LIMIT);
  scale(scales, quarter, walk->scale_shift, 0, SCALES - 1);
  int32_t *units = walk->units + (size_t)place * walk->latents;
  for (int n = 0; n < quarter; n++) {
    int32_t mean = means[n];
    int32_t whole = (mean + FRACTIONS / 2) >> MEAN_BITS, channel = group * quarter + n;
    const uint32_t *table =
        walk->tables + (scales[n] * FRACTIONS + mean - whole * FRACTIONS + FRACTIONS / 2) * (2 * RADIUS + 1);
    if (!whole && (int32_t)(table[RADIUS + 1] - table[RADIUS]) > walk->skip) {
      units[channel] = 0;
      continue;
    }
    int32_t q = code_symbol(walk->coder, table, units[channel] - whole) + whole;
    if (walk->coder->status) return 0;
    walk->coded++;
    units[channel] = q;
    append(coded, place, channel, q);
    most = q > most ? q : -q > most ? -q : most;
  }
  return most;
}

// Writes or reads a unit; what came of it stands in the coder.
__attribute__((export_name("run"))) void run(Walk *walk) {
  heap = walk->heap;
  int32_t channels = walk->latents, width = walk->hidden, places = walk->height * walk->width, tiles = width / TILE;
  Lists past = lists(places, 2 * channels), coded = lists(places, channels);
  Scratch at = {.sums = room((width + 2 * channels + TILE) * sizeof(int32_t)),
                .scales = room((channels + 4) * sizeof(int32_t)),
                .hidden = room(width * sizeof(int16_t)),
                .found = room((width + 1) * sizeof(int16_t)),
                .inputs = sparse(TAPS * 2 * channels + 3 * width)};
  int32_t *known = room((size_t)places * width * sizeof *known);
  walk->coder->intervals = room(0);
  walk->coded = 0;
  empty(&past, places);
  for (int place = 0; place < places; place++) {
    for (int m = 0; m < channels; m++) append(&past, place, m, walk->before[place * channels + m]);
    for (int m = 0; m < channels; m++) append(&past, place, channels + m, walk->earlier[place * channels + m]);
  }
  for (int step = 0; step < STEPS; step++) {
    for (int y = 0, place = 0; y < walk->height; y++)
      for (int x = 0; x < walk->width; x++, place++) {
        int32_t *sums = known + (size_t)place * width;
        around(walk, step ? &coded : &past, y, x, &at.inputs);
        product_of(step ? walk->now : walk->past, TAPS * (step ? 1 : 2) * channels, tiles, &at.inputs,
                   step ? sums : walk->bias, sums);
      }
    empty(&coded, places);
    int32_t most = 0;
    for (int y = 0, place = 0; y < walk->height; y++)
      for (int x = 0; x < walk->width; x++, place++) {
        int32_t found = code_place(walk, known + (size_t)place * width, step, y, x, &coded, &at);
        if (walk->coder->status) return;
        most = found > most ? found : most;
      }
    if (!walk->coder->writing && most > LIMIT) {
      walk->coder->status = LATENT, walk->coder->detail = most;
      return;
    }
  }
}

// The intervals of a group of pictures to words.
__attribute__((export_name("finish"))) void finish(Coder *coder) { write_words(coder); }
