"""RGB of every kind of source against FFmpeg's accurate conversion, and of 4:4:4 against the formula."""

import av
import numpy as np
import pytest
from example_colours import LARGE, SMALL, written
from example_videos import smooth_clip, write_with_pyav
from PIL import Image
from reference_ffmpeg import pictures_of

from vqvae_jax.video.colours import FromRgb, ToRgb
from vqvae_jax.video.source import open_source

pytest.importorskip("imageio_ffmpeg")

WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}  # of red and blue


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("size", "matrix", "meant"),
    [
        (SMALL, "", "bt601"),
        (LARGE, "", "bt709"),
        (SMALL, "bt709", "bt709"),
        (LARGE, "bt601", "bt601"),
        (SMALL, "bt2020", "bt2020"),
    ],
)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv411p"])
def test_every_source_is_what_ffmpeg_converts_accurately(tmp_path, pix_fmt, size, matrix, meant, full):
    path, _ = written(tmp_path / "v.mkv", pix_fmt, size, matrix, full)
    scale = f":in_color_matrix={meant}:in_range={'full' if full else 'limited'}"
    want = pictures_of(path, size, scale).astype(int)
    with open_source(path) as source:
        got = np.stack(list(source.frames()))
    assert np.abs(got - want).mean() < 0.5 and np.abs((got - want).mean((0, 1, 2))).max() < 0.1
    assert np.abs(got - want).max() <= 1
    side = [np.asarray(Image.fromarray(x.astype(np.uint8)).resize((64, 64), Image.BICUBIC)) for x in (got[0], want[0])]
    assert np.abs(side[0].astype(int) - side[1]).mean() < 0.5


@pytest.mark.parametrize(("size", "matrix"), [(SMALL, "bt601"), (LARGE, "bt709")])
def test_444_is_the_formula_to_half_a_level(tmp_path, size, matrix):
    path, frame = written(tmp_path / "v.mkv", "yuv444p", size, "", False)
    y, u, v = (np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[:, : size[1]].astype(float) for p in frame.planes)
    y, u, v = (y - 16) * 255 / 219, (u - 128) * 255 / 224, (v - 128) * 255 / 224
    red, blue = WEIGHTS[matrix]
    green = 1 - red - blue
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    g = y - 2 * (1 - red) * red / green * v - 2 * (1 - blue) * blue / green * u
    with open_source(path) as source:
        got = next(source.frames())
    assert np.abs(got - np.clip(np.stack([r, g, b], -1), 0, 255)).max() < 0.6


@pytest.mark.parametrize(("codec", "siting"), [("libx264", "left"), ("mpeg4", "left"), ("mjpeg", "center")])
def test_chroma_lies_where_the_codec_says(tmp_path, codec, siting):
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_with_pyav(tmp_path / "v.mkv", smooth_clip(3, *SMALL), codec, pix_fmt)
    with open_source(path) as source:
        got = np.stack(list(source.frames())).astype(int)
    assert np.abs(got - pictures_of(path, SMALL, f":in_chroma_loc={siting}")).max() <= 1


def test_where_chroma_samples_lie_counts(tmp_path):
    """A step in chroma alone: with left siting it is sampled half a pixel further left than with centre siting."""
    found = {}
    for siting in ("420mpeg2", "420jpeg"):
        luma, chroma = bytes([120]) * 64 * 16, np.tile(np.repeat([90, 160], 16), 8).astype(np.uint8).tobytes()
        header = f"YUV4MPEG2 W64 H16 F25:1 Ip A1:1 C{siting}\nFRAME\n".encode()
        (tmp_path / f"{siting}.y4m").write_bytes(header + luma + chroma + bytes([128]) * len(chroma))
        with open_source(tmp_path / f"{siting}.y4m") as source:
            found[siting] = next(source.frames())[8, :, 2].astype(float)
    left, centre = found.values()
    middle = (left.min() + left.max()) / 2
    crossing = [np.interp(middle, row[28:36], np.arange(28, 36)) for row in (left, centre)]
    assert crossing[1] - crossing[0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("size", "matrix"), [(SMALL, "bt601"), (LARGE, "bt709")])
def test_written_pictures_are_the_formula_too(size, matrix):
    rgb_HWC = smooth_clip(1, *size)[0]
    red, blue = WEIGHTS[matrix]
    wanted = 16 + 219 / 255 * (rgb_HWC @ np.array([red, 1 - red - blue, blue]))
    frame = FromRgb(size[1], size[0])(av.VideoFrame.from_ndarray(rgb_HWC, format="rgb24"), "yuv420p")
    plane = frame.planes[0]
    luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : size[1]]
    assert np.abs(luma - wanted).max() < 0.6
    back = ToRgb()(frame, size[1], size[0])
    assert np.abs(back.astype(float) - rgb_HWC).mean() < 0.7  # rounding to YCbCr and a quarter of the chroma
