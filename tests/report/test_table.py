import csv
import io
import re
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from vqvae_jax.report.table import NONE, Cell, Table, bullets, csv_text, html, inline, markdown, number, pipes


@given(st.lists(st.text(), min_size=2, max_size=2))
def test_no_text_breaks_a_markdown_table(cells):
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in pipes(("a", "b"), [cells])}
    assert widths == {3} and all(len(line.splitlines()) == 1 for line in pipes(("a", "b"), [cells]))


def test_a_cell_shows_pipes_line_breaks_and_undecodable_bytes_as_text():
    assert inline("x|264\n") == "x\\|264<br>"
    assert inline("\x1b[31m\udcff") == "?[31m\\udcff"


def test_words_stand_left_and_numbers_right_under_the_title():
    table = Table("Points", "All of them.", ("codec", "setting", "bpp"), (("x265", "crf 3", "0.1"),), names=2)
    text = "## Points\n\nAll of them.\n\n| codec | setting | bpp |\n|---|---|---:|\n| x265 | crf 3 | 0.1 |\n"
    assert markdown(table) == text
    assert pipes(("a",), []) == ["none"]
    assert '<th scope="col" class="left">setting</th><th scope="col">bpp</th>' in html(table)


def test_a_page_marks_the_best_cell_the_strong_row_and_draws_bars():
    ours = (Cell("ours", "a remark"), Cell("24.30", best=True), Cell("", bar=0.25))
    theirs = ("theirs", "22.10", Cell("", bar=1))
    drawn = html(Table("t", "", ("", "PSNR", ""), (ours, theirs)), strong={"ours"})
    assert 'class="best">24.30</td>' in drawn and ">22.10</td>" in drawn
    assert drawn.count('<tr class="strong">') == 1 and "<small>a remark</small>" in drawn and "width:25.0%" in drawn


def test_every_figure_of_a_page_carries_its_heading_for_screens_that_have_no_room_for_a_table():
    row = ("x265", "crf 3", "0.1")
    drawn = html(Table("t", "", ("codec", "setting", '"bpp" & more'), (row, row), names=2))
    assert re.findall(r'data-head="([^"]*)"', drawn) == ["setting", "&quot;bpp&quot; &amp; more"] * 2


def test_on_a_phone_cells_of_what_was_not_measured_are_left_out_unless_they_say_why():
    why = Cell(NONE, "no weights")
    drawn = html(Table("t", "", ("", "a", "b", "c", "d"), (("PSNR", "24.3", NONE, Cell(NONE), why),)))
    assert re.findall(r'data-head="(.)" class="none">–</td>', drawn) == ["b", "c"] and drawn.count("–") == 3
    phone = (files("vqvae_jax.report") / "page.css").read_text().split("@media (max-width: 520px)")[1]
    assert re.search(r"\.scroll td\.none \{ display: none; \}", phone)


def test_csv_holds_the_columns_of_all_rows_numbers_in_full_and_nothing_for_none():
    text = csv_text([{"a": 0.1 + 0.2, "b": None}, {"a": 1, "c": "x,y"}], ("z",))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["z", "a", "b", "c"] and float(rows[0]["a"]) == 0.1 + 0.2
    assert rows[0]["b"] == rows[1]["z"] == "" and rows[1]["c"] == "x,y"
    assert csv_text([], ("a", "b")) == "a,b\n"


def test_what_was_not_measured_is_a_dash_or_as_asked():
    assert number(0.126, ".2f") == "0.13"
    assert (number(None, ".2f"), number(None, ".2f", "not measured")) == ("–", "not measured")
    assert (bullets(["a", "b"]), bullets([], "Nothing.")) == ("- a\n- b", "Nothing.")
