"""Confidence intervals by resampling groups: clips of one group are alike, so that only the groups count as drawn."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
FEWEST_GROUPS = 2


class Interval(NamedTuple):
    """A percentile interval."""

    low: float | None
    high: float | None
    groups: int  # that were resampled
    lost: int  # resamples in which the statistic has no value; the percentiles are those of the others
    reason: str | None  # why there is no interval


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
