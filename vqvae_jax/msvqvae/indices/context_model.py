"""A level's grid of indices to an entropy-coded stream and back, in the order of `order`, by a context model: the
distribution of a changed index given everything known around it, from a small network in integers.

One hidden layer over one-hot inputs: each neighbour adds a row of its table, the sum is rectified, and a matrix makes
it a score for each code (Bengio et al. 2003 for words). Weights are 8 bits wide and every sum stays below 2**24, so
that float32 arithmetic is exact and all machines agree on the frequencies, whatever the order of additions.
"""

from array import array
from bisect import bisect_right
from functools import cached_property

import numpy as np

from vqvae_jax.codec.interface import Grid
from vqvae_jax.entropy.blas import one_blas_thread
from vqvae_jax.entropy.frequencies import STEPS_PER_BIT, frequencies, starts
from vqvae_jax.entropy.kernel import machine
from vqvae_jax.entropy.rans import SCALE, SCALE_BITS, TOO_EARLY, CorruptStreamError, Reader, encode
from vqvae_jax.msvqvae.indices.context_arrays import HIDDEN_LIMIT, ContextArrays, check_arrays
from vqvae_jax.msvqvae.indices.contexts import (
    NONE,
    base_contexts,
    co_located,
    coarse_repeats,
    repeat_chances,
    repeats,
)
from vqvae_jax.msvqvae.indices.grid_kernel import GridKernel
from vqvae_jax.msvqvae.indices.order import (
    NEIGHBOURS,
    Observed,
    group_positions,
    neighbours,
    observe,
    padded,
    unknown_grid,
)

INPUT_BITS = 5  # fractional bits of the hidden layer
OUTPUT_BITS = 6  # of the output matrix
SCORE_BITS = INPUT_BITS + OUTPUT_BITS  # of a score, which is a logarithm to base 2
AT_ONCE = 1 << 17  # scores that are held at a time: as many as stay in the cache


class ContextModel:
    """`ContextArrays` made ready for coding.

    Raises:
      UserError: if the arrays contradict each other; names the array.
    """

    def __init__(self, arrays: ContextArrays) -> None:
        check_arrays(arrays)
        self.arrays = arrays
        self.codes = len(arrays.activity)
        self.coarse_codes = len(arrays.coarse) - 1
        self.repeat: list[int] = arrays.repeat.tolist()
        self._output = arrays.output.astype(np.float32)
        self._bias = arrays.bias.astype(np.float32)

    @cached_property
    def kernel(self) -> GridKernel:
        """The same in WebAssembly."""
        return GridKernel(self.arrays)

    def encode(self, indices_THW: np.ndarray, coarse_THW: np.ndarray | None) -> bytes:
        """The stream of a grid.

        Args:
          indices_THW: int64 in [0, K).
          coarse_THW: the grid of the next coarser level, if there is one.
        """
        if machine.fast():
            return self.kernel.encode(indices_THW, coarse_THW)
        return encode(*(column.tolist() for column in self.coded_intervals(indices_THW, coarse_THW)))

    def decode(self, stream: bytes, shape: Grid, coarse_THW: np.ndarray | None) -> np.ndarray:
        """The inverse of `encode`: int32 indices of `shape`, each in [0, K).

        Raises:
          CorruptStreamError: if the bytes were not written with this model, shape and coarser level.
        """
        if machine.fast():
            return self.kernel.decode(stream, shape, coarse_THW)
        return self._decoded(stream, shape, coarse_THW)

    def starts(self, observed: Observed) -> np.ndarray:
        """Cumulative frequencies of every code for each of M indices: int32 [M, K + 1], from 0 to 2**16."""
        return starts(self.frequencies(observed))

    def frequencies(self, observed: Observed) -> np.ndarray:
        """int32 [M, K], each at least 1, every row summing to 2**16."""
        return frequencies(self.costs(observed))

    def costs(self, observed: Observed) -> np.ndarray:
        """Sixteenths of a bit, but for a constant in each row: uint8 [M, K].

        The index one step before has the greatest: a changed index is another one.
        """
        arrays = self.arrays
        hidden = arrays.groups[np.where(observed.first, 0, 1), observed.group].astype(np.int32)
        hidden += arrays.coarse[observed.coarse]
        # All tables at once: what 14 rows of 8 bits sum to has 12.
        rows = (observed.neighbours + (self.codes + 1) * np.arange(NEIGHBOURS)).T
        found = arrays.neighbours.reshape(-1, hidden.shape[1]).take(rows.ravel(), axis=0)
        hidden += np.add.reduce(found.reshape(NEIGHBOURS, -1), axis=0, dtype=np.int16).reshape(hidden.shape)
        hidden = np.clip(hidden, 0, HIDDEN_LIMIT).astype(np.float32)
        scores = (hidden @ self._output + self._bias).astype(np.int32)
        scores = scores.max(axis=1, keepdims=True) - scores
        costs = np.minimum(scores >> (SCORE_BITS - STEPS_PER_BIT.bit_length() + 1), 255).astype(np.uint8)
        before = observed.neighbours[:, 0]
        known = np.flatnonzero(before < self.codes)
        costs[known, before[known]] = 255
        return costs

    @one_blas_thread()
    def coded_intervals(self, indices_THW: np.ndarray, coarse_THW: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Start and frequency, in units of 2**-16, of every symbol in decoding order: two int64 arrays."""
        flags = repeats(indices_THW)
        observed, symbols, steps = observe(indices_THW, coarse_THW, self.codes, self.coarse_codes)
        begin, frequency = self.intervals(observed, symbols)

        chance = repeat_chances(self.arrays.repeat, self.arrays.activity, indices_THW, coarse_THW)
        flag_begin, flag_frequency = np.where(flags, 0, chance), np.where(flags, chance, SCALE - chance)
        flag_steps = np.broadcast_to(np.arange(1, len(indices_THW))[:, None, None], flags.shape)
        # A step's flags before its symbols; both are in order already.
        order = np.argsort(np.concatenate([flag_steps.ravel() * 2, steps * 2 + 1]), kind="stable")
        return (
            np.concatenate([flag_begin.ravel(), begin])[order],
            np.concatenate([flag_frequency.ravel(), frequency])[order],
        )

    @one_blas_thread()
    def _decoded(self, stream: bytes, shape: Grid, coarse_THW: np.ndarray | None) -> np.ndarray:
        """`decode` without a kernel."""
        steps, height, width = shape
        reader = _Reader(stream)
        coarse_flags = coarse_repeats(coarse_THW, shape)
        coarse = co_located(coarse_THW, shape, self.coarse_codes)
        groups = group_positions(height, width)
        indices = np.empty(shape, np.int32)
        before = earlier = unknown_grid(height, width, self.codes)
        past = np.full((height, width), NONE, np.uint8)
        inside = (slice(1, -1), slice(1, -1))
        for step in range(steps):
            now = unknown_grid(height, width, self.codes)
            if step:
                base = base_contexts(indices[step - 1], past, coarse_flags[step], self.arrays.activity)
                past = reader.flags(self.repeat, base)
                now = np.where(padded(past, 0) == 1, before, now)
            around = padded(coarse[step], 0)
            for number, positions in enumerate(groups):
                at = positions[now[positions] == self.codes]
                if len(at):
                    known = neighbours(now, before, earlier, at, width)
                    observed = Observed(known, around[at], np.full(len(at), step == 0), np.full(len(at), number))
                    for part, rows in parts(observed, self.codes):
                        now[at[rows]] = reader.symbols(self.starts(part))
            indices[step] = now.reshape(height + 2, width + 2)[inside]
            before, earlier = now, before
        reader.check_end()
        return indices

    def intervals(self, observed: Observed, symbols_M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Start and frequency of each of M indices: two int64 arrays."""
        begin, width = np.empty(len(symbols_M), np.int64), np.empty(len(symbols_M), np.int64)
        for part, rows in parts(observed, self.codes):
            found = self.starts(part)
            at = np.arange(len(found))
            begin[rows] = found[at, symbols_M[rows]]
            width[rows] = found[at, symbols_M[rows] + 1] - begin[rows]
        return begin, width


class _Reader(Reader):
    """Flags and symbols of a step."""

    def flags(self, repeat: list[int], base_HW: np.ndarray) -> np.ndarray:
        """Whether each index of a step repeats the earlier one: uint8 [H, W]."""
        state, position, words = self.state, self.position, self.words
        above = [NONE] * (base_HW.shape[1] + 1)
        rows = []
        try:
            for bases in base_HW.tolist():
                row, left = [], NONE
                for base, upper, upper_right in zip(bases, above, above[1:], strict=False):
                    chance = repeat[base + left * 9 + upper * 3 + upper_right]
                    slot = state & 0xFFFF
                    if slot < chance:
                        state = chance * (state >> SCALE_BITS) + slot
                        left = 1
                    else:
                        state = (SCALE - chance) * (state >> SCALE_BITS) + slot - chance
                        left = 0
                    if state < 0x1000000:
                        state = state << 16 | words[position]
                        position += 1
                    row.append(left)
                rows.append(row)
                above = [*row, NONE]
        except IndexError as error:
            raise CorruptStreamError(TOO_EARLY) from error
        self.state, self.position = state, position
        return np.array(rows, np.uint8)

    def symbols(self, starts_MK: np.ndarray) -> list[int]:
        """One symbol from each row of cumulative frequencies."""
        state, position, words = self.state, self.position, self.words
        size, symbols = starts_MK.shape[1], []
        flat = array("I", starts_MK.astype(np.uint32).tobytes())
        try:
            for offset in range(0, len(flat), size):
                slot = state & 0xFFFF
                found = bisect_right(flat, slot, offset, offset + size - 1) - 1
                begin = flat[found]
                state = (flat[found + 1] - begin) * (state >> SCALE_BITS) + slot - begin
                if state < 0x1000000:
                    state = state << 16 | words[position]
                    position += 1
                symbols.append(found - offset)
        except IndexError as error:
            raise CorruptStreamError(TOO_EARLY) from error
        self.state, self.position = state, position
        return symbols


def parts(observed: Observed, codes: int) -> list[tuple[Observed, slice]]:
    """`observed` in parts for which all scores fit in memory, and which rows they are."""
    size = max(AT_ONCE // codes, 1)
    slices = [slice(begin, begin + size) for begin in range(0, len(observed.coarse), size)]
    return [(Observed(*(column[rows] for column in observed)), rows) for rows in slices]
