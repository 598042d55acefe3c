"""Integers under discretised logistic distributions, from a table for each fraction of the mean and each scale.

Tables are integers made of integers (`mixtures.cumulative`), the same on every machine. A symbol is an integer's
distance from its whole mean; what lies outside of the tables' range is followed by how far it does.
"""

from bisect import bisect_right
from functools import cache

import numpy as np

from vqvae_jax.entropy.mixtures import MEAN_UNITS, WEIGHTS, Mixture, cumulative
from vqvae_jax.entropy.rans import SCALE_BITS, TOO_EARLY, CorruptStreamError, Reader, excess_intervals

RADIUS = 32  # symbols lie in [-32, 32)
FRACTIONS = 16  # of a mean, to a whole number
SCALES = 64  # scale number s is 2**(s / 8 - 4)
_LARGEST = 1 << 24  # integers; a stream that says more is damaged

Intervals = tuple[list[int], list[int]]  # starts and frequencies


class LogisticTables:
    """All tables, by row `scale * 16 + fraction + 8`; fractions are -8 ... 7 sixteenths."""

    def __init__(self) -> None:
        row = np.arange(SCALES * FRACTIONS)
        fraction, scale = row % FRACTIONS - FRACTIONS // 2, row // FRACTIONS
        one = np.full((len(row), 1, 1), WEIGHTS)
        mixture = Mixture((fraction * (MEAN_UNITS // FRACTIONS))[:, None, None], (2 * scale)[:, None, None], one)
        edges = np.arange(-RADIUS, RADIUS + 1)
        self.starts = cumulative("logistic", mixture, edges, RADIUS, SCALE_BITS)  # [rows, 65]
        self.rows: list[list[int]] = self.starts.tolist()
        #: [rows] of the symbol 0, in 2**-16.
        self.zero = self.starts[:, RADIUS + 1] - self.starts[:, RADIUS]

    def intervals(self, rows: np.ndarray, symbols: np.ndarray) -> Intervals:
        """Starts and frequencies that write symbols [N] of any size under rows [N]."""
        inside = np.clip(symbols, -RADIUS, RADIUS - 1)
        first = self.starts[rows, inside + RADIUS]
        frequency = self.starts[rows, inside + RADIUS + 1] - first
        starts, frequencies = first.tolist(), frequency.tolist()
        # From the end, so that places stay what they are.
        for place in np.flatnonzero((inside == -RADIUS) | (inside == RADIUS - 1))[::-1].tolist():
            beyond = list(excess_intervals(abs(int(symbols[place]) - int(inside[place]))))
            starts[place + 1 : place + 1] = [start for start, _ in beyond]
            frequencies[place + 1 : place + 1] = [frequency for _, frequency in beyond]
        return starts, frequencies

    def read(self, reader: Reader, rows: list[int]) -> list[int]:
        """The symbols that `intervals` wrote.

        Raises:
          CorruptStreamError: if the stream ends too early or holds what no encoder wrote.
        """
        found, tables = [], self.rows
        state, position, words = reader.state, reader.position, reader.words
        mask, lowest, count = (1 << SCALE_BITS) - 1, 1 << SCALE_BITS + 8, len(reader.words)
        for row in rows:
            table = tables[row]
            slot = state & mask
            place = bisect_right(table, slot) - 1
            start = table[place]
            state = (table[place + 1] - start) * (state >> SCALE_BITS) + slot - start
            if state < lowest:
                if position == count:
                    raise CorruptStreamError(TOO_EARLY)
                state = state << SCALE_BITS | words[position]
                position += 1
            symbol = place - RADIUS
            if place == 0 or place == 2 * RADIUS - 1:
                reader.state, reader.position = state, position
                beyond = reader.excess()
                if beyond > _LARGEST:
                    raise CorruptStreamError(f"an entropy-coded stream holds the number {beyond}")
                symbol += beyond if place else -beyond
                state, position = reader.state, reader.position
            found.append(symbol)
        reader.state, reader.position = state, position
        return found


@cache
def logistic_tables() -> LogisticTables:
    """Made once for every process."""
    return LogisticTables()
