"""Small charts as inline SVG: no scripts, no fonts of their own, colours from the page's style sheet."""

import math
from html import escape

import numpy as np

from vqvae_jax.evaluation.report_data import Chart, Curve, LevelUsage

WIDTH, HEIGHT = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 390, 10, 186
MOST_POINTS = 300


def line_chart(chart: Chart) -> str:
    """The chart as an `<svg>` element; "" if no curve has a point that can be drawn."""
    curves = [thinned(finite(curve, chart.log_y)) for curve in chart.curves]
    drawn = [(index, curve) for index, curve in enumerate(curves) if len(curve.x)]  # a curve keeps its colour
    if not drawn:
        return ""
    x_low, x_high = min(c.x[0] for _, c in drawn), max(c.x[-1] for _, c in drawn)
    low, high = min(c.y.min() for _, c in drawn), max(c.y.max() for _, c in drawn)
    x_ticks = ticks(x_low, x_high, 8)
    y_ticks = log_ticks(low, high) if chart.log_y else ticks(low, high, 5)
    # A logarithmic axis stays with the data, since the next tick may lie a decade away.
    y_low, y_high = (low, high) if chart.log_y else (y_ticks[0], y_ticks[-1])

    def to_x(x: np.ndarray | float) -> np.ndarray:
        return LEFT + (np.asarray(x, float) - x_low) / ((x_high - x_low) or 1) * (RIGHT - LEFT)

    def to_y(y: np.ndarray | float) -> np.ndarray:
        a, b, y = (np.log10(v) if chart.log_y else np.asarray(v, float) for v in (y_low, y_high, y))
        return BOTTOM - (y - a) / ((b - a) or 1) * (BOTTOM - TOP)

    parts = []
    for tick in y_ticks:
        y = float(to_y(tick))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short_number(tick)}</text>')
    for tick in x_ticks:
        if x_low <= tick <= x_high:
            x = float(to_x(tick))
            parts.append(f'<text x="{x:.1f}" y="{BOTTOM + 16}" text-anchor="middle">{short_number(tick)}</text>')
    parts.append(f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(chart.x_label)}</text>')
    for index, curve in drawn:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(to_x(curve.x), to_y(curve.y), strict=True))
        if len(curve.x) == 1:
            only_x, only_y = points.split(",")
            parts.append(f'<circle class="dot{index}" cx="{only_x}" cy="{only_y}" r="3.5"/>')
        else:
            parts.append(f'<polyline class="line{index}" points="{points}"/>')
    return _svg(parts, f"{chart.title}: " + ", ".join(curve.name for curve in curves))


def usage_chart(level: LevelUsage) -> str:
    """Share of all choices by rank, the busiest code first, beside the even share 1/K, as an `<svg>` element."""
    counts = np.sort(np.asarray(level.counts, dtype=np.float64))[::-1]
    total = counts.sum()
    if total == 0:
        return ""
    shares = 100 * counts / total
    even = 100 / len(shares)
    y_ticks = ticks(0, max(shares[0], even), 4)

    def to_y(share: float) -> float:
        return BOTTOM - share / y_ticks[-1] * (BOTTOM - TOP)

    parts = []
    for tick in y_ticks:
        y = to_y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short_number(tick)}%</text>')
    # One bar per code would be thinner than a pixel: a bar may stand for the mean of neighbouring ranks.
    groups = np.array_split(shares, min(len(shares), RIGHT - LEFT))
    width = (RIGHT - LEFT) / len(groups)
    outline = [f"M{LEFT},{BOTTOM}"]
    for index, group in enumerate(groups):
        outline.append(f"V{to_y(float(group.mean())):.1f}H{LEFT + (index + 1) * width:.1f}")
    parts.append(f'<path class="area" d="{"".join(outline)}V{BOTTOM}Z"/>')
    parts.append(f'<line class="mark" x1="{LEFT}" x2="{RIGHT}" y1="{to_y(even):.1f}" y2="{to_y(even):.1f}"/>')
    for rank in (1, len(shares) // 2, len(shares)):
        x, anchor = LEFT + rank / len(shares) * (RIGHT - LEFT), "end" if rank == len(shares) else "middle"
        parts.append(f'<text x="{x:.1f}" y="{BOTTOM + 16}" text-anchor="{anchor}">{rank}</text>')
    parts.append(f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">codes, busiest first</text>')
    return _svg(parts, f"Use of the {level.name} codebook by rank")


def finite(curve: Curve, log_y: bool) -> Curve:
    """The curve's points that can be drawn, as float64."""
    x, y = np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)
    keep = np.isfinite(x) & np.isfinite(y)
    if log_y:
        keep &= y > 0
    return Curve(curve.name, x[keep], y[keep])


def thinned(curve: Curve, most: int = MOST_POINTS) -> Curve:
    """At most `most` points; each is the mean of equally many neighbours."""
    if len(curve.x) <= most:
        return curve
    groups = np.array_split(np.arange(len(curve.x)), most)
    return Curve(curve.name, *(np.array([v[g].mean() for g in groups]) for v in (curve.x, curve.y)))


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose [low, high]."""
    span = (high - low) or abs(high) or 1.0
    raw = span / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
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


def short_number(value: float) -> str:
    """At most three significant digits; thousands as k, millions as M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.0e}".replace("e-0", "e-")


def _svg(parts: list[str], label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
