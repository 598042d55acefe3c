"""Integers under tables of a few symbols, and beyond them: what every distribution of integers is coded by.

A table is the sums of the frequencies below each of the symbols -radius ... radius - 1, from 0 to the scale. Behind its
first and its last symbol a number says by how much the integer lies beyond it.
"""

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np

from vqvae_jax.entropy.rans import SCALE_BITS, TOO_EARLY, CorruptStreamError, Reader, excess_intervals

_LARGEST = 1 << 24  # integers; a stream that says more is damaged

Intervals = tuple[list[int], list[int]]  # starts and frequencies


def with_excess(
    starts: np.ndarray,
    frequencies: np.ndarray,
    symbols: np.ndarray,
    inside: np.ndarray,
    ends: np.ndarray,
    bits: int = SCALE_BITS,
) -> Intervals:
    """Intervals that write integers of any size.

    Args:
      starts, frequencies: of the symbols in the tables that stand for them, [N].
      symbols: the integers, [N].
      inside: the symbols that stand for them, [N].
      ends: where these are the first or the last one, [N] bool.
      bits: of the scale.
    """
    first, chance = starts.tolist(), frequencies.tolist()
    found: Intervals = [], []
    last = 0
    for place in np.flatnonzero(ends).tolist():
        beyond = list(excess_intervals(abs(int(symbols[place]) - int(inside[place])), bits))
        found[0].extend([*first[last : place + 1], *(start for start, _ in beyond)])
        found[1].extend([*chance[last : place + 1], *(frequency for _, frequency in beyond)])
        last = place + 1
    return found[0] + first[last:], found[1] + chance[last:]


def read_symbols(reader: Reader, tables: Iterable[list[int]]) -> list[int]:
    """The integers that such intervals wrote, each under its own table of 2 radius + 1 sums.

    Raises:
      CorruptStreamError: if the stream ends too early or holds what no encoder wrote.
    """
    found, bits = [], reader.bits
    state, position, words = reader.state, reader.position, reader.words
    mask, lowest, count = (1 << bits) - 1, 1 << bits + 8, len(reader.words)
    for table in tables:
        slot = state & mask
        place = bisect_right(table, slot) - 1
        start = table[place]
        state = (table[place + 1] - start) * (state >> bits) + slot - start
        if state < lowest:
            if position == count:
                raise CorruptStreamError(TOO_EARLY)
            state = state << bits | words[position]
            position += 1
        sums = len(table)
        symbol = place - (sums >> 1)
        if place == 0 or place == sums - 2:
            reader.state, reader.position = state, position
            beyond = reader.excess()
            if beyond > _LARGEST:
                raise CorruptStreamError(f"an entropy-coded stream holds the number {beyond}")
            symbol += beyond if place else -beyond
            state, position = reader.state, reader.position
        found.append(symbol)
    reader.state, reader.position = state, position
    return found


class TableRows:
    """Integers [N] under rows of given tables.

    Args:
      tables: [R, 2 radius + 1] integers.
      rows: [N], of each integer.
      bits: of the scale.
    """

    def __init__(self, tables: np.ndarray, rows: np.ndarray, bits: int = SCALE_BITS) -> None:
        self._tables, self._rows, self._bits = tables, rows, bits

    def write(self, values: np.ndarray) -> Intervals:
        """Intervals of integers [N] of any size."""
        radius = self._tables.shape[1] // 2
        inside = np.clip(values, -radius, radius - 1)
        first = self._tables[self._rows, inside + radius]
        frequency = self._tables[self._rows, inside + radius + 1] - first
        ends = (inside == -radius) | (inside == radius - 1)
        return with_excess(first, frequency, values, inside, ends, self._bits)

    def read(self, reader: Reader) -> list[int]:
        """The integers that `write` wrote, or a `CorruptStreamError`."""
        lists: list[list[int]] = self._tables.tolist()
        return read_symbols(reader, [lists[row] for row in self._rows.tolist()])
