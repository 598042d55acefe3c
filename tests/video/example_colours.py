"""Lossless files of one picture with sharp edges and noise in luma and chroma, of any format, matrix and range."""

import av
import numpy as np

NUMBERS = {"bt601": 6, "bt709": 1, "bt2020": 9, "": 2}  # AVCOL_SPC_*
SMALL, LARGE = (48, 64), (720, 32)  # for what names no matrix: BT.601, BT.709


def planes_of(pix_fmt, size):
    """Planes of a picture with sharp edges and noise in luma and chroma, over all of the range."""
    height, width = size
    frame = av.VideoFrame(width, height, pix_fmt)
    random = np.random.default_rng(0)
    wide = 2 if "10le" in pix_fmt else 1
    for number, plane in enumerate(frame.planes):
        low, high = ((16, 235) if number == 0 else (16, 240)) if "j" not in pix_fmt else (0, 255)
        rows, columns = plane.height, plane.width
        y, x = np.mgrid[:rows, :columns]
        values = 128 + 100 * np.sin(x / 5 + number) * np.cos(y / 7) + random.normal(0, 6, (rows, columns))
        values[rows // 3 : rows // 2] = high
        values = np.clip(values, low, high).astype(np.uint16) * (4 if wide == 2 else 1)
        memory = np.frombuffer(plane, np.uint16 if wide == 2 else np.uint8).reshape(rows, -1)
        memory[:, :columns] = values
    return frame


def written(path, pix_fmt, size, matrix, full):
    """A lossless file of one such picture, tagged; empty tags are none."""
    frame = planes_of(pix_fmt, size)
    frame.colorspace, frame.color_range = NUMBERS[matrix], 2 if full or "j" in pix_fmt else 1
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.colorspace = NUMBERS[matrix]
        stream.codec_context.color_range = frame.color_range
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path, frame
