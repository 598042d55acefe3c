import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vqvae_jax.evaluation.report_data import Chart, Curve, LevelUsage
from vqvae_jax.evaluation.svg_chart import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    line_chart,
    log_ticks,
    short_number,
    ticks,
    usage_chart,
)

numbers = st.floats(-1e6, 1e6, allow_nan=False)


def polylines(svg):
    return [np.array([p.split(",") for p in found.split()], float) for found in re.findall(r'points="([^"]+)"', svg)]


@given(numbers, st.floats(1e-3, 1e6))
def test_ticks_are_even_round_few_and_enclose_the_range(low, span):
    found = ticks(low, low + span, 5)
    steps = np.diff(found)
    assert found[0] <= low + 1e-6 * span and found[-1] >= low + span - 1e-6 * span
    assert 2 <= len(found) <= 9
    mantissa = float(f"{steps[0]:.6e}".split("e")[0])
    assert min(abs(mantissa - m) for m in (1, 2, 5, 10)) < 1e-2
    np.testing.assert_allclose(steps, steps[0], rtol=1e-3)


@given(st.floats(1e-6, 1e3), st.floats(1, 1e5))
def test_log_ticks_lie_within_the_range(low, factor):
    found = log_ticks(low, low * factor)
    assert all(low <= tick <= low * factor for tick in found)
    assert found == sorted(found)
    assert 2 <= len(found) <= 12


def test_a_line_runs_from_corner_to_corner_between_its_outermost_ticks():
    (points,) = polylines(line_chart(Chart("t", "x", (Curve("a", np.array([0, 5, 10]), np.array([0.0, 1.0, 2.0])),))))
    np.testing.assert_allclose(
        points, [[LEFT, BOTTOM], [(LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2], [RIGHT, TOP]], atol=0.1
    )


def test_a_power_law_is_straight_where_the_axis_is_logarithmic():
    x = np.arange(5)
    (points,) = polylines(line_chart(Chart("t", "x", (Curve("a", x, 10.0**-x),), log_y=True)))
    np.testing.assert_allclose(np.diff(points[:, 1]), np.diff(points[:, 1])[0], atol=0.11)


def test_points_that_are_not_finite_are_left_out_and_an_empty_chart_is_no_chart():
    values = np.array([1.0, np.nan, np.inf, 2.0])
    (points,) = polylines(line_chart(Chart("t", "x", (Curve("a", np.arange(4), values),))))
    assert len(points) == 2
    assert line_chart(Chart("t", "x", (Curve("a", np.arange(2), np.array([np.nan, np.nan])),))) == ""
    assert line_chart(Chart("t", "x", (Curve("a", np.arange(2), np.array([0.0, -1.0])),), log_y=True)) == ""


def test_a_curve_keeps_its_colour_when_the_one_before_it_has_no_points():
    curves = (Curve("a", np.array([]), np.array([])), Curve("b", np.arange(3), np.arange(3)))
    assert re.findall(r'polyline class="(\w+)"', line_chart(Chart("t", "x", curves))) == ["line1"]


def test_long_curves_are_drawn_as_means_of_neighbours():
    y = np.tile([0.0, 2.0], 3000)
    (points,) = polylines(line_chart(Chart("t", "x", (Curve("a", np.arange(6000), y),))))
    assert len(points) == 300
    assert np.ptp(points[:, 1]) < 0.2  # every mean is 1


def test_codebook_use_is_drawn_by_rank_and_an_unused_codebook_not_at_all():
    counts = np.array([1, 5, 2, 0])
    assert usage_chart(LevelUsage("top", counts)) == usage_chart(LevelUsage("top", counts[::-1]))
    assert usage_chart(LevelUsage("top", np.zeros(4))) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1500, "1.5k"), (2e6, "2M"), (0.05, "0.05"), (1e-5, "1e-5"), (24.5, "24.5")]
)
def test_numbers_are_short(value, text):
    assert short_number(value) == text
