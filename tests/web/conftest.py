"""One Chromium for all tests of the page, and a page and a video of five chunks that they share."""

from fractions import Fraction

import pytest

from tests.codec.example_bundle import example_encoder, golden_model, moving
from tests.web.chromium import Chromium
from tests.web.player_tab import TOKENS, PlayerTab, decoded
from vqvae_jax.web.page import player_page


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The page of `contexts2`."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_bytes(player_page(TOKENS / "contexts2.safetensors", "contexts2"))
    return path


@pytest.fixture
def tab(chromium, page):
    yield PlayerTab(chromium, page)
    assert chromium.exceptions == []
    chromium.call("Page.navigate", url="about:blank")  # or it would play on beside all tests that follow


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    """Five chunks of 8 frames."""
    path = tmp_path_factory.mktemp("video") / "five.msv"
    example_encoder().encode(moving(40), path, Fraction(30000, 1001))
    return path


@pytest.fixture(scope="session")
def frames(video):
    return decoded(golden_model(), video)
