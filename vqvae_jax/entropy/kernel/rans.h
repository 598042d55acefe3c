// `entropy/rans.py` with 16 bits: one coder that writes or reads, so that what walks over symbols is written once.
#pragma once
#include "memory.h"

enum { SCALE_BITS = 16, SCALE = 1 << SCALE_BITS, LOWEST = 1 << 24, LONGEST_EXCESS = 40 };
enum { OK, TOO_EARLY, NO_END, NOT_AT_BEGINNING, TOO_LARGE, LATENT };  // `coder.py` says what each means

// `coder.py` has the same fields in the same order.
typedef struct {
  int32_t writing, status;
  int64_t detail;  // the number that is wrong
  uint64_t state;
  uint16_t *words;                    // what comes after the state
  uint32_t words_count, position;     // position: when reading
  uint32_t *intervals;                // writing: start and frequency in turn, at the end of the heap
  uint32_t symbols;                   // intervals there are
} Coder;

static inline uint32_t slot_of(const Coder *coder) { return coder->state & (SCALE - 1); }

// Goes on behind a symbol. After an error nothing but the status counts.
static inline void take(Coder *coder, uint32_t start, uint32_t frequency) {
  if (coder->writing) {
    uint32_t *at = coder->intervals + 2 * coder->symbols++;
    need(at + 2);
    at[0] = start;
    at[1] = frequency;
    return;
  }
  coder->state = frequency * (coder->state >> SCALE_BITS) + slot_of(coder) - start;
  if (coder->state < LOWEST) {
    if (coder->position == coder->words_count) {
      coder->status = TOO_EARLY;
      return;
    }
    coder->state = coder->state << SCALE_BITS | coder->words[coder->position++];
  }
}

static inline void check_end(Coder *coder) {
  if (!coder->status && (coder->state != LOWEST || coder->position != coder->words_count))
    coder->status = NOT_AT_BEGINNING;
}

// Turns all intervals into the final state and its words.
static inline void write_words(Coder *coder) {
  heap = (char *)(coder->intervals + 2 * coder->symbols);
  uint16_t *end = (uint16_t *)room(coder->symbols * sizeof(uint16_t)) + coder->symbols, *words = end;
  uint64_t state = LOWEST;
  for (uint32_t n = coder->symbols; n-- > 0;) {
    uint64_t start = coder->intervals[2 * n], frequency = coder->intervals[2 * n + 1];
    if (state >= frequency << 24) {
      *--words = (uint16_t)state;
      state >>= SCALE_BITS;
    }
    state += state / frequency * (SCALE - frequency) + start;
  }
  coder->state = state;
  coder->words = words;
  coder->words_count = (uint32_t)(end - words);
}
