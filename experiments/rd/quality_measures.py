"""The figures of a point that tables and charts show, and curves of one of them over chosen clips."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.rd.schema import Point, RateDistortion
from vqvae_jax.metrics.bd_videos import ClipPoints

#: VMAF's model v0.6.1 was fitted to 1080p seen from three screen heights; below this its scales hold too few pixels.
LEAST_VMAF_SIDE = 192


class Measure(NamedTuple):
    """A quality figure, as people read it."""

    name: str  # in the file
    title: str
    unit: str  # "" for none
    decimals: int
    lower_is_better: bool = False

    @property
    def label(self) -> str:
        """`PSNR, dB`."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def in_sentence(self) -> str:
        """Its title in the middle of a sentence: only acronyms keep their capitals."""
        return self.title if self.title[:2].isupper() else self.title[0].lower() + self.title[1:]

    @property
    def sign(self) -> int:
        """What a figure is multiplied by so that more is better."""
        return -1 if self.lower_is_better else 1

    def format(self, value: float | None) -> str:
        return "–" if value is None else f"{value:.{self.decimals}f}"

    def mean(self, point: Point) -> float | None:
        """The mean over all clips of the point, as the file has it."""
        if self.name in ("ms_ssim", "vmaf"):
            return point[self.name]["mean"]  # type: ignore[literal-required]
        return point["quality"]["mean"][self.name]  # type: ignore[literal-required]

    def clips(self, point: Point) -> list[float] | None:
        """One value per clip, in the order of `point["clip_ids"]`."""
        if self.name in ("ms_ssim", "vmaf"):
            return point[self.name]["clips"]  # type: ignore[literal-required]
        return point["quality"]["clips"][self.name]  # type: ignore[literal-required]


MEASURES = (
    Measure("psnr", "PSNR", "dB", 2),
    Measure("ssim", "SSIM", "", 4),
    Measure("difference_psnr", "PSNR of frame differences", "dB", 2),
    Measure("perceptual", "Perceptual distance", "", 4, lower_is_better=True),
    Measure("ms_ssim", "MS-SSIM", "", 4),
    Measure("vmaf", "VMAF", "", 1),
)


def measured(rd: RateDistortion) -> list[Measure]:
    """The measures that any point has; VMAF of small frames, which older files hold, does not count."""
    points = [point for entry in rd["codecs"].values() for point in entry["points"]]
    left_out = {"vmaf"} if vmaf_too_small(rd["data"]["clip_shape"]) else set()
    return [m for m in MEASURES if m.name not in left_out and any(m.mean(point) is not None for point in points)]


def vmaf_too_small(shape: Sequence[int]) -> str | None:
    """Why clips of shape (T, H, W, 3) have no VMAF; None if they are large enough."""
    smallest = min(shape[1:3])
    if smallest >= LEAST_VMAF_SIDE:
        return None
    return (
        f"VMAF v0.6.1 is made for 1080p and is not reported below sides of {LEAST_VMAF_SIDE} pixels; the clips have "
        f"{smallest}"
    )


def common_clips(points: Iterable[Point]) -> list[str]:
    """Clips that went through every point, in the file's order."""
    first, *others = points
    common = set(first["clip_ids"]).intersection(*(other["clip_ids"] for other in others))
    return [clip for clip in first["clip_ids"] if clip in common]


def bits_per_pixel(rd: RateDistortion, sizes: Sequence[int], point: Point, clips: list[str]) -> list[float]:
    """Of some clips of a point, from sizes in bytes of all of its clips."""
    frames, height, width = rd["data"]["clip_shape"][:3]
    return [8 * sizes[row] / (frames * height * width) for row in _rows(point, clips)]


def clip_points(rd: RateDistortion, points: Sequence[Point], measure: Measure, clips: list[str]) -> ClipPoints:
    """Points clip by clip: bits per pixel of whole files, and figures of which more is better, a distance with a minus.

    Points without the figure are left out; the others have every clip in `clips`.
    """
    rates, figures = [], []
    for point in points:
        found = measure.clips(point)
        if found is not None:
            rates.append(bits_per_pixel(rd, point["rate"]["bytes"], point, clips))
            figures.append([measure.sign * found[row] for row in _rows(point, clips)])
    shape = (len(rates), len(clips))
    return ClipPoints(np.array(rates).reshape(shape), np.array(figures).reshape(shape))


def _rows(point: Point, clips: list[str]) -> list[int]:
    rows = {clip: row for row, clip in enumerate(point["clip_ids"])}
    return [rows[clip] for clip in clips]
