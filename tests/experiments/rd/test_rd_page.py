import base64
import hashlib
import re
from html.parser import HTMLParser

from example_rd import example_rd
from example_shown import example_shown

from experiments.rd.clips import Shown
from experiments.rd.page import render
from experiments.rd.summary import summarise
from experiments.rd.tables import tables

HOSTILE = "</script><script>alert(1)</script>\"'&</style>"
VOID = {"meta", "input", "br"}
LEAVES = {"path", "line", "circle", "polyline"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.cells = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in LEAVES
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


def page_of(rd):
    return render(rd, summarise(rd, "x265"), example_shown(rd))


def test_every_element_is_closed_and_nothing_is_fetched():
    text = page_of(example_rd())
    page = Page(text)
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "img", "form")
        assert not {"src", "href", "srcset", "action"} & set(attributes)
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert all(url.startswith("data:image/webp;base64,") for url in re.findall(r"url\(([^)]*)\)", text))


def test_only_our_script_may_run():
    text = page_of(example_rd())
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in text and "default-src 'none'" in text
    assert not re.search(r"\son[a-z]+=", text.replace(script, ""))


def test_text_from_the_file_stays_text():
    rd = example_rd()
    rd["data"]["split"] = rd["command"] = rd["data"]["digest"] = HOSTILE
    for entry in rd["codecs"].values():
        entry["title"] = entry["note"] = entry["version"] = HOSTILE
        entry["reason"] = HOSTILE if not entry["points"] else None
        for point in entry["points"]:
            point["setting"] += HOSTILE
            point["encode_command"] = HOSTILE
    page = Page(page_of(rd))
    assert [tag for tag, _ in page.tags].count("script") == 1 and page.open == []
    assert sum(text.count(HOSTILE) for text in page.text) > 40


def test_the_tables_hold_every_number_of_the_summary():
    rd = example_rd()
    cells = Page(page_of(rd)).cells
    for table in tables(rd, summarise(rd, "x265")):
        for row in table.rows:
            assert set(row) <= set(cells)


def test_every_point_can_be_reached_and_says_its_figures():
    page = Page(page_of(example_rd()))
    said = [a["aria-label"] for tag, a in page.tags if tag == "g" and a.get("tabindex") == "0"]
    assert len(said) == 4 * (16 + 2)  # four measures; ours with and without its header
    assert "x265, crf 30: 1.2500 bpp, PSNR 30.00 dB" in said
    assert "MS-VQ-VAE edge, payload alone: 1.2500 bpp, SSIM 0.9000" in said


def test_every_moving_picture_has_a_description_with_its_psnr_and_bytes():
    page = Page(page_of(example_rd()))
    said = [a["aria-label"] for tag, a in page.tags if "sprite" in a.get("class", "")]
    assert len(said) == 4 * 5
    assert "Class0/v_Class0_g00_c01/0000: MS-VQ-VAE edge, edge, 28.50 dB, 200 bytes" in said


def test_what_is_missing_is_on_the_page():
    text = page_of(example_rd())
    assert "this FFmpeg has no libvvenc" in text and "the stream of" in text


def test_the_page_is_the_same_every_time_and_whole_without_clips_or_points():
    rd = example_rd()
    assert page_of(rd) == page_of(rd)
    for entry in rd["codecs"].values():
        entry["points"], entry["reason"] = [], "not run"
    assert Page(render(rd, summarise(rd, "x265"), Shown((), None, 16.0, ()))).open == []
