"""What the HTML report shows: plain values and arrays, so that any evaluation can fill it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Tile(NamedTuple):
    """One headline figure."""

    label: str  # "PSNR"
    value: str  # "27.31 dB"
    remark: str = ""  # "no learning: 22.23 dB"


class Example(NamedTuple):
    """A clip beside what the model made of it."""

    name: str  # the clip's id
    original: np.ndarray  # (T, H, W, 3) uint8, RGB
    reconstruction: np.ndarray  # (T, H, W, 3) uint8, RGB
    remark: str = ""  # "27.3 dB"


class Curve(NamedTuple):
    """One line of a chart; points that are not finite are left out."""

    name: str
    x: np.ndarray  # [N] numbers, ascending
    y: np.ndarray  # [N] numbers


class Chart(NamedTuple):
    """Up to four curves over one axis."""

    title: str
    x_label: str
    curves: tuple[Curve, ...]
    log_y: bool = False  # values at or below 0 are then left out


class LevelUsage(NamedTuple):
    """How one level's codebook is used on the evaluated clips."""

    name: str  # "top"
    counts: np.ndarray  # [K] integers >= 0: how often each code was chosen


class Rate(NamedTuple):
    """One way to count or to spend bits, over the same clips."""

    name: str  # "indices, by formula"
    bpp: float  # bits per pixel of one frame, > 0
    remark: str = ""  # how it was obtained


class Metric(NamedTuple):
    """One row of the comparison with baselines; None where a method has no such value."""

    name: str  # "PSNR, dB"
    values: tuple[float | None, ...]  # one per method, in the order of `ReportData.methods`
    decimals: int = 2
    lower_is_better: bool = False
    remark: str = ""  # what it means, or why there are no values


class ReportData(NamedTuple):
    """Everything on the page, top to bottom. An empty tuple leaves its section out."""

    title: str
    subtitle: str  # model, data, split and step in one line
    notes: tuple[str, ...] = ()  # what the reader must know: a term left out, clips skipped
    tiles: tuple[Tile, ...] = ()
    examples: tuple[Example, ...] = ()
    fps: float = 16.0  # of the examples
    methods: tuple[str, ...] = ()  # the model first: ("tiny", "mean frame", "block means")
    metrics: tuple[Metric, ...] = ()
    charts: tuple[Chart, ...] = ()
    levels: tuple[LevelUsage, ...] = ()
    rates: tuple[Rate, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()  # name and value: parameters, clips, machine, time
    config: Mapping[str, Any] | None = None  # JSON values
    commands: tuple[str, ...] = ()  # what to type to get this again
