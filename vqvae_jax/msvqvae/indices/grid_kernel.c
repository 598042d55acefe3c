// `context_model.py` over a whole grid, writing or reading: the same symbols, the same bytes (docs/entropy.md).
#include "../../entropy/kernel/memory.h"
#include "../../entropy/kernel/product.h"
#include "../../entropy/kernel/rans.h"

enum { NONE = 2, NEIGHBOURS = 14, GROUPS = 4, HIDDEN_LIMIT = 1023, COST_SHIFT = 7, AT_ONCE = 4, BLOCK = 16 };

// What `grid_kernel.py` fills in, in this order. Rows of hidden units are filled up with zeros to a multiple of 8, codes
// to one of TILE, with a bias that makes them the costliest.
typedef struct {
  int32_t codes, hidden, steps, height, width;
  const uint8_t *activity;    // [K]
  const uint16_t *repeat;     // by context
  const int8_t *neighbours;   // [NEIGHBOURS, K + 1, R]
  const int8_t *coarse;       // [C + 1, R]
  const int16_t *groups;      // [2, GROUPS, R]
  const int16_t *output;      // [K / TILE, R, TILE]
  const int32_t *bias;        // [K]
  const int32_t *largest;     // [R] weight of each unit
  const uint32_t *weights;    // [256] by cost
  int32_t *indices;           // [T, H, W] read or written
  const int32_t *near;        // [T, H, W] co-located index of the coarser level
  const uint8_t *near_flags;  // [T, H, W] whether it repeated
  Coder *coder;
  char *heap;
} Walk;

// Rows of one product, and what is found of each.
typedef struct {
  Sparse inputs[AT_ONCE];
  int32_t *scores[AT_ONCE];
  int32_t places[AT_ONCE];  // in the padded grid
  int32_t *symbols[AT_ONCE];
  int16_t *sums, *found;
  uint8_t *costs;
  uint32_t *shares;  // of each block of codes
} Rows;

static const int32_t GROUP_ROW[GROUPS] = {0, 1, 0, 1}, GROUP_COLUMN[GROUPS] = {0, 1, 1, 0};

APART void hidden_units(const Walk *walk, const int32_t *around, int32_t near, int32_t step, int32_t group, Rows *rows,
                        int32_t row) {
  int32_t size = walk->hidden;
  const int8_t *tables[NEIGHBOURS + 1];
  for (int n = 0; n < NEIGHBOURS; n++)
    tables[n] = walk->neighbours + ((size_t)n * (walk->codes + 1) + around[n]) * size;
  tables[NEIGHBOURS] = walk->coarse + (size_t)near * size;
  const int16_t *of_group = walk->groups + ((step ? GROUPS : 0) + group) * size;
  for (int r = 0; r < size; r += 8) {
    v128_t sum = wasm_i16x8_load8x8(tables[0] + r);
    for (int n = 1; n <= NEIGHBOURS; n++) sum = wasm_i16x8_add(sum, wasm_i16x8_load8x8(tables[n] + r));
    // Saturation is harmless: it is far beyond the limits.
    sum = wasm_i16x8_add_sat(sum, wasm_v128_load(of_group + r));
    sum = wasm_i16x8_min(wasm_i16x8_max(sum, wasm_i16x8_splat(0)), wasm_i16x8_splat(HIDDEN_LIMIT));
    wasm_v128_store(rows->sums + r, sum);
  }
  take_all(&rows->inputs[row], rows->sums, walk->largest, size, rows->found);
}

// Costs of every code from its score; `before` is the index that it cannot be, or `codes`.
APART void costs_of(const Walk *walk, const int32_t *scores, int32_t before, uint8_t *costs) {
  int32_t filled = tiles_of(walk->codes) * TILE;
  v128_t most = wasm_v128_load(scores);
  for (int k = 4; k < filled; k += 4) most = wasm_i32x4_max(most, wasm_v128_load(scores + k));
  most = wasm_i32x4_max(most, wasm_i32x4_shuffle(most, most, 2, 3, 0, 1));
  most = wasm_i32x4_max(most, wasm_i32x4_shuffle(most, most, 1, 0, 3, 2));
  for (int k = 0; k < filled; k += 16) {
    v128_t parts[4];
    for (int i = 0; i < 4; i++)
      parts[i] = wasm_u32x4_shr(wasm_i32x4_sub(most, wasm_v128_load(scores + k + 4 * i)), COST_SHIFT);
    // Narrowing stops at the largest number of the smaller type: 255 at last.
    v128_t low = wasm_i16x8_narrow_i32x4(parts[0], parts[1]), high = wasm_i16x8_narrow_i32x4(parts[2], parts[3]);
    wasm_v128_store(costs + k, wasm_u8x16_narrow_i16x8(low, high));
  }
  if (before < walk->codes) costs[before] = 255;
}

// The first code of the greatest weight, of `count` costs.
static int32_t favourite(const uint32_t *weights, const uint8_t *costs, int32_t count) {
  v128_t least = wasm_v128_load(costs);
  for (int k = BLOCK; k < count; k += BLOCK) least = wasm_u8x16_min(least, wasm_v128_load(costs + k));
  uint8_t lanes[BLOCK];
  wasm_v128_store(lanes, least);
  int32_t cost = lanes[0];
  for (int i = 1; i < BLOCK; i++) cost = lanes[i] < cost ? lanes[i] : cost;
  // Costs close to the last share weights.
  while (cost < 255 && weights[cost + 1] == weights[cost]) cost++;
  for (int k = 0;; k += BLOCK) {
    v128_t block = wasm_v128_load(costs + k);
    uint32_t found = wasm_i8x16_bitmask(wasm_u8x16_le(block, wasm_i8x16_splat((int8_t)cost)));
    if (found) return k + __builtin_ctz(found);
  }
}

// Sum of the weights of all costs.
APART uint64_t total_of(const uint32_t *weights, const uint8_t *costs, int32_t count) {
  uint64_t total = 0;
  for (int k = 0; k < count; k += BLOCK) {
    uint32_t sum = 0;
#pragma clang loop unroll_count(4)  // more would not fit into the registers
    for (int i = 0; i < BLOCK; i++) sum += weights[costs[k + i]];
    total += sum;
  }
  return total;
}

// What each block of codes has of the frequencies, and all together.
APART uint32_t blocks_of(const uint32_t *shares, const uint8_t *costs, int32_t count, uint32_t *blocks) {
  uint32_t all = 0;
  for (int k = 0; k < count; k += BLOCK) {
    uint32_t sum = 0;
#pragma clang loop unroll_count(4)  // more would not fit into the registers
    for (int i = 0; i < BLOCK; i++) sum += shares[costs[k + i]];
    all += blocks[k / BLOCK] = sum;
  }
  return all;
}

// What a code of each cost gets. Products are under 2**53, and no fraction of such integers is rounded up to the next.
APART void shares_of(const uint32_t *weights, double free, double total, uint32_t *shares) {
  v128_t frees = wasm_f64x2_splat(free), totals = wasm_f64x2_splat(total);
  for (int c = 0; c < 256; c += 4) {
    v128_t four = wasm_v128_load(weights + c), parts[2] = {four, wasm_i32x4_shuffle(four, four, 2, 3, 2, 3)};
    for (int i = 0; i < 2; i++) {
      v128_t product = wasm_f64x2_mul(wasm_f64x2_convert_low_u32x4(parts[i]), frees);
      parts[i] = wasm_i32x4_trunc_sat_f64x2_zero(wasm_f64x2_div(product, totals));
    }
    wasm_v128_store(shares + c, wasm_i32x4_shuffle(parts[0], parts[1], 0, 1, 4, 5));
  }
}

// Codes one symbol under its costs: `symbol` is known to a writer, and found for a reader.
APART int32_t code_symbol(const Walk *walk, const uint8_t *costs, uint32_t *blocks, int32_t symbol) {
  const uint32_t *weights = walk->weights;
  int32_t codes = walk->codes, filled = tiles_of(codes) * TILE;
  uint64_t total = total_of(weights, costs, filled) - (uint64_t)(filled - codes) * weights[255];
  uint32_t shares[256], left = SCALE - codes;
  shares_of(weights, left, (double)total, shares);
  left -= blocks_of(shares, costs, filled, blocks) - (filled - codes) * shares[255];
  int32_t first = favourite(weights, costs, filled);
  blocks[first / BLOCK] += left;

  Coder *coder = walk->coder;
  uint32_t start = 0, slot = slot_of(coder), frequency;
  int32_t block = 0;
  if (coder->writing)
    for (; block < symbol / BLOCK; block++) start += blocks[block] + BLOCK;
  else
    for (; start + blocks[block] + BLOCK <= slot; block++) start += blocks[block] + BLOCK;
  for (int k = block * BLOCK;; k++, start += frequency) {
    frequency = shares[costs[k]] + 1 + (k == first ? left : 0);
    if (coder->writing ? k == symbol : slot < start + frequency) {
      take(coder, start, frequency);
      return k;
    }
  }
}

// Codes what has been collected.
static void finish(const Walk *walk, Rows *rows, int32_t count, int32_t *now, const int32_t *before) {
  int32_t filled = tiles_of(walk->codes) * TILE;
  for (int tile = 0; tile < filled / TILE; tile++)
    for (int row = 0; row < count; row++)
      product(walk->output + (size_t)tile * walk->hidden * TILE, &rows->inputs[row], walk->bias + tile * TILE,
              rows->scores[row] + tile * TILE);
  for (int row = 0; row < count && !walk->coder->status; row++) {
    int32_t place = rows->places[row];
    costs_of(walk, rows->scores[row], before[place], rows->costs);
    now[place] = *rows->symbols[row] = code_symbol(walk, rows->costs, rows->shares, *rows->symbols[row]);
  }
}

// Codes which indices of a step repeat the ones before, and puts those into `now`.
APART void code_flags(const Walk *walk, int32_t step, const uint8_t *past, uint8_t *flags, int32_t *now,
                      const int32_t *before) {
  int32_t width = walk->width, wide = width + 2;
  int32_t *indices = walk->indices + (size_t)step * walk->height * width;
  const uint8_t *near = walk->near_flags + (size_t)step * walk->height * width;
  Coder *coder = walk->coder;
  for (int y = 0; y < walk->height; y++)
    for (int x = 0; x < width; x++) {
      int32_t place = (y + 1) * wide + x + 1, at = y * width + x;
      int32_t base = (walk->activity[before[place]] * 3 + past[place]) * 3 + near[at];
      int32_t context = base * 27 + flags[place - 1] * 9 + flags[place - wide] * 3 + flags[place - wide + 1];
      uint32_t chance = walk->repeat[context];
      int32_t repeats = coder->writing ? indices[at] == before[place] : slot_of(coder) < chance;
      take(coder, repeats ? 0 : chance, repeats ? chance : SCALE - chance);
      if (coder->status) return;
      flags[place] = (uint8_t)repeats;
      if (repeats) now[place] = indices[at] = before[place];
    }
}

static void code_group(const Walk *walk, int32_t step, int32_t group, const uint8_t *flags, Rows *rows, int32_t *now,
                       const int32_t *before, const int32_t *earlier) {
  int32_t width = walk->width, wide = width + 2, count = 0;
  const int32_t away[] = {0, -wide, -1, 1, wide};
  const int32_t beside[] = {-wide - 1, -wide, -wide + 1, -1, 1, wide - 1, wide, wide + 1};
  for (int y = GROUP_ROW[group]; y < walk->height; y += 2)
    for (int x = GROUP_COLUMN[group]; x < width; x += 2) {
      int32_t place = (y + 1) * wide + x + 1, around[NEIGHBOURS];
      size_t at = ((size_t)step * walk->height + y) * width + x;
      if (step && flags[place] == 1) continue;
      for (int n = 0; n < 5; n++) around[n] = before[place + away[n]];
      around[5] = earlier[place];
      for (int n = 0; n < 8; n++) around[6 + n] = now[place + beside[n]];
      hidden_units(walk, around, walk->near[at], step, group, rows, count);
      rows->places[count] = place;
      rows->symbols[count] = walk->indices + at;
      if (++count == AT_ONCE) {
        finish(walk, rows, count, now, before);
        if (walk->coder->status) return;
        count = 0;
      }
    }
  finish(walk, rows, count, now, before);
}

static int32_t *unknown(const Walk *walk, int32_t places) {
  int32_t *grid = room(places * sizeof *grid);
  for (int n = 0; n < places; n++) grid[n] = walk->codes;
  return grid;
}

// Writes or reads a grid; what came of it stands in the coder.
__attribute__((export_name("run"))) void run(Walk *walk) {
  heap = walk->heap;
  Coder *coder = walk->coder;
  int32_t places = (walk->height + 2) * (walk->width + 2), filled = tiles_of(walk->codes) * TILE;
  int32_t *now = unknown(walk, places), *before = unknown(walk, places), *earlier = unknown(walk, places);
  uint8_t *flags = room(places), *past = room(places);
  for (int n = 0; n < places; n++) flags[n] = past[n] = NONE;
  Rows rows = {.sums = room(walk->hidden * sizeof(int16_t)), .found = room((walk->hidden + 1) * sizeof(int16_t)),
               .costs = room(filled), .shares = room(filled / BLOCK * sizeof(uint32_t))};
  for (int row = 0; row < AT_ONCE; row++) {
    rows.inputs[row] = sparse(5 * walk->hidden);
    rows.scores[row] = room(filled * sizeof(int32_t));
  }
  coder->intervals = room(0);
  for (int step = 0; step < walk->steps; step++) {
    if (step) code_flags(walk, step, past, flags, now, before);
    for (int group = 0; group < GROUPS && !coder->status; group++)
      code_group(walk, step, group, flags, &rows, now, before, earlier);
    if (coder->status) return;
    int32_t *oldest = earlier;
    uint8_t *kept = past;
    earlier = before, before = now, now = oldest;
    if (step) past = flags, flags = kept;
    for (int n = 0; n < places; n++) now[n] = walk->codes;
  }
  if (coder->writing)
    write_words(coder);
  else
    check_end(coder);
}
