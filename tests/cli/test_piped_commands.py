"""`-` on the command line: pipes from and to FFmpeg, and one line where a pipe will not do."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.codec.example_bundle import moving
from tests.video.example_videos import smooth_clip, write_with_pyav

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ffmpeg():
    return pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()


@pytest.fixture
def start(bundle, tmp_path):
    """Starts `vqvae-jax` in a process of its own, with pipes."""
    environment = {**os.environ, "VQVAE_JAX_BUNDLE": str(bundle), "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}

    def call(*arguments, **pipes):
        line = [sys.executable, "-m", "vqvae_jax", *map(str, arguments)]
        return subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, **pipes)

    return call


@pytest.fixture
def piped_in(monkeypatch):
    """Puts bytes on this process's standard input."""

    def put(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


def test_from_ffmpeg_and_back_to_it(command, start, ffmpeg, tmp_path):
    video = write_with_pyav(tmp_path / "a.mp4", smooth_clip(11, 24, 32), pix_fmt="yuv420p")
    y4m = subprocess.Popen([ffmpeg, "-v", "error", "-i", video, "-f", "yuv4mpegpipe", "-"], stdout=subprocess.PIPE)
    coding = start("encode", "-", "out.msv", "--size", "native", stdin=y4m.stdout, stdout=subprocess.PIPE)
    y4m.stdout.close()
    out, err = coding.communicate(timeout=300)
    assert coding.returncode == 0 and y4m.wait(60) == 0, err
    assert out.startswith(b"out.msv: ") and b"standard input: 32x24 at 25 fps" in err
    assert command("encode", video, tmp_path / "direct.msv", "--size", "native").code == 0
    assert (tmp_path / "out.msv").read_bytes() == (tmp_path / "direct.msv").read_bytes()

    decoding = start("decode", "out.msv", "-", stdout=subprocess.PIPE)
    line = [ffmpeg, "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    shown = subprocess.run(line, stdin=decoding.stdout, capture_output=True, check=True, timeout=300)
    decoding.stdout.close()
    assert decoding.wait(60) == 0 and decoding.stderr.read() == b"standard output: 11 frames of 32x24 at 25 fps\n"
    assert command("decode", tmp_path / "out.msv", tmp_path / "a.npy").code == 0
    back = np.frombuffer(shown.stdout, np.uint8).reshape(11, 24, 32, 3)
    assert np.abs(back.astype(int) - np.load(tmp_path / "a.npy")).max() <= 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "a.npy", "direct.msv", "out.msv"]


def test_a_reader_that_leaves_ends_decoding_quietly(command, start, tmp_path):
    np.save(tmp_path / "long.npy", np.tile(moving(16, 64, 64), (20, 1, 1, 1)))
    assert command("encode", tmp_path / "long.npy", tmp_path / "a.msv", "--size", "native").code == 0
    decoding = start("decode", "a.msv", "-", stdout=subprocess.PIPE)
    assert decoding.stdout.readline().startswith(b"YUV4MPEG2 W64 H64 F25:1 ")
    decoding.stdout.close()  # more is to come than a pipe holds
    assert decoding.stderr.read() == b"" and decoding.wait(60) == 141


def test_raw_pictures_are_coded_as_an_array_is(command, piped_in, video, tmp_path):
    assert command("encode", video, tmp_path / "array.msv", "--source-fps", "16").code == 0
    piped_in(np.load(video).tobytes())
    options = ["--source-size", "32x24", "--source-fps", "16"]
    facts = command("encode", "-", tmp_path / "pipe.msv", *options, "--json").json
    assert (facts["source"], facts["source_bytes"], facts["frames"], facts["fps"]) == ("-", None, 11, "16")
    assert (tmp_path / "pipe.msv").read_bytes() == (tmp_path / "array.msv").read_bytes()


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        (["--verify"], b"", "can be read once only, so --verify"),
        ([], b"", "standard input: is empty"),
        ([], b"\0\0\0 ftypisom", "is not Y4M .*source-size"),
        (["--source-size", "native"], b"abc", "source-size='native'; expected WIDTHxHEIGHT"),
        (["--source-size", "1x1", "--source-fps", "0"], b"abc", "source-fps='0'"),
        (["--source-fps", "5"], b"YUV4MPEG2 W1 H1 F25:1 Cmono\nFRAME\na", "standard input says 25 frames per second"),
        (["--source-size", "1x1"], b"YUV4MPEG2 W1 H1 F25:1 Cmono\nFRAME\na", "names the size of its pictures"),
        ([], b"YUV4MPEG2 W2 H2 F25:1 Cmono\nFRAME\na", "ends within picture 0"),
    ],
)
def test_a_stream_that_will_not_do_is_one_line_and_leaves_nothing(command, piped_in, tmp_path, options, data, message):
    piped_in(data)
    assert command("encode", "-", tmp_path / "out.msv", *options).refused(message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("encode", "video.npy", "-"),
        ("decode", "-", "out.npy"),
        ("info", "-"),
        ("compare", "-", "video.npy"),
        ("compare", "video.npy", "-"),
        ("tokenize", "-", "tokens"),
        ("tokenize", ".", "-"),
        ("detokenize", "-", "out"),
        ("detokenize", ".", "-"),
        ("export", "-", "--run", "run"),
        ("encode", "video.npy", "out.msv", "--bundle", "-"),
    ],
)
def test_where_a_file_is_needed_a_pipe_is_refused(command, video, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert command(*arguments).refused("=-: a pipe will not do here; name a file or a folder")
    assert [p.name for p in tmp_path.iterdir()] == ["video.npy"]


def test_options_that_a_pipe_has_no_use_for_are_refused(command, video, tmp_path):
    assert command("encode", video, tmp_path / "a.msv", "--source-size", "4x4").refused("for raw pictures from a pipe")
    assert command("encode", video, tmp_path / "a.msv").code == 0
    assert command("decode", tmp_path / "a.msv", "-", "--codec", "ffv1").refused("a pipe carries Y4M")


def test_a_terminal_is_no_pipe(command, video, tmp_path, monkeypatch):
    assert command("encode", video, tmp_path / "a.msv").code == 0
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert command("decode", tmp_path / "a.msv", "-").refused("standard output: is a terminal")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert command("encode", "-", tmp_path / "b.msv").refused("standard input: is a terminal")


def test_a_file_of_that_name_is_a_file(command, video, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("encode", video, "a.msv").code == 0
    assert command("decode", "a.msv", "./-").code == 0 and (tmp_path / "-" / "00000.png").is_file()
    assert command("encode", "./-", "b.msv").code == 0
    assert command("compare", "./-", "a.msv").code == 0
