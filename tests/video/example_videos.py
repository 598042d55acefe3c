"""Small pictures that move, and files of them made with PyAV alone: the outside reference for reader and writer."""

from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation


def smooth_clip(frames=6, height=32, width=48):
    """(T, H, W, 3) uint8: waves that drift, every frame and every corner different."""
    t, y, x = np.ogrid[:frames, :height, :width]
    channels = [128 + 90 * np.sin((x + 2 * t) / 9), 128 + 90 * np.cos((y - t) / 7), 128 + 60 * np.sin((x + y) / 11) + t]
    return np.stack(np.broadcast_arrays(*channels), axis=-1).astype(np.uint8)


def write_with_pyav(path, clip, codec="libx264", pix_fmt="yuv444p", rate=25, stamps_ms=None, rotation=0, options=None):
    """A file of `clip`. `rotation`: metadata, degrees counter-clockwise; `stamps_ms`: for a variable rate."""
    options = {"crf": "1", "bf": "0"} if codec == "libx264" and options is None else options or {}
    time_base = Fraction(1, 1000) if stamps_ms else 1 / Fraction(rate)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = time_base
        if rotation:
            stream.set_display_rotation(rotation)
        for number, picture in enumerate(clip):
            colour = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[-1] == 4 else "rgb24")
            frame = colour.reformat(format=pix_fmt, threads=1)  # With threads, libswscale spoils rows of gray10le.
            frame.pts, frame.time_base = stamps_ms[number] if stamps_ms else number, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_with_pyav(path):
    """(T, H, W, 3) uint8, by libswscale's accurate way to packed RGB."""
    flags = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    with av.open(str(path)) as container:
        frames = [f.to_ndarray(format="rgb24", interpolation=flags, threads=1) for f in container.decode(video=0)]
    return np.stack(frames)
