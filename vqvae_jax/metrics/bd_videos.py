"""Bjontegaard deltas of many clips: of their mean curves, and video by video, each with its bootstrap interval.

The two answer different questions and may differ in sign. The delta of mean curves (the practice of papers on learned
codecs) is the bits that a whole collection takes at its mean quality: dear videos rule it. The mean of the videos' own
deltas (the practice of JVET) counts every video the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vqvae_jax.metrics.bd_rate import Delta, RateCurve, bd_rate
from vqvae_jax.metrics.bootstrap import Interval, bootstrap_interval


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
