"""Classical streams: bare, of one GOP, decodable by others, the same every time."""

import re

import numpy as np
import pytest

pytest.importorskip("imageio_ffmpeg", reason="FFmpeg with the classical encoders")

from experiments.rd.classical import FAMILY, ClassicalCoder, encoder_version, note
from experiments.rd.config import WHOLE, Grouping
from experiments.rd.ffmpeg import CodecError, Processes
from tests.evaluation.example_run import moving_squares

SHAPE = (8, 64, 64, 3)
CODECS = pytest.mark.parametrize("name", list(FAMILY))
CLIP = moving_squares(1, SHAPE[:3])[0]


def coder(name, rate=None, shape=SHAPE, grouping=WHOLE):
    codec = FAMILY[name]
    return ClassicalCoder(codec, rate or codec.rates[0], shape, 16.0, "for tests", Processes(), grouping)


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    paths = {}
    for name, codec in FAMILY.items():
        paths[name] = folder / f"{name}.{codec.suffix}"
        coder(name).encode(CLIP, paths[name])
    return paths


def nal_types(stream, name):
    """Types of the NAL units of an Annex B stream."""
    heads = [stream[m.end() : m.end() + 2] for m in re.finditer(rb"\0\0\x01", stream)]
    shift = {"x264": lambda h: h[0] & 31, "x265": lambda h: h[0] >> 1 & 63, "vvc": lambda h: h[1] >> 3}[name]
    return [shift(head) for head in heads]


def obu_types(stream):
    """Types of the OBUs of a low-overhead AV1 stream."""
    types, at = [], 0
    while at < len(stream):
        head = stream[at]
        assert head & 2, "every OBU states its size"
        types.append(head >> 3 & 15)
        at += 2 if head & 4 else 1
        size = shift = 0
        while True:
            size |= (stream[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if not stream[at - 1] & 128:
                break
        at += size
    return types


@CODECS
def test_a_stream_holds_parameter_sets_and_one_picture_for_every_frame_and_nothing_else(streams, name):
    stream = streams[name].read_bytes()
    assert not re.search(rb"x264|x265|SVT|AOM|vvenc|VVenC|Lavc|options", stream)
    if FAMILY[name].suffix == "obu":
        types = obu_types(stream)
        assert types.count(1) == 1, "one sequence header: one key frame"
        assert set(types) <= {1, 2, 3, 6}, "sequence header, temporal delimiters, frames"
        return
    types = nal_types(stream, name)
    sets, key, pictures = {
        "x264": ({7, 8}, {5}, {1}),
        "x265": ({32, 33, 34}, {19, 20}, set(range(10))),
        "vvc": ({14, 15, 16, 17}, {7, 8}, set(range(4))),
    }[name]
    assert set(types) <= sets | key | pictures
    assert sum(t in key for t in types) == 1
    assert sum(t in key | pictures for t in types) == len(CLIP)


def key_pictures(stream, name):
    types = {"x264": {5}, "x265": {19, 20}, "vvc": {7, 8}}
    if name in types:
        return sum(kind in types[name] for kind in nal_types(stream, name))
    return obu_types(stream).count(1)


@CODECS
def test_at_low_delay_nothing_that_is_written_depends_on_later_frames(name, tmp_path):
    streams = []
    for count in (len(CLIP), 6):
        path = tmp_path / f"{count}.{FAMILY[name].suffix}"
        shape = count, *SHAPE[1:]
        low = coder(name, shape=shape, grouping=Grouping(4, low_delay=True))
        low.encode(CLIP[:count], path)
        streams.append(path.read_bytes())
        assert low.decode(path, shape)[0].shape == shape
        assert key_pictures(streams[-1], name) == 2, "frames 0 and 4"
    assert streams[0].startswith(streams[1])


@CODECS
def test_how_a_codec_groups_frames_is_said(name):
    whole, low = (note(FAMILY[name], grouping) for grouping in (WHOLE, Grouping(12, low_delay=True)))
    assert "one closed GOP;" in whole
    assert "closed GOPs of 12 frames" in low and FAMILY[name].low_delay_settings in low
    assert low != whole


@CODECS
def test_another_decoder_gives_the_same_pictures(streams, name):
    av = pytest.importorskip("av", reason="an FFmpeg of its own")
    decoded, _ = coder(name).decode(streams[name], SHAPE)
    assert np.mean((decoded.astype(float) - CLIP) ** 2) < 200
    form = FAMILY[name].format
    if form not in av.formats_available:
        pytest.skip(f"this PyAV does not read {form}")
    with av.open(str(streams[name]), format=form) as container:
        theirs = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    # The planes are the same; the two swscale builds turn them into RGB by different roundings.
    assert theirs.shape == SHAPE
    assert np.abs(theirs.astype(int) - decoded).mean() < 1.5


@CODECS
def test_a_clip_gives_the_same_stream_every_time_and_a_smaller_one_at_the_lowest_rate(streams, name, tmp_path):
    first = streams[name].read_bytes()
    for number in range(2):
        path = tmp_path / f"{number}.{FAMILY[name].suffix}"
        coder(name).encode(CLIP, path)
        assert path.read_bytes() == first
    low = tmp_path / f"low.{FAMILY[name].suffix}"
    coder(name, FAMILY[name].rates[-1]).encode(CLIP, low)
    assert low.stat().st_size < len(first)


@CODECS
def test_the_encoder_tells_its_version(name):
    assert re.search(r"\d", encoder_version(FAMILY[name]))
    assert not encoder_version(FAMILY[name]).startswith("of FFmpeg")


def test_a_clip_that_an_encoder_cannot_take_fails_in_one_line(tmp_path):
    with pytest.raises(CodecError) as failure:
        coder("x264", shape=(8, 63, 63, 3)).encode(CLIP[:, :63, :63], tmp_path / "odd.264")
    assert "\n" not in str(failure.value) and str(failure.value)


def test_a_damaged_stream_does_not_pass_for_a_clip(tmp_path, streams):
    path = tmp_path / "half.264"
    path.write_bytes(streams["x264"].read_bytes()[:60])
    with pytest.raises(CodecError):
        coder("x264").decode(path, SHAPE)
