"""Who uses the page without a mouse, without seeing it, or drops files on it; what it says of them."""

import base64
import re

import pytest

from tests.web.chromium import needs_chromium
from tests.web.in_node import WEB
from tests.web.player_tab import within_one_level
from vqvae_jax.cli.info import describe

pytestmark = needs_chromium


def test_the_keyboard_alone_plays_and_seeks_and_fields_keep_their_keys(tab, video):
    tab.opened(video)
    for key, shift, frame in [
        ("End", False, 39),
        ("ArrowLeft", False, 38),
        ("ArrowLeft", True, 32),
        ("Home", False, 0),
        ("ArrowRight", True, 8),
        ("ArrowRight", False, 9),
    ]:
        tab.press(key, shift)
        tab.shown(frame)
    tab.chromium.value("seek.focus()")
    tab.press("PageDown")
    tab.shown(16)
    assert tab.element("seek", "getAttribute('aria-valuetext')") == "frame 17 of 40"
    tab.press(" ")
    tab.wait("play.getAttribute('aria-label') === 'Pause'")
    tab.press(" ")
    tab.wait("play.getAttribute('aria-label') === 'Play'")
    tab.chromium.value("loop.focus()")
    tab.press(" ")  # the box's own
    assert tab.chromium.value("loop.checked") and tab.element("play", "getAttribute('aria-label')") == "Play"


def test_everything_that_can_be_used_has_a_name_and_shows_its_focus(tab, video):
    tab.opened(video)
    tree = tab.chromium.call("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "slider", "spinbutton", "checkbox", "combobox"}
    found = [node for node in tree if node.get("role", {}).get("value") in used]
    assert {node["role"]["value"] for node in found} == used
    assert all(node["name"]["value"].strip() for node in found)
    assert [n for n in tree if n.get("role", {}).get("value") in {"alert", "status"}]
    for _ in range(11):
        tab.press("\t")
        style = "getComputedStyle(document.activeElement.closest('.pill') ?? document.activeElement)"
        assert tab.chromium.value(f"document.activeElement === document.body || {style}.outlineStyle === 'solid'")


def test_a_file_can_be_dropped(tab, video, frames):
    tab.chromium.value(f"""(() => {{
      const bytes = Uint8Array.from(atob("{base64.b64encode(video.read_bytes()).decode()}"), (c) => c.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], "dropped.msv"));
      empty.dispatchEvent(new DragEvent("drop", {{ dataTransfer, bubbles: true, cancelable: true }}));
    }})()""")
    assert within_one_level(tab.shown(0), frames[0]) and tab.element("title") == "dropped.msv"


def test_what_the_file_says_is_what_info_says(tab, video):
    tab.opened(video)
    said = describe(video)
    facts = tab.element("facts", "innerText").replace("\u00a0", " ")
    for text in (
        "40 at 29.97 a second, 1.3 s",
        "32 × 24",
        f"{said['bytes']:,} bytes",
        f"{said['bpp']:.4f} bpp, {said['kbit_per_s']:.1f} kbit/s",
        said["bundle"],
        "every 8 frames, 5 in all",
        "16 codes, at 4 × 8 × 8",
    ):
        assert text in facts, text


def test_the_page_fetches_nothing_and_runs_nothing_but_its_own_script(page):
    text = page.read_text()
    policy = text.split('Content-Security-Policy" content="')[1].split('"')[0]
    assert policy.startswith("default-src 'none'") and "unsafe-eval'" not in policy.replace("wasm-unsafe-eval", "")
    assert "http" not in text.replace("http-equiv", "").split("<script")[0]
    assert "{{" not in text.split("<script")[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_edges_stand_out_as_wcag_asks(scheme):
    """Contrast (L1 + 0.05) / (L2 + 0.05) of relative luminances (WCAG 2.2, 1.4.3 and 1.4.11)."""
    light, dark = (WEB / "style.css").read_text().split("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--(\w+): #(\w{6})", light if scheme == "light" else dark.split("}")[0]))

    def luminance(name):
        values = [int(colours[name][n : n + 2], 16) / 255 for n in (0, 2, 4)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one, other):
        dim, bright = sorted((luminance(one), luminance(other)))
        return (bright + 0.05) / (dim + 0.05)

    for text in ("ink", "soft"):
        assert min(contrast(text, ground) for ground in ("page", "card", "stage")) >= 4.5
    for sign in ("edge", "bar", "accent", "focus"):
        assert contrast(sign, "card") >= 3
