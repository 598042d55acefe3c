"""Clips side by side as pictures: a still grid, and the moving one of a README."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.rd.clips import ShownClip
from vqvae_jax.data.source import evenly_spread
from vqvae_jax.report.pictures import Board, Drawn, Pane, draw
from vqvae_jax.video.write import moving_picture

LARGEST_MOVING = 2_000_000  # bytes
OTHERS_MOVING = ("x265", "av1")


class Moving(NamedTuple):
    """A moving picture, and how it was stored."""

    content: bytes  # WebP
    clips: int
    lossless: bool


def board(clips: Sequence[ShownClip], frames: slice = slice(None)) -> Drawn:
    """A row for every clip: original, ours, the others, each with its setting, PSNR and size."""

    def pane(clip: ShownClip, column: int) -> Pane:
        shown = clip.panes[column]
        video, _, place = clip.clip_id.rpartition("/")
        figures = (shown.setting, ", ".join(shown.figures))
        return Pane(shown.frames[frames], (video, f"clip {place}") if shown.codec is None else figures)

    longest = max(clips, key=lambda clip: len(clip.panes)).panes
    return draw(
        Board(
            tuple(pane.title for pane in longest),
            tuple(tuple(pane(clip, column) for column in range(len(clip.panes))) for clip in clips),
            accent=frozenset(column for column, pane in enumerate(longest) if pane.learned),
        )
    )


def grid(clips: Sequence[ShownClip]) -> np.ndarray:
    """The middle frame of every clip, [h, w, 3] uint8."""
    middle = len(clips[0].panes[0].frames) // 2
    return board(clips, slice(middle, middle + 1)).frames[0]


def moving(clips: Sequence[ShownClip], fps: float) -> Moving:
    """Original, ours, x265 and AV1 of as many clips as 2 MB hold without loss, three at most; of one, if need be lossy.

    A codec that is not among the clips' panes is left out.
    """
    few = [
        clip._replace(panes=tuple(p for p in clip.panes if p.codec in (None, *OTHERS_MOVING) or p.learned))
        for clip in clips
    ]
    for count in range(min(3, len(few)), 0, -1):
        # Evenly spread again: the first ones may be of one class.
        strip = board([few[index] for index in evenly_spread(len(few), count)]).frames
        content = moving_picture(strip, fps, "webp", quality=100)
        if len(content) <= LARGEST_MOVING:
            return Moving(content, count, lossless=True)
    return Moving(moving_picture(strip, fps, "webp", quality=90), 1, lossless=False)
