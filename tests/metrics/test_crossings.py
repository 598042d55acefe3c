"""Curves that cross, against lines whose crossings are known."""

import numpy as np
import pytest

from vqvae_jax.metrics.bd_rate import RateCurve, ahead, quality_at_rate, rate_at_quality


def line(slope, at_one, rates):
    """Quality that is linear in log rate; PCHIP through points of a line is that line."""
    rates = np.array(rates, float)
    return RateCurve(rates, at_one + slope * np.log(rates))


FLAT, STEEP = line(2.0, 30.0, [0.1, 0.2, 0.5, 2.0]), line(5.0, 30.0 + 3 * np.log(4), [0.05, 0.1, 0.2, 1.0])


def test_quality_at_a_rate_is_on_the_line_and_none_outside():
    assert quality_at_rate(FLAT, 0.3) == pytest.approx(30 + 2 * np.log(0.3), abs=1e-9)
    assert quality_at_rate(FLAT, 0.1) == pytest.approx(30 + 2 * np.log(0.1), abs=1e-9)
    assert quality_at_rate(FLAT, 0.09) is None and quality_at_rate(FLAT, 2.1) is None


def test_it_is_the_inverse_of_the_rate_at_a_quality_where_curves_are_lines():
    rate = rate_at_quality(STEEP, 28.0).rate
    assert quality_at_rate(STEEP, rate) == pytest.approx(28.0, abs=1e-9)


def test_two_lines_cross_once_within_the_rates_that_both_cover():
    # 30 + 2 x = 30 + 3 log 4 + 5 x at x = -log 4.
    found = ahead(FLAT, STEEP)
    assert (found.low, found.high) == (0.1, 1.0)
    ((low, high),) = found.ranges
    assert low == 0.1 and high == pytest.approx(0.25, rel=1e-9)
    ((low, high),) = ahead(STEEP, FLAT).ranges
    assert low == pytest.approx(0.25, rel=1e-9) and high == 1.0


def test_a_curve_above_throughout_is_ahead_throughout_and_below_nowhere():
    above = RateCurve(FLAT.rate, FLAT.quality + 1)
    assert ahead(above, FLAT).ranges == ((0.1, 2.0),)
    assert ahead(FLAT, above).ranges == ()


def test_three_crossings_give_two_ranges():
    rates = np.exp(np.arange(4.0))
    zigzag = RateCurve(rates, np.array([0.0, 2.0, 2.5, 6.0]))
    straight = RateCurve(rates, np.array([0.5, 1.5, 3.0, 5.5]))
    first, second = ahead(zigzag, straight).ranges
    assert first[1] < second[0] and second[1] == pytest.approx(rates[-1])
    for rate in (*first, second[0]):
        assert quality_at_rate(zigzag, rate) == pytest.approx(quality_at_rate(straight, rate), abs=1e-6)
    assert ahead(straight, zigzag).ranges == ((1.0, first[0]), (first[1], second[0]))


@pytest.mark.parametrize(
    "other",
    [
        line(2, 30, [3.0, 4.0]),
        line(2, 30, [0.3]),
        line(-2, 30, [0.1, 1.0]),
        RateCurve(np.array([0.1, 1.0]), np.array([1.0, np.nan])),
    ],
    ids=["no common rate", "one point", "falling", "not finite"],
)
def test_curves_that_cannot_be_compared_give_none(other):
    assert ahead(FLAT, other) is None and ahead(other, FLAT) is None


def test_points_may_come_in_any_order():
    shuffled = RateCurve(FLAT.rate[[2, 0, 3, 1]], FLAT.quality[[2, 0, 3, 1]])
    assert ahead(shuffled, STEEP) == ahead(FLAT, STEEP)
