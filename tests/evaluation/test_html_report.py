import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from vqvae_jax.evaluation.html_report import render, write_report
from vqvae_jax.evaluation.report_data import Chart, Curve, Example, LevelUsage, Metric, Rate, ReportData, Tile

from vqvae_jax.errors import UserError

HOSTILE = "<script>alert(1)</script>\"'&</pre>"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "line", "circle", "polyline", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def full_report(name="v_Pan_g01_c01/0000"):
    rng = np.random.default_rng(0)
    original = rng.integers(0, 256, (4, 8, 12, 3), dtype=np.uint8)
    steps = np.arange(1, 50)
    return ReportData(
        title=name,
        subtitle=name,
        notes=(name,),
        tiles=(Tile(name, name, name),),
        examples=(Example(name, original, np.roll(original, 1, axis=0), name),),
        methods=(name, "mean frame"),
        metrics=(Metric(name, (24.3, 22.1)), Metric("distance", (0.5, 0.25), 3, lower_is_better=True)),
        charts=(Chart(name, name, (Curve(name, steps, 1 / steps), Curve("b", steps, 2 / steps)), log_y=True),),
        levels=(LevelUsage(name, np.array([8, 8, 8, 8, 0, 0])),),
        rates=(Rate(name, 0.3, name),),
        facts=((name, name),),
        config={name: [name]},
        commands=(name,),
    )


def test_nothing_is_fetched_or_executed():
    page = Page(render(full_report()))
    assert page.open == []  # every element is closed
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "img")
        assert not {"src", "href", "srcset"} & set(attributes)
    assert "http://" not in render(full_report()) and "https://" not in render(full_report())
    assert all(url.startswith("data:image/webp;") for url in re.findall(r"url\(([^)]*)\)", render(full_report())))
    assert "@import" not in render(full_report())


def test_names_from_files_are_shown_as_text_wherever_they_appear():
    page = Page(render(full_report(HOSTILE)))
    assert not [tag for tag, _ in page.tags if tag == "script"]
    # Title, heading, subtitle, note, tile 3, example 2, method, metric, chart 2, level, rate 2, fact 2, command.
    assert sum(text.count(HOSTILE) for text in page.text) >= 17


def test_the_moving_pictures_hold_original_reconstruction_and_four_times_the_error_exactly():
    report = full_report()
    original, reconstruction = report.examples[0].original, report.examples[0].reconstruction
    found = re.search(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", render(report))
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as picture:
        assert picture.n_frames == len(original)
        for index in range(len(original)):
            picture.seek(index)
            left, middle, right = np.split(np.asarray(picture.convert("RGB")), 3, axis=1)
            np.testing.assert_array_equal(left, original[index])
            np.testing.assert_array_equal(middle, reconstruction[index])
            error = abs(original[index].astype(int) - reconstruction[index].astype(int))
            np.testing.assert_array_equal(right, np.clip(4 * error, 0, 255))


def test_the_best_of_each_row_is_marked_by_its_own_direction():
    cells = re.findall(r"<td( class=best)?>([\d.]+)</td>", render(full_report()))
    assert (" class=best", "24.30") in cells and ("", "22.10") in cells
    assert (" class=best", "0.250") in cells and ("", "0.500") in cells


def test_an_even_codebook_has_as_much_perplexity_as_codes_in_use():
    assert "4 of 6 codes in use (66.7%), perplexity 4<" in render(full_report())


def test_an_empty_report_is_only_a_header():
    page = render(ReportData("title", "subtitle"))
    assert "<h2>" not in page and "<h1>title</h1>" in page


def test_clips_of_unequal_shape_and_rows_of_unequal_length_are_refused():
    clip = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="one shape"):
        render(ReportData("t", "s", examples=(Example("a", clip, clip[:1]),)))
    with pytest.raises(ValueError, match="1 values for 2 methods"):
        render(ReportData("t", "s", methods=("a", "b"), metrics=(Metric("PSNR", (1.0,)),)))


def test_an_existing_report_is_kept_unless_asked(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        write_report(path, ReportData("title", "subtitle"))
    assert path.read_text() == "mine"
    assert "<h1>title" in write_report(path, ReportData("title", "subtitle"), overwrite=True).read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
