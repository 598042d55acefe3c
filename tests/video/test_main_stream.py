"""The video, never its cover."""

import io

import av
import numpy as np
import pytest
from example_videos import smooth_clip
from PIL import Image

from vqvae_jax.errors import UserError
from vqvae_jax.video.source import open_source

CLIP, COVER = smooth_clip(20, 32, 48), smooth_clip(1, 80, 80)[0]


def add(container, codec, clip, pix_fmt, default=False):
    stream = container.add_stream(codec, rate=25)
    stream.height, stream.width, stream.pix_fmt = *clip.shape[1:3], pix_fmt
    stream.disposition = av.stream.Disposition.default if default else av.stream.Disposition(0)
    return stream, clip


def write(path, *tracks):
    with av.open(path, "w") as container:
        opened = [add(container, *track) for track in tracks]
        for number in range(max(len(clip) for _, clip in opened)):
            for stream, clip in opened:
                if number < len(clip):
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(clip[number], format="rgb24")))
        for stream, _ in opened:
            container.mux(stream.encode(None))
    return path


def shown(path):
    with open_source(path) as source:
        return np.stack(list(source.frames()))


@pytest.mark.parametrize("default", [False, True])
def test_a_cover_that_is_a_track_like_any_other_is_not_the_video(tmp_path, default):
    cover, video = ("mjpeg", COVER[None], "yuvj420p", default), ("libx264", CLIP, "yuv420p", not default)
    for tracks in ((cover, video), (video, cover)):
        assert shown(write(tmp_path / "v.mkv", *tracks)).shape == CLIP.shape


def test_of_two_videos_the_default_one_counts_then_the_larger(tmp_path):
    small, large = ("ffv1", CLIP, "bgr0"), ("ffv1", smooth_clip(20, 64, 96), "bgr0")
    assert shown(write(tmp_path / "a.mkv", (*large, False), (*small, True))).shape == CLIP.shape
    assert shown(write(tmp_path / "b.mkv", (*small, False), (*large, False))).shape == (20, 64, 96, 3)


def picture():
    buffer = io.BytesIO()
    Image.fromarray(COVER).save(buffer, format="PNG")
    return buffer.getvalue()


def attach(path, cover):
    """Adds a cover to an MP4 as players do: `covr` in `moov.udta.meta.ilst`, after everything else."""

    def box(name, *parts):
        content = b"".join(parts)
        return (len(content) + 8).to_bytes(4, "big") + name + content

    data = box(b"data", (14).to_bytes(4, "big"), bytes(4), cover)  # 14: PNG
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    meta = box(b"meta", bytes(4), handler, box(b"ilst", box(b"covr", data)))
    content = path.read_bytes()
    at = content.index(b"moov") - 4
    length = int.from_bytes(content[at : at + 4], "big")
    assert at + length == len(content)  # so nothing behind it moves
    moov = content[at + 8 :]
    udta = moov.index(b"udta") - 4
    path.write_bytes(content[:at] + box(b"moov", moov[:udta], box(b"udta", meta)))


def test_an_attached_picture_is_not_the_video_and_alone_it_is_none(tmp_path):
    path = write(tmp_path / "v.mp4", ("libx264", CLIP, "yuv420p"))
    attach(path, picture())
    with av.open(path) as container:
        assert len(container.streams.video) == 2
    assert shown(path).shape == CLIP.shape
    with av.open(tmp_path / "sound.mp4", "w") as container:
        sound = container.add_stream("aac", rate=8000)
        sound.layout = "mono"
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        samples.sample_rate = 8000
        container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    attach(tmp_path / "sound.mp4", picture())
    with pytest.raises(UserError, match="not a video: its only picture is a cover"):
        open_source(tmp_path / "sound.mp4")
    with pytest.raises(UserError, match="not a video: it has no pictures"):
        (tmp_path / "none.mp4").write_bytes((tmp_path / "sound.mp4").read_bytes().replace(b"covr", b"none"))
        open_source(tmp_path / "none.mp4")


def test_av1_is_read(tmp_path):
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("PyAV has no AV1 encoder here")
    clip = smooth_clip(12, 64, 64)
    got = shown(write(tmp_path / "v.mp4", ("libsvtav1", clip, "yuv420p")))
    assert got.shape == clip.shape
    assert np.abs(got.astype(int) - clip).mean() < 8
