"""Y4M and raw streams: FFmpeg's, read as the same pictures in a file are read; ours, read by FFmpeg."""

import io
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.video.example_videos import smooth_clip, write_with_pyav
from vqvae_jax.errors import UserError
from vqvae_jax.video.pipes import PipeReader, Y4mWriter
from vqvae_jax.video.source import open_pipe, open_source

NTSC = Fraction(30000, 1001)


class Trickle(io.BytesIO):
    """A pipe may give fewer bytes than were asked for."""

    def read(self, count=-1):
        return super().read(min(count, 7) if count >= 0 else count)


@pytest.fixture(scope="module")
def ffmpeg():
    return pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()


def y4m_of(ffmpeg, video, *options):
    line = [ffmpeg, "-v", "error", "-i", video, *options, "-strict", "-1", "-f", "yuv4mpegpipe", "-"]
    return subprocess.run(line, capture_output=True, check=True).stdout


def pictures(data, **options):
    with open_pipe(Trickle(data), **options) as source:
        return np.stack(list(source.frames()))


@pytest.mark.parametrize("size", ["64x48", "63x47", "64x47", "1x1", "2x3"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuvj444p", "gray"])
def test_a_pipe_shows_what_the_same_bytes_in_a_file_show(ffmpeg, tmp_path, pix_fmt, size):
    video = write_with_pyav(tmp_path / "a.mkv", smooth_clip(5, 48, 64), codec="ffv1", rate=NTSC)
    data = y4m_of(ffmpeg, video, "-vf", f"scale={size.replace('x', ':')}", "-pix_fmt", pix_fmt)
    (tmp_path / "a.y4m").write_bytes(data)
    with open_source(tmp_path / "a.y4m") as source:
        expected = np.stack(list(source.frames()))
        rate = source.info.rate
    np.testing.assert_array_equal(pictures(data), expected)
    info = PipeReader(io.BytesIO(data)).info
    assert (info.rate, info.rate_stated, f"{info.width}x{info.height}") == (rate, True, size) == (NTSC, True, size)


@pytest.mark.parametrize("siting", ["420", "420jpeg", "420mpeg2", "420paldv", ""])
def test_where_chroma_lies_counts_as_in_a_file(ffmpeg, tmp_path, siting):
    video = write_with_pyav(tmp_path / "a.mkv", smooth_clip(2, 48, 64), codec="ffv1")
    head, _, rest = y4m_of(ffmpeg, video, "-pix_fmt", "yuv420p").partition(b"\n")
    words = [word for word in head.split() if word[:1] not in (b"C", b"X")] + (
        [f"C{siting}".encode()] if siting else []
    )
    data = b" ".join(words) + b"\n" + rest
    (tmp_path / "a.y4m").write_bytes(data)
    with open_source(tmp_path / "a.y4m") as source:
        np.testing.assert_array_equal(pictures(data), np.stack(list(source.frames())))


@pytest.mark.parametrize("shape", [(3, 48, 64), (2, 47, 63), (1, 1, 1)])
def test_ffmpeg_reads_what_is_written(ffmpeg, shape):
    clip, stream = smooth_clip(*shape), io.BytesIO()
    with Y4mWriter(stream, shape[2], shape[1], NTSC, Fraction(4, 3)) as writer:
        for frame in clip:
            writer.write(frame)
    line = [ffmpeg, "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(line, input=stream.getvalue(), capture_output=True, check=True)
    back = np.frombuffer(done.stdout, np.uint8).reshape(clip.shape)
    assert np.abs(back.astype(int) - clip).max() <= 4  # rounding to 8-bit YCbCr and back
    np.testing.assert_array_equal(pictures(stream.getvalue()), back)
    with av.open(io.BytesIO(stream.getvalue()), format="yuv4mpegpipe") as container:
        (track,) = container.streams.video
        assert (track.average_rate, track.sample_aspect_ratio) == (NTSC, Fraction(4, 3))
        assert track.codec_context.pix_fmt == "yuv444p"


def test_raw_pictures_are_taken_as_they_are():
    clip = smooth_clip(3, 5, 7)
    np.testing.assert_array_equal(pictures(clip.tobytes(), raw_size=(7, 5)), clip)
    info = PipeReader(io.BytesIO(clip.tobytes()), Fraction(16), (7, 5)).info
    assert (info.rate, info.rate_stated) == (16, False)
    np.testing.assert_array_equal(pictures(b"\0\0\0", raw_size=(1, 1)), np.zeros((1, 1, 1, 3), np.uint8))


def test_the_shape_of_pixels_and_a_rate_that_is_none():
    grey = b"\nFRAME\n" + bytes(8)
    assert PipeReader(io.BytesIO(b"YUV4MPEG2 W4 H2 F25:1 A2:1 Cmono" + grey)).info.display_aspect == 4
    for words in (b"", b" F0:0 A0:0", b" F9999:1 A1:1"):
        info = PipeReader(io.BytesIO(b"YUV4MPEG2 W4 H2 Cmono" + words + grey), Fraction(10)).info
        assert (info.rate, info.rate_stated, info.display_aspect) == (10, False, None)


def test_parameters_of_frames_are_passed_over():
    data = b"YUV4MPEG2 W4 H2 F25:1 Cmono Xanything\nFRAME Ip Xmore\n" + bytes(8) + b"FRAME\n" + bytes([255] * 8)
    assert pictures(data)[:, 0, 0, 0].tolist() == [0, 255]


HEAD = b"YUV4MPEG2 W4 H2 F25:1 Cmono\n"


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"", {}, "is empty"),
        (b"", {"raw_size": (4, 2)}, "is empty"),
        (b"\x00\x00\x00 ftypisom", {}, r"is not Y4M \(YUV4MPEG2\); for raw 24-bit RGB: --source-size WIDTHxHEIGHT"),
        (HEAD, {"raw_size": (4, 2)}, "is Y4M, which names the size"),
        (HEAD, {}, "no frame can be decoded"),
        (HEAD + b"FRAME\n" + bytes(7), {}, "ends within picture 0"),
        (HEAD + b"FRAME\n" + bytes(8) + b"FRA", {}, "picture 1 does not begin with FRAME"),
        (HEAD + b"FRAME\n" + bytes(8) + b"FRAME", {}, "damaged Y4M header"),
        (bytes(25), {"raw_size": (4, 2)}, "ends within picture 1"),
        (b"YUV4MPEG2 W4\n", {}, r"damaged Y4M header \(W4\)"),
        (b"YUV4MPEG2 Wa H2\n", {}, "damaged Y4M header"),
        (b"YUV4MPEG2 W4 H2 F1\n", {}, "damaged Y4M header"),
        (b"YUV4MPEG2 W4 H2" + b" " * 5000, {}, "damaged Y4M header"),
        (b"YUV4MPEG2 W4 H2 C420p10\n", {}, "Y4M of colours C420p10; expected 8 bits, one of 420, 420jpeg"),
        (b"YUV4MPEG2 W99999 H99999 F25:1 Cmono\n", {}, "frame size 99999x99999"),
        (b"YUV4MPEG2 W-4 H2 F25:1 Cmono\n", {}, "frame size -4x2"),
    ],
)
def test_what_is_no_such_stream_is_one_line(data, options, message):
    with pytest.raises(UserError, match=f"^standard input: .*{message}"):
        pictures(data, **options)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 60))
def test_any_bytes_are_read_or_refused_in_one_line(noise, at):
    data = bytearray(HEAD + b"FRAME\n" + bytes(8) + b"FRAME\n" + bytes(8))
    data[at : at + len(noise)] = noise
    try:
        found = pictures(bytes(data))
        assert found.dtype == np.uint8 and found.ndim == 4 and found.shape[-1] == 3
    except UserError as error:
        assert "\n" not in str(error)
