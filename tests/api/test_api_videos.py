"""`import vqvae_jax as vj`: videos in and out, and what a caller who errs is told."""

import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import vqvae_jax as vj
from tests.codec.example_bundle import moving, save_example
from vqvae_jax import packaged
from vqvae_jax.container.reader import Reader
from vqvae_jax.families import family

ROOT = Path(__file__).parents[2]


@pytest.fixture
def in_package(bundle, monkeypatch):
    """The package has the small bundle only."""
    monkeypatch.delenv("VQVAE_JAX_BUNDLE", raising=False)
    monkeypatch.setattr(packaged, "FOLDER", bundle.parent)
    monkeypatch.setattr(packaged, "DEFAULT", "example")


def test_bytes_paths_and_files_hold_the_same_video(model, in_package, tmp_path):
    frames = moving(11)
    data = vj.encode_video(frames, model, rate=16)
    assert isinstance(data, bytes)
    path = vj.encode_video(list(jnp.asarray(frames)), model, 16, tmp_path / "a.msv")
    assert path == tmp_path / "a.msv" and path.read_bytes() == data
    stream = io.BytesIO()
    assert vj.encode_video(iter(frames / 255.0), model, Fraction(16), stream) is None and stream.getvalue() == data
    expected = vj.decode_video(data)
    assert expected.shape == frames.shape and expected.dtype == np.uint8
    with path.open("rb") as file:
        for source in (bytearray(data), memoryview(data), path, str(path), io.BytesIO(data), file):
            np.testing.assert_array_equal(vj.decode_video(source), expected)
    np.testing.assert_array_equal(vj.decode_video(data, model, start=3, count=4), expected[3:7])
    np.testing.assert_array_equal(list(vj.iter_video(path, start=9)), expected[9:])
    assert (vj.decode_video(data, level="top") != expected).any()


def test_a_file_is_that_of_the_command_line(model, bundle, tmp_path):
    np.save(tmp_path / "a.npy", moving(11))
    line = ["encode", "a.npy", "a.msv", "--size", "native", "--source-fps", "16", "--bundle", str(bundle)]
    subprocess.run(
        [sys.executable, "-m", "vqvae_jax", *line],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
    )
    assert vj.encode_video(moving(11), model, 16) == (tmp_path / "a.msv").read_bytes()


def test_options_reach_the_file(model, tmp_path):
    options = {"mode": "fixed", "chunk_frames": 8, "shown_size": (64, 24)}
    with Reader(vj.encode_video(moving(11), model, 16, tmp_path / "a.msv", **options)) as reader:
        header = reader.header
    mode = family(header.family).Layout.parse(header).describe()["mode"]
    assert (mode, header.chunk_frames, header.source_width, header.source_height) == ("fixed", 8, 64, 24)
    assert len(vj.encode_video(moving(11), model, 16, rate_weight=0.5)) < len(vj.encode_video(moving(11), model, 16))


@pytest.mark.parametrize(
    ("rate", "exact"),
    [
        (16, 16),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        (12.5, Fraction(25, 2)),
        (29.97, Fraction(2997, 100)),
        (np.int64(24), 24),
        (np.float32(0.5), Fraction(1, 2)),
    ],
)
def test_rates(model, tmp_path, rate, exact):
    with Reader(vj.encode_video(moving(1), model, rate, tmp_path / "a.msv")) as reader:
        assert reader.header.rate == exact


@pytest.mark.parametrize("rate", [0, -1, 0.05, 1001, True, None, "fast", "1/0", float("nan"), float("inf"), 1j, [16]])
def test_what_is_no_rate_is_told(model, rate):
    with pytest.raises(vj.UserError, match=r"rate: expected 0.1 to 1000 frames per second, found "):
        vj.encode_video(moving(1), model, rate)


def pictures_that_change():
    yield from moving(2)
    yield moving(1, 8, 8)[0]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (
            np.zeros((2, 3, 4, 16, 3), np.uint8),
            "frames: expected (T, H, W, 3), uint8 or float in [0, 1], found uint8 (",
        ),
        (np.zeros((4, 16, 3), np.uint8), "found uint8 (4, 16, 3)"),
        (moving(2).astype(int), "found int64 (2, 24, 32, 3)"),
        ([moving(1)], "frame 0: expected (H, W, 3), uint8 or float in [0, 1], found uint8 (1, 24, 32, 3)"),
        ("a.mp4", "frames: expected (T, H, W, 3) or an iterable of (H, W, 3), found str 'a.mp4'"),
        (7, "found int 7"),
        ([], "the coded video: not written, for the video has no frames"),
        (pictures_that_change(), "frame 2 is uint8(8, 8, 3), the first was uint8(24, 32, 3)"),
        (moving(2) * 1.0, "frames: float64 (2, 24, 32, 3) reaches from 0 to"),
    ],
)
def test_what_is_no_video_is_described_whole(model, frames, message):
    with pytest.raises(vj.UserError) as refusal:
        vj.encode_video(frames, model, 16)
    assert message in str(refusal.value) and "--" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "zip"}, "mode='zip' is not allowed; expected one of range, deflate, fixed"),
        ({"chunk_frames": "8"}, "chunk_frames='8' is not allowed; expected a whole number"),
        ({"chunk_frames": 7}, "chunk_frames=7 is not allowed; expected a multiple of"),
        ({"chunk_frames": 8.0}, "chunk_frames=8.0 is not allowed; expected a whole number"),
        ({"rate_weight": "much"}, "rate_weight='much' is not allowed; expected a finite number"),
        ({"rate_weight": float("nan")}, "rate_weight=nan is not allowed"),
        ({"quality": True}, "quality=True is not allowed; expected a finite number"),
        ({"effort": 1.5}, "effort=1.5 is not allowed; expected a whole number"),
        ({"target_bytes": True}, "target_bytes=True is not allowed; expected a whole number above 0"),
        ({"target_bytes": 5.5}, "target_bytes=5.5 is not allowed"),
        ({"target_bpp": "0.1"}, "target_bpp='0.1' is not allowed; expected a number above 0"),
        ({"shown_size": 3}, "shown_size: expected width and height from 1 to 16384, found int 3"),
        ({"shown_size": (64, 0)}, "shown_size: expected width and height"),
        ({"shown_size": (64.0, 24)}, "shown_size: expected width and height"),
        ({"overwrite": "no"}, "overwrite: expected True or False, found str 'no'"),
        ({"out": "video.mp4"}, "out: expected a name that ends in .msv, found 'video.mp4'"),
        ({"out": io.StringIO()}, "out: expected a path or a binary file open for writing, found StringIO"),
    ],
)
def test_an_option_that_is_none_is_told_before_anything_is_coded(model, options, message):
    with pytest.raises(vj.UserError) as refusal:
        vj.encode_video(moving(2), model, 16, **options)
    assert message in str(refusal.value) and "--" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "3"}, "the coded video: frames from start='3', count=None asked for; give whole numbers"),
        ({"count": 2.0}, "count=2.0 asked for"),
        ({"start": True}, "start=True"),
        ({"on_error": "go on"}, "on_error='go on' is not allowed; expected one of stop, skip"),
    ],
)
def test_a_range_that_is_none_is_told(model, options, message):
    data = vj.encode_video(moving(2), model, 16)
    with pytest.raises(vj.UserError) as refusal:
        vj.decode_video(data, model, **options)
    assert message in str(refusal.value)


def test_files_that_cannot_be_written_are_told(model, tmp_path):
    (tmp_path / "there").write_bytes(b"precious")
    for mode in ("rb", "r+"):
        with (
            (tmp_path / "there").open(mode) as file,
            pytest.raises(vj.UserError, match="out: expected a path or a bin"),
        ):
            vj.encode_video(moving(2), model, 16, file)
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(vj.UserError, match="open for writing, found BytesIO"):
        vj.encode_video(moving(2), model, 16, closed)
    with pytest.raises(vj.UserError, match="data: BytesIO cannot be read"):
        vj.decode_video(closed)
    assert (tmp_path / "there").read_bytes() == b"precious"


def test_mistakes_are_told_in_words_of_this_interface(model, in_package, tmp_path):
    def told(function, *arguments, **options):
        with pytest.raises(vj.UserError) as refusal:
            function(*arguments, **options)
        assert "--" not in str(refusal.value) and "/tmp" not in str(refusal.value).replace(str(tmp_path), "")
        return str(refusal.value)

    path = tmp_path / "a.msv"
    path.write_text("precious")
    refusal = told(vj.encode_video, moving(2), model, 16, path)
    assert refusal == f"{path}: exists already; choose another name or overwrite it (overwrite=True)"
    assert path.read_text() == "precious"
    vj.encode_video(moving(11), model, 16, path, overwrite=True)
    data = path.read_bytes()

    assert "the coded video: is not an .msv file" in told(vj.decode_video, b"nothing")
    assert "cannot be read" in told(vj.decode_video, tmp_path / "none.msv")
    assert "data: expected bytes, a path or a binary file, found int 3" in told(vj.decode_video, 3)
    assert "open for reading bytes, found one that gives str" in told(vj.decode_video, io.StringIO("x"))
    assert "out: expected a path or a binary file open for writing, found int 3" in told(
        vj.encode_video, moving(2), model, 16, 3
    )
    assert "model: expected what vqvae_jax.load returns, found str 'edge'" in told(
        vj.encode_video, moving(2), "edge", 16
    )
    assert "model: expected what vqvae_jax.load returns, found str 'edge'" in told(vj.decode_video, data, "edge")
    assert "the video has frames 0 to 10" in told(vj.decode_video, data, start=11)

    save_example(tmp_path / "other.safetensors", levels=1)
    other = vj.load(tmp_path / "other.safetensors")
    assert "give the right one as model" in told(vj.decode_video, data, other)
    strange = vj.encode_video(moving(2), other, 16)
    assert "which is none of the package's (example); give its file as model" in told(vj.decode_video, strange)

    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 4
    assert (
        "the coded video: chunk 1: " in (refusal := told(vj.decode_video, damaged))
        and 'on_error="skip" goes on' in refusal
    )
    assert vj.decode_video(damaged, on_error="skip").shape == (11, 24, 32, 3)
