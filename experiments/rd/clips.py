"""Clips to look at: the original and what each codec makes of it at the point that is nearest to one rate."""

from typing import NamedTuple

import numpy as np

from experiments.rd.measures import OURS
from experiments.rd.schema import Point, RateDistortion


class Pane(NamedTuple):
    """One clip as one codec left it."""

    codec: str | None  # None: the original
    title: str  # "x265"
    setting: str  # "crf 36"
    psnr: float | None  # dB, of this clip
    size: int | None  # bytes of this clip's file
    frames: np.ndarray  # (T, H, W, 3) uint8, RGB


class ShownClip(NamedTuple):
    """One clip: the original first, then our codec, then the others in the file's order."""

    clip_id: str
    panes: tuple[Pane, ...]


class Shown(NamedTuple):
    """Clips and how they were chosen, or why there are none."""

    clips: tuple[ShownClip, ...]
    rate: float | None  # bpp that points were matched to
    fps: float
    missing: tuple[str, ...]  # sentences


def matched_points(rd: RateDistortion, rate: float) -> dict[str, Point]:
    """Of every codec with points the one whose mean bpp is nearest to `rate`, as a ratio; ours first."""
    codecs = sorted((name for name, entry in rd["codecs"].items() if entry["points"]), key=lambda name: name != OURS)
    return {
        name: min(rd["codecs"][name]["points"], key=lambda point: abs(np.log(point["rate"]["bpp"] / rate)))
        for name in codecs
    }


def matched_rate(rd: RateDistortion, anchor: str) -> float | None:
    """Our first point's bpp (whole files); without ours, the anchor's middle point's; None if neither has any."""
    ours = rd["codecs"].get(OURS)
    if ours is not None and ours["points"]:
        return ours["points"][0]["rate"]["bpp"]
    points = rd["codecs"][anchor]["points"]
    return points[len(points) // 2]["rate"]["bpp"] if points else None
