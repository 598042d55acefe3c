"""Integers under discretised logistic distributions, from a table for each fraction of the mean and each scale.

Tables are integers made of integers (`mixtures.cumulative`), the same on every machine. A symbol is an integer's
distance from its whole mean; what lies outside of the tables' range is followed by how far it does.
"""

from functools import cache

import numpy as np

from vqvae_jax.entropy.mixtures import MEAN_UNITS, WEIGHTS, Mixture, cumulative
from vqvae_jax.entropy.rans import SCALE_BITS, Reader
from vqvae_jax.entropy.symbols import Intervals, TableRows, read_symbols

RADIUS = 32  # symbols lie in [-32, 32)
FRACTIONS = 16  # of a mean, to a whole number
SCALES = 64  # scale number s is 2**(s / 8 - 4)


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
        return TableRows(self.starts, rows).write(symbols)

    def read(self, reader: Reader, rows: list[int]) -> list[int]:
        """The symbols that `intervals` wrote.

        Raises:
          CorruptStreamError: if the stream ends too early or holds what no encoder wrote.
        """
        return read_symbols(reader, [self.rows[row] for row in rows])


@cache
def logistic_tables() -> LogisticTables:
    """Made once for every process."""
    return LogisticTables()
