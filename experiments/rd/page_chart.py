"""The page's chart of one measure: inline SVG, each point reachable by keyboard, colours from the style sheet."""

import math
from html import escape
from typing import NamedTuple

import numpy as np

from experiments.rd.looks import looks
from experiments.rd.plots import known_points, spread
from experiments.rd.quality_measures import Measure, mean_figure
from experiments.rd.schema import CodecEntry, RateDistortion
from vqvae_jax.evaluation.svg_chart import log_ticks, short_number, ticks

WIDTH, HEIGHT = 660, 390
LEFT, RIGHT, TOP, BOTTOM = 52, 500, 14, 344
MARGIN = 0.06  # of the plot, between the outermost points and its edge
LABEL_SPACING = 17 / (BOTTOM - TOP)
# Outlines around (0, 0), by matplotlib's letters.
MARKERS = {
    "o": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "s": "M-3.7,-3.7H3.7V3.7H-3.7Z",
    "^": "M0,-4.8L4.6,3.5H-4.6Z",
    "v": "M0,4.8L4.6,-3.5H-4.6Z",
    "D": "M0,-5L5,0L0,5L-5,0Z",
    "P": "M-1.7,-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z",
    "X": "M-4.5,-2L-2,-4.5L0,-2.5L2,-4.5L4.5,-2L2.5,0L4.5,2L2,4.5L0,2.5L-2,4.5L-4.5,2L-2.5,0Z",
    "h": "M0,-5L4.3,-2.5V2.5L0,5L-4.3,2.5V-2.5Z",
    "*": "M0,-11L2.6,-3.6L10.5,-3.4L4.2,1.4L6.5,8.9L0,4.4L-6.5,8.9L-4.2,1.4L-10.5,-3.4L-2.6,-3.6Z",
}


class Scale(NamedTuple):
    """From figures to places: natural log of the bpp to the right, the figure up (a distance down)."""

    x_low: float
    x_high: float
    y_low: float  # at the bottom; above `y_high` for a distance
    y_high: float

    def x(self, bpp: float) -> float:
        return LEFT + (math.log(bpp) - self.x_low) / (self.x_high - self.x_low) * (RIGHT - LEFT)

    def y(self, figure: float) -> float:
        return BOTTOM - (figure - self.y_low) / (self.y_high - self.y_low) * (BOTTOM - TOP)


def chart(rd: RateDistortion, measure: Measure) -> str:
    """The measure against bits per pixel as an `<svg>` element; "" if no point has it."""
    curves = {codec: known_points(entry, measure) for codec, entry in rd["codecs"].items()}
    curves = {codec: curve for codec, curve in curves.items() if len(curve[0])}
    if not curves:
        return ""
    scale = _scale(rd, curves, measure)
    heights = [(BOTTOM - scale.y(y[-1])) / (BOTTOM - TOP) for _, y in curves.values()]
    labels = {
        codec: BOTTOM - height * (BOTTOM - TOP)
        for codec, height in zip(curves, spread(heights, LABEL_SPACING), strict=True)
    }
    parts, styles = _axes(scale, measure), looks(rd["codecs"])
    for codec in sorted(curves, key=lambda name: styles[name].ours):  # ours last, on top of the others
        index, (x, y) = list(rd["codecs"]).index(codec), curves[codec]
        line = " ".join(f"{scale.x(bpp):.1f},{scale.y(figure):.1f}" for bpp, figure in zip(x, y, strict=True))
        tie = f"M{scale.x(x[-1]) + 7:.1f},{scale.y(y[-1]):.1f}L{RIGHT + 12},{labels[codec]:.1f}"
        parts.append(
            f'<g class="codec k{index}{" ours" if styles[codec].ours else ""}" data-codec="{index}">'
            f'<path class="tie" d="{tie}"/><polyline points="{line}"/>'
            f'<text class="name" x="{RIGHT + 16}" y="{labels[codec] + 4:.1f}">{escape(rd["codecs"][codec]["title"])}'
            f"</text>{_points(rd['codecs'][codec], measure, scale, MARKERS[styles[codec].marker])}</g>"
        )
    label = f"{measure.title} against bits per pixel; the table of every point holds the numbers"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _scale(rd: RateDistortion, curves: dict[str, tuple[np.ndarray, np.ndarray]], measure: Measure) -> Scale:
    payloads = [point["rate"]["payload_bpp"] for codec in curves for point in rd["codecs"][codec]["points"]]
    rates = [*np.concatenate([x for x, _ in curves.values()]), *(payload for payload in payloads if payload)]
    low, high = _widened(np.concatenate([y for _, y in curves.values()]))
    return Scale(*_widened(np.log(rates)), *((high, low) if measure.lower_is_better else (low, high)))


def _widened(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) or 0.5  # a single point stands in the middle
    return low - margin, high + margin


def _axes(scale: Scale, measure: Measure) -> list[str]:
    parts = []
    low, high = sorted((scale.y_low, scale.y_high))
    for tick in ticks(low, high, 6):
        if low <= tick <= high:
            y = scale.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{short_number(tick)}</text>')
    for tick in log_ticks(math.exp(scale.x_low), math.exp(scale.x_high)):
        x = scale.x(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{tick:.3g}</text>')
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">bits per pixel, whole files (log)</text>')
    return parts


def _points(entry: CodecEntry, measure: Measure, scale: Scale, outline: str) -> str:
    """Each point with what a tooltip and a screen reader say of it; before ours, hollow, the payload alone."""
    parts = []
    for point in entry["points"]:
        figure, rate = mean_figure(point, measure), point["rate"]
        if figure is None:
            continue
        said = f"{measure.title} {measure.format(figure)} {measure.unit}".strip()
        name = entry["title"] if point["setting"] in entry["title"] else f"{entry['title']}, {point['setting']}"
        if rate["payload_bpp"] is not None:
            y, left, right = scale.y(figure), scale.x(rate["payload_bpp"]), scale.x(rate["bpp"])
            parts.append(f'<path class="link" d="M{left:.1f},{y:.1f}H{right:.1f}"/>')
            tip = f"{name}, payload alone: {rate['payload_bpp']:.4f} bpp, {said}"
            parts.append(_marker(left, y, outline, tip, "point hollow"))
        tip = f"{name}: {rate['bpp']:.4f} bpp, {said}"
        parts.append(_marker(scale.x(rate["bpp"]), scale.y(figure), outline, tip, "point"))
    return "".join(parts)


def _marker(x: float, y: float, outline: str, tip: str, kind: str) -> str:
    # The circle is what a finger can hit.
    return (
        f'<g class="{kind}" tabindex="0" role="img" aria-label="{escape(tip)}" transform="translate({x:.1f},{y:.1f})">'
        f'<circle class="reach" r="11"/><path d="{outline}"/></g>'
    )


def key_marker(marker: str) -> str:
    """A codec's marker for the legend, by matplotlib's letter."""
    return f'<svg class="marker" viewBox="-12 -12 24 24" aria-hidden="true"><path d="{MARKERS[marker]}"/></svg>'
