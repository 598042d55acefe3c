import json
import re
from importlib.resources import files

import numpy as np

from tests.report.html_reader import checked
from vqvae_jax.report import page as parts
from vqvae_jax.report.chart import PALETTE, Chart, Look, Series
from vqvae_jax.report.sprites import Clip, Pane, sprites
from vqvae_jax.report.table import Cell, Table

HOSTILE = "</script><script>alert(1)</script>\"'&</style></pre>"


def page_of(name):
    steps, marked = np.arange(1.0, 50), Look("#000000", "#ffffff", "*", strong=True)
    curve = Series(name, steps, 1 / steps, look=marked, said=(name,) * 49, hollow_x=steps / 2, hollow_said=(name,) * 49)
    chart = Chart(name, name, (curve, Series("b", steps, 2 / steps)), name, log_x=True, names_at_ends=True)
    rows = Chart(name, name, (Series(name, np.array([1.0]), np.zeros(1), "stems"),), row_names=(name,))
    frames = np.zeros((4, 8, 12, 3), np.uint8)
    table = Table(name, name, (name, name), ((Cell(name, name), name),))
    body = [
        parts.tiles([(name, name, name)]),
        parts.section(name, name, parts.explorer([chart])),
        parts.side_by_side([parts.chart_card(rows, name), parts.chart_card(chart._replace(names_at_ends=False))]),
        sprites([Clip(name, (Pane(name, frames, (name,), marked),), name)], 16),
        parts.table_section(table, {name}),
        parts.stack([parts.card(parts.facts([(name, name)], commands=True), name, name, name), parts.items([name])]),
        parts.code([name], name),
        parts.folded(name, {name: [name]}),
    ]
    return parts.page(name, name, [name], body)


def test_nothing_is_fetched_and_only_the_one_script_may_run():
    checked(page_of("plain"))


def test_text_stays_text_wherever_it_appears():
    page = checked(page_of(HOSTILE))
    # JSON escapes the quote, and the title is cut into heading and document title; all others are whole.
    assert sum(text.count(HOSTILE) for text in page.text) >= 32
    assert sum(HOSTILE in value for _, attributes in page.tags for value in attributes.values() if value) >= 100
    assert sum(json.dumps(HOSTILE) in text for text in page.text) == 1


def test_the_player_has_the_colour_of_the_charts_in_both_schemes():
    sheet = (files("vqvae_jax.report") / "page.css").read_text()
    assert re.findall(r"accent-color: ([^;]+);", sheet) == ["var(--bar)"]
    assert re.findall(r"--bar: ([^;]+);", sheet) == [PALETTE[0].colour, PALETTE[0].on_dark]


def test_what_has_no_content_has_no_heading():
    empty = Table("Quality", "means", ("a",), ())
    nothing = Chart("t", "x", (Series("a", np.array([]), np.array([])),))
    assert parts.table_section(empty) == parts.chart_card(nothing) == parts.explorer([nothing]) == parts.items([]) == ""
    assert parts.section("Clips", "none", sprites([], 16)) == parts.tiles([]) == parts.side_by_side([]) == ""
    assert "<h2>" not in parts.page("title", "lede", [], [])


def test_every_marked_point_can_be_reached_and_says_its_text():
    x, said = np.arange(1.0, 4), ("one", "two", "three")
    look = Look("#000000", "#ffffff", "o")
    series = Series("a", x, x, look=look, said=said, hollow_x=np.array([0.5, np.nan, 2.5]), hollow_said=("A", "B", "C"))
    page = checked(parts.page("t", "l", [], [parts.explorer([Chart("t", "x", (series,), log_x=True)])]))
    reached = [a["aria-label"] for tag, a in page.tags if tag == "g" and a.get("tabindex") == "0"]
    assert sorted(reached) == sorted([*said, "A", "C"])
