import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.report.html_reader import Page
from vqvae_jax.report.sprites import Clip, Pane, fitting, most_frames, sprite, sprites


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


def test_each_pane_holds_its_own_frames_enlarged_by_a_whole_factor_and_says_what_it_is():
    rng = np.random.default_rng(0)
    panes = [Pane(f"codec {k}", rng.integers(0, 256, (4, 8, 12, 3), dtype=np.uint8), ("crf 3",)) for k in range(3)]
    text = sprites([Clip("clip", tuple(panes), "25 dB")], 16)
    stored = re.findall(r"\.s0-(\d)\{--step:-(\d+)px;width:(\d+)px;height:(\d+)px;.*?base64,([A-Za-z0-9+/=]+)", text)
    assert [int(column) for column, *_ in stored] == [0, 1, 2]
    for (_, step, width, height, content), pane in zip(stored, panes, strict=True):
        assert (int(step), int(width), int(height)) == (80, 120, 80)
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")).reshape(pane.frames.shape), pane.frames)
    page = Page(text)
    assert page.open == [] and page.labels("sprite") == [f"clip: codec {k}, crf 3" for k in range(3)]
    assert "--count:4;--loop:0.250s" in text and 'max="3"' in text
