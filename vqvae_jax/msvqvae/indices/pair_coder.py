"""One level's grid of indices to an entropy-coded stream and back, by pair tables: what bundles of format 1 hold."""

from bisect import bisect_right

import numpy as np

from vqvae_jax.entropy.rans import SCALE, SCALE_BITS, CorruptStreamError, Reader
from vqvae_jax.msvqvae.indices.contexts import (
    NONE,
    base_contexts,
    coarse_repeats,
    first_neighbours,
    repeat_chances,
    repeats,
)
from vqvae_jax.msvqvae.indices.tables import LevelTables

Grid = tuple[int, int, int]


def coded_intervals(
    tables: LevelTables, indices_THW: np.ndarray, coarse_THW: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Start and frequency, in units of 2**-16, of every symbol in decoding order: two int64 arrays."""
    arrays = tables.arrays
    first = indices_THW[0].ravel()
    rows = arrays.first_rows[first_neighbours(indices_THW[0], tables.codes).ravel()]
    firsts = _interval(tables.first_starts, rows, first)

    flags = repeats(indices_THW)
    chance = repeat_chances(arrays.repeat, arrays.activity, indices_THW, coarse_THW)
    flag_start = np.where(flags, 0, chance)
    flag_frequency = np.where(flags, chance, SCALE - chance)
    symbol_start, symbol_frequency = _interval(
        tables.previous_starts, arrays.previous_rows[indices_THW[:-1].ravel()], indices_THW[1:].ravel()
    )
    # Flag and symbol in turn; the symbols of repeats are not coded.
    coded = np.stack([np.ones(flags.size, bool), flags.ravel() == 0], axis=1).ravel()
    start = np.stack([flag_start.ravel(), symbol_start], axis=1).ravel()[coded]
    frequency = np.stack([flag_frequency.ravel(), symbol_frequency], axis=1).ravel()[coded]
    return np.concatenate([firsts[0], start]), np.concatenate([firsts[1], frequency])


def _interval(starts: np.ndarray, rows: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    begin = starts[rows, symbols]
    return begin, starts[rows, symbols + 1] - begin


def decode_level(tables: LevelTables, stream: bytes, shape: Grid, coarse_THW: np.ndarray | None) -> np.ndarray:
    """The inverse of `coded_intervals` and `rans.encode`: int32 indices of `shape`, each in [0, K).

    Raises:
      CorruptStreamError: if the bytes were not written with these tables, shape and coarser level.
    """
    steps, height, width = shape
    reader = Reader(stream)
    indices = np.empty(shape, np.int32)
    indices[0] = _decode_first(tables, reader, height, width)
    coarse = coarse_repeats(coarse_THW, shape)
    past = np.full((height, width), NONE, np.uint8)
    for step in range(1, steps):
        base = base_contexts(indices[step - 1], past, coarse[step], tables.arrays.activity)
        indices[step], past = _decode_step(tables, reader, indices[step - 1], base)
    reader.check_end()
    return indices


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
        raise CorruptStreamError("an entropy-coded stream ends too early") from error
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
        raise CorruptStreamError("an entropy-coded stream ends too early") from error
    reader.state, reader.position = state, position
    return np.array(rows, np.int32), np.array(flag_rows, np.uint8)
