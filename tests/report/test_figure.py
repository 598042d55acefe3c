import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from vqvae_jax.report.chart import Chart, Look, Series
from vqvae_jax.report.figure import draw, figure


def charts_of(count, kind="line", name="a series", **others):
    x = np.arange(4 + (kind == "steps"))
    series = tuple(Series(f"{name} {k}", x, np.arange(4.0) + k, kind) for k in range(count))
    return [Chart("title", "steps", series, "dB", **others)] * 2


@pytest.mark.parametrize("count", [2, 5, 9])
@pytest.mark.parametrize("kind", ["line", "steps", "level"])
@pytest.mark.parametrize("name", ["short", "a name that is as long as those of measured runs"])
def test_a_legend_stands_between_title_and_plot_and_covers_neither(count, kind, name):
    canvas = draw(charts_of(count, kind, name))
    canvas.draw_without_rendering()
    for ax in canvas.axes:
        legend, plot = ax.get_legend().get_window_extent(), ax.get_window_extent()
        title = ax._left_title.get_window_extent()
        assert legend.y0 >= plot.y1 and title.y0 >= legend.y1 - 6 and title.y1 <= canvas.bbox.y1
        assert len(ax.get_legend().get_texts()) == count


@pytest.mark.parametrize("values", [[0, 1], [3, 4], [0, 0], [7, 8, 9], [0, 50_000]])
def test_ticks_of_an_axis_that_counts_are_whole(values):
    (chart,) = charts_of(1, whole_x=True, whole_y=True)[:1]
    chart = chart._replace(series=(Series("a", np.array(values), np.array(values, float)),))
    (ax,) = draw([chart], columns=1).axes
    for found in (ax.get_xticks(), ax.get_yticks()):
        assert len(found) and all(tick == round(tick) for tick in found)
    assert not len(ax.get_xticks(minor=True))


def test_the_file_is_the_same_every_time_and_carries_no_date():
    look = Look("#123456", "#abcdef", "*", strong=True)
    x = np.array([0.1, 0.2])
    marked = Series("ours", x, x, look=look, hollow_x=np.array([0.05, np.nan]))
    chart = Chart("t", "x", (marked,), log_x=True, turned=True, names_at_ends=True)
    picture = figure([chart], "all", file_format="svg")
    assert picture == figure([chart], "all", file_format="svg") and b"<dc:date>" not in picture
    ElementTree.fromstring(picture)
    assert figure([chart]) == figure([chart])


def test_a_chart_without_points_leaves_its_place_and_no_chart_at_all_a_title():
    nothing = Chart("empty", "x", (Series("a", np.array([]), np.array([])),))
    for charts in ([nothing, *charts_of(2)], []):
        with Image.open(io.BytesIO(figure(charts, "title"))) as opened:
            assert opened.size[0] > 1000
