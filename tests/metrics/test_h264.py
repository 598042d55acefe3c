"""The H.264 yardstick is libx264 at its defaults and its stream decodes."""

import io
import re

import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.h264 import encode_h264, h264_bytes

av = pytest.importorskip("av", reason="PyAV writes H.264")


def moving_gradient(frames=8, height=48, width=64):
    t, y, x = np.mgrid[:frames, :height, :width]
    return (
        np.stack([x * 3 + 4 * t, y * 4, 128 + 60 * np.sin((x + y) / 9 + t / 3)], axis=-1).clip(0, 255).astype(np.uint8)
    )


def test_the_stream_is_x264_at_its_defaults():
    stream = encode_h264(moving_gradient())
    for setting in (b"rc=crf", b"crf=23.0", b"keyint=250", b"bframes=3", b"ref=3", b"subme=7", b"threads=1"):
        assert setting in stream


def without_sei(stream):
    """The stream without its NAL units of type 6, cut by hand at the start codes."""
    starts = [m.start() for m in re.finditer(rb"\0\0\x01", stream)]
    # A start code may have a fourth byte, a zero in front, which belongs to it.
    begins = [start - 1 if start and stream[start - 1] == 0 else start for start in starts]
    units = zip(starts, begins, [*begins[1:], len(stream)], strict=True)
    return b"".join(stream[begin:end] for start, begin, end in units if stream[start + 3] & 31 != 6)


def test_the_measured_size_is_that_of_a_stream_without_sei_that_decodes():
    clip = moving_gradient()
    without = without_sei(encode_h264(clip))
    assert h264_bytes(clip) == len(without)
    with av.open(io.BytesIO(without), format="h264") as container:
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert decoded.shape == clip.shape
    assert np.abs(decoded.astype(float) - clip).mean() < 8


def test_a_clip_has_one_size_however_memory_lies():
    clip = moving_gradient()
    padding = [np.zeros(17 * k + 1, np.uint8) for k in range(12)]
    sizes = {h264_bytes(np.concatenate([pad, clip.ravel()])[len(pad) :].reshape(clip.shape)) for pad in padding}
    assert len(sizes) == 1


def test_a_still_clip_is_smaller_than_a_moving_one():
    clip = moving_gradient()
    assert h264_bytes(np.repeat(clip[:1], len(clip), axis=0)) < h264_bytes(clip)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 7, 8, 3), np.uint8), np.zeros((2, 8, 8, 3)), np.zeros((0, 8, 8, 3), np.uint8)]
)
def test_clips_that_h264_cannot_take_are_refused(bad):
    with pytest.raises(UserError):
        h264_bytes(bad)
