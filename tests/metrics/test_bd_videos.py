import numpy as np
import pytest

from vqvae_jax.metrics.bd_rate import bd_rate
from vqvae_jax.metrics.bd_videos import ClipPoints, mean_rate_interval, video_rates

VIDEOS = ["a", "a", "b", "b", "c"]
GROUPS = ["g1", "g1", "g1", "g1", "g2"]


def points(seed, gain=0.0):
    """Four points of five clips, each clip of another difficulty; rates and qualities rise."""
    rng = np.random.default_rng(seed)
    rate = np.cumsum(rng.uniform(0.05, 0.2, (4, 5)), axis=0)
    return ClipPoints(rate, 30 + gain + 3 * np.log2(rate) + rng.uniform(-0.3, 0.3, (4, 5)) + rng.uniform(-2, 2, 5))


def test_every_videos_bd_rate_is_the_packages_between_means_over_its_clips():
    package = pytest.importorskip("bjontegaard", reason="compared against it")
    anchor, test = points(1), points(2, gain=0.5)
    found = video_rates(anchor, test, VIDEOS, GROUPS, resamples=10, seed=0)
    assert list(found.deltas) == ["a", "b", "c"]
    for video, clips in (("a", [0, 1]), ("b", [2, 3]), ("c", [4])):
        curves = [array[:, clips].mean(axis=1) for array in (*anchor, *test)]
        expected = package.bd_rate(*curves, method="pchip", require_matching_points=False, min_overlap=0)
        assert found.deltas[video].value == pytest.approx(expected, abs=1e-9)
    values = [delta.value for delta in found.deltas.values()]
    assert found.mean == pytest.approx(np.mean(values)) and found.median == pytest.approx(np.median(values))


def test_two_groups_have_three_resamples_and_the_ends_are_those_of_either_group_alone():
    # A resample is twice the one group, twice the other (a quarter each) or both: 2.5 % and 97.5 % are the pure ones.
    anchor, test = points(3), points(4, gain=1.0)
    first, second = np.array([1, 1, 1, 1, 0]), np.array([0, 0, 0, 0, 1])
    ends = sorted(bd_rate(anchor.mean(times), test.mean(times)).value for times in (first, second))
    interval = mean_rate_interval(anchor, test, GROUPS, resamples=400, seed=7)
    assert (interval.low, interval.high) == (pytest.approx(ends[0]), pytest.approx(ends[1]))
    assert (interval.groups, interval.lost, interval.reason) == (2, 0, None)
    videos = video_rates(anchor, test, VIDEOS, GROUPS, resamples=400, seed=7)
    a, b, c = (delta.value for delta in videos.deltas.values())
    assert (videos.interval.low, videos.interval.high) == pytest.approx(tuple(sorted([(a + b) / 2, c])))


def test_where_every_clip_needs_the_same_factor_the_interval_has_no_width():
    anchor = points(5)
    test = ClipPoints(anchor.rate * 1.25, anchor.quality)
    interval = mean_rate_interval(anchor, test, ["g1", "g2", "g3", "g4", "g5"], resamples=200, seed=0)
    assert (interval.low, interval.high) == (pytest.approx(25), pytest.approx(25))


def test_a_video_without_a_bd_rate_says_why_and_is_in_no_mean():
    anchor, test = points(6), points(7)
    test.quality[:, 4] = test.quality[::-1, 4]  # falls with rate
    found = video_rates(anchor, test, VIDEOS, GROUPS, resamples=50, seed=0)
    assert found.deltas["c"].value is None and "does not rise" in found.deltas["c"].reason
    assert found.mean == pytest.approx((found.deltas["a"].value + found.deltas["b"].value) / 2)
    assert found.interval.groups == 1 and found.interval.low is None and "takes 2 groups" in found.interval.reason
