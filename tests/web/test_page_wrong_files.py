"""Damage costs its chunk and is said; what cannot be played costs one line, and the next file plays."""

import random
import struct
import zlib

import pytest

from tests.container.mutate import mutate
from tests.mvc.codec.golden.make import GOLDEN
from tests.web.chromium import needs_chromium
from tests.web.player_tab import TOKENS, within_one_level
from vqvae_jax.container.reader import Reader

pytestmark = needs_chromium


def damaged_copy(video, chunk, path):
    """One bit of a chunk's last part is another one."""
    with Reader(video) as reader:
        part = list(reader.read_chunk(chunk).values())[-1]
    data = bytearray(video.read_bytes())
    data[data.index(part) + len(part) // 2] ^= 1
    path.write_bytes(data)
    return path


def test_a_damaged_chunk_costs_itself_alone_and_is_said(tab, video, frames, tmp_path):
    tab.opened(damaged_copy(video, 2, tmp_path / "damaged.msv"))
    tab.seek(15)
    before = tab.shown(15)
    tab.seek(20)
    assert (tab.shown(20, "damaged") == before).all()  # its last picture
    line = "Frames 17 to 24 cannot be shown: the file is damaged there."
    assert tab.element("notes") == tab.element("status") == line
    assert tab.element("badge") == "damaged"
    for number in (0, 8, 39):
        tab.seek(number)
        assert within_one_level(tab.shown(number), frames[number])
    # What neighbours see of one another: less than a chunk's context, no more.
    assert tab.element("notes", "childElementCount") == 1
    tab.seek(14)
    tab.chromium.value("play.click()")
    tab.shown(39)  # it plays on through the damage


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (1280, 800)])
def test_damage_is_said_below_the_picture_and_the_controls_are_in_sight(width, height, tab, video, tmp_path):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    tab.chromium.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        tab.choose(damaged_copy(video, 0, tmp_path / "damaged.msv"))
        tab.shown(0, "damaged")
        tab.wait("!notes.hidden")
        box = "(({ left, top, bottom }) => [left, top, bottom])(document.getElementById('%s').getBoundingClientRect())"
        boxes = {name: tab.chromium.value(box % name) for name in ("stage", "notes", "controls", "picture", "badge")}
    finally:
        tab.chromium.call("Emulation.clearDeviceMetricsOverride")
    (left, top, _), bottom = boxes["picture"], boxes["stage"][2]
    assert boxes["notes"][1] == bottom and boxes["notes"][2] == boxes["controls"][1] and boxes["controls"][2] <= height
    assert boxes["badge"][:2] == [left + 12, top + 12]


def test_neighbours_that_are_damaged_are_one_run_of_frames_in_one_line(tab, video, tmp_path):
    path = tmp_path / "damaged.msv"
    for chunk, whole in zip((1, 2, 4), (video, path, path), strict=True):
        damaged_copy(whole, chunk, path)
    tab.opened(path)
    tab.wait("notes.textContent === 'Frames 9 to 24, 33 to 40 cannot be shown: the file is damaged there.'")
    assert tab.element("notes", "childElementCount") == 1


def test_damage_at_the_beginning_is_grey(tab, video, tmp_path):
    tab.choose(damaged_copy(video, 0, tmp_path / "damaged.msv"))
    assert (tab.shown(0, "damaged") == 128).all()


def test_a_file_cut_short_plays_as_far_as_it_goes(tab, video, frames, tmp_path):
    cut = tmp_path / "cut.msv"
    cut.write_bytes(video.read_bytes()[: len(video.read_bytes()) * 6 // 10])
    tab.opened(cut)
    found = tab.chromium.value("Number(seek.max)")
    assert found in (8, 16, 24) and tab.element("notes").endswith(f"{found} of 40 frames are there.")
    tab.press("End")
    tab.shown(found - 1)
    assert f"{found} of 40" in tab.element("facts")


def newer(video):
    data = bytearray(video.read_bytes())
    data[4] = 9
    (size,) = struct.unpack("<H", data[5:7])
    data[size - 4 : size] = struct.pack("<I", zlib.crc32(data[: size - 4]))
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (lambda video: (TOKENS / "one_level.msv").read_bytes(), "coded with bundle b3b4587beecffdcd, .* --bundle FILE"),
        (lambda video: (GOLDEN / "scenes.msv").read_bytes(), "mvc files are not played here; vqvae-jax decode writes"),
        (newer, "format version 9 is newer than this player's"),
        (lambda video: b"RIFF no such thing" * 50, "is not an .msv file"),
        (lambda video: b"", "is not an .msv file"),
        (lambda video: video.read_bytes()[:20], "truncated within its header"),
    ],
    ids=["another bundle", "another family", "newer version", "no msv", "empty", "cut in its header"],
)
def test_what_cannot_be_played_costs_one_line_and_the_next_file_plays(content, line, tab, video, frames, tmp_path):
    wrong = tmp_path / "wrong.msv"
    wrong.write_bytes(content(video))
    tab.choose(wrong)
    tab.wait("!refusal.hidden")
    said = tab.element("refusal")
    assert tab.chromium.value(f"/{line}/.test(refusal.textContent)") and "\n" not in said, said
    assert tab.chromium.value("controls.disabled")
    tab.opened(video)
    assert tab.chromium.value("refusal.hidden && !controls.disabled")
    assert within_one_level(tab.shown(0), frames[0])


def test_nothing_of_the_video_before_a_refused_file_stays(tab, video, tmp_path):
    tab.opened(video)
    tab.seek(20)
    tab.shown(20)
    assert tab.element("place").startswith("of 40")
    drawn = "new Uint32Array(timeline.getContext('2d').getImageData(0, 0, timeline.width, timeline.height).data.buffer)"
    assert tab.chromium.value(f"{drawn}.some(Boolean)")
    wrong = tmp_path / "wrong.msv"
    wrong.write_bytes(b"no video")
    tab.choose(wrong)
    tab.wait("!refusal.hidden")
    assert tab.element("status") == "wrong.msv was refused."
    assert tab.element("scale") == "fit" and tab.element("place") == tab.element("facts") == ""
    assert tab.element("number", "value") == "1"
    assert tab.chromium.value(f"about.hidden && seek.max === '1' && !{drawn}.some(Boolean)")
    assert tab.chromium.value("!seek.hasAttribute('aria-valuetext') && timeline.dataset.chunks === undefined")


def test_a_file_that_brings_its_model_names_no_bundle(tab):
    tab.choose(GOLDEN / "scenes.msv")
    tab.wait("!refusal.hidden")
    assert "Bundlenone: the file brings its model along" in tab.element("facts")
    assert "00000000" not in tab.element("facts") and tab.element("status") == "scenes.msv was refused."


def test_a_file_too_large_for_a_page_is_refused_before_it_is_read(tab, video, tmp_path):
    large = tmp_path / "large.msv"
    large.write_bytes(video.read_bytes())
    with large.open("r+b") as file:
        file.truncate(2**33)  # sparse
    tab.choose(large)
    tab.wait("!refusal.hidden")
    assert "8589934592 bytes are too many" in tab.element("refusal")


def test_a_file_opened_while_another_is_decoded_takes_its_place(tab, video, frames):
    for _ in range(3):
        tab.choose(video)
    assert within_one_level(tab.shown(0), frames[0])


def test_whatever_is_broken_the_page_plays_or_says_why_and_never_fails(tab, video, tmp_path):
    rng, outcomes = random.Random(0), []
    settled = "!refusal.hidden || ['whole', 'damaged'].includes(picture.dataset.shown)"
    for number in range(60):
        broken = tmp_path / f"{number}.msv"
        broken.write_bytes(mutate(video.read_bytes(), rng))
        tab.choose(broken)
        tab.wait(settled)
        if tab.chromium.value("refusal.hidden"):
            tab.press("End")
            tab.wait(f"({settled}) && picture.dataset.frame === `${{seek.max - 1}}`")
        said = tab.element("refusal") if tab.chromium.value("!refusal.hidden") else ""
        assert "decoder failed" not in said, (number, said)
        outcomes.append((bool(said), tab.chromium.value("picture.dataset.shown")))
    assert {refused for refused, _ in outcomes} == {True, False}
    assert {shown for refused, shown in outcomes if not refused} == {"whole", "damaged"}
