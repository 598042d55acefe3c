import itertools

import numpy as np
import pytest
from scipy import stats

from vqvae_jax.metrics.bd_videos import bootstrap_interval

VALUES = np.array([3.0, -1.0, 4.0, 1.5, 9.0])


def mean(times):
    return float(VALUES @ times / times.sum())


def test_the_interval_approaches_that_of_every_possible_resample():
    every = [np.mean(choice) for choice in itertools.product(VALUES, repeat=len(VALUES))]
    low, high = np.quantile(every, [0.025, 0.975], method="inverted_cdf")
    interval = bootstrap_interval(mean, list("abcde"), resamples=200_000, seed=1)
    assert interval.low == pytest.approx(low, abs=0.11) and interval.high == pytest.approx(
        high, abs=0.11
    )  # next values


def test_the_interval_is_scipys_where_every_item_is_its_own_group():
    values = np.random.default_rng(0).normal(size=40)
    ours = bootstrap_interval(lambda times: float(values @ times / 40), [str(k) for k in range(40)], 20_000, seed=0)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.02)


def test_items_of_one_group_always_come_together():
    seen = []
    bootstrap_interval(lambda times: seen.append(times) or 0.0, ["x", "y", "x", "z"], resamples=100, seed=0)
    assert len({tuple(times) for times in seen}) > 5
    assert all(times[0] == times[2] and times[0] + times[1] + times[3] == 3 for times in seen)


def test_one_seed_gives_one_interval_whatever_the_order_of_items_and_another_seed_another():
    groups = [str(k) for k in range(30)]
    values = np.random.default_rng(2).normal(size=30)
    order = np.random.default_rng(3).permutation(30)

    def interval(seed, order=slice(None)):
        return bootstrap_interval(
            lambda times: float(values[order] @ times / 30), list(np.array(groups)[order]), 300, seed
        )

    assert interval(5) == interval(5) != interval(6)
    assert interval(5, order)[:2] == pytest.approx(interval(5)[:2])


def test_resamples_without_a_value_are_counted_and_too_many_leave_no_interval():
    few = bootstrap_interval(lambda times: None if times[0] == 6 else mean(times[:5]), list("abcdef"), 1000, seed=0)
    assert few.lost <= 25 and few.low is not None
    many = bootstrap_interval(lambda times: None if times[0] == 0 else mean(times), list("abcde"), 1000, seed=0)
    expected = stats.binom(5, 0.2).pmf(0)
    assert many.low is None and many.high is None and many.lost == pytest.approx(1000 * expected, abs=60)
    assert f"{many.lost} of 1000 resamples" in many.reason


def test_one_group_has_no_interval():
    interval = bootstrap_interval(mean, ["a"] * 5, 100, seed=0)
    assert (interval.low, interval.high, interval.groups) == (None, None, 1) and "takes 2 groups" in interval.reason
