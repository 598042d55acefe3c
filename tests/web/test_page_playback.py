"""The page in a real Chromium, opened from disk: every frame, seeking, playing, previews, sizes, memory."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.codec.example_bundle import example_encoder, golden_model, moving
from tests.ntc.codec.test_ntc_golden import golden_model as golden_ntc
from tests.web.chromium import needs_chromium
from tests.web.player_tab import TOKENS, PlayerTab, decoded, within_one_level
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.web.page import player_page

pytestmark = needs_chromium
NTC = Path(__file__).parents[1] / "ntc" / "codec" / "golden"


@pytest.mark.parametrize(
    ("model", "bundle", "clip"),
    [
        (golden_model, TOKENS / "contexts2.safetensors", TOKENS / "contexts.msv"),
        (lambda: golden_ntc("usual"), NTC / "usual.safetensors", NTC / "low.msv"),
    ],
    ids=["msvqvae", "ntc"],
)
def test_every_frame_on_the_canvas_is_that_of_python(model, bundle, clip, chromium, tmp_path):
    expected = decoded(model(), clip)
    page = tmp_path / "with clip.html"
    page.write_bytes(player_page(bundle, bundle.stem, clip))
    tab = PlayerTab(chromium, page)
    pictures = []
    for number in range(len(expected)):
        pictures.append(tab.shown(number))
        tab.press("ArrowRight")
    assert len(pictures) > 5 and np.abs(np.stack(pictures).astype(int) - expected).max() <= 1
    assert any((a != b).any() for a, b in itertools.pairwise(pictures))
    assert tab.element("title") == clip.name and chromium.exceptions == []


def test_seeking_by_slider_field_and_key_lands_on_the_frame(tab, video, frames):
    tab.opened(video)
    for number in (39, 3, 20, 0, 16):
        tab.seek(number)
        assert within_one_level(tab.shown(number), frames[number])
    tab.chromium.value("number.value = 31, number.dispatchEvent(new Event('change'))")
    assert within_one_level(tab.shown(30), frames[30])
    for button, number in (
        ("key-back", 24),
        ("key-back", 16),
        ("back", 15),
        ("key-on", 16),
        ("on", 17),
        ("key-on", 24),
    ):
        tab.chromium.value(f"document.getElementById('{button}').click()")
        assert within_one_level(tab.shown(number), frames[number])
    assert tab.element("place") == "of 40 · 0.80\u00a0s"


def test_playing_shows_frame_after_frame_and_ends_at_the_last_or_begins_anew(tab, video, frames):
    tab.opened(video)
    tab.press(" ")
    assert within_one_level(tab.shown(39), frames[39])
    tab.wait("play.getAttribute('aria-label') === 'Play'")
    tab.chromium.value("loop.click()")
    tab.seek(38)
    tab.chromium.value("play.click()")
    tab.wait("picture.dataset.frame === '39'")
    tab.wait("Number(picture.dataset.frame) < 30")
    assert tab.element("play", "getAttribute('aria-label')") == "Pause"


def test_the_coarse_level_alone_is_there_first_and_on_demand(tab, video):
    watch = """(() => { window.seen = []; new MutationObserver(() => seen.push(picture.dataset.shown))
      .observe(picture, { attributes: true, attributeFilter: ["data-shown"] }); })()"""
    tab.chromium.value(watch)
    tab.opened(video)
    seen = tab.chromium.value("seen.filter((shown, n) => shown && shown !== seen[n - 1])")
    assert seen == ["waiting", "preview", "whole"]
    tab.chromium.value("layer.value = 'top', layer.dispatchEvent(new Event('change'))")
    with Decoder(golden_model(), video) as decoder:
        expected = next(iter(decoder.frames(0, 1, "top"))).astype(int)
    assert within_one_level(tab.shown(0, "preview"), expected) and tab.element("badge") == "top level"


def test_pictures_are_shown_with_square_pixels_or_smooth_in_the_aspect_and_size_that_is_asked_for(tab, tmp_path):
    wide = tmp_path / "wide.msv"
    example_encoder().encode(moving(3), wide, Fraction(25), source_size=(96, 48))  # coded as 32x24
    tab.opened(wide)
    box = "(({ width, height }) => [width, height])(picture.getBoundingClientRect())"
    width, height = tab.chromium.value(box)
    assert width == pytest.approx(2 * height, abs=1) and width > 300  # fit
    for chosen, expected in (("1", [32, 24]), ("4", [128, 96]), ("shown", [96, 48])):
        tab.chromium.value(f"scale.value = '{chosen}', scale.dispatchEvent(new Event('change'))")
        assert tab.chromium.value(box) == expected
    assert tab.chromium.value("getComputedStyle(picture).imageRendering") == "pixelated"
    assert "as shown, 96\u00a0×\u00a048" in tab.element("scale") and "Shown as96\u00a0×\u00a048" in tab.element("facts")
    tab.chromium.value("smooth.click()")
    assert tab.chromium.value("getComputedStyle(picture).imageRendering") == "auto"


def test_decoded_chunks_are_let_go_within_the_budget(tab, tmp_path):
    long, chunk_bytes = tmp_path / "long.msv", 32 * 256 * 256 * 4
    encoder = example_encoder(mode="fixed", chunk_frames=32)
    encoder.encode(np.tile(moving(4, 256, 256), (72, 1, 1, 1)), long, Fraction(25))
    tab.opened(long)
    watch = """window.most = 0, new MutationObserver(() => most = Math.max(most, timeline.dataset.bytes))
      .observe(timeline, { attributes: true })"""
    tab.chromium.value(f"void ({watch})")
    # 8 of 9 chunks are 64 MiB; one of them is kept free for what lies behind the head.
    tab.wait(f"timeline.dataset.bytes === '{7 * chunk_bytes}'")
    tab.seek(32 * 2 + 5)
    tab.wait(f"timeline.dataset.bytes === '{8 * chunk_bytes}'")
    tab.seek(32 * 8)
    tab.shown(32 * 8)
    tab.wait(f"timeline.dataset.bytes === '{2 * chunk_bytes}'")
    assert tab.chromium.value("most") == 2**26 < 9 * chunk_bytes
    tab.seek(0)
    tab.shown(0)
