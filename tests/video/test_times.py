"""Each picture at the time that its file gives it, by FFmpeg's reading of the stamps and by parsing the file."""

import contextlib
from fractions import Fraction

import av
import numpy as np
import pytest
from example_videos import write_with_pyav
from reference_ffmpeg import times_of

from vqvae_jax.video.container import avi_index
from vqvae_jax.video.read import VideoError
from vqvae_jax.video.source import open_source
from vqvae_jax.video.video_reader import VideoReader

pytest.importorskip("imageio_ffmpeg")

NOT_CODED = bytes.fromhex("000001b6504f")  # a P-VOP of 25 ticks a second whose vop_coded is 0 (ISO/IEC 14496-2, 6.2.5)


STEP = 4  # levels between neighbours


def greys(count):
    return np.repeat(np.arange(count, dtype=np.uint8) * STEP, 32 * 48 * 3).reshape(count, 32, 48, 3)


def read(path):
    """Times and numbers of the pictures of `greys`, how long the last one stays, and how many are held and missing."""
    with contextlib.closing(VideoReader(path)) as reader:
        frames = [(f.seconds, round(float(f.image.mean()) / STEP), f.lasts) for f in reader.frames()]
        seconds, numbers, lasts = zip(*frames, strict=True)
        return np.array(seconds), list(numbers), lasts[-1], reader.held_frames, reader.missing_frames


def sampled(path, rate):
    with open_source(path) as source:
        return [round(float(frame.mean()) / STEP) for frame in source.frames(Fraction(rate))]


def nearest(times, seconds, rate):
    """Output k is the picture with the time nearest to k / rate, the later one on a tie."""
    ks = np.arange(int(seconds * rate + 1e-6))[:, None] / rate
    distance = np.abs(times[None] - ks)
    return [int(np.flatnonzero(row <= row.min() + 1e-9)[-1]) for row in distance]


def avi(path, count=30, hold_after=12, holds=7, not_coded=False, at_the_end=False):
    """MPEG-4 at 25 frames per second that holds a picture: by chunks of no bytes, or by pictures that are not coded."""
    clip = greys(count)
    with av.open(path, "w") as container:
        stream = container.add_stream(
            "mpeg4", rate=25, options={"flags": "qscale", "global_quality": "118", "g": "100"}
        )
        stream.height, stream.width, stream.pix_fmt = *clip.shape[1:3], "yuv420p"
        number, packets = 0, []
        for picture in clip:
            packets += stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
        packets += stream.encode(None)

        def hold():
            nonlocal number
            for _ in range(holds):
                if not_coded:
                    held = av.Packet(NOT_CODED)
                    held.pts = held.dts = number
                    held.stream, held.time_base = stream, Fraction(1, 25)
                    container.mux(held)
                number += 1  # the muxer writes an empty chunk for each that is left out

        for index, packet in enumerate(packets):
            packet.pts = packet.dts = number
            packet.time_base = Fraction(1, 25)
            container.mux(packet)
            number += 1
            if index == hold_after:
                hold()
        if at_the_end:
            hold()
    return path


@pytest.mark.parametrize("not_coded", [False, True])
def test_pictures_that_an_avi_holds_are_held_and_none_is_missing(tmp_path, not_coded):
    path = avi(tmp_path / "v.avi", not_coded=not_coded)
    with path.open("rb") as file:
        assert avi_index(file, path.stat().st_size) == (37, 37 if not_coded else 30)
    times, numbers, lasts, held, missing = read(path)
    np.testing.assert_allclose(times, times_of(path), atol=1e-9)
    np.testing.assert_allclose(times, np.concatenate([np.arange(13), np.arange(20, 37)]) / 25, atol=1e-9)
    assert (numbers, held, missing, lasts) == (list(range(30)), 7, 0, 1 / 25)
    assert sampled(path, 16) == nearest(times, 37 / 25, 16)
    assert len(sampled(path, 25)) == 37


def test_pictures_that_an_avi_holds_at_its_end_count_too(tmp_path):
    path = avi(tmp_path / "v.avi", not_coded=True, at_the_end=True)
    times, numbers, _, _, missing = read(path)
    assert (numbers[:30], missing) == (list(range(30)), 0)
    shown = sampled(path, 25)
    assert shown[:37] == nearest(times[:30], 37 / 25, 25)
    assert shown[37:] == [29] * 7


def test_an_avi_whose_pictures_are_reordered_has_them_evenly(tmp_path):
    for codec in ("mpeg4", "libx264"):
        path = write_with_pyav(tmp_path / f"{codec}.avi", greys(20), codec, "yuv420p", options={"bf": "2"})
        times, numbers, *_ = read(path)
        np.testing.assert_allclose(times, np.arange(20) / 25, atol=1e-9)
        assert np.abs(np.array(numbers) - np.arange(20)).max() <= 1  # MPEG-4 loses a few levels


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_stamps_count_however_unevenly_they_lie(tmp_path, ending):
    """Slow pictures, fast ones, slow ones: no picture is put on a grid, and no gap is taken for damage."""
    steps = [200] * 6 + [20] * 40 + [800] * 7 + [20_000]
    stamps = np.concatenate([[0], np.cumsum(steps)]).tolist()
    path = write_with_pyav(tmp_path / f"v.{ending}", greys(len(stamps)), stamps_ms=stamps, rate=50)
    times, numbers, *_ = read(path)
    np.testing.assert_allclose(times, times_of(path), atol=1e-9)
    np.testing.assert_allclose(times, np.array(stamps) / 1000, atol=1e-9)
    assert numbers == list(range(len(stamps)))
    chosen = sampled(path, 16)
    assert chosen == nearest(times, len(chosen) / 16, 16)
    assert len(chosen) >= int(times[-1] * 16)


def test_a_rate_of_less_than_a_tenth_is_a_rate(tmp_path):
    for ending in ("mp4", "mkv", "avi"):
        path = write_with_pyav(tmp_path / f"v.{ending}", greys(8), rate=Fraction(1, 15))
        with open_source(path) as source:
            assert (source.info.rate, source.info.rate_stated) == (Fraction(1, 15), True)
            assert len(list(source.frames())) == 8
        assert len(sampled(path, 1)) == 120


def test_the_last_picture_of_slides_lasts_as_long_as_the_others_though_the_file_says_a_tick(tmp_path):
    path = tmp_path / "v.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=50, options={"bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 50)
        for number, picture in enumerate(greys(8)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = 750 * number, Fraction(1, 50)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_source(path) as source:
        assert source.info.rate == Fraction(1, 15)
        assert len(list(source.frames(Fraction(1)))) == 120


@pytest.mark.parametrize(("ending", "codec"), [("264", "libx264"), ("mjpeg", "mjpeg"), ("obu", "libsvtav1")])
def test_a_bare_stream_has_no_times_and_runs_at_the_rate_that_it_names_or_is_given(tmp_path, ending, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV has no encoder {codec} here")
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_with_pyav(tmp_path / f"v.{ending}", greys(10), codec, pix_fmt, rate=10)
    with contextlib.closing(VideoReader(path, Fraction(5))) as reader:
        assert (reader.info.rate, reader.info.rate_stated) == ((10, True) if codec == "libx264" else (5, False))
        rate = reader.info.rate
        np.testing.assert_allclose([f.seconds for f in reader.frames()], np.arange(10) / float(rate), atol=1e-9)


def test_a_y4m_file_has_the_rate_of_its_header_or_the_one_that_is_given(tmp_path):
    for word, rate in ((b"F7:2 ", Fraction(7, 2)), (b"", 5), (b"F0:0 ", 5)):
        (tmp_path / "v.y4m").write_bytes(b"YUV4MPEG2 W4 H2 " + word + b"Cmono\n" + (b"FRAME\n" + bytes(8)) * 3)
        with contextlib.closing(VideoReader(tmp_path / "v.y4m", Fraction(5))) as reader:
            assert (reader.info.rate, reader.info.rate_stated) == (rate, b":" in word and b"0:0" not in word)


def test_joined_recordings_follow_each_other(tmp_path):
    parts = [write_with_pyav(tmp_path / f"{n}.ts", greys(n), rate=25).read_bytes() for n in (9, 12)]
    (tmp_path / "v.ts").write_bytes(b"".join(parts))
    times, numbers, *_ = read(tmp_path / "v.ts")
    assert numbers == [*range(9), *range(12)]
    np.testing.assert_allclose(times, np.arange(21) / 25, atol=1e-6)


def test_a_picture_that_would_stay_for_hours_is_damage(tmp_path):
    path = write_with_pyav(tmp_path / "v.mkv", greys(3), stamps_ms=[0, 40, 5_000_000])
    with contextlib.closing(VideoReader(path)) as reader, pytest.raises(VideoError, match="a time stamp 5000 s after"):
        list(reader.frames())
