"""Whole numbers under tables, one entropy-coded stream for all of them: nothing is lost between one table and the next.

A table's description and what is known of its numbers (how many, how many levels) stand elsewhere; the stream holds the
costs of counted symbols, then the symbols.
"""

import math

import numpy as np

from vqvae_jax.entropy.rans import FINE_BITS, CorruptStreamError, Reader, encode
from vqvae_jax.entropy.symbols import read_symbols
from vqvae_jax.mvc.codec.tables import Table, radius_of, read_costs


class Writer:
    """Collects what a `Reader` of the same stream will be asked for, in that order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._frequencies: list[int] = []

    def costs(self, table: Table) -> None:
        """What of a table is not in its description."""
        self._add(table.write_costs())

    def symbols(self, table: Table, symbols: np.ndarray, levels: int) -> None:
        """Numbers of [0, levels)."""
        self._add(table.write(symbols.reshape(-1), levels))

    def stream(self) -> bytes:
        """All of it; nothing is nothing."""
        return encode(self._starts, self._frequencies, FINE_BITS) if self._starts else b""

    def _add(self, intervals: tuple[list[int], list[int]]) -> None:
        self._starts += intervals[0]
        self._frequencies += intervals[1]


class StreamReader:
    """What a `Writer` collected.

    Raises:
      CorruptStreamError: here and in every function, if no writer wrote this.
    """

    def __init__(self, stream: bytes) -> None:
        self._reader = Reader(stream, FINE_BITS) if stream else None

    def costs(self, table: Table, levels: int) -> Table:
        """The table, complete."""
        return table if not table.needs_costs else read_costs(table, levels, self._some())

    def symbols(self, table: Table, shape: tuple[int, ...], levels: int) -> np.ndarray:
        """int32 numbers of [0, levels)."""
        count = math.prod(shape)
        if not count:
            return np.zeros(shape, np.int32)
        sums: list[int] = table.sums(levels).tolist()
        found = np.array(read_symbols(self._some(), (sums for _ in range(count))), np.int64) + radius_of(levels) - 1
        if found.min() < 0 or found.max() >= levels:
            raise CorruptStreamError(f"a number outside of {levels} levels")
        return found.astype(np.int32).reshape(shape)

    def check_end(self) -> None:
        """That nothing is left."""
        if self._reader is not None:
            self._reader.check_end()

    def _some(self) -> Reader:
        if self._reader is None:
            raise CorruptStreamError("an entropy-coded stream is missing")
        return self._reader


def entropy_bits(symbols: np.ndarray) -> float:
    """Empirical zero-order entropy of all of them together."""
    counts = np.unique(symbols, return_counts=True)[1]
    return float(-(counts * np.log2(counts / max(counts.sum(), 1))).sum())
