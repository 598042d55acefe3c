"""Bits per index given a neighbour, against sums written out and against sources whose entropy is known."""

import math

import numpy as np
import pytest

from benchmarks.conditional_entropy import COARSE, NOTHING, best_smoothing, bits_per_index, contexts, count

CODES = 4


def pairs_of(grid, context):
    pairs = np.zeros((CODES + 1, CODES), np.int64)
    count(grid, context, pairs)
    return pairs


def test_contexts_are_the_neighbours_and_the_coarse_index():
    grid = np.random.default_rng(0).integers(0, CODES, (4, 4, 6))
    coarse = np.random.default_rng(1).integers(0, CODES, (2, 2, 3))
    found = contexts(grid, coarse, CODES)
    for (t, y, x), _ in np.ndenumerate(grid):
        assert found["the step before"][t, y, x] == (grid[t - 1, y, x] if t else CODES)
        assert found["above"][t, y, x] == (grid[t, y - 1, x] if y else CODES)
        assert found["left"][t, y, x] == (grid[t, y, x - 1] if x else CODES)
        assert found[COARSE][t, y, x] == coarse[t // 2, y // 2, x // 2]
    assert not found[NOTHING].any() and COARSE not in contexts(grid, None, CODES)


def test_pairs_are_counted_and_bits_are_their_sum_of_logarithms():
    rng = np.random.default_rng(2)
    grids, others = rng.integers(0, CODES, (2, 50)), rng.integers(0, CODES + 1, (2, 50))
    fitted, measured = (pairs_of(g, c) for g, c in zip(grids, others, strict=True))
    assert fitted.sum() == 50 and fitted[others[0][7], grids[0][7]] >= 1
    bits = 0.0
    for index, context in zip(grids[1], others[1], strict=True):
        prior = (np.sum(grids[0] == index) + 1) / (50 + CODES)
        joint = np.sum((grids[0] == index) & (others[0] == context))
        bits -= math.log2((joint + 2.0 * prior) / (np.sum(others[0] == context) + 2.0))
    assert bits_per_index(fitted, measured, 2.0) == pytest.approx(bits / 50)


def test_a_chain_that_stays_with_known_probability_costs_its_entropy_and_no_more_without_help():
    rng = np.random.default_rng(3)
    stay, n = 0.9, 40_000
    chain = [0]
    for move in rng.random(2 * n):
        chain.append(chain[-1] if move < stay else int(rng.integers(0, CODES)))
    chain = np.asarray(chain)
    halves = [pairs_of(part[1:], part[:-1]) for part in (chain[:n], chain[n:])]
    p = stay + (1 - stay) / CODES
    rate = -p * math.log2(p) - (1 - p) * math.log2((1 - p) / (CODES - 1))
    smoothing = best_smoothing(*halves)
    assert bits_per_index(*halves, smoothing) == pytest.approx(rate, rel=0.03)
    alone = [pairs_of(part, np.zeros_like(part)) for part in (chain[:n], chain[n:])]
    assert bits_per_index(*alone, 1.0) == pytest.approx(math.log2(CODES), abs=0.01)


def test_noise_is_smoothed_away():
    rng = np.random.default_rng(4)
    even, odd = (pairs_of(rng.integers(0, CODES, 60), rng.integers(0, CODES, 60)) for _ in range(2))
    assert best_smoothing(even, odd) >= 30
