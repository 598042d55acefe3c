"""Where one rate-quality curve is above another: between measured points, by PCHIP, quality over log rate."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax.metrics.bd_rate import RateCurve, by_rate, rises

_GRID = 2001  # two crossings nearer than a 2000th of the shared range of log rate are not told apart


class Ahead(NamedTuple):
    """Rates at which a curve is above another, within those that both cover."""

    low: float  # the lowest rate that both cover
    high: float  # the highest
    ranges: tuple[tuple[float, float], ...]  # rising; an end is `low`, `high` or a crossing


def quality_at_rate(curve: RateCurve, rate: float) -> float | None:
    """The curve's quality at a rate; none outside its measured rates or where quality does not rise with rate.

    Raises:
      ValueError: if the curve's lists differ in length.
    """
    curve = by_rate(curve)
    if len(curve.rate) < 2 or not rises(curve) or not curve.rate[0] <= rate <= curve.rate[-1]:
        return None
    return float(_interpolant(curve)(np.log(rate)))


def ahead(curve: RateCurve, other: RateCurve) -> Ahead | None:
    """Where `curve` has more quality than `other`; none if they share no rates or one does not rise.

    Raises:
      ValueError: if a curve's lists differ in length.
    """
    from scipy.optimize import brentq

    curve, other = by_rate(curve), by_rate(other)
    if any(len(c.rate) < 2 or not rises(c) for c in (curve, other)):
        return None
    low, high = max(curve.rate[0], other.rate[0]), min(curve.rate[-1], other.rate[-1])
    if low >= high:
        return None
    ours, theirs = _interpolant(curve), _interpolant(other)

    def gain(log_rate: float) -> float:
        return float(ours(log_rate) - theirs(log_rate))

    grid = np.linspace(np.log(low), np.log(high), _GRID)
    positive = np.array([gain(x) > 0 for x in grid])
    crossings = [float(np.exp(brentq(gain, *grid[[i, i + 1]]))) for i in np.flatnonzero(positive[1:] != positive[:-1])]
    ends = [float(low), *crossings, float(high)]
    ranges = tuple(span for number, span in enumerate(pairwise(ends)) if positive[0] == (number % 2 == 0))
    return Ahead(float(low), float(high), ranges)


def _interpolant(curve: RateCurve) -> Callable[[Any], Any]:
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator(np.log(curve.rate), curve.quality)
