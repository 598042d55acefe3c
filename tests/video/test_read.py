import contextlib
import struct
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqvae_jax.video.read import Frame, VideoError, at_rate
from vqvae_jax.video.video_reader import VideoReader


def write(path, frames=40, size=(24, 32), fps=25.0):
    """Frame i is grey 5 * i."""
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v")), fps, size[::-1]
    )
    for i in range(frames):
        writer.write(np.full((*size, 3), 5 * i, np.uint8))
    writer.release()
    return path


def opened(path):
    return contextlib.closing(VideoReader(path))


def numbered(i, seconds, lasts):
    return Frame(seconds, lasts, lambda: np.full((1, 1, 3), i, np.int64))


def grid(count, fps):
    return [numbered(i, i / fps, 1 / fps) for i in range(count)]


def chosen(frames, fps):
    return [int(f.image[0, 0, 0]) for f in at_rate(frames, fps)]


@given(st.integers(0, 120), st.sampled_from([8, 10, 15, 16, 20, 24, 25, 29.97, 30000 / 1001, 30, 50, 59.94, 60, 240]))
def test_output_k_is_the_frame_nearest_to_k_over_16_seconds(count, source_fps):
    rate = Fraction(source_fps).limit_denominator(100_000)
    wanted = []
    for k in range(int(Fraction(count) / rate * 16)):
        near = range(max(0, int(k * rate / 16) - 1), min(count, int(k * rate / 16) + 3))
        wanted.append(min(near, key=lambda i: (abs(i / rate - Fraction(k, 16)), -i)))  # the later of two
    assert chosen(grid(count, source_fps), 16) == wanted


@given(st.lists(st.floats(0.005, 1.0), min_size=1, max_size=60))
def test_variable_rate_takes_the_nearest_time_stamp(steps):
    times = np.concatenate([[0.0], np.cumsum(steps)])
    frames = [numbered(i, float(t), 1 / 25) for i, t in enumerate(times)]
    picked = chosen(frames, 16)
    assert len(picked) == int((times[-1] + 1 / 25) * 16 + 1e-6)
    for k, i in enumerate(picked):
        assert abs(times[i] - k / 16) <= np.abs(times - k / 16).min() + 1e-6


@pytest.mark.parametrize("ending", ["avi", "mp4", "mkv"])
def test_every_frame_is_read_in_order_on_the_nominal_grid(tmp_path, ending):
    with opened(write(tmp_path / f"v.{ending}")) as video:
        frames = list(video.frames())
        assert video.info[:3] == (32, 24, 25)
    # MPEG-4 loses up to 3.5 grey levels here; a neighbouring frame would be 5 off, or more.
    np.testing.assert_allclose([f.image.mean() for f in frames], 5 * np.arange(40), atol=4)
    np.testing.assert_allclose([f.seconds for f in frames], np.arange(40) / 25, atol=1e-9)


def test_a_wrong_frame_count_in_the_header_changes_nothing(tmp_path):
    path = write(tmp_path / "v.avi")
    data = bytearray(path.read_bytes())
    for at in (data.index(b"avih") + 8 + 16, data.index(b"strh") + 8 + 32):
        data[at : at + 4] = struct.pack("<I", 7)
    path.write_bytes(data)
    with opened(path) as video:
        assert video.info.announced_frames == 7
        assert len(list(video.frames())) == 40


def test_time_stamps_of_a_variable_rate_file_are_used(tmp_path):
    av = pytest.importorskip("av")
    stamps_ms = [0, 40, 80, 400, 440, 1000, 1040, 1080]
    with av.open(tmp_path / "v.mkv", "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0", "crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for i, stamp in enumerate(stamps_ms):
            frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 5 * i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with opened(tmp_path / "v.mkv") as video:
        frames = list(video.frames())
    np.testing.assert_allclose([f.seconds for f in frames], np.array(stamps_ms) / 1000, atol=0.021)


@pytest.mark.parametrize("ending", ["avi", "mp4", "mkv"])
@pytest.mark.parametrize("kept", [0.3, 0.9, -1])
def test_a_cut_file_is_refused(tmp_path, ending, kept):
    path = write(tmp_path / f"v.{ending}")
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if kept < 0 else int(len(whole) * kept)])
    with pytest.raises(VideoError, match="truncated"):
        VideoReader(path)


def test_frames_that_an_avi_lists_but_that_do_not_decode_are_counted(tmp_path):
    path = write(tmp_path / "v.avi")
    data = bytearray(path.read_bytes())
    start = len(data) // 2
    data[start : start + 3000] = bytes(3000)
    path.write_bytes(data)
    with opened(path) as video:
        decoded = len(list(video.frames()))
        assert decoded < 40 and video.missing_frames == 40 - decoded


@pytest.mark.parametrize("content", [b"", b"text\n" * 99, bytes(9999), b"RIFF", b"\x1a\x45\xdf\xa3", b"\0\0\0\1ftyp"])
def test_what_is_no_video_is_refused(tmp_path, content):
    (tmp_path / "v.avi").write_bytes(content)
    with pytest.raises(VideoError):
        VideoReader(tmp_path / "v.avi")


@given(st.binary(max_size=200), st.sampled_from([b"RIFF", b"\x1a\x45\xdf\xa3", b"\0\0\0\x20ftyp", b"\0\0\0\1moov"]))
def test_any_bytes_end_in_an_error_of_ours(tmp_path_factory, tail, head):
    path = tmp_path_factory.mktemp("any") / "v"
    path.write_bytes(head + tail)
    with pytest.raises(VideoError):
        VideoReader(path)


def test_chance_bytes_that_pass_for_a_stream_without_pictures_are_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\x00\x00\x80\x02" + np.random.default_rng(0).bytes(30_000))  # begins as H.263 does
    with pytest.raises(VideoError, match="not a video"):
        VideoReader(path)


def test_an_absurd_frame_size_is_refused_before_it_is_allocated(tmp_path):
    (tmp_path / "v.y4m").write_bytes(b"YUV4MPEG2 W16000 H16000 F25:1 Ip A1:1 C420\nFRAME\n" + bytes(100))
    with pytest.raises(VideoError, match=r"frame size 16000x16000"):
        VideoReader(tmp_path / "v.y4m")


def test_a_play_list_does_not_lead_to_other_files(tmp_path):
    write(tmp_path / "v.avi")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nv.avi\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile v.avi\n")
    for name in ("list.m3u8", "list.ffconcat"):
        with pytest.raises(VideoError, match="not a video"):
            VideoReader(tmp_path / name)


@pytest.mark.parametrize("name", ["a b.avi", "%03d.avi", "-x.avi", "日本.avi", "q\"';|$(x).avi", "no_ending"])
def test_odd_names_are_read(tmp_path, name):
    write(tmp_path / "plain.avi").rename(tmp_path / name)
    with opened(tmp_path / name) as video:
        assert len(list(video.frames())) == 40


def test_a_name_that_is_not_utf8_a_folder_and_a_missing_file_are_refused(tmp_path):
    write(tmp_path / "plain.avi").rename(tmp_path / "\udcff.avi")
    for name, reason in (("\udcff.avi", "UTF-8"), ("", "not a regular file"), ("none.avi", "No such file")):
        with pytest.raises(VideoError, match=reason):
            VideoReader(tmp_path / name)
