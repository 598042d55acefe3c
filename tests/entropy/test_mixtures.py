"""Integer distributions against exact ones, to the last frequency and to a thousandth of the bits."""

import hashlib
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqvae_jax.entropy.mixtures import MEAN_UNITS, SCALES, WEIGHTS, Mixture, _table, cumulative
from vqvae_jax.entropy.rans import Reader, encode, excess_intervals

KINDS = ("gaussian", "logistic", "laplace")
#: SHA-256 of the tables, and of sums for drawn parameters: streams depend on every digit.
DIGESTS, SUMS = ["0e811016a9172af9", "aac1478777e0d892", "b4c3b72cc5cb7dcd"], "1a64b545512e781c"


def exact(kind, x):
    if kind == "laplace":
        return 1 - math.exp(-x) / 2 if x > 0 else math.exp(x) / 2
    return NormalDist().cdf(x) if kind == "gaussian" else 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def scale(number):
    return 2 ** (number / 16 - 4)


def one(mean, number):
    return Mixture(np.array([mean]), np.array([number]), np.array([WEIGHTS]))


mixtures = st.integers(1, 4).flatmap(
    lambda count: st.builds(
        lambda means, scales, cuts: Mixture(np.array(means), np.array(scales), np.diff([0, *sorted(cuts), WEIGHTS])),
        st.lists(st.integers(-(2**20), 2**20), min_size=count, max_size=count),
        st.lists(st.integers(0, SCALES - 1), min_size=count, max_size=count),
        st.lists(st.integers(0, WEIGHTS), min_size=count - 1, max_size=count - 1),
    )
)
CASE = (st.sampled_from(KINDS), mixtures, st.integers(1, 10), st.sampled_from([16, 24]))


@settings(max_examples=300, deadline=None)
@given(*CASE)
def test_sums_increase_from_0_to_the_scale_and_any_of_them_can_be_had_alone(kind, mixture, log_radius, bits):
    radius = 2**log_radius
    edges = np.arange(-radius, radius + 1)
    sums = cumulative(kind, mixture, edges, radius, bits)
    assert sums[0] == 0 and sums[-1] == 2**bits and (np.diff(sums) >= 1).all()
    for k in (-radius, -1, 0, radius - 1):
        assert cumulative(kind, mixture, np.int64(k), radius, bits) == sums[k + radius]


@pytest.mark.parametrize("kind", KINDS)
def test_frequencies_are_the_exact_probabilities(kind):
    mixture = Mixture(np.array([0, 100, -333]), np.array([20, 64, 100]), np.array([100, 100, 56]))
    edges = np.arange(-63, 64)

    def below(edge):
        parts = zip(mixture.means, mixture.scales, mixture.weights, strict=True)
        return sum(w / WEIGHTS * exact(kind, (edge - 0.5 - m / MEAN_UNITS) / scale(s)) for m, s, w in parts)

    found = cumulative(kind, mixture, edges, 64, 24) - (edges + 64)
    expected = [below(int(edge)) * (2**24 - 128) for edge in edges]
    # Between the entries of the table the function is taken as straight: 1/8 of (1/128)**2 of its second derivative.
    np.testing.assert_allclose(found, expected, atol=2**24 * 2.5e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_the_distribution_function_rounded_to_30_bits(kind):
    table = _table(kind)
    for number in range(0, len(table) - 1, 7):
        assert abs(table[number] - 2**30 * exact(kind, number / 128)) <= 0.5 + 1e-6
    assert (np.diff(table) >= 0).all() and table[-1] == 2**30


def test_tables_are_the_same_on_every_machine():
    digests = [hashlib.sha256(_table(kind).astype("<i8").tobytes()).hexdigest()[:16] for kind in KINDS]
    assert digests == DIGESTS
    rng = np.random.default_rng(0)
    mixture = Mixture(
        rng.integers(-999, 999, (50, 3)), rng.integers(0, SCALES, (50, 3)), np.full((50, 3), [9, 47, 200])
    )
    sums = [cumulative(kind, mixture, rng.integers(-16, 17, 50), 16, 24) for kind in KINDS[:2]]
    assert hashlib.sha256(np.stack(sums).astype("<i8").tobytes()).hexdigest()[:16] == SUMS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("number", "radius"), [(8, 4), (32, 8), (64, 16), (112, 128)])
def test_streams_are_within_0_1_percent_of_the_exact_entropy(kind, number, radius):
    """Values drawn from the exact distribution, with its own probabilities as the bound; 0.02 to 6 bits each."""
    count, rng = 200_000, np.random.default_rng(3)
    mean = 0.25
    draw = {"gaussian": rng.normal, "logistic": rng.logistic, "laplace": rng.laplace}[kind](0, 1, count)
    values = np.clip(np.rint(mean + scale(number) * draw), -radius, radius - 1).astype(int)
    mixture = one(round(mean * MEAN_UNITS), number)
    sums = cumulative(kind, mixture, np.arange(-radius, radius + 1), radius, 24)
    starts = sums[values + radius]
    size = 8 * len(encode(starts.tolist(), (sums[values + radius + 1] - starts).tolist(), 24))
    edges = [0.0, *(exact(kind, (k - 0.5 - mean) / scale(number)) for k in range(-radius + 1, radius)), 1.0]
    counts = np.bincount(values + radius, minlength=2 * radius)
    ideal = -sum(n * math.log2(p) for n, p in zip(counts.tolist(), np.diff(edges).tolist(), strict=True) if n)
    assert size <= ideal * 1.001 + 56 and ideal / count > 0.02


@settings(max_examples=50, deadline=None)
@given(*CASE, st.data())
def test_values_in_and_beyond_the_range_come_back_without_a_table(kind, mixture, log_radius, bits, data):
    radius = 2**log_radius
    values = data.draw(st.lists(st.integers(-5 * radius, 5 * radius), max_size=20))
    pairs = []
    for value in values:
        inside = min(max(value, -radius), radius - 1)
        start, end = cumulative(kind, mixture, np.array([inside, inside + 1]), radius, bits).tolist()
        pairs.append((start, end - start))
        if inside in (-radius, radius - 1):
            pairs += excess_intervals(abs(value - inside), bits)
    reader, found = Reader(encode([s for s, _ in pairs], [f for _, f in pairs], bits), bits), []
    for _ in values:
        value = reader.symbol(lambda k: int(cumulative(kind, mixture, np.int64(k), radius, bits)), -radius, radius)
        if value in (-radius, radius - 1):
            value += reader.excess() * (1 if value > 0 else -1)
        found.append(value)
    reader.check_end()
    assert found == values
