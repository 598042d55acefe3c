import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vqvae_jax.report.chart import (
    Chart,
    Look,
    Series,
    axes,
    drawn,
    log_ticks,
    short_number,
    spread,
    tick_labels,
    ticks,
)

numbers = st.floats(-1e6, 1e6, allow_nan=False)


def one(x, y, kind="line", **others):
    return Chart("t", "x", (Series("a", np.asarray(x), np.asarray(y), kind),), **others)


def axes_of(chart):
    return axes(chart, drawn(chart).values())


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


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=5), st.booleans())
def test_an_axis_that_counts_has_ticks_at_whole_numbers_only_and_holds_all_values(counts, log):
    counts = sorted(count + log for count in counts)
    chart = one(counts, counts, whole_x=True, whole_y=True, log_x=log, log_y=log)
    for axis in axes_of(chart):
        assert axis.ticks and all(tick == round(tick) for tick in axis.ticks)
        assert axis.low <= counts[0] * (1 + 1e-9) and axis.high >= counts[-1] * (1 - 1e-9)


@given(numbers, st.floats(1e-4, 1e5))
@example(1e6, 1e-4)
@example(26.0, 0.15)
def test_a_label_is_its_tick_and_no_two_are_alike(low, span):
    found = ticks(low, low + span, 6)
    labels = [label.replace("−", "-") for label in tick_labels(found)]
    read = [float(t.removesuffix("k").removesuffix("M")) * {"k": 1e3, "M": 1e6}.get(t[-1], 1) for t in labels]
    assert len(set(labels)) == len(labels)
    np.testing.assert_allclose(read, found, atol=0.01 * (found[1] - found[0]))


def test_places_run_from_end_to_end_straight_or_in_powers_and_turned_upside_down():
    x, y = axes_of(one([0, 5, 10], [0.0, 1.0, 2.0]))
    np.testing.assert_allclose(x.place(np.array([0, 5, 10])), [0, 0.5, 1])
    assert y.low == 0 and y.place(1.0) == pytest.approx(1 / 2.12)
    _, log = axes_of(one(np.arange(5), 10.0 ** -np.arange(5), log_y=True))
    np.testing.assert_allclose(np.diff(log.place(10.0 ** -np.arange(5))), log.place(0.1) - log.place(1.0))
    _, turned = axes_of(one([0, 1], [1.0, 2.0], turned=True))
    assert turned.place(1.0) > turned.place(2.0)


@given(st.lists(numbers, min_size=1, max_size=6), st.sampled_from(["line", "stems"]))
def test_every_point_lies_within_the_axes(values, kind):
    x, y = axes_of(one(sorted(values), values, kind))
    for axis in (x, y):
        places = axis.place(np.array(values))
        assert (places >= -1e-9).all() and (places <= 1 + 1e-9).all()


def test_bars_stand_on_zero_and_stems_begin_there():
    _, y = axes_of(one([0, 1, 2], [5, 7], "steps"))
    assert y.low == 0
    x, _ = axes_of(one([3.0, 4.0], [0, 1], "stems", row_names=("a", "b")))
    assert x.low <= 0


def test_points_that_are_not_finite_are_left_out_with_what_belongs_to_them():
    x, y = np.arange(4.0), np.array([1.0, np.nan, np.inf, 2.0])
    series = Series("a", x, y, said=("p", "q", "r", "s"), hollow_x=x / 2, hollow_said=("P", "Q", "R", "S"))
    (found,) = drawn(Chart("t", "x", (series,))).values()
    assert found.x.tolist() == [0, 3] and found.said == ("p", "s")
    assert found.hollow_x.tolist() == [0, 1.5] and found.hollow_said == ("P", "S")
    assert drawn(one([0, 1], [np.nan, np.nan])) == drawn(one([0, 1], [0.0, -1.0], log_y=True)) == {}


def test_a_series_keeps_its_colour_when_the_one_before_it_has_no_points():
    both = (Series("a", np.array([]), np.array([])), Series("b", np.arange(3), np.arange(3)))
    full = (Series("a", np.arange(3), np.arange(3)), both[1])
    assert drawn(Chart("t", "x", both))[1].look == drawn(Chart("t", "x", full))[1].look
    assert drawn(Chart("t", "x", full))[0].look != drawn(Chart("t", "x", full))[1].look


def test_long_plain_lines_are_drawn_as_means_of_neighbours_and_marked_ones_point_by_point():
    y = np.tile([0.0, 2.0], 3000)
    (series,) = drawn(one(np.arange(6000), y)).values()
    assert len(series.x) == 300 and np.ptp(series.y) < 1e-9  # every mean is 1
    marked = Series("a", np.arange(6000), y, look=Look("#000000", "#ffffff", "o"))
    assert len(drawn(Chart("t", "x", (marked,)))[0].x) == 6000


@pytest.mark.parametrize("heights", [[0.5, 0.5, 0.5], [0.99, 0.98, 0.1], [0.2, 0.9], [], [1.0, 0.95, 0.9, 0.91]])
def test_labels_keep_their_distance_and_order_and_stay_below_the_top(heights):
    moved = spread(heights, 0.1)
    order = np.argsort(heights, kind="stable")
    assert all(np.diff(np.array(moved)[order]) >= 0.1 - 1e-9) and max(moved, default=0) <= 1
    assert spread([0.2, 0.9], 0.1) == [0.2, 0.9]  # what is apart already does not move


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1500, "1.5k"), (2e6, "2M"), (0.05, "0.05"), (1e-5, "1e-5"), (24.5, "24.5")]
)
def test_numbers_are_short(value, text):
    assert short_number(value) == text


def test_a_single_point_stands_inside_its_axes():
    for chart in (one([7], [7.0]), one([0], [0.0]), one([7], [7.0], log_x=True, log_y=True)):
        for axis in axes_of(chart):
            assert axis.low < axis.high and math.isfinite(axis.high) and 0 <= axis.place(chart.series[0].x[0]) <= 1
