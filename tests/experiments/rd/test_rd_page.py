from example_rd import example_rd
from example_shown import example_shown

from experiments.rd.clips import Shown
from experiments.rd.page import render
from experiments.rd.summary import summarise
from experiments.rd.tables import tables
from tests.report.html_reader import Page, checked

HOSTILE = "</script><script>alert(1)</script>\"'&</style>"


def page_of(rd):
    return render(rd, summarise(rd, "x265"), example_shown(rd))


def test_the_page_is_whole_fetches_nothing_and_runs_only_its_own_script():
    checked(page_of(example_rd()))


def test_text_from_the_file_stays_text():
    rd = example_rd()
    rd["data"]["split"] = rd["command"] = rd["data"]["digest"] = HOSTILE
    for entry in rd["codecs"].values():
        entry["title"] = entry["note"] = entry["version"] = HOSTILE
        entry["reason"] = HOSTILE if not entry["points"] else None
        for point in entry["points"]:
            point["setting"] += HOSTILE
            point["encode_command"] = HOSTILE
    page = checked(page_of(rd))
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
