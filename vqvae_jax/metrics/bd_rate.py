"""Comparing codecs by their rate-quality curves: Bjontegaard deltas, bits at another's quality, who is ahead.

All interpolate by PCHIP, log rate over quality or the other way round: it is the method of the JVET common test
conditions (JVET-T2010), and it never rises or falls between two points further than the points do, so that what it says
of a rate between two measured ones lies between theirs. Akima, the other common choice, can overshoot where points are
few.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

FEWEST_POINTS = 4  # VCEG-M33: fewer do not fix a curve
METHOD = "pchip"
#: Of the range that either curve covers: with less in common a mean over it says little of either.
LEAST_OVERLAP = 0.25
_GRID = 2001  # two crossings nearer than a 2000th of the shared range of log rate are not told apart


class RateCurve(NamedTuple):
    """Points of one codec, in any order."""

    rate: np.ndarray  # [N] float, above 0: bits per pixel, or any other unit, the same in every curve
    quality: np.ndarray  # [N] float, more is better: negate a distance


class Delta(NamedTuple):
    """An average difference between two curves over the range that both cover."""

    value: float | None
    overlap: float | None  # (0, 1]: that range as a share of the range that either covers; also where it is too small
    reason: str | None  # why there is no value


class RateAt(NamedTuple):
    """The rate at which a curve has some quality."""

    rate: float | None
    reason: str | None  # why there is none
    below: float | None = None  # the lowest measured rate, if already better than asked for: less would do
    above: float | None = None  # the highest measured rate, if still worse: more is needed


class Ahead(NamedTuple):
    """Rates at which a curve is above another, within those that both cover."""

    low: float  # the lowest rate that both cover
    high: float  # the highest
    ranges: tuple[tuple[float, float], ...]  # rising; an end is `low`, `high` or a crossing


def bd_rate(anchor: RateCurve, test: RateCurve) -> Delta:
    """Percent of rate that `test` takes more (or, below 0, less) than `anchor` at the same quality, on average.

    100 (10^d - 1), where d is the mean over their common quality range of log10 R_test - log10 R_anchor
    (Bjontegaard, VCEG-M33, 2001); equal to what the `bjontegaard` package gives.

    Raises:
      ValueError: if a curve's lists differ in length.
    """
    delta = _mean_difference(anchor, test, along="quality")
    return delta if delta.value is None else delta._replace(value=100 * (10**delta.value - 1))


def bd_psnr(anchor: RateCurve, test: RateCurve) -> Delta:
    """Quality, in its own unit, that `test` has more than `anchor` at the same rate, on average over log rate.

    Raises:
      ValueError: if a curve's lists differ in length.
    """
    return _mean_difference(anchor, test, along="rate")


def rate_at_quality(curve: RateCurve, quality: float) -> RateAt:
    """The rate that reaches `quality`, between measured points only: outside their range a bound.

    Raises:
      ValueError: if the curve's lists differ in length.
    """
    from scipy.interpolate import PchipInterpolator

    curve = by_rate(curve)
    if len(curve.rate) < 2:
        return RateAt(None, f"{_points(curve)}: nothing to interpolate")
    if not rises(curve):
        return RateAt(None, "its quality does not rise with its rate")
    low, high = curve.quality[0], curve.quality[-1]
    if quality < low:
        return RateAt(None, "below its lowest measured quality", below=float(curve.rate[0]))
    if quality > high:
        return RateAt(None, "above its highest measured quality", above=float(curve.rate[-1]))
    return RateAt(float(np.exp(PchipInterpolator(curve.quality, np.log(curve.rate))(quality))), None)


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


def by_rate(curve: RateCurve) -> RateCurve:
    """The curve as float64, by rising rate.

    Raises:
      ValueError: if its lists differ in length.
    """
    rate, quality = np.asarray(curve.rate, np.float64), np.asarray(curve.quality, np.float64)
    if rate.shape != quality.shape or rate.ndim != 1:
        raise ValueError(f"a curve needs as many rates as qualities, found {rate.shape} and {quality.shape}")
    order = np.argsort(rate, kind="stable")
    return RateCurve(rate[order], quality[order])


def rises(curve: RateCurve) -> bool:
    """Whether rates are finite, positive and distinct, and every higher one has a higher quality; wants `by_rate`."""
    finite = np.isfinite(curve.rate).all() and np.isfinite(curve.quality).all()
    return bool(
        finite and (curve.rate > 0).all() and (np.diff(curve.rate) > 0).all() and (np.diff(curve.quality) > 0).all()
    )


def _mean_difference(anchor: RateCurve, test: RateCurve, along: str) -> Delta:
    """The mean difference of log10 rate over quality, or of quality over log10 rate, in the range both cover."""
    from scipy.interpolate import PchipInterpolator

    anchor, test = by_rate(anchor), by_rate(test)
    for name, curve in (("the anchor", anchor), ("it", test)):
        if len(curve.rate) < FEWEST_POINTS:
            return Delta(None, None, f"{name} has {_points(curve)}; {FEWEST_POINTS} are needed")
        if not rises(curve):
            return Delta(None, None, f"the quality of {name} does not rise with its rate")
    (a, f_a), (b, f_b) = ((c.quality, np.log10(c.rate)) for c in (anchor, test))
    if along == "rate":
        a, f_a, b, f_b = f_a, a, f_b, b
    low, high = max(a[0], b[0]), min(a[-1], b[-1])
    if high <= low:
        return Delta(None, None, f"no {along} that both the anchor and it cover")
    share = float((high - low) / (max(a[-1], b[-1]) - min(a[0], b[0])))
    if share < LEAST_OVERLAP:
        return Delta(None, share, f"the anchor and it share less than {LEAST_OVERLAP:.0%} of the {along} range")
    areas = [float(PchipInterpolator(x, y).integrate(low, high)) for x, y in ((a, f_a), (b, f_b))]
    return Delta((areas[1] - areas[0]) / float(high - low), share, None)


def _points(curve: RateCurve) -> str:
    return f"{len(curve.rate)} point{'' if len(curve.rate) == 1 else 's'}"


def _interpolant(curve: RateCurve) -> Callable[[Any], Any]:
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator(np.log(curve.rate), curve.quality)
