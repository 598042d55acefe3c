"""A level's grid of indices to an entropy-coded stream and back, by pair tables: what bundles of format 1 hold."""

from array import array
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

import numpy as np

from vqvae_jax.codec.interface import Grid
from vqvae_jax.entropy.frequencies import frequencies, starts
from vqvae_jax.entropy.rans import SCALE, SCALE_BITS, TOO_EARLY, CorruptStreamError, Reader, encode
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.indices.contexts import (
    NONE,
    REPEAT_CONTEXTS,
    Expected,
    base_contexts,
    check_flags,
    check_shapes,
    coarse_repeats,
    first_neighbours,
    repeat_chances,
    repeats,
)


class TableArrays(NamedTuple):
    """What is stored of a level's tables; K codes."""

    activity: np.ndarray  # [K] uint8, class of a code by how often it is repeated
    repeat: np.ndarray  # [REPEAT_CONTEXTS] uint16, 1 ... 2**16 - 1: probability of a repeat in 2**-16
    previous_rows: np.ndarray  # [K] uint16, row of `previous_costs` by the index one step earlier
    previous_costs: np.ndarray  # [R, K] uint8, sixteenths of a bit
    first_rows: np.ndarray  # [K + 1] uint16, row of `first_costs` by the neighbour; K for none
    first_costs: np.ndarray  # [S, K] uint8


class LevelTables:
    """`TableArrays` made ready for coding.

    Raises:
      UserError: if the arrays contradict each other; names the array.
    """

    def __init__(self, arrays: TableArrays) -> None:
        check_arrays(arrays)
        self.arrays = arrays
        self.codes = len(arrays.activity)
        self.repeat = arrays.repeat.tolist()

    @cached_property
    def previous_starts(self) -> np.ndarray:
        """[R, K + 1] int64, cumulative frequencies."""
        return starts(frequencies(self.arrays.previous_costs))

    @cached_property
    def first_starts(self) -> np.ndarray:
        """[S, K + 1] int64, cumulative frequencies."""
        return starts(frequencies(self.arrays.first_costs))

    @cached_property
    def given_previous(self) -> "FlatRows":
        """Cumulative frequencies by the index one step earlier."""
        return FlatRows(self.previous_starts, self.arrays.previous_rows)

    @cached_property
    def given_neighbour(self) -> "FlatRows":
        """Cumulative frequencies by the neighbour in a grid's first step; `codes` for none."""
        return FlatRows(self.first_starts, self.arrays.first_rows)

    def coded_intervals(self, indices_THW: np.ndarray, coarse_THW: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Start and frequency, in units of 2**-16, of every symbol in decoding order: two int64 arrays."""
        arrays = self.arrays
        first = indices_THW[0].ravel()
        rows = arrays.first_rows[first_neighbours(indices_THW[0], self.codes).ravel()]
        firsts = _interval(self.first_starts, rows, first)

        flags = repeats(indices_THW)
        chance = repeat_chances(arrays.repeat, arrays.activity, indices_THW, coarse_THW)
        flag_start = np.where(flags, 0, chance)
        flag_frequency = np.where(flags, chance, SCALE - chance)
        symbol_start, symbol_frequency = _interval(
            self.previous_starts, arrays.previous_rows[indices_THW[:-1].ravel()], indices_THW[1:].ravel()
        )
        # Flag and symbol in turn; the symbols of repeats are not coded.
        coded = np.stack([np.ones(flags.size, bool), flags.ravel() == 0], axis=1).ravel()
        start = np.stack([flag_start.ravel(), symbol_start], axis=1).ravel()[coded]
        frequency = np.stack([flag_frequency.ravel(), symbol_frequency], axis=1).ravel()[coded]
        return np.concatenate([firsts[0], start]), np.concatenate([firsts[1], frequency])

    def encode(self, indices_THW: np.ndarray, coarse_THW: np.ndarray | None) -> bytes:
        """The stream of a grid, int64."""
        return encode(*(column.tolist() for column in self.coded_intervals(indices_THW, coarse_THW)))

    def decode(self, stream: bytes, shape: Grid, coarse_THW: np.ndarray | None) -> np.ndarray:
        """The inverse of `encode`: int32 indices of `shape`, each in [0, K).

        Raises:
          CorruptStreamError: if the bytes were not written with these tables, shape and coarser level.
        """
        steps, height, width = shape
        reader = Reader(stream)
        indices = np.empty(shape, np.int32)
        indices[0] = _decode_first(self, reader, height, width)
        coarse = coarse_repeats(coarse_THW, shape)
        past = np.full((height, width), NONE, np.uint8)
        for step in range(1, steps):
            base = base_contexts(indices[step - 1], past, coarse[step], self.arrays.activity)
            indices[step], past = _decode_step(self, reader, indices[step - 1], base)
        reader.check_end()
        return indices


class FlatRows:
    """Cumulative frequencies as a decoder bisects them: one flat array, and where each context's row begins in it.

    An `array` of 32-bit integers takes an eighth of the memory of lists, stays in the cache, and costs nothing to make.
    """

    def __init__(self, starts_RK: np.ndarray, row_of_context: np.ndarray) -> None:
        self.starts = array("I", starts_RK.astype(np.uint32).tobytes())
        self.offsets: list[int] = (row_of_context.astype(np.int64) * starts_RK.shape[1]).tolist()


def _interval(starts: np.ndarray, rows: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    begin = starts[rows, symbols]
    return begin, starts[rows, symbols + 1] - begin


def _decode_first(tables: LevelTables, reader: Reader, height: int, width: int) -> np.ndarray:
    state, position, words, codes = reader.state, reader.position, reader.words, tables.codes
    starts, offsets = tables.given_neighbour.starts, tables.given_neighbour.offsets
    rows: list[list[int]] = []
    try:
        for y in range(height):
            neighbour = rows[y - 1][0] if y else codes
            row: list[int] = []
            for _ in range(width):
                offset = offsets[neighbour]
                slot = state & 0xFFFF
                found = bisect_right(starts, slot, offset, offset + codes) - 1
                begin = starts[found]
                state = (starts[found + 1] - begin) * (state >> SCALE_BITS) + slot - begin
                neighbour = found - offset
                if state < 0x1000000:
                    state = state << 16 | words[position]
                    position += 1
                row.append(neighbour)
            rows.append(row)
    except IndexError as error:
        raise CorruptStreamError(TOO_EARLY) from error
    reader.state, reader.position = state, position
    return np.array(rows, np.int32)


def _decode_step(
    tables: LevelTables, reader: Reader, previous_HW: np.ndarray, base_HW: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of one step, and whether each repeats the earlier one."""
    state, position, words, codes = reader.state, reader.position, reader.words, tables.codes
    repeat, starts, offsets = tables.repeat, tables.given_previous.starts, tables.given_previous.offsets
    above = [NONE] * (previous_HW.shape[1] + 1)
    rows, flag_rows = [], []
    try:
        for before, bases in zip(previous_HW.tolist(), base_HW.tolist(), strict=True):
            row, flags, left = [], [], NONE
            for index, base, upper, upper_right in zip(before, bases, above, above[1:], strict=False):
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
                    offset = offsets[index]
                    slot = state & 0xFFFF
                    found = bisect_right(starts, slot, offset, offset + codes) - 1
                    begin = starts[found]
                    state = (starts[found + 1] - begin) * (state >> SCALE_BITS) + slot - begin
                    index = found - offset
                if state < 0x1000000:
                    state = state << 16 | words[position]
                    position += 1
                row.append(index)
                flags.append(left)
            rows.append(row)
            flag_rows.append(flags)
            above = [*flags, NONE]
    except IndexError as error:
        raise CorruptStreamError(TOO_EARLY) from error
    reader.state, reader.position = state, position
    return np.array(rows, np.int32), np.array(flag_rows, np.uint8)


def check_arrays(arrays: TableArrays) -> None:
    """Raises a `UserError` unless shapes, types and ranges are those that `TableArrays` states."""
    codes = arrays.activity.size
    expected: Expected = {
        "activity": (np.uint8, (codes,)),
        "repeat": (np.uint16, (REPEAT_CONTEXTS,)),
        "previous_rows": (np.uint16, (codes,)),
        "previous_costs": (np.uint8, (arrays.previous_costs.size // max(codes, 1), codes)),
        "first_rows": (np.uint16, (codes + 1,)),
        "first_costs": (np.uint8, (arrays.first_costs.size // max(codes, 1), codes)),
    }
    check_shapes("entropy tables", arrays, expected)
    check_flags("entropy tables", arrays.activity, arrays.repeat)
    for name, limit in {"previous_rows": len(arrays.previous_costs), "first_rows": len(arrays.first_costs)}.items():
        if getattr(arrays, name).max() >= limit:
            raise UserError(f"entropy tables: {name} points beyond the {limit} there are")
