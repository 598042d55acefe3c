"""Frames of clips in rows and columns with their names, as one picture or as many as the clips have frames."""

import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax.files import make_folder, write_atomically

CELL = 128  # pixels: frames narrower than that are enlarged by a whole factor
GAP, GROUP_GAP = 6, 18  # pixels between columns; and between groups of them
HEAD, NOTE, SMALLEST = 13, 11, 8  # pixels of text: above columns, elsewhere, where it would not fit
INK, SOFT, ACCENT = "#1d2126", "#626a73", "#d55e00"
ERROR_GAINS = (4, 2, 1)  # of error pictures
MOST_CUT = 1e-3  # share of their values that may be too large for 8 bits


class Pane(NamedTuple):
    """One clip, and lines of text below it."""

    frames: np.ndarray  # (T, H, W, 3) uint8, RGB
    notes: tuple[str, ...] = ()


class Board(NamedTuple):
    """Panes in rows; all clips have one shape."""

    heads: tuple[str, ...]  # above the columns, of one or more lines
    rows: tuple[tuple[Pane, ...], ...]  # a row may be shorter than the heads
    names: tuple[str, ...] = ()  # left of the rows, of one or more lines
    title: str = ""
    group: int = 0  # a wider gap after every so many columns
    accent: frozenset[int] = frozenset()  # columns whose heads are coloured


class Drawn(NamedTuple):
    """The pictures, and where the panes are in them."""

    frames: np.ndarray  # [T, h, w, 3] uint8
    scale: int  # by which frames are enlarged
    lefts: tuple[int, ...]  # of the columns, pixels
    tops: tuple[int, ...]  # of the rows, pixels


def draw(board: Board) -> Drawn:
    """The board at every moment of its clips; each pixel becomes scale x scale equal ones."""
    from PIL import Image, ImageDraw

    length, height, width = board.rows[0][0].frames.shape[:3]
    scale = -(-CELL // width)
    cell, tall = scale * width, scale * height
    margin = GAP + max((2 * GAP + _width(line, NOTE) for name in board.names for line in name.split("\n")), default=0)
    columns = range(len(board.heads))
    extra = [GROUP_GAP * (column // board.group) if board.group else 0 for column in columns]
    lefts = tuple(margin + column * (cell + GAP) + extra[column] for column in columns)
    head = (HEAD + 3) * max((text.count("\n") + 1 for text in board.heads if text), default=0) + GAP
    title = 26 if board.title else 0
    notes = max(len(pane.notes) for row in board.rows for pane in row)
    foot = GAP + (NOTE + 3) * notes
    tops = tuple(title + head + row * (tall + foot) for row in range(len(board.rows)))
    size = (max(lefts[-1] + cell + GAP, GAP + _width(board.title, HEAD + 2)), tops[-1] + tall + foot)
    canvas = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(canvas)
    _text(pen, (lefts[0], 7), board.title, INK, HEAD + 2, size[0])
    for column, text in enumerate(board.heads):
        colour = ACCENT if column in board.accent else INK
        for number, line in enumerate(text.split("\n")):
            _text(pen, (lefts[column], title + 4 + number * (HEAD + 3)), line, colour, HEAD, cell)
    for row, name in enumerate(board.names):
        lines = name.split("\n")
        top = tops[row] + tall // 2 - (NOTE + 3) * len(lines) // 2
        for number, line in enumerate(lines):
            place = (lefts[0] - 2 * GAP - _width(line, NOTE), top + (NOTE + 3) * number)
            _text(pen, place, line, SOFT, NOTE, margin)
    placed = [
        (left, top, pane)
        for top, panes in zip(tops, board.rows, strict=True)
        for left, pane in zip(lefts, panes, strict=False)
    ]
    for left, top, pane in placed:
        for number, line in enumerate(pane.notes):
            _text(pen, (left, top + tall + 3 + (NOTE + 3) * number), line, SOFT, NOTE, cell)
    frames = np.repeat(np.asarray(canvas)[None], length, axis=0)
    for left, top, pane in placed:
        frames[:, top : top + tall, left : left + cell] = pane.frames.repeat(scale, axis=1).repeat(scale, axis=2)
    return Drawn(frames, scale, lefts, tops)


def comparison_grid(original_BTHWC: np.ndarray, estimate_BTHWC: np.ndarray, moments: int = 4) -> np.ndarray:
    """Originals above their reconstructions, a column for each of some moments; [h, w, 3] uint8.

    Args:
      original_BTHWC: uint8 clips.
      estimate_BTHWC: uint8, the same shape.
      moments: frames shown of each clip.
    """
    shown = shown_frames(original_BTHWC.shape[1], moments)
    pairs = [clip for pair in zip(original_BTHWC, estimate_BTHWC, strict=True) for clip in pair]
    rows = tuple(tuple(Pane(clip[frame : frame + 1]) for frame in shown) for clip in pairs)
    names = ("original", "reconstruction") * len(original_BTHWC)
    return draw(Board(tuple(f"frame {frame}" for frame in shown), rows, names)).frames[0]


def shown_frames(length: int, moments: int) -> list[int]:
    """Numbers of the frames shown of a clip of `length` frames, evenly spread from the first to the last."""
    return [int(frame) for frame in np.linspace(0, length - 1, moments).round()]


def error_gain(originals: Iterable[np.ndarray], estimates: Iterable[np.ndarray]) -> int:
    """The largest of `ERROR_GAINS` with which hardly any error is too large to be shown; uint8 pictures or clips."""
    errors = np.concatenate([_error(a, b).ravel() for a, b in zip(originals, estimates, strict=True)])
    return next(gain for gain in ERROR_GAINS if gain == 1 or (gain * errors > 255).mean() <= MOST_CUT)


def amplified_error(a: np.ndarray, b: np.ndarray, gain: int) -> np.ndarray:
    """|a - b| times `gain`, at most 255; uint8 arrays of one shape."""
    return np.minimum(gain * _error(a, b), 255).astype(np.uint8)


def _error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a.astype(np.int16) - b)


def png(picture_HWC: np.ndarray) -> bytes:
    """The file of a uint8 picture."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture_HWC).save(out, format="png", optimize=True)
    return out.getvalue()


def write_png(path: Path, picture_HWC: np.ndarray) -> None:
    """Writes a uint8 picture in one rename; makes the folder.

    Raises:
      UserError: if it cannot be written.
    """
    make_folder(path.parent)
    write_atomically(path, png(picture_HWC))


@cache
def _font(size: int) -> Any:
    """DejaVu Sans, as matplotlib brings it: Pillow's own font has no multiplication sign and no Greek."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)


def _width(text: str, size: int) -> int:
    return int(np.ceil(_font(size).getlength(text)))


def _text(pen: Any, place: tuple[float, float], text: str, colour: str, size: int, width: float) -> None:
    """Text made smaller, and if that is not enough cut, to a width."""
    size = next((points for points in range(size, SMALLEST, -1) if _width(text, points) <= width), SMALLEST)
    while text and _width(text, size) > width:
        text = text[:-1]
    pen.text(place, text, colour, _font(size))
