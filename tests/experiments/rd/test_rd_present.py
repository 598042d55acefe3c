import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from example_rd import CLIPS, PIXELS, SHAPE, example_rd
from example_shown import originals
from PIL import Image

from experiments.rd.present import PresentCommand, present
from vqvae_jax.errors import UserError

ROOT = Path(__file__).parents[3]
WITHOUT_PICTURES = {"summary.json", "rd.csv", "rd_videos.csv", "rd.png", "rd.svg", "rd.html", "rd.md"}


@pytest.fixture
def folder(tmp_path):
    rd = example_rd()
    rd["data"]["folder"] = str(tmp_path / "gone")
    (tmp_path / "rd.json").write_text(json.dumps(rd))
    return tmp_path


def test_without_the_data_set_all_but_the_pictures_is_written_the_same_every_time_and_this_is_said(folder):
    said = []
    files = present(PresentCommand(folder), said.append)
    assert {path.name for path in files} == WITHOUT_PICTURES and all(path.stat().st_size for path in files)
    assert len(said) == 1 and "No clips are shown" in said[0] and "--data" in said[0]
    assert not [path for path in folder.iterdir() if ".part-" in path.name]
    first = {path: path.read_bytes() for path in files}
    assert first == {path: path.read_bytes() for path in present(PresentCommand(folder), said.append)}
    text = (folder / "rd.md").read_text()
    for wanted in (
        said[0],
        "| x265 | crf 30 | 1.2500 | – | 30.00 | 0.9000 | 32.00 | 0.5000 | 4 | 0 |",
        "VVC (VVenC): no points: this FFmpeg has no libvvenc.",
        "ffmpeg -i IN -crf {20,25,30,35} OUT",
        "## Before comparing",
        "![Quality against bits per pixel](rd.png)",
    ):
        assert wanted in text


def test_tables_and_curves_are_there_when_drawing_clips_is_stopped(folder, monkeypatch):
    from experiments.rd import stored

    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(stored, "shown_from_streams", stopped)
    with pytest.raises(KeyboardInterrupt):
        present(PresentCommand(folder))
    written = {path.name for path in folder.iterdir()} - {"rd.json"}
    assert written == WITHOUT_PICTURES - {"rd.html", "rd.md"}


def test_a_file_that_is_no_result_changes_nothing(folder):
    (folder / "rd.json").write_text("{}")
    with pytest.raises(UserError, match=r"rd\.json"):
        present(PresentCommand(folder))
    assert [path.name for path in folder.iterdir()] == ["rd.json"]


def test_the_command_line_names_what_it_wrote_and_refuses_an_unknown_anchor(folder):
    command = [sys.executable, "-m", "experiments.rd.present", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and str(folder / "rd.html") in done.stdout.splitlines(), done.stderr
    refused = subprocess.run([*command, "--anchor", "h267"], cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1 and "anchor 'h267'" in refused.stderr


@pytest.fixture
def coded(tmp_path):
    """A folder with real x264 streams of the example's clips in its cache; (folder, what they decode to)."""
    pytest.importorskip("imageio_ffmpeg", reason="brings the FFmpeg that codes")
    from experiments.rd.cache import Cache
    from experiments.rd.classical import FAMILY, ClassicalCoder
    from experiments.rd.ffmpeg import Processes

    clips = originals(range(4))
    data = tmp_path / "data"
    data.mkdir()
    np.save(data / "test.npy", clips)
    split = {"clips": 4, "digest": "0" * 64, "ids": CLIPS}
    (data / "card.json").write_text(json.dumps({"format": "npy", "fps": 16, "splits": {"test": split}}))
    coder = ClassicalCoder(FAMILY["x264"], 27, tuple(SHAPE), 16.0, "1", Processes())
    rd = example_rd()
    rd["data"]["folder"] = str(data)
    rd["codecs"] = {"x264": rd["codecs"]["x264"]}
    (point,) = rd["codecs"]["x264"]["points"] = rd["codecs"]["x264"]["points"][:1]
    point["setting"] = coder.setting
    decoded = []
    for row, clip in enumerate(clips):
        path = Cache(tmp_path).stream_path("x264", coder.setting, CLIPS[row], coder.suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        coder.encode(clip, path)
        decoded.append(coder.decode(path, tuple(SHAPE))[0])
        error = np.square(decoded[-1].astype(float) - clip).mean(axis=(1, 2, 3))
        point["quality"]["clips"]["psnr"][row] = float((10 * np.log10(255**2 / error)).mean())
        point["rate"]["bytes"][row] = path.stat().st_size
    point["rate"]["bpp"] = 8 * sum(point["rate"]["bytes"]) / 4 / PIXELS
    (tmp_path / "rd.json").write_text(json.dumps(rd))
    return tmp_path, decoded


def test_pictures_are_decoded_from_the_stored_streams(coded):
    folder, decoded = coded
    said = []
    files = present(PresentCommand(folder, anchor="x264"), said.append)
    assert {path.name for path in files} == WITHOUT_PICTURES | {"rd_grid.png", "rd_moving.webp"} and said == []
    page = (folder / "rd.html").read_text()
    sprites = [base64.b64decode(found) for found in re.findall(r"image/webp;base64,([A-Za-z0-9+/=]+)", page)]
    assert len(sprites) == 8  # four clips, original and x264
    for row, clip in enumerate(decoded):
        with Image.open(io.BytesIO(sprites[2 * row + 1])) as picture:
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")).reshape(SHAPE), clip)


def test_a_damaged_or_missing_stream_and_another_data_set_cost_only_their_pictures(coded):
    folder, _ = coded
    first, second, *_ = sorted((folder / "cache").rglob("*.264"))
    first.unlink()
    second.write_bytes(b"no stream")
    said = []
    files = present(PresentCommand(folder, anchor="x264"), said.append)
    assert (folder / "rd_grid.png") in files
    assert len(said) == 1 and "and 1 more: its stream is no longer in the cache" in said[0]
    card = folder / "data" / "card.json"
    card.write_text(card.read_text().replace("0" * 64, "1" * 64))
    assert {path.name for path in present(PresentCommand(folder, anchor="x264"), said.append)} == WITHOUT_PICTURES
    assert "another data set than was measured" in said[-1] and "rd_grid.png" in said[-1]
