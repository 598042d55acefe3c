import re

import numpy as np

from vqvae_jax.report.chart import Chart, Look, Series, axes, drawn
from vqvae_jax.report.svg import LARGE, MARKERS, legend, svg

LOOK = Look("#123456", "#abcdef", "o")


def places(drawing):
    found = re.findall(r'points="([^"]+)"', drawing)
    return [np.array([pair.split(",") for pair in line.split()], float) for line in found]


def test_a_line_lies_where_its_axes_say():
    chart = Chart("t", "x", (Series("a", np.array([0.1, 0.2, 0.4]), np.array([1.0, 5.0, 2.0]), look=LOOK),), log_x=True)
    (points,) = places(svg(chart))
    x, y = axes(chart, drawn(chart).values())
    np.testing.assert_allclose(np.diff(points[:, 0]), np.diff(points[:, 0])[0], atol=0.11)  # rates double
    across, up = x.place(np.array([0.1, 0.4])), y.place(np.array([1.0, 5.0, 2.0]))
    ratio = (points[1, 1] - points[0, 1]) / (points[2, 1] - points[0, 1])
    np.testing.assert_allclose(ratio, (up[1] - up[0]) / (up[2] - up[0]), rtol=0.01)
    assert points[1, 1] < points[0, 1] and across[0] < across[1]


def test_one_point_is_a_marker_and_nothing_to_draw_is_no_chart():
    only = svg(Chart("t", "x", (Series("a", np.array([3]), np.array([4.0])),)))
    assert MARKERS["o"] in only
    assert svg(Chart("t", "x", (Series("a", np.array([]), np.array([])),))) == ""


def test_steps_have_one_height_for_each_interval():
    drawing = svg(Chart("t", "x", (Series("a", np.arange(4), np.array([1, 3, 2]), "steps"),)))
    (outline,) = re.findall(r'class="steps" d="([^"]+)"', drawing)
    assert outline.count("H") == 3 and outline.count("V") == 4


def test_names_at_the_ends_do_not_touch_and_lie_within_the_picture():
    x = np.array([1.0, 2.0])
    series = tuple(Series(f"a codec with a name {k}", x, x + 0.001 * k, look=LOOK) for k in range(6))
    drawing = svg(Chart("t", "x", series, names_at_ends=True), LARGE)
    found = re.findall(r'class="name" x="([\d.]+)" y="([\d.]+)">([^<]*)<', drawing)
    heights = sorted(float(y) for _, y, _ in found)
    assert len(found) == 6 and min(np.diff(heights)) >= 16
    assert all(float(x) + 8 * len(name) <= LARGE[0] for x, _, name in found)


def test_a_legend_names_what_is_drawn_and_is_left_out_for_one_series():
    two = (Series("a", np.arange(3), np.arange(3)), Series("b", np.arange(3), np.arange(3)))
    assert re.findall("</svg>([^<]*)<", legend(Chart("t", "x", two))) == ["a", "b"]
    assert legend(Chart("t", "x", two[:1])) == ""


def test_a_legend_shows_of_a_single_point_its_marker_and_of_a_level_its_line():
    three, one = np.arange(3), np.ones(1)
    series = (
        Series("curve", three, three),
        Series("point", one, one),
        Series("square", one, one, look=LOOK._replace(marker="s", dash=":")),
        Series("level", one, one, "level"),
        Series("cut to a point", three, np.array([np.nan, 1.0, np.nan])),
    )
    shown = re.findall(r'<path d="([^"]*)"[^>]*/></svg>([^<]*)<', legend(Chart("t", "x", series)))
    line, dot = "M0,4H22", MARKERS["o"]
    assert shown == [
        *[(line, "curve"), (dot, "point"), (MARKERS["s"], "square"), (line, "level"), (dot, "cut to a point")]
    ]


def test_a_legend_tells_apart_what_only_dashes_tell_apart():
    dashes = ("-", "--", ":")
    series = tuple(Series(dash, np.arange(3), np.arange(3), look=LOOK._replace(dash=dash)) for dash in dashes)
    chart = Chart("t", "x", series)
    strokes = re.findall(r"<path ([^>]*)/></svg>", legend(chart))
    assert len(set(strokes)) == 3
    for stroke in strokes[1:]:
        assert stroke.split("stroke-dasharray=")[1] in svg(chart)
