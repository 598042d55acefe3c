"""Frequencies against exact fractions, and the price of a byte per cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.msvqvae.indices.reference_decoder import frequencies_of, sixteenths
from vqvae_jax.entropy.frequencies import WEIGHTS, costs, frequencies, shares, starts
from vqvae_jax.entropy.rans import SCALE

rows_of_costs = st.lists(st.integers(0, 255), min_size=1, max_size=300)


@settings(max_examples=200)
@given(rows_of_costs)
def test_frequencies_are_the_documented_fractions(row):
    assert frequencies(np.array([row], np.uint8))[0].tolist() == frequencies_of(row, sixteenths())


@settings(max_examples=100)
@given(rows_of_costs)
def test_a_row_sums_to_the_scale_and_a_lower_cost_never_has_a_lower_frequency(row):
    found = frequencies(np.array([row], np.uint8))[0]
    assert found.sum() == SCALE and found.min() >= 1
    by_cost = found[np.argsort(row, kind="stable")]
    # Among equal costs the first may hold the remainder: it is the largest of all.
    assert (np.diff(by_cost) <= 0).all()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2**28), min_size=1, max_size=300).filter(any), st.sampled_from([16, 24]))
def test_shares_are_the_exact_fractions_of_counts(counts, bits):
    free = 2**bits - len(counts)
    expected = [1 + count * free // sum(counts) for count in counts]
    expected[counts.index(max(counts))] += 2**bits - sum(expected)
    assert shares(np.array([counts]), bits)[0].tolist() == expected


@settings(max_examples=200)
@given(rows_of_costs, st.sampled_from([16, 24]))
def test_frequencies_are_the_shares_of_the_costs_weights(row, bits):
    """Where several of the greatest costs weigh alike, too."""
    for costs_K in (np.array([row], np.uint8), np.array([row], np.uint8) // 16 + 240):
        np.testing.assert_array_equal(frequencies(costs_K, bits), shares(WEIGHTS.take(costs_K), bits))


@pytest.mark.parametrize("codes", [1, 2, 1024, SCALE // 2])
@pytest.mark.parametrize("cost", [0, 255])
def test_extreme_rows_sum_to_the_scale(codes, cost):
    found = frequencies(np.full((2, codes), cost, np.uint8))
    assert (found.sum(axis=1) == SCALE).all() and found.min() >= 1


def test_more_symbols_than_half_the_scale_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        frequencies(np.zeros((1, SCALE // 2 + 1), np.uint8))


def test_the_type_and_layout_of_the_costs_do_not_matter():
    table = np.random.default_rng(0).integers(0, 256, (40, 64)).astype(np.uint8)
    expected = frequencies(table)
    assert expected.dtype == np.int32
    for same in (table.astype(">i4"), table.astype(np.int64), np.asfortranarray(table), table[:, ::-1][:, ::-1]):
        np.testing.assert_array_equal(frequencies(same), expected)


def zipf(codes: int) -> np.ndarray:
    weights = 1 / np.arange(1, codes + 1)
    return weights / weights.sum()


@pytest.mark.parametrize("codes", [64, 1024])
def test_a_byte_per_cost_loses_less_than_a_thousandth_of_a_bit(codes):
    """Kullback-Leibler divergence; the unit that every symbol has for free is counted to both sides."""
    p = zipf(codes)
    coded = frequencies(costs(p[None]))[0] / SCALE
    floored = (p * (SCALE - codes) + 1) / SCALE
    assert np.sum(floored * np.log2(floored / coded)) < 0.001


def test_the_free_unit_loses_at_most_its_share_of_the_scale():
    p = zipf(1024)
    coded = frequencies(costs(p[None]))[0] / SCALE
    assert np.sum(p * np.log2(p / coded)) < -np.log2(1 - 1024 / SCALE) + 0.001


def test_costs_are_sixteenths_of_a_bit_and_end_at_255():
    assert costs(np.array([1.0, 0.5, 2.0**-10, 2.0 ** (-1 / 16), 1e-9])).tolist() == [0, 16, 160, 1, 255]


def test_starts_run_from_0_to_the_scale():
    table = frequencies(np.arange(12, dtype=np.uint8).reshape(2, 6) * 20)
    begin = starts(table)
    assert begin.shape == (2, 7) and (begin[:, 0] == 0).all() and (begin[:, -1] == SCALE).all()
    np.testing.assert_array_equal(np.diff(begin, axis=1), table)
