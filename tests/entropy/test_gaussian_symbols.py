"""Integers under mixtures of Gaussians: tables against double precision, streams against what the mixtures say."""

import hashlib
import math

import numpy as np
import pytest
from scipy.stats import norm

from vqvae_jax.entropy import rans
from vqvae_jax.entropy.frequencies import FRACTIONS
from vqvae_jax.entropy.gaussian_symbols import LEAST_RADIUS, MOST_RADIUS, GaussianSymbols
from vqvae_jax.entropy.rans import FINE_BITS, CorruptStreamError, Reader

#: SHA-256 of all that is made of drawn parameters, tables included: files depend on every digit.
DIGEST = "ed6ccddabdd07c23"


def drawn(count=400, seed=0, low=0.05, high=100.0, spread=100.0):
    """Weights, means, scales of three components; scales beyond both bounds."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet([1, 1, 1], count)
    means = rng.uniform(-spread, spread, (count, 1)) + rng.normal(0, 2, (count, 3))
    scales = np.exp(rng.uniform(math.log(low), math.log(high), (count, 3)))
    return tuple(part.astype(np.float32) for part in (weights, means, scales))


def chances(weights, means, scales, values):
    """Of integers, by scipy in double precision."""
    below, above = (norm.cdf((values[:, None] + side - means) / scales) for side in (-0.5, 0.5))
    return np.sum(weights * (above - below), axis=1)


def sample(parts, seed=1):
    rng = np.random.default_rng(seed)
    weights, means, scales = (part.astype(np.float64) for part in parts)
    chosen = (rng.random(len(weights))[:, None] > np.cumsum(weights, axis=1)).sum(axis=1).clip(max=2)[:, None]
    mean, scale = (np.take_along_axis(part, chosen, axis=1)[:, 0] for part in (means, scales))
    return np.rint(rng.normal(mean, scale)).astype(np.int64)


def stream_of(known, values):
    return rans.encode(*known.write(values), bits=FINE_BITS)


def test_what_networks_say_is_rounded_as_written_down():
    known = GaussianSymbols(*drawn())
    weights, means, scales = drawn()
    assert (known.mixture.weights.sum(axis=1) == 4096).all() and (known.mixture.weights >= 0).all()
    assert np.abs(known.mixture.weights - 4096 * weights).max() <= 1.5
    whole = known.mixture.means + 64 * known.centres[:, None]
    np.testing.assert_array_equal(whole, np.floor(64 * means.astype(np.float64) + 0.5))
    inside = (scales > 0.07) & (scales < 60)
    nearest = 2.0 ** (known.mixture.scales / 16 - 4)
    assert np.abs(np.log2(nearest / scales))[inside].max() <= 1 / 32 + 1e-6
    assert nearest.min() == 0.0625 and nearest.max() == 64
    np.testing.assert_allclose(known.centres, np.sum(weights * means, axis=1), atol=0.52)


def test_tables_increase_from_0_to_the_scale_and_reach_as_far_as_their_mixtures():
    known = GaussianSymbols(*drawn())
    for table, radius in zip(known._tables(), known.radii, strict=True):
        assert len(table) == 2 * radius + 1 and table[0] == 0 and table[-1] == 1 << 24
        assert min(np.diff(table)) >= 1
    assert LEAST_RADIUS <= known.radii.min() <= 8 and known.radii.max() == MOST_RADIUS


def test_tables_are_the_mixtures_by_brute_force_in_double_precision():
    known = GaussianSymbols(*drawn(60, low=0.11, high=60))
    for n, table in enumerate(known._tables()):
        edges = np.arange(-known.radii[n] + 1, known.radii[n])
        # Their inverses are whole numbers, the widest scale's to a thousandth.
        inverse = FRACTIONS[known.mixture.scales[n] % 16] >> known.mixture.scales[n] // 16
        at = (edges[:, None] - 0.5 - known.mixture.means[n] / 64) * inverse / 2**16
        below = np.sum(known.mixture.weights[n] / 4096 * norm.cdf(at), axis=1)
        expected = below * (2**24 - 2 * known.radii[n]) + edges + known.radii[n]
        # Between the entries of its table the distribution function is taken as straight.
        np.testing.assert_allclose(table[1:-1], expected, atol=2**24 * 2.5e-6)


def test_tables_are_the_same_on_every_machine():
    known = GaussianSymbols(*drawn())
    digest = hashlib.sha256(known.crc().to_bytes(4, "little"))
    for table in known._tables():
        digest.update(np.array(table, "<i4").tobytes())
    assert digest.hexdigest()[:16] == DIGEST


@pytest.mark.parametrize("spread", [0.0, 100.0])
def test_integers_of_any_size_come_back(spread):
    parts = drawn(3000, spread=spread)
    known, values = GaussianSymbols(*parts), sample(parts)
    values[:6] += [1000, -1000, 70_000, -70_000, 5, -5]
    reader = Reader(stream_of(known, values), FINE_BITS)
    assert known.read(reader) == values.tolist()
    reader.check_end()


@pytest.mark.parametrize(("low", "high"), [(0.13, 0.2), (0.11, 0.3), (0.3, 3.0), (3.0, 60.0)])
def test_streams_are_within_half_a_percent_of_what_the_mixtures_say(low, high):
    """From 0.02 bits a symbol on; what ends a stream apart."""
    weights, means, scales = drawn(100_000, low=low, high=high, spread=0.0)
    parts = weights, (means * (0.02 if high < 0.2 else 1)).astype(np.float32), scales
    values = sample(parts)
    ideal = -np.sum(np.log2(chances(*(part.astype(np.float64) for part in parts), values)))
    assert -64 <= 8 * len(stream_of(GaussianSymbols(*parts), values)) - ideal <= 0.005 * ideal + 64


def test_a_check_sees_every_parameter():
    parts = drawn(5)
    seen = {GaussianSymbols(*parts).crc()}
    for which in range(3):
        changed = [part.copy() for part in parts]
        changed[which][2] = [0.1, 0.2, 0.7]
        seen.add(GaussianSymbols(*changed).crc())
    assert len(seen) == 4 and GaussianSymbols(*parts).crc(1) not in seen


def test_means_without_bounds_are_bounded():
    parts = drawn(4)
    parts[1][0] = [1e30, -1e30, 0]
    known = GaussianSymbols(*parts)
    assert np.abs(known.mixture.means).max() < 1 << 20
    values = np.array([3, 2, 1, 0])
    assert known.read(Reader(stream_of(known, values), FINE_BITS)) == values.tolist()


def test_streams_that_end_early_are_refused():
    parts = drawn(3000)
    stream = stream_of(GaussianSymbols(*parts), sample(parts))
    with pytest.raises(CorruptStreamError, match="ends too early"):
        GaussianSymbols(*parts).read(Reader(stream[:-300], FINE_BITS))
