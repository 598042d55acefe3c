import base64
import io
import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.report.html_reader import Page
from vqvae_jax.report.sprites import GAP, Clip, Pane, fitting, layouts, most_frames, sprite, sprites


def clips_of(count, frames, panes=7):
    return [Clip(str(k), (Pane("original", frames),) * panes) for k in range(count)]


def test_a_sprite_is_the_frames_above_one_another_exactly():
    frames = np.random.default_rng(0).integers(0, 256, (5, 8, 12, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(sprite(frames))) as picture:
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")).reshape(frames.shape), frames)
    assert most_frames(64) == 255 and most_frames(20000) == 1


@pytest.mark.parametrize(("side", "count"), [(64, 6), (128, 3), (256, 1)])
def test_a_page_carries_six_small_clips_three_of_128_pixels_and_one_of_256(side, count):
    kept, length = fitting(clips_of(6, np.broadcast_to(np.uint8(0), (32, side, side, 3))))
    assert (len(kept), length) == (count, 32) and kept[0].name == "0"


def test_what_a_page_cannot_carry_is_said():
    long = clips_of(2, np.zeros((200, 128, 1, 3), np.uint8), panes=1)
    assert fitting(long)[1] == 127 and "Shown: the first 127 frames." in sprites(long, 16)
    assert "Shown" not in sprites(clips_of(2, np.zeros((2, 8, 8, 3), np.uint8)), 16)


def layout(panes, width, room):
    """As a browser chooses: the last one that has room."""
    return next(((n, zoom) for least, n, zoom in reversed([*layouts(panes, width)]) if least <= room), None)


# The widths are those within a card: of a screen of 360, 390, 820 and 1280 pixels.
@pytest.mark.parametrize(
    ("panes", "width", "room", "found"),
    [
        *[(3, 64, 302, (3, 1.5)), (3, 64, 332, (3, 1.5)), (3, 64, 742, (3, 3)), (3, 64, 962, (3, 4))],
        *[(4, 64, 332, (2, 2)), (4, 64, 962, (4, 3)), (7, 64, 332, (3, 1.5)), (7, 64, 962, (7, 2))],
        *[(3, 128, 332, (1, 2)), (3, 128, 962, (3, 2)), (3, 256, 332, (1, 1)), (3, 256, 962, (3, 1))],
        *[(2, 16, 332, (2, 10)), (3, 320, 302, None), (3, 320, 962, (1, 1)), (3, 320, 972, (3, 1))],
    ],
)
def test_panes_are_as_large_as_a_screen_has_room_for(panes, width, room, found):
    assert layout(panes, width, room) == found


@given(st.integers(1, 9), st.integers(1, 600))
def test_layouts_fit_their_room_enlarge_by_whole_factors_and_leave_no_pane_alone(panes, width):
    found = list(layouts(panes, width))
    assert found[0][1] == 1 and found[-1][1] == panes
    for room, columns, zoom in found:
        assert room >= columns * zoom * width + (columns - 1) * GAP
        assert zoom * width >= 96 and (zoom == 1 or zoom * width <= 256)
        assert zoom == int(zoom) or (zoom == 1.5 and width < 96)
        places = columns * -(-panes // columns)
        assert places - panes < places / 4  # of three panes never two and one


def test_the_style_sheet_keeps_the_gap_that_layouts_count_with():
    sheet = (files("vqvae_jax.report") / "page.css").read_text()
    assert f".panes {{ display: grid; gap: 12px {GAP}px;" in sheet


def test_each_pane_holds_its_own_frames_enlarged_by_whole_factors_and_says_what_it_is():
    rng = np.random.default_rng(0)
    panes = [Pane(f"codec {k}", rng.integers(0, 256, (4, 8, 12, 3), dtype=np.uint8), ("crf 3",)) for k in range(3)]
    text = sprites([Clip("clip", tuple(panes), "25 dB")], 16)
    stored = re.findall(r"\.s0-(\d)\{.*?base64,([A-Za-z0-9+/=]+)", text)
    assert [int(column) for column, _ in stored] == [0, 1, 2]
    assert "--columns:1;--zoom:8;--width:12px;--shape:12/8;--room:768px" in text
    rules = re.findall(r"@container \(min-width:(\d+)px\)\{\.panes\{--columns:(\d);--zoom:(\d+)\}\}", text)
    assert [tuple(map(int, rule)) for rule in rules] == list(layouts(3, 12))
    for (_, content), pane in zip(stored, panes, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")).reshape(pane.frames.shape), pane.frames)
    page = Page(text)
    assert page.open == [] and page.labels("sprite") == [f"clip: codec {k}, crf 3" for k in range(3)]
    assert "--count:4;--loop:0.250s" in text and 'max="3"' in text
