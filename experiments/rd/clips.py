"""Clips to look at: the original and what each codec makes of it at the point that is nearest to one rate.

Side by side as a still grid, and as the moving picture of a README.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.rd.schema import Point, RateDistortion, first_learned
from vqvae_jax.data.source import evenly_spread
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.opening import DEFAULT_FPS
from vqvae_jax.evaluation.side_files import chosen_records
from vqvae_jax.metrics.psnr import CAP_DB, PEAK
from vqvae_jax.report import pictures
from vqvae_jax.video.write import moving_picture

TOLERANCE_DB = 0.02
LARGEST_MOVING = 2_000_000  # bytes
OTHERS_MOVING = ("x265", "av1")

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

    @property
    def figures(self) -> tuple[str, ...]:
        """`27.31 dB`, `2,312 bytes`; none of the original."""
        return () if self.psnr is None else (f"{self.psnr:.2f} dB", f"{self.size:,} bytes")


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


def nothing_shown(rd: RateDistortion, reason: str) -> Shown:
    """No clips, and why."""
    return Shown((), None, rd["data"]["fps"] or DEFAULT_FPS, (f"No clips are shown: {reason}.",))


def matched_points(rd: RateDistortion, rate: float) -> dict[str, Point]:
    """Of every codec with points the one whose mean bpp is nearest to `rate`, as a ratio; models first."""
    entries = rd["codecs"]
    with_points = [name for name, entry in entries.items() if entry["points"]]
    codecs = sorted(with_points, key=lambda name: entries[name]["kind"] != "learned")
    return {
        name: min(entries[name]["points"], key=lambda point: abs(np.log(point["rate"]["bpp"] / rate)))
        for name in codecs
    }


def matched_rate(rd: RateDistortion, anchor: str) -> float | None:
    """The first point's bpp (whole files) of the first model; without one, the anchor's middle point's; or None."""
    model = first_learned(rd["codecs"])
    if model is not None:
        return model["points"][0]["rate"]["bpp"]
    points = rd["codecs"][anchor]["points"]
    return points[len(points) // 2]["rate"]["bpp"] if points else None


def shown_clips(rd: RateDistortion, anchor: str, originals: Callable[[list[int]], np.ndarray], decode: Decode) -> Shown:
    """Six clips, evenly spread over those measured, as every codec leaves them.

    Args:
      rd: the file.
      anchor: codec whose middle point sets the rate where there is no model.
      originals: from positions in `rd["data"]["clip_ids"]` to [N, T, H, W, 3] uint8.
      decode: a clip from a codec's stored stream.

    A codec that failed on a clip, or whose stream is gone, has no pane there, and `missing` says so: one sentence for
    each codec, however many clips it concerns.
    """
    rate = matched_rate(rd, anchor)
    if rate is None:
        return nothing_shown(rd, "no codec sets a rate")
    points = matched_points(rd, rate)
    records = chosen_records(len(rd["data"]["clip_ids"]))
    clips: list[ShownClip] = []
    lost: dict[str, list[tuple[str, str]]] = {}  # by codec: clip, reason
    for record, original in zip(records, originals(records), strict=True):
        clip_id = rd["data"]["clip_ids"][record]
        panes = [Pane(None, "original", "", None, None, original)]
        for codec, point in points.items():
            entry = rd["codecs"][codec]
            try:
                if clip_id not in point["clip_ids"]:
                    raise UserError("it failed on that clip")
                row = point["clip_ids"].index(clip_id)
                psnr, size = point["quality"]["clips"]["psnr"][row], point["rate"]["bytes"][row]
                frames = decode(codec, point, clip_id)
                _check(frames, original, psnr)
                learned = entry["kind"] == "learned"
                panes.append(Pane(codec, entry["title"], point["setting"], psnr, size, frames, learned))
            except UserError as error:
                lost.setdefault(f"{entry['title']}, {point['setting']}", []).append((clip_id, str(error)))
        clips.append(ShownClip(clip_id, tuple(panes)))
    missing = [
        f"{codec}: no picture of {clip}{f' and {len(others)} more' if others else ''}: {reason}."
        for codec, ((clip, reason), *others) in lost.items()
    ]
    return Shown(tuple(clips), rate, rd["data"]["fps"] or DEFAULT_FPS, tuple(missing))


def _check(frames: np.ndarray, original: np.ndarray, psnr: float) -> None:
    """Raises a `UserError` unless these are the frames that the file's PSNR was measured on."""
    if frames.shape != original.shape:
        raise UserError(f"decoded to {frames.shape} instead of {original.shape}")
    error = np.square(frames.astype(np.float64) - original).mean(axis=(1, 2, 3))
    found = float(np.minimum(10 * np.log10(PEAK**2 / np.maximum(error, 1e-10)), CAP_DB).mean())
    if abs(found - psnr) > TOLERANCE_DB:
        raise UserError(f"the stored stream has {found:.2f} dB, the file says {psnr:.2f}; measure again")


class Moving(NamedTuple):
    """A moving picture, and how it was stored."""

    content: bytes  # WebP
    clips: int
    lossless: bool


def board(clips: Sequence[ShownClip], frames: slice = slice(None)) -> pictures.Drawn:
    """A row for every clip: original, ours, the others, each with its setting, PSNR and size."""

    def pane(clip: ShownClip, column: int) -> pictures.Pane:
        shown = clip.panes[column]
        video, _, place = clip.clip_id.rpartition("/")
        figures = (shown.setting, ", ".join(shown.figures))
        return pictures.Pane(shown.frames[frames], (video, f"clip {place}") if shown.codec is None else figures)

    longest = max(clips, key=lambda clip: len(clip.panes)).panes
    return pictures.draw(
        pictures.Board(
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

    def strip(count: int) -> np.ndarray:
        # Evenly spread again: the first ones may be of one class.
        return board([few[index] for index in evenly_spread(len(few), count)]).frames

    one = strip(1)
    alone = moving_picture(one, fps, "webp", quality=100)
    if len(alone) > LARGEST_MOVING:
        return Moving(moving_picture(one, fps, "webp", quality=90), 1, lossless=False)
    for count in range(min(3, len(few)), 1, -1):
        content = moving_picture(strip(count), fps, "webp", quality=100)
        if len(content) <= LARGEST_MOVING:
            return Moving(content, count, lossless=True)
    return Moving(alone, 1, lossless=True)
