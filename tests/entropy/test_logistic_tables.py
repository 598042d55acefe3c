"""Integers under logistic tables: what goes in comes out, at the price that the distribution says."""

import numpy as np
import pytest
from scipy.stats import logistic

from vqvae_jax.entropy import rans
from vqvae_jax.entropy.logistic_tables import FRACTIONS, RADIUS, SCALES, logistic_tables
from vqvae_jax.entropy.rans import CorruptStreamError

ROWS = FRACTIONS * SCALES


def test_tables_are_the_distribution():
    tables = logistic_tables()
    assert tables.starts.shape == (ROWS, 2 * RADIUS + 1)
    assert np.all(tables.starts[:, 0] == 0) and np.all(tables.starts[:, -1] == 65536)
    assert np.all(np.diff(tables.starts, axis=1) >= 1)
    for row in (0, 100, 517, 700):
        known = logistic(loc=(row % 16 - 8) / 16, scale=2 ** (row // 16 / 8 - 4))
        inner = np.arange(-20, 21)
        chances = known.cdf(inner + 0.5) - known.cdf(inner - 0.5)
        found = np.diff(tables.starts[row])[inner + RADIUS] / 65536
        np.testing.assert_allclose(found, chances, atol=2e-4, rtol=2e-3)
    np.testing.assert_array_equal(tables.zero, np.diff(tables.starts, axis=1)[:, RADIUS])


def test_symbols_of_any_size_come_back():
    rng, tables = np.random.default_rng(0), logistic_tables()
    rows = rng.integers(0, ROWS, 3000)
    symbols = np.round(rng.laplace(0, 8, 3000)).astype(int)
    symbols[:6] = [-RADIUS, RADIUS - 1, RADIUS, -RADIUS - 1, 100_000, -70_000]
    starts, frequencies = tables.intervals(rows, symbols)
    assert len(starts) > 3000  # some needed more than a symbol
    stream = rans.encode(starts, frequencies)
    reader = rans.Reader(stream)
    assert tables.read(reader, rows.tolist()) == symbols.tolist()
    reader.check_end()
    bits = np.sum(16 - np.log2(frequencies))
    assert abs(8 * len(stream) - bits) < 0.001 * bits + 56


def test_streams_that_end_early_or_hold_too_much_are_refused():
    tables = logistic_tables()
    rows = np.full(200, 40 * 16)
    stream = rans.encode(*tables.intervals(rows, np.arange(200) % 7 - 3))
    with pytest.raises(CorruptStreamError, match="ends too early"):
        tables.read(rans.Reader(stream[:-20]), rows.tolist())
    huge = rans.encode(*tables.intervals(rows[:1], np.array([1 << 30])))
    with pytest.raises(CorruptStreamError, match="holds the number"):
        tables.read(rans.Reader(huge), [40 * 16])
