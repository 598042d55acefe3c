"""Integers under mixtures of Gaussians of any width, each a mixture of its own: what a network says, made integers.

Means, scales and weights are rounded first; what follows from them (the whole number that symbols are counted from, how
far their table reaches, the table itself by `mixtures.cumulative`) is arithmetic on integers.
"""

import zlib
from collections.abc import Iterator

import numpy as np

from vqvae_jax.entropy.mixtures import FINE_WEIGHTS, MEAN_UNITS, SCALES, SCALES_PER_OCTAVE, Mixture, cumulative
from vqvae_jax.entropy.rans import FINE_BITS, Reader
from vqvae_jax.entropy.symbols import Intervals, read_symbols, with_excess

MEAN_LIMIT = 1 << 13  # of means, in whole numbers
LEAST_RADIUS, MOST_RADIUS = 4, 512
_REACH = 6  # scales to each side of a mean that a table holds
_UNIT_BITS = (MEAN_UNITS * FINE_WEIGHTS).bit_length() - 1
_HALF = 1 << _UNIT_BITS - 1
_AT_ONCE = 1024  # symbols whose tables are there at the same time
_EDGES = 1 << 13  # sums that are computed at a time: they stay in the cache
#: Between a scale number and the next, as single precision: the geometric mean.
_BOUNDARIES = (2.0 ** ((np.arange(SCALES - 1) + 0.5) / SCALES_PER_OCTAVE - 4)).astype(np.float32)
#: Scales in units of means, rounded up.
_SCALES = np.ceil(2.0 ** (np.arange(SCALES) / SCALES_PER_OCTAVE - 4) * MEAN_UNITS - 1e-6).astype(np.int64)


class GaussianSymbols:
    """Distributions of integers [N].

    Args:
      weights, means, scales: of J components, [N, J] float32, finite; weights of sum one.
    """

    def __init__(self, weights: np.ndarray, means: np.ndarray, scales: np.ndarray) -> None:
        parts = np.floor(FINE_WEIGHTS * weights.astype(np.float64) + 0.5).astype(np.int64)
        largest = parts.argmax(axis=1)[:, None]
        missing = FINE_WEIGHTS - parts.sum(axis=1, keepdims=True)
        np.put_along_axis(parts, largest, np.take_along_axis(parts, largest, axis=1) + missing, axis=1)
        whole = np.floor(MEAN_UNITS * np.clip(means.astype(np.float64), -MEAN_LIMIT, MEAN_LIMIT) + 0.5).astype(np.int64)
        numbers = np.searchsorted(_BOUNDARIES, scales.astype(np.float32), side="right")
        #: What symbols are counted from: the mean of the mixture to the nearest whole number, halves up.
        self.centres = (parts * whole).sum(axis=1) + _HALF >> _UNIT_BITS
        self.mixture = Mixture(whole - MEAN_UNITS * self.centres[:, None], numbers, parts)
        # So that the first and the last symbol, behind which a number follows, lie beyond it.
        reach = (np.abs(self.mixture.means) + _REACH * _SCALES[numbers]).max(axis=1) + 3 * MEAN_UNITS // 2
        #: Of the tables: symbols lie in [-radius, radius), a power of two.
        self.radii = np.full(len(reach), LEAST_RADIUS)
        while (short := (self.radii * MEAN_UNITS < reach) & (self.radii < MOST_RADIUS)).any():
            self.radii[short] *= 2

    def crc(self, value: int = 0) -> int:
        """CRC-32 of everything that decides the distributions, going on from `value`."""
        for part in (self.centres[:, None], *self.mixture):
            value = zlib.crc32(part.astype("<i4").tobytes(), value)
        return value

    def write(self, values: np.ndarray) -> Intervals:
        """Intervals of integers [N] of any size, with totals of 24 bits."""
        symbols = values.astype(np.int64) - self.centres
        inside = np.clip(symbols, -self.radii, self.radii - 1)
        edges = np.stack([inside, inside + 1], axis=1)
        sums = self._sums(slice(None), edges, self.radii[:, None])
        ends = (inside == -self.radii) | (inside == self.radii - 1)
        return with_excess(sums[:, 0], sums[:, 1] - sums[:, 0], symbols, inside, ends, FINE_BITS)

    def read(self, reader: Reader) -> list[int]:
        """The integers that `write` wrote.

        Raises:
          CorruptStreamError: if the stream ends too early or holds what no encoder wrote.
        """
        symbols = read_symbols(reader, self._tables())
        return (np.array(symbols, np.int64) + self.centres).tolist()

    def _tables(self) -> Iterator[list[int]]:
        """One after the other, a block of them at a time."""
        for begin in range(0, len(self.radii), _AT_ONCE):
            radii = self.radii[begin : begin + _AT_ONCE]
            found: list[list[int]] = [[]] * len(radii)
            for radius in np.unique(radii).tolist():
                edges, rows = np.arange(-radius, radius + 1), np.flatnonzero(radii == radius)
                step = max(_EDGES // len(edges), 1)
                for some in (rows[at : at + step] for at in range(0, len(rows), step)):
                    for row, table in zip(some.tolist(), self._sums(begin + some, edges, radius).tolist(), strict=True):
                        found[row] = table
            yield from found

    def _sums(self, rows: slice | np.ndarray, edges: np.ndarray, radius: int | np.ndarray) -> np.ndarray:
        """Of some symbols, [n, edges]."""
        mixture = Mixture(*(part[rows][:, None] for part in self.mixture))
        return cumulative("gaussian", mixture, edges, radius, FINE_BITS, FINE_WEIGHTS)
