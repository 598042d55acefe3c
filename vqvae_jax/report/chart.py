"""A chart, once for both ways it is drawn: `report.svg` for pages, `report.figure` for PNG and SVG files."""

import math
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np

MOST_POINTS = 300  # of a plain line
MARGIN = 0.06  # of an axis, between the outermost points and its ends


class Look(NamedTuple):
    """How a series is drawn."""

    colour: str  # on white
    on_dark: str  # the same hue, on a dark page
    marker: str = ""  # matplotlib's letter; none: a plain line
    dash: str = "-"  # matplotlib's: "-", "--", ":"
    strong: bool = False  # larger and on top; steps are filled


#: For series without a look of their own, by place.
PALETTE = (
    *(Look("#1f6f8b", "#62b6d0"), Look("#c8693a", "#e39468"), Look("#6b8f3c", "#a3c46f")),
    *(Look("#8a6bb0", "#b79ad8"), Look("#857c00", "#f0e442"), Look("#5b6770", "#a9b6c0")),
)


class Series(NamedTuple):
    """One curve; points that are not finite, or not above 0 on a logarithmic axis, are left out.

    A `line` joins its points: a long one without markers is drawn as means of neighbours. `steps` has one height per
    interval between neighbouring x, so one x more. `stems` are lines from x = 0 to each point. A `level` is one y all
    the way across.
    """

    name: str
    x: np.ndarray  # [N] numbers, ascending
    y: np.ndarray  # [N] numbers
    kind: Literal["line", "steps", "stems", "level"] = "line"
    look: Look | None = None
    said: tuple[str, ...] = ()  # N texts or none: of a point, for tooltips and screen readers
    hollow_x: np.ndarray | None = None  # [N]: a second, hollow marker at the point's height; NaN for none
    hollow_said: tuple[str, ...] = ()


class Chart(NamedTuple):
    """Series over one pair of axes."""

    title: str
    x_label: str
    series: tuple[Series, ...]
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    whole_x: bool = False  # it counts: no ticks between whole numbers
    whole_y: bool = False
    turned: bool = False  # the least y stands at the top
    legend: bool = True
    names_at_ends: bool = False  # at the curves' right ends instead of a legend
    row_names: tuple[str, ...] = ()  # y = 0, 1, ... are rows from the top, with these names
    band: tuple[float, float] | None = None  # a strip between two x


class Axis(NamedTuple):
    """The range that an axis shows, and where its ticks are."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    log: bool = False
    turned: bool = False

    def place(self, values: np.ndarray | float) -> np.ndarray:
        """Shares of the axis, 0 at its left or bottom, 1 at its right or top."""
        a, b, v = (np.log10(x) if self.log else np.asarray(x, float) for x in (self.low, self.high, values))
        share = (v - a) / (b - a)
        return 1 - share if self.turned else share


def drawn(chart: Chart) -> dict[int, Series]:
    """The series that have anything to draw, by their place in the chart: finite, thinned, and each with a look."""
    found = {}
    for index, series in enumerate(chart.series):
        series = _finite(series, chart)._replace(look=series.look or PALETTE[index % len(PALETTE)])
        assert series.look is not None
        if len(series.y):
            thin = series.kind == "line" and not series.look.marker and len(series.x) > MOST_POINTS
            found[index] = _thinned(series) if thin else series
    return found


def axes(chart: Chart, series: Collection[Series]) -> tuple[Axis, Axis]:
    """The x and the y axis that hold all of `series`, at least one, as `drawn` gives them."""
    at_zero = any(s.kind in ("steps", "stems") for s in series)
    zero = [np.zeros(1)] * at_zero
    x = [s.x for s in series if s.kind != "level"] + [h for s in series if (h := s.hollow_x) is not None]
    x += [np.asarray(chart.band)] if chart.band else []
    x += zero if any(s.kind == "stems" for s in series) else []
    plain = all(s.kind in ("line", "level") and not (s.look and s.look.marker) for s in series)
    across = np.concatenate(x) if x else np.zeros(1)
    x_axis = _axis(across[np.isfinite(across)], chart.log_x, chart.whole_x, 8, 0 if plain else MARGIN)
    if chart.row_names:
        rows = len(chart.row_names)
        return x_axis, Axis(-0.6, rows - 0.4, tuple(map(float, range(rows))), chart.row_names, turned=True)
    y = np.concatenate([*(s.y for s in series), *zero])
    return x_axis, _axis(y, chart.log_y, chart.whole_y, 6, MARGIN)._replace(turned=chart.turned)


def _axis(values: np.ndarray, log: bool, whole: bool, about: int, margin: float) -> Axis:
    ends = np.log10(values) if log else values
    low, high = float(ends.min()), float(ends.max())
    # A single value stands in the middle.
    room = margin * (high - low) if high > low else 0.2 if log else abs(high) / 2 or 0.5
    floor = 0.0 if not log and low >= 0 else -math.inf  # what is never negative has no axis below 0
    low, high = max(low - room, floor), high + room
    if log:
        low, high = 10**low, 10**high
    powers = [t for t in log_ticks(low, high) if not whole or t == round(t)] if log else []
    found = powers if len(powers) > 2 else ticks(low, high, about, whole)
    slack = 1e-9 * (high - low)
    inside = [t for t in found if low - slack <= t <= high + slack and (t > 0 or not log)]
    return Axis(low, high, tuple(inside), tick_labels(inside), log)


def _finite(series: Series, chart: Chart) -> Series:
    x, y = np.asarray(series.x, np.float64), np.asarray(series.y, np.float64)
    if series.kind in ("level", "steps"):
        return series._replace(x=x, y=y if np.isfinite(y).all() and not (chart.log_y and (y <= 0).any()) else y[:0])
    keep = np.isfinite(x) & np.isfinite(y) & ~(chart.log_x & (x <= 0)) & ~(chart.log_y & (y <= 0))

    def kept(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text for text, here in zip(texts, keep, strict=True) if here) if texts else ()

    hollow = None if series.hollow_x is None else np.asarray(series.hollow_x, np.float64)[keep]
    return series._replace(
        x=x[keep], y=y[keep], said=kept(series.said), hollow_x=hollow, hollow_said=kept(series.hollow_said)
    )


def _thinned(series: Series) -> Series:
    groups = np.array_split(np.arange(len(series.x)), MOST_POINTS)
    x, y = (np.array([values[group].mean() for group in groups]) for values in (series.x, series.y))
    return series._replace(x=x, y=y, said=(), hollow_x=None, hollow_said=())


def ticks(low: float, high: float, about: int, whole: bool = False) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart; at least 1 if `whole`) that enclose [low, high]."""
    span = (high - low) or abs(high) or 1.0
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, max(last, first + 1) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers within [low, high], 0 < low <= high: powers of ten, or finer where fewer than three fit."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        inside = [d * 10.0**power for power in powers for d in digits if low <= d * 10.0**power <= high]
        if len(inside) >= 3:
            return inside
    return [low, high]


def tick_labels(values: Sequence[float]) -> tuple[str, ...]:
    """Short numbers with as many digits as tell neighbours apart truly, three or more."""
    step = min(np.diff(values), default=0.0) if len(values) > 1 else 0.0
    digits = next((d for d in range(3, 17) if all(abs(float(f"{v:.{d}g}") - v) <= 1e-3 * step for v in values)), 3)
    return tuple(f"{'−' * (value < 0)}{short_number(abs(value), digits)}" for value in values)


def short_number(value: float, digits: int = 3) -> str:
    """At most so many significant digits; thousands as k, millions as M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.{digits}g}{unit}"
    if abs(value) >= 1e-3 or value == 0:
        return f"{value:.{digits}g}"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{float(mantissa):g}e{int(power)}"


def spread(heights: Sequence[float], least: float) -> list[float]:
    """Moves numbers apart until neighbours differ by `least`, in the same order, none above 1."""
    values, steps = np.asarray(heights, np.float64), least * np.arange(len(heights))
    order = np.argsort(values, kind="stable")
    # Less the distance that each needs from the lowest, heights only have to rise and to leave room for those above.
    free = np.maximum.accumulate(values[order] - steps)
    moved = np.empty_like(values)
    moved[order] = np.minimum(free, 1 - (steps[-1] if len(steps) else 0)) + steps
    return [float(height) for height in moved]
