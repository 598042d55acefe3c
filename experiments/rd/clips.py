"""Clips to look at: the original and what each codec makes of it at the point that is nearest to one rate."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from experiments.rd.schema import Point, RateDistortion, first_learned
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.clip_figures import DEFAULT_FPS
from vqvae_jax.evaluation.side_files import chosen_records
from vqvae_jax.metrics.psnr import CAP_DB, PEAK

TOLERANCE_DB = 0.02

#: (codec, point, clip id) -> (T, H, W, 3) uint8; raises a `UserError` if the stream is not there or does not decode.
Decode = Callable[[str, Point, str], np.ndarray]


class Pane(NamedTuple):
    """One clip as one codec left it."""

    codec: str | None  # None: the original
    title: str  # "x265"
    setting: str  # "crf 36"
    psnr: float | None  # dB, of this clip
    size: int | None  # bytes of this clip's file
    frames: np.ndarray  # (T, H, W, 3) uint8, RGB
    learned: bool = False  # of a model


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
    """Of every codec with points the one whose mean bpp is nearest to `rate`, as a ratio; models first."""
    entries = rd["codecs"]
    with_points = [name for name, entry in entries.items() if entry["points"]]
    codecs = sorted(with_points, key=lambda name: entries[name]["kind"] != "learned")
    return {
        name: min(rd["codecs"][name]["points"], key=lambda point: abs(np.log(point["rate"]["bpp"] / rate)))
        for name in codecs
    }


def matched_rate(rd: RateDistortion, anchor: str) -> float | None:
    """The first point's bpp (whole files) of the first model; without one, the anchor's middle point's; or None."""
    model = first_learned(rd["codecs"])
    if model is not None:
        return model["points"][0]["rate"]["bpp"]
    points = rd["codecs"][anchor]["points"]
    return points[len(points) // 2]["rate"]["bpp"] if points else None


def pane_figures(pane: Pane) -> list[str]:
    """`27.31 dB`, `2,312 bytes`, as far as known."""
    known = [] if pane.psnr is None else [f"{pane.psnr:.2f} dB"]
    return known if pane.size is None else [*known, f"{pane.size:,} bytes"]


def shown_clips(rd: RateDistortion, anchor: str, originals: Callable[[list[int]], np.ndarray], decode: Decode) -> Shown:
    """Six clips, evenly spread over those measured, as every codec leaves them.

    Args:
      rd: the file.
      anchor: codec whose middle point sets the rate where there is no model.
      originals: from positions in `rd["data"]["clip_ids"]` to [N, T, H, W, 3] uint8.
      decode: a clip from a codec's stored stream.

    A codec that failed on a clip, or whose stream is gone, has no pane there, and `missing` says so.
    """
    rate = matched_rate(rd, anchor)
    if rate is None:
        return Shown((), None, rd["data"]["fps"] or DEFAULT_FPS, ("No clips are shown: no codec sets a rate.",))
    points = matched_points(rd, rate)
    records = chosen_records(len(rd["data"]["clip_ids"]))
    clips, lost = [], Lost()
    for record, original in zip(records, originals(records), strict=True):
        clip_id = rd["data"]["clip_ids"][record]
        panes = [Pane(None, "original", "", None, None, original)]
        for codec, point in points.items():
            title, kind = rd["codecs"][codec]["title"], rd["codecs"][codec]["kind"]
            if clip_id not in point["clip_ids"]:
                lost.add(f"{title}, {point['setting']}", clip_id, "it failed on that clip")
                continue
            row = point["clip_ids"].index(clip_id)
            psnr = point["quality"]["clips"]["psnr"][row]
            try:
                frames = decode(codec, point, clip_id)
                _check(frames, original, psnr)
            except UserError as error:
                lost.add(f"{title}, {point['setting']}", clip_id, str(error))
                continue
            size = point["rate"]["bytes"][row]
            panes.append(Pane(codec, title, point["setting"], psnr, size, frames, kind == "learned"))
        clips.append(ShownClip(clip_id, tuple(panes)))
    return Shown(tuple(clips), rate, rd["data"]["fps"] or DEFAULT_FPS, lost.sentences())


class Lost:
    """Panes that are not there: one sentence for each codec, however many clips it concerns."""

    def __init__(self) -> None:
        self.clips: dict[str, list[str]] = {}
        self.first: dict[str, str] = {}

    def add(self, codec: str, clip_id: str, reason: str) -> None:
        self.clips.setdefault(codec, []).append(clip_id)
        self.first.setdefault(codec, reason)

    def sentences(self) -> tuple[str, ...]:
        return tuple(
            f"{codec}: no picture of {clips[0]}{f' and {len(clips) - 1} more' if len(clips) > 1 else ''}: "
            f"{self.first[codec]}."
            for codec, clips in self.clips.items()
        )


def _check(frames: np.ndarray, original: np.ndarray, psnr: float) -> None:
    """Raises a `UserError` unless these are the frames that the file's PSNR was measured on."""
    if frames.shape != original.shape:
        raise UserError(f"decoded to {frames.shape} instead of {original.shape}")
    error = np.square(frames.astype(np.float64) - original).mean(axis=(1, 2, 3))
    found = float(np.minimum(10 * np.log10(PEAK**2 / np.maximum(error, 1e-10)), CAP_DB).mean())
    if abs(found - psnr) > TOLERANCE_DB:
        raise UserError(f"the stored stream has {found:.2f} dB, the file says {psnr:.2f}; measure again")
