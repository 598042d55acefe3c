"""The figures of a point that tables and charts show, and a codec's curve of one of them over chosen clips."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from experiments.rd.schema import CodecEntry, Point, RateDistortion
from experiments.rd.vmaf_size import vmaf_too_small
from vqvae_jax.metrics.bd_rate import RateCurve
from vqvae_jax.metrics.bd_videos import ClipPoints


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
    def sign(self) -> int:
        """What a figure is multiplied by so that more is better."""
        return -1 if self.lower_is_better else 1

    def format(self, value: float | None) -> str:
        return "–" if value is None else f"{value:.{self.decimals}f}"


MEASURES = (
    Measure("psnr", "PSNR", "dB", 2),
    Measure("ssim", "SSIM", "", 4),
    Measure("difference_psnr", "PSNR of frame differences", "dB", 2),
    Measure("perceptual", "Perceptual distance", "", 4, lower_is_better=True),
    Measure("ms_ssim", "MS-SSIM", "", 4),
    Measure("vmaf", "VMAF", "", 1),
)


def mean_figure(point: Point, measure: Measure) -> float | None:
    """The mean over all clips of the point, as the file has it."""
    if measure.name in ("ms_ssim", "vmaf"):
        return point[measure.name]["mean"]  # type: ignore[literal-required]
    return point["quality"]["mean"][measure.name]  # type: ignore[literal-required]


def clip_figures(point: Point, measure: Measure) -> list[float] | None:
    """One value per clip, in the order of `point["clip_ids"]`."""
    if measure.name in ("ms_ssim", "vmaf"):
        return point[measure.name]["clips"]  # type: ignore[literal-required]
    return point["quality"]["clips"][measure.name]  # type: ignore[literal-required]


def measured(rd: RateDistortion) -> list[Measure]:
    """The measures that any point has; VMAF of small frames, which older files hold, does not count."""
    points = [point for entry in rd["codecs"].values() for point in entry["points"]]
    left_out = {"vmaf"} if vmaf_too_small(rd["data"]["clip_shape"]) else set()
    return [
        measure
        for measure in MEASURES
        if measure.name not in left_out and any(mean_figure(point, measure) is not None for point in points)
    ]


def common_clips(points: Iterable[Point]) -> list[str]:
    """Clips that went through every point, in the file's order."""
    first, *others = points
    common = set(first["clip_ids"]).intersection(*(other["clip_ids"] for other in others))
    return [clip for clip in first["clip_ids"] if clip in common]


def rows_of(point: Point, clips: list[str]) -> list[int]:
    """Where the clips stand in the point's lists."""
    rows = {clip: row for row, clip in enumerate(point["clip_ids"])}
    return [rows[clip] for clip in clips]


def point_over(point: Point, measure: Measure, clips: list[str], pixels: int) -> tuple[float, float] | None:
    """(bpp of whole files, figure) over some clips of the point: equal to its means if they are all of them.

    Args:
      point: has every clip in `clips`.
      measure: which figure.
      clips: at least one name.
      pixels: T x H x W of a clip.

    Returns:
      None if the point lacks the figure. A distance keeps its sign.
    """
    figures = clip_figures(point, measure)
    if figures is None:
        return None
    rows = rows_of(point, clips)
    bits = 8 * float(np.mean([point["rate"]["bytes"][row] for row in rows]))
    return bits / pixels, float(np.mean([figures[row] for row in rows]))


def clip_points(entry: CodecEntry, measure: Measure, clips: list[str], pixels: int) -> ClipPoints:
    """The codec's points clip by clip, more being better: a distance comes with a minus. Points without the figure are
    left out.
    """
    rates, figures = [], []
    for point in entry["points"]:
        found = clip_figures(point, measure)
        if found is not None:
            rows = rows_of(point, clips)
            rates.append([8 * point["rate"]["bytes"][row] / pixels for row in rows])
            figures.append([measure.sign * found[row] for row in rows])
    shape = (len(rates), len(clips))
    return ClipPoints(np.array(rates).reshape(shape), np.array(figures).reshape(shape))


def curve_over(entry: CodecEntry, measure: Measure, clips: list[str], pixels: int) -> RateCurve:
    """The codec's curve of means over some clips."""
    return clip_points(entry, measure, clips, pixels).mean(np.ones(len(clips)))


def clip_pixels(rd: RateDistortion) -> int:
    """T x H x W."""
    frames, height, width = rd["data"]["clip_shape"][:3]
    return frames * height * width
