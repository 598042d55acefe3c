import io
import re
from xml.etree import ElementTree

import numpy as np
from example_rd import example_rd
from PIL import Image

from experiments.rd.charts import chart, looks, plot
from experiments.rd.quality_measures import MEASURES
from vqvae_jax.report.svg import svg


def test_the_plots_are_the_same_every_time_and_carry_no_date():
    rd = example_rd()
    picture = plot(rd, "svg")
    assert picture == plot(rd, "svg") and b"<dc:date>" not in picture
    ElementTree.fromstring(picture)
    with Image.open(io.BytesIO(plot(rd, "png"))) as opened:
        assert opened.size[0] > 1000


def test_a_file_without_any_point_still_gives_a_figure():
    rd = example_rd()
    for entry in rd["codecs"].values():
        entry["points"] = []
    assert plot(rd, "png").startswith(b"\x89PNG")


def test_points_of_the_pages_chart_lie_at_the_log_of_their_rate_and_up_is_better():
    rd = example_rd()
    for measure in MEASURES[:4]:
        drawn = svg(chart(rd, measure))
        (line,) = re.findall(r'data-series="1">.*?<polyline points="([^"]*)"', drawn)
        places = np.array([[float(v) for v in pair.split(",")] for pair in line.split()])
        steps = np.diff(places, axis=0)
        np.testing.assert_allclose(steps, [steps[0]] * 3, atol=0.21)  # rates double, figures rise evenly
        assert steps[0][0] > 0 > steps[0][1]
    assert svg(chart(rd, MEASURES[5])) == ""


def test_codecs_nobody_planned_for_get_looks_of_their_own():
    kinds = {"x265": "classical", "h267": "classical", "msvqvae": "learned", "xvc": "classical"}
    found = looks({codec: {"kind": kind} for codec, kind in kinds.items()})
    assert len({look.colour for look in found.values()}) == 4 and len({look.marker for look in found.values()}) == 4
