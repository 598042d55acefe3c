"""Clips side by side as pictures: a still grid, and the moving one of a README."""

import io
from typing import Any, NamedTuple

import numpy as np

from experiments.rd.clips import Pane, ShownClip, pane_figures
from experiments.rd.names import is_ours
from vqvae_jax.data.few import evenly_spread
from vqvae_jax.video.write import moving_picture

CELL = 128  # pixels: frames narrower than that are enlarged by a whole factor
GAP = 6
HEAD = 22  # above the panes of the first clip, for codec names
FOOT = 34  # under every pane, for setting, PSNR and size
SMALLEST = 8  # points of text
LARGEST_MOVING = 2_000_000  # bytes
OTHERS_MOVING = ("x265", "av1")
INK, SOFT, ACCENT = "#1d2126", "#626a73", "#d55e00"


class Moving(NamedTuple):
    """A moving picture, and how it was stored."""

    content: bytes  # WebP
    clips: int
    lossless: bool


def grid(clips: tuple[ShownClip, ...]) -> np.ndarray:
    """One frame of every clip, a row each: original, ours, the others; [h, w, 3] uint8."""
    frames = len(clips[0].panes[0].frames)
    return _drawn(clips, frames // 2)


def moving(clips: tuple[ShownClip, ...], fps: float) -> Moving:
    """Original, ours, x265 and AV1 of as many clips as 2 MB hold without loss, three at most; of one, if need be lossy.

    A codec that is not among the clips' panes is left out.
    """
    few = tuple(
        clip._replace(panes=tuple(p for p in clip.panes if p.codec in (None, *OTHERS_MOVING) or is_ours(p.codec)))
        for clip in clips
    )
    for count in range(min(3, len(few)), 0, -1):
        # Evenly spread again: the first ones may be of one class.
        chosen = tuple(few[index] for index in evenly_spread(len(few), count))
        strip = np.stack([_drawn(chosen, frame) for frame in range(len(chosen[0].panes[0].frames))])
        content = moving_picture(strip, fps, "webp", quality=100)
        if len(content) <= LARGEST_MOVING:
            return Moving(content, count, lossless=True)
    return Moving(moving_picture(strip, fps, "webp", quality=90), 1, lossless=False)


def png(picture_HWC: np.ndarray) -> bytes:
    """The picture's file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture_HWC).save(out, format="png", optimize=True)
    return out.getvalue()


def _drawn(clips: tuple[ShownClip, ...], frame: int) -> np.ndarray:
    """Frame number `frame` of every pane, names above, figures below."""
    from PIL import Image, ImageDraw

    height, width = clips[0].panes[0].frames.shape[1:3]
    scale = max(1, CELL // width)
    cell_height, cell_width = scale * height, scale * width
    columns = max(len(clip.panes) for clip in clips)
    size = (columns * (cell_width + GAP) + GAP, HEAD + len(clips) * (cell_height + FOOT))
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for row, clip in enumerate(clips):
        top = HEAD + row * (cell_height + FOOT)
        for column, pane in enumerate(clip.panes):
            left = GAP + column * (cell_width + GAP)
            picture = pane.frames[frame].repeat(scale, axis=0).repeat(scale, axis=1)
            canvas.paste(Image.fromarray(picture), (left, top))
            if row == 0:
                colour = ACCENT if is_ours(pane.codec) else INK
                _text(draw, (left, 4), pane.title, colour, 13, cell_width)
            _captions(draw, left, top + cell_height + 2, clip, pane, cell_width)
    return np.asarray(canvas)


def _captions(draw: Any, left: int, top: int, clip: ShownClip, pane: Pane, width: int) -> None:
    if pane.codec is None:
        video, _, place = clip.clip_id.rpartition("/")
        lines = [video, f"clip {place}"]
    else:
        lines = [pane.setting, ", ".join(pane_figures(pane))]
    for number, line in enumerate(lines):
        _text(draw, (left, top + 14 * number), line, SOFT, 11, width)


def _text(draw: Any, place: tuple[int, int], text: str, colour: str, size: int, width: int) -> None:
    """Text made smaller, and if that is not enough cut, to a width."""
    from PIL import ImageFont

    fonts = (ImageFont.load_default(points) for points in range(size, SMALLEST - 1, -1))
    font = next((f for f in fonts if draw.textlength(text, font=f) <= width), ImageFont.load_default(SMALLEST))
    while text and draw.textlength(text, font=font) > width:
        text = text[:-1]
    draw.text(place, text, colour, font)
