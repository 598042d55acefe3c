"""Bjontegaard deltas of many clips: of their mean curves, and video by video, each with its bootstrap interval.

The two answer different questions and may differ in sign. The delta of mean curves (the practice of papers on learned
codecs) is the bits that a whole collection takes at its mean quality: dear videos rule it. The mean of the videos' own
deltas (the practice of JVET) counts every video the same.

Intervals resample groups: clips of one group are alike, so that only the groups count as drawn.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vqvae_jax.metrics.bd_rate import Delta, RateCurve, bd_rate

LEVEL = 0.95
FEWEST_GROUPS = 2


class Interval(NamedTuple):
    """A percentile interval."""

    low: float | None
    high: float | None
    groups: int  # that were resampled
    lost: int  # resamples in which the statistic has no value; the percentiles are those of the others
    reason: str | None  # why there is no interval


class ClipPoints(NamedTuple):
    """Points of one codec, clip by clip."""

    rate: np.ndarray  # [P, N] float, above 0; P points of N clips
    quality: np.ndarray  # [P, N] float, more is better: negate a distance

    def mean(self, times_N: np.ndarray) -> RateCurve:
        """The curve of means over clips, each counted so many times (0 for not at all)."""
        return RateCurve(self.rate @ times_N / times_N.sum(), self.quality @ times_N / times_N.sum())


class VideoRates(NamedTuple):
    """BD-rates of single videos, in percent."""

    deltas: dict[str, Delta]  # by video, in the order of its first clip
    mean: float | None  # over the videos that have one, arithmetic as JVET's; None if none has
    median: float | None
    interval: Interval  # of the mean


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float | None],
    groups: Sequence[str],
    resamples: int,
    seed: int,
    level: float = LEVEL,
) -> Interval:
    """The percentile interval of a statistic (Efron 1979; Efron and Tibshirani 1993, section 13.3).

    As many groups as there are, drawn with replacement, make a resample; all items of a group come with it, as often as
    it was drawn. The ends are order statistics: values that the statistic had, nothing between them.

    Args:
      statistic: of how often each item was drawn, [N] int64 in the order of `groups`; None where it has no value.
      groups: the group of each item.
      resamples: how many.
      seed: of the drawing; the same groups, in whatever order of items, are drawn again with it.
      level: of confidence, below 1.

    Returns:
      An interval without ends, and with the reason, where there are fewer than 2 groups or where so many resamples have
      no value that an end might be one of them.
    """
    names, member_N = np.unique(np.asarray(groups, str), return_inverse=True)
    if len(names) < FEWEST_GROUPS:
        return Interval(None, None, len(names), 0, f"resampling takes {FEWEST_GROUPS} groups; there is {len(names)}")
    drawn_RG = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    # Few groups give few different resamples: each is computed once.
    distinct, which = np.unique(drawn_RG, axis=0, return_inverse=True)
    values = [statistic(counts_G[member_N]) for counts_G in distinct]
    found = np.array([np.nan if value is None else value for value in values])[which.reshape(-1)]
    lost = int(np.isnan(found).sum())
    if lost > resamples * (1 - level) / 2:
        reason = f"{lost} of {resamples} resamples have no value"
        return Interval(None, None, len(names), lost, reason)
    tail = (1 - level) / 2
    low, high = np.quantile(found[~np.isnan(found)], [tail, 1 - tail], method="inverted_cdf")
    return Interval(float(low), float(high), len(names), lost, None)


def mean_rate_interval(
    anchor: ClipPoints, test: ClipPoints, groups: Sequence[str], resamples: int, seed: int
) -> Interval:
    """The interval of `bd_rate` between the two curves of means over clips.

    Args:
      anchor, test: the same clips.
      groups: the group of each clip: the unit that is resampled.
      resamples, seed: see `bootstrap_interval`.
    """
    return bootstrap_interval(
        lambda times: bd_rate(anchor.mean(times), test.mean(times)).value, groups, resamples, seed
    )


def video_rates(
    anchor: ClipPoints, test: ClipPoints, videos: Sequence[str], groups: Sequence[str], resamples: int, seed: int
) -> VideoRates:
    """`bd_rate` of every video, between curves of means over its clips; their mean, and its interval.

    Videos without a BD-rate (their curves do not rise, or share too little) enter neither mean nor median: `deltas`
    names them with the reason.

    Args:
      anchor, test: the same clips.
      videos: the video of each clip.
      groups: the group of each clip; all clips of a video are of one.
      resamples, seed: see `bootstrap_interval`.
    """
    of_clip = np.asarray(videos, str)
    deltas = {}
    for video in dict.fromkeys(videos):
        times = (of_clip == video).astype(np.int64)
        deltas[video] = bd_rate(anchor.mean(times), test.mean(times))
    group = dict(zip(videos, groups, strict=True))
    known = [(group[video], delta.value) for video, delta in deltas.items() if delta.value is not None]
    if not known:
        return VideoRates(deltas, None, None, Interval(None, None, 0, 0, "no video has a BD-rate"))
    values = np.array([value for _, value in known])

    def mean(times: np.ndarray) -> float:
        return float(values @ times / times.sum())

    interval = bootstrap_interval(mean, [name for name, _ in known], resamples, seed)
    return VideoRates(deltas, float(values.mean()), float(np.median(values)), interval)
