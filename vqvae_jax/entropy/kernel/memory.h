// Memory that is only ever added to: who calls resets where it begins.
#pragma once
#include <stddef.h>
#include <stdint.h>

// In one large function few numbers would stay in registers.
#define APART static __attribute__((noinline))

enum { PAGE = 1 << 16 };

static char *heap;  // where nothing is yet

// Makes sure that there is memory up to `end`; a trap where the machine has no more.
static inline void need(const void *end) {
  size_t have = __builtin_wasm_memory_size(0) * (size_t)PAGE;
  if ((size_t)end <= have) return;
  size_t pages = ((size_t)end - have + PAGE - 1) / PAGE;
  if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) __builtin_trap();
}

static inline void *room(size_t bytes) {
  char *found = heap;
  if (bytes > SIZE_MAX / 2 - (size_t)heap) __builtin_trap();
  heap += (bytes + 15) & ~(size_t)15;
  need(heap);
  return found;
}
